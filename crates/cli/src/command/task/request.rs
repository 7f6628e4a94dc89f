//! Arguments to a task request.
use std::fs::File;
use std::path::Path;

use ainur_api::operation::TaskRequest;
use ainur_api::problem::{Code, Problem};
use ainur_api::view::LatenessTerms;
use ainur_api::{Operation, Reply, Service};
use ainur_primitives::{
    AcceptanceCheck, ContentId, DurationMs, ExecutionLimits, SelectionRule, TraceContext, Venue,
};

use super::input::pack_input;
use super::{chunks, graph};
use crate::arguments::{Check, Selection, TaskRun};
use crate::command::ask;
use crate::output::io_problem;

/// Stores the input and the verifier, and puts the request together.
pub(in crate::command) fn from_arguments(
    run: TaskRun,
    service: &dyn Service,
) -> Result<TaskRequest, Problem> {
    let parameters = serde_json::from_str(&run.parameters).map_err(|error| {
        Problem::new(Code::InvalidRequest, format!("--parameters is not JSON: {error}"))
            .next(r#"quote it for the shell, such as --parameters '{"query":"tea"}'"#)
    })?;
    let graph = run.graph.as_deref().map(graph::read).transpose()?;
    let last = graph.as_ref().and_then(|graph| graph.subtasks.last());
    let capability = match (run.capability.clone(), last) {
        (Some(capability), _) => capability,
        (None, Some(last)) => last.capability.clone(),
        (None, None) => {
            let why = "the graph has no parts";
            return Err(Problem::new(Code::InvalidRequest, why).next(graph::EXAMPLE));
        }
    };
    let venue = match (Venue::from(run.venue), &run.rental) {
        (Venue::Any, Some(_)) => Venue::Rental,
        (venue, _) => venue,
    };
    let is_prepaid = matches!(venue, Venue::Credit | Venue::Rental);
    let reserve = run.reserve.filter(|_| !is_prepaid);
    if reserve.is_none() && !is_prepaid {
        return Err(Problem::new(Code::InvalidRequest, "what may it cost?")
            .next("add --reserve AINU; or pay with a credit: ainur market credits redeem"));
    }
    let late = run.lateness.late_after.map(|late_after_ms| LatenessTerms {
        late_after_ms,
        compensation: run.lateness.late_compensation,
    });
    let check = acceptance(&run, service)?;
    let input = match (&run.input, run.input_blob) {
        (Some(path), _) => Some(pack_input(path, service)?.0),
        (None, stored) => stored,
    };
    Ok(TaskRequest {
        capability,
        parameters,
        input,
        reserve: reserve.unwrap_or_default(),
        loss: run.loss,
        budget: run.budget,
        selection: match run.selection {
            Selection::Scored => SelectionRule::Scored,
            Selection::Cheapest => SelectionRule::Cheapest,
            Selection::Fastest => SelectionRule::Fastest,
            Selection::BestReputation => SelectionRule::BestReputation,
        },
        check,
        deadline_ms: run.deadline.map(DurationMs::seconds),
        limits: Some(run.limits.over(ExecutionLimits::default())),
        graph,
        chunks: run
            .chunks
            .as_deref()
            .map(|path| chunks::store(path, service))
            .transpose()?
            .unwrap_or_default(),
        only: run.only,
        venue,
        rental: run.rental,
        service: late,
        negotiation: None,
        bidding_ms: None,
        idempotency_key: run.idempotency_key,
        request_digest: None,
        context: run.context,
        wait: false,
        trace: around().map(Box::new),
    })
}

/// The trace this command is a part of, as its environment says.
fn around() -> Option<TraceContext> {
    let parent = std::env::var("TRACEPARENT").ok()?;
    TraceContext::read(&parent, std::env::var("TRACESTATE").ok().as_deref())
}

fn acceptance(run: &TaskRun, service: &dyn Service) -> Result<Option<AcceptanceCheck>, Problem> {
    let missing = |what: &str| {
        Problem::new(Code::InvalidRequest, format!("this check needs {what}"))
            .next(format!("add {what}"))
    };
    let Some(check) = run.check else { return Ok(None) };
    Ok(Some(match check {
        Check::Schema => AcceptanceCheck::Schema,
        Check::Reexecution => AcceptanceCheck::Reexecution,
        Check::Word => AcceptanceCheck::BuyerWord { window_ms: DurationMs::seconds(run.window) },
        Check::Digest => AcceptanceCheck::Digest {
            expected: run.expected.ok_or_else(|| missing("--expected CID"))?,
        },
        Check::Verifier => {
            let name = run.verifier.as_deref().ok_or_else(|| missing("--verifier WASM|AGENT"))?;
            AcceptanceCheck::Verifier { component: verifier(name, service)? }
        }
    }))
}

/// A verifier is a component file, or the component of an agent of that name.
fn verifier(name: &str, service: &dyn Service) -> Result<ContentId, Problem> {
    let path = Path::new(name);
    if path.is_file() {
        let mut file =
            File::open(path).map_err(|error| io_problem(&format!("read {name}"), &error))?;
        return Ok(service.put_blob(&mut file)?.0);
    }
    let agent = ask(service, Operation::AgentShow { agent: name.into() }, |reply| match reply {
        Reply::Agent(agent) => Some(agent),
        _ => None,
    })?;
    let content = agent.program.strip_prefix("component ").and_then(|id| id.parse().ok());
    content.ok_or_else(|| {
        Problem::new(Code::InvalidRequest, format!("{name} is not a WASM component"))
            .next("name a component file or an agent that is one")
    })
}
