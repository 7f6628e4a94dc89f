//! Negotiating a task with one agent, by messages of one's own.
use std::io;
use std::process::ExitCode;

use ainur_api::problem::{Code, Problem};
use ainur_api::view::{AaclThread, AgentView};
use ainur_api::{Operation, Reply, Service};
use ainur_broker::aacl::{SpokenError, SpokenNegotiation, negotiation};
use ainur_market::negotiation::{
    CounterProposal, NegotiationAct, NegotiationProposal, NegotiationRules,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::canonical_json::to_canonical_json;
use ainur_primitives::{
    AcceptanceCheck, ConversationId, Digest, DisputeResolution, DurationMs, TaskSpec,
};
use ainur_protocol::{Message, Specification, task_meant};

use super::Party;
use crate::arguments::{AnswerArguments, OpeningArguments, ReplyArguments, TaskRun};
use crate::command::task::{from_arguments, pack_input};
use crate::command::{Outcome, ask};
use crate::connect::Place;
use crate::output::{Column, Output};

/// The deadline of a task for which none is named.
const DEADLINE_MS: DurationMs = DurationMs::seconds(600);
/// How long the buyer may refuse when a task names no check and its output is not JSON.
const WINDOW_MS: DurationMs = DurationMs(2_000);

pub(super) fn open(asked: OpeningArguments, place: &Place, output: &Output) -> Outcome {
    let service = place.connect_running()?;
    let party = Party::introduced(&*service, &asked.key)?;
    let with = Operation::AgentShow { agent: asked.with };
    let agent = ask(&*service, with, |reply| match reply {
        Reply::Agent(agent) => Some(agent),
        _ => None,
    })?;
    let spec = specified(asked.run, &agent, &*service)?;
    let specification = Specification::open(&spec);
    let digest = specification.digest().map_err(|error| refused(&error))?;
    let conversation = ConversationId(Digest(random()?));
    let now = ainur_node::now();
    let within = DurationMs::seconds(asked.within).min(DurationMs(spec.deadline_ms.0 / 2));
    let rules = NegotiationRules {
        task: task_meant(&digest, &conversation),
        buyer: party.keys.did(),
        seller: agent.did,
        card: agent.card,
        cancellation: CancellationPolicy::default(),
        opened: now,
        deadline: now.plus(within),
        rounds_max: asked.rounds,
        // What is left is for the work.
        valid_until: now.plus(within).plus(DurationMs(spec.deadline_ms.0 / 8)),
    };
    let longest = spec.deadline_ms.min(spec.limits.duration_ms_max);
    let proposal = NegotiationProposal {
        price: asked.price,
        timeline_ms: asked.timeline.map_or(longest, DurationMs::seconds),
        quality_level: asked.quality.into(),
        payment: PaymentTerms::Completion,
        dispute_resolution: DisputeResolution::Chain,
    };
    let opening = negotiation::opening(&rules, specification);
    let mut spoken = SpokenNegotiation::new(conversation, rules).map_err(|error| unsaid(&error))?;
    let message = spoken.open(now, opening, proposal, party.signer());
    party.say(message.map_err(|error| unsaid(&error))?)?;
    show(&party, conversation, (1, asked.wait), output)
}

pub(super) fn reply(asked: ReplyArguments, place: &Place, output: &Output) -> Outcome {
    let service = place.connect_running()?;
    let party = Party::introduced(&*service, &asked.key)?;
    let thread = party.conversation(asked.conversation, 0, 0)?;
    let mut spoken = heard(&thread)?;
    let (act, detail) = answer(&spoken, &asked)?;
    let message = spoken.say(ainur_node::now(), act, (&detail, None), party.signer());
    party.say(message.map_err(|error| unsaid(&error))?)?;
    let said = thread.messages.len() + 1;
    show(&party, asked.conversation, (said, asked.wait), output)
}

/// What is answered, and why.
fn answer(
    spoken: &SpokenNegotiation,
    asked: &ReplyArguments,
) -> Result<(NegotiationAct, String), Problem> {
    let AnswerArguments { accept, reject, counter } = &asked.answer;
    let nothing = || {
        Problem::new(Code::Conflict, "the negotiation is over; nothing is expected any more")
            .next("open another: ainur aacl negotiate")
    };
    let offered = spoken.session().offered().ok_or_else(nothing)?;
    if let Some(why) = reject {
        return Ok((NegotiationAct::Reject, why.clone()));
    }
    let act = match counter {
        Some(price) if !accept => {
            let answered = &offered.agreed;
            let wanted = NegotiationProposal {
                price: *price,
                timeline_ms: asked.timeline.map_or(answered.timeline_ms, DurationMs::seconds),
                quality_level: asked.quality.map_or(answered.quality_level, Into::into),
                ..answered.clone()
            };
            NegotiationAct::Counter(CounterProposal::between(answered, &wanted))
        }
        _ => NegotiationAct::Accept { terms: offered.digest() },
    };
    Ok((act, String::new()))
}

/// What is wanted, in full: nobody fills in anything for a party outside.
fn specified(
    mut run: TaskRun,
    agent: &AgentView,
    service: &dyn Service,
) -> Result<TaskSpec, Problem> {
    if run.graph.is_some() || run.chunks.is_some() {
        let why = "a task in parts or in chunks is not negotiated by messages";
        return Err(Problem::new(Code::InvalidRequest, why).next("have it done: ainur task run"));
    }
    let input_bytes = match (run.input.take(), run.input_blob) {
        (Some(path), _) => {
            let (content, bytes) = pack_input(&path, service)?;
            run.input_blob = Some(content);
            bytes
        }
        (None, Some(content)) => service.get_blob(content, &mut io::sink())?,
        (None, None) => 0,
    };
    let request = from_arguments(run, service)?;
    let parameters = to_canonical_json(&request.parameters).map_err(|error| refused(&error))?;
    let contract = agent.capabilities.iter().find(|it| it.name == request.capability);
    let is_json = contract.is_some_and(|it| it.output_media_type.starts_with("application/json"));
    let usual = if is_json {
        AcceptanceCheck::Schema
    } else {
        AcceptanceCheck::BuyerWord { window_ms: WINDOW_MS }
    };
    Ok(TaskSpec {
        capability: request.capability,
        parameters: super::text(parameters)?,
        input: request.input,
        input_bytes,
        reserve: request.reserve,
        loss: request.loss.unwrap_or(request.reserve),
        budget: request.budget,
        selection: request.selection,
        check: request.check.unwrap_or(usual),
        deadline_ms: request.deadline_ms.unwrap_or(DEADLINE_MS),
        limits: request.limits.unwrap_or_default(),
        graph: None,
        chunks: Vec::new(),
    })
}

/// What was said, taken as the party takes it: each message in its place.
fn heard(thread: &AaclThread) -> Result<SpokenNegotiation, Problem> {
    let wrong = |why: &dyn std::fmt::Display| {
        let text = format!("what the node says was said cannot be so: {why}");
        Problem::new(Code::Conflict, text).next("open another: ainur aacl negotiate")
    };
    let read = |text: &String| Message::from_json(text.as_bytes());
    let messages = thread.messages.iter().map(read).collect::<Result<Vec<_>, _>>();
    let messages = messages.map_err(|error| wrong(&error))?;
    SpokenNegotiation::replay(&messages).map_err(|error| wrong(&error))
}

const COLUMNS: [Column; 5] = [
    Column("who", false),
    Column("says", false),
    Column("price AINU", true),
    Column("timeline", true),
    Column("quality", false),
];

/// Waits until more was said, and shows all of it.
fn show(
    party: &Party<'_>,
    conversation: ConversationId,
    (after, wait): (usize, u64),
    output: &Output,
) -> Outcome {
    let thread = party.conversation(conversation, after, wait)?;
    let spoken = heard(&thread)?;
    let session = spoken.session();
    let agreed = session.agreed();
    if output.is_json() {
        let messages: Vec<serde_json::Value> = thread
            .messages
            .iter()
            .filter_map(|message| serde_json::from_str(message).ok())
            .collect();
        output.json(&serde_json::json!({
            "conversation": conversation,
            "task": thread.task,
            "over": thread.over,
            "agreed": agreed.map(|terms| terms.agreed.price),
            "proposed": session.proposals().last().map(|proposal| proposal.price),
            "messages": messages,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let mut proposals = session.proposals().iter();
    let mut table = None;
    let rows = session.messages().iter().map(|said| {
        if matches!(said.act, NegotiationAct::Propose(_) | NegotiationAct::Counter(_)) {
            table = proposals.next();
        }
        let who = if said.from == party.keys.did() { "you" } else { "agent" };
        let cell =
            |show: &dyn Fn(&NegotiationProposal) -> String| table.map(show).unwrap_or_default();
        vec![
            who.to_owned(),
            said.act.kind().to_string(),
            cell(&|proposal| proposal.price.to_ainu()),
            cell(&|proposal| proposal.timeline_ms.to_string()),
            cell(&|proposal| format!("{:?}", proposal.quality_level).to_lowercase()),
        ]
    });
    output.table(&COLUMNS, rows.collect());
    let task = thread.task.map(|task| task.to_string()).unwrap_or_default();
    output.line(match (agreed, thread.over) {
        (Some(_), _) => format!("next: ainur task watch {task}"),
        (None, true) => format!("it is over; see ainur task show {task}"),
        (None, false) => format!(
            "next: ainur aacl reply {conversation} --key FILE --accept, --counter AINU or \
             --reject WHY"
        ),
    });
    Ok(ExitCode::SUCCESS)
}

fn random() -> Result<[u8; 32], Problem> {
    ainur_crypto::entropy::random_bytes::<32>()
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))
}

fn refused(error: &dyn std::error::Error) -> Problem {
    Problem::new(Code::InvalidRequest, error.to_string())
}

fn unsaid(error: &SpokenError) -> Problem {
    let code = match error {
        SpokenError::Place(_) | SpokenError::Negotiation(_) => Code::Conflict,
        _ => Code::InvalidRequest,
    };
    Problem::new(code, error.to_string())
}
