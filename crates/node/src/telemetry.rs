//! Traces: what happened to a task, as spans for a collector that the operator names.
//!
//! Nothing is recorded while a task runs. Its spans are made when it is done, from what it remembers
//! of itself, and handed to a thread that sends them; the ledger and the market know nothing of it.
//! Without a collector, what buyers say of their own traces is passed along to agents all the same.
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use ainur_api::problem::{Code, Problem};
use ainur_api::view::TraceExport;
use ainur_broker::engine::Observer;
use ainur_broker::task::{Task, TaskTrace};
use ainur_crypto::entropy;
use ainur_primitives::{CapabilityName, Did, SpanId, Timestamp, TraceContext, TraceId};
use ainur_runtime::remote::RemoteProgram;

use crate::agents::{AgentProgram, AgentRecord};
use crate::config::Config;
use crate::problem::with_causes;

pub(crate) mod export;
mod otlp;
pub(crate) mod settings;
pub(crate) mod spans;

use export::Exporter;
use otlp::{Kind, attribute};
use settings::Settings;
use spans::{Means, Performer};

/// The conventions that names and attributes follow: the last version that had those for agents.
pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.41.0";

/// The agents of a node, by name.
type Agents = Arc<RwLock<BTreeMap<String, AgentRecord>>>;

/// A node's traces.
#[derive(Clone)]
pub(crate) struct Telemetry {
    exporter: Option<Arc<Exporter>>,
}

impl Telemetry {
    /// As configuration and environment say; nothing is sent when they say nothing.
    ///
    /// # Errors
    /// When the endpoint makes no sense or the system gives no thread.
    pub(crate) fn start(config: &Config, did: Did) -> Result<Self, Problem> {
        let settings = Settings::read(config, did, |name| std::env::var(name).ok())?;
        let exporter = settings.map(Exporter::start).transpose()?.map(Arc::new);
        Ok(Self { exporter })
    }

    /// The place of a new task: in the buyer's trace, or in one of its own when there is somebody to
    /// tell.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn place(&self, asked: Option<&TraceContext>) -> Result<Option<TaskTrace>, Problem> {
        match (asked, &self.exporter) {
            (None, None) => Ok(None),
            (Some(buyer), Some(_)) if buyer.is_sampled() => {
                let context = buyer.under(SpanId(random()?));
                Ok(Some(TaskTrace { context, parent: Some(buyer.span), is_recorded: true }))
            }
            (Some(buyer), _) => Ok(Some(TaskTrace::passed_along(buyer.clone()))),
            (None, Some(_)) => {
                let context = new_trace()?;
                Ok(Some(TaskTrace { context, parent: None, is_recorded: true }))
            }
        }
    }

    /// Tells of every task that is done: to the collector, and in the log. Tasks that ended before
    /// `since` were told of then.
    pub(crate) fn observer(&self, agents: Agents, since: Timestamp) -> Observer {
        let exporter = self.exporter.clone();
        Box::new(move |task| {
            if task.history.last().is_some_and(|last| last.at < since) {
                return;
            }
            log(task);
            if let Some(exporter) = &exporter {
                let capability = &task.spec.capability;
                exporter.send(spans::of_task(task, |did| performer(&agents, did, capability)));
            }
        })
    }

    /// Tells that an agent was added, or why not.
    pub(crate) fn agent_added(&self, began: Timestamp, added: &Result<AgentRecord, Problem>) {
        let Some(exporter) = &self.exporter else { return };
        // Without random numbers nothing works; this is the least of it.
        let Ok(context) = new_trace() else { return };
        let mut span = spans::span(&context, context.span, "create_agent".into(), began);
        span.kind = Kind::Client.into();
        span.end_time_unix_nano = spans::nanoseconds(crate::now().max(began));
        span.attributes.push(attribute("gen_ai.operation.name", "create_agent"));
        match added {
            Ok(agent) => {
                span.name = format!("create_agent {}", agent.name);
                span.attributes.push(attribute("gen_ai.agent.id", agent.did.to_string()));
                span.attributes.push(attribute("gen_ai.agent.name", agent.name.as_str()));
            }
            Err(problem) => {
                let code = serde_json::to_value(problem.code).unwrap_or_default();
                span.fail(code.as_str().unwrap_or("_OTHER"));
            }
        }
        exporter.send(vec![span]);
    }

    /// How sending is going.
    pub(crate) fn status(&self) -> Option<TraceExport> {
        let exporter = self.exporter.as_ref()?;
        Some(TraceExport {
            collector: exporter.collector().to_owned(),
            exported: exporter.exported(),
            dropped: exporter.dropped(),
        })
    }

    /// Sends what is left, but not for long.
    pub(crate) fn stop(&self) {
        if let Some(exporter) = &self.exporter {
            exporter.stop();
        }
    }
}

fn random<const N: usize>() -> Result<[u8; N], Problem> {
    entropy::random_bytes().map_err(|error| Problem::new(Code::Internal, with_causes(&error)))
}

fn new_trace() -> Result<TraceContext, Problem> {
    let flags = TraceContext::SAMPLED | TraceContext::RANDOM;
    Ok(TraceContext::new(TraceId(random()?), SpanId(random()?), flags))
}

/// One line a task, with what finds its trace.
fn log(task: &Task) {
    let trace = task.trace.as_ref().map(|trace| &trace.context);
    tracing::info!(
        task = %task.id,
        capability = %task.spec.capability,
        outcome = spans::outcome(task),
        attempts = task.attempts.len(),
        paid = spans::paid(task).to_ainu(),
        trace_id = trace.map(|context| tracing::field::display(context.trace)),
        span_id = trace.map(|context| tracing::field::display(context.span)),
        "a task is done"
    );
}

fn performer(agents: &Agents, did: Did, capability: &CapabilityName) -> Performer {
    let agents = agents.read().unwrap_or_else(PoisonError::into_inner);
    let Some(agent) = agents.values().find(|agent| agent.did == did) else {
        return Performer { name: did.short(), means: Means::Unknown };
    };
    let means = match &agent.program {
        AgentProgram::Component { .. } => Means::Component,
        AgentProgram::Command { .. } => Means::Command,
        AgentProgram::Remote { program } => {
            let tool = program.tools().get(capability);
            let tool = tool.map_or_else(|| capability.to_string(), |tool| tool.name.clone());
            match program {
                RemoteProgram::Mcp(_) => Means::McpTool(tool),
                RemoteProgram::A2a(_) => Means::A2a,
                RemoteProgram::OpenApi(_) => Means::HttpOperation(tool),
            }
        }
    };
    Performer { name: agent.name.clone(), means }
}
