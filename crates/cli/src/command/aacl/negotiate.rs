//! Negotiating a task with one agent, by messages of one's own.
use std::path::Path;
use std::process::ExitCode;

use ainur_api::operation::{AaclQuery, AaclSay};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::{AaclThread, AgentView};
use ainur_api::{Operation, Reply, Service};
use ainur_broker::aacl::{MessageSigner, SpokenError, SpokenNegotiation, negotiation};
use ainur_market::negotiation::{
    CounterProposal, NegotiationAct, NegotiationProposal, NegotiationRules,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_node::keys::KeyPair;
use ainur_primitives::{
    AcceptanceCheck, ConversationId, Digest, DisputeResolution, DurationMs, TaskSpec,
};
use ainur_protocol::{Specification, task_meant};

use super::{call, check};
use crate::arguments::{AnswerArguments, OpeningArguments, ReplyArguments, TaskRun};
use crate::command::task::from_arguments;
use crate::command::{Outcome, ask};
use crate::output::{Column, Output};

/// How long the buyer may refuse when a task names no check and its output is not JSON.
const WINDOW_MS: DurationMs = DurationMs(2_000);

pub(super) fn open(asked: OpeningArguments, service: &dyn Service, output: &Output) -> Outcome {
    let party = Party::introduced(service, &asked.key)?;
    let with = Operation::AgentShow { agent: asked.with };
    let agent = ask(service, with, |reply| match reply {
        Reply::Agent(agent) => Some(agent),
        _ => None,
    })?;
    let spec = specified(asked.run, &agent, service)?;
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

pub(super) fn reply(asked: &ReplyArguments, service: &dyn Service, output: &Output) -> Outcome {
    let party = Party::introduced(service, &asked.key)?;
    let thread = party.conversation(asked.conversation, 0, 0)?;
    let mut spoken = party.heard(&thread)?;
    let (act, detail) = answer(&spoken, asked)?;
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
fn specified(run: TaskRun, agent: &AgentView, service: &dyn Service) -> Result<TaskSpec, Problem> {
    let mut request = from_arguments(run, service)?;
    if request.graph.is_some() || !request.chunks.is_empty() {
        let why = "a task in parts or in chunks is not negotiated by messages";
        return Err(Problem::new(Code::InvalidRequest, why).next("call for it: ainur aacl call"));
    }
    if request.check.is_none() {
        let contract = agent.capabilities.iter().find(|it| it.name == request.capability);
        let media = contract.map(|contract| contract.output_media_type.as_str());
        let is_json = media.is_some_and(|media| media.starts_with("application/json"));
        request.check = Some(match is_json {
            true => AcceptanceCheck::Schema,
            false => AcceptanceCheck::BuyerWord { window_ms: WINDOW_MS },
        });
    }
    call::specification(request, service)
}

/// A party that speaks to a node.
struct Party<'a> {
    service: &'a dyn Service,
    keys: KeyPair,
}

impl<'a> Party<'a> {
    /// The party whose keys are in this file; the node knows it from now on.
    fn introduced(service: &'a dyn Service, file: &Path) -> Result<Self, Problem> {
        let keys = super::read_key(file)?;
        call::introduce(&keys, service)?;
        Ok(Self { service, keys })
    }

    fn signer(&self) -> MessageSigner<'_> {
        MessageSigner { did: self.keys.did(), key_version: 0, key: &self.keys.signing }
    }

    /// Says a signed message.
    fn say(&self, message: Vec<u8>) -> Result<AaclThread, Problem> {
        let message = String::from_utf8(message)
            .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        let say = AaclSay { message, ..AaclSay::default() };
        ask(self.service, Operation::AaclSay(say), thread)
    }

    /// A conversation, when more than `after` was said in it or that many seconds have passed.
    fn conversation(
        &self,
        conversation: ConversationId,
        after: usize,
        wait: u64,
    ) -> Result<AaclThread, Problem> {
        let query = AaclQuery {
            after: u32::try_from(after).unwrap_or(u32::MAX),
            wait_ms: DurationMs::seconds(wait),
            ..AaclQuery::of(conversation)
        };
        ask(self.service, Operation::AaclThread(query), thread)
    }

    /// What was said, taken as the party takes it: each message signed by whose it is, and in its
    /// place.
    fn heard(&self, thread: &AaclThread) -> Result<SpokenNegotiation, Problem> {
        let messages = check::read_all(&thread.messages)?;
        check::signatures(self.service, &messages)?;
        SpokenNegotiation::replay(&messages).map_err(|error| check::unbelieved(&error))
    }
}

fn thread(reply: Reply) -> Option<AaclThread> {
    match reply {
        Reply::AaclThread(thread) => Some(*thread),
        _ => None,
    }
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
    let spoken = party.heard(&thread)?;
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
