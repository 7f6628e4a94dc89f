//! Outside parties that negotiate with agents of this node, message by message.
//!
//! A party opens with the rules, what is wanted and its first proposal; the broker has the agent
//! answer, and buys on the ledger what both agree to. What was said is kept with the task, whose key
//! names the conversation, so an acceptance that comes again after a crash finds what it led to.
use ainur_api::operation::{AaclHolder, Reply};
use ainur_api::problem::Problem;
use ainur_api::view::AaclThread;
use ainur_broker::task::{Phase, Task};
use ainur_primitives::{TaskId, TaskSpec};
use ainur_protocol::{Message, Negotiate};

use super::call::{check_canonical, key, mandate, refused};
use super::{Heard, not_expected};
use crate::node::Node;
use crate::problem::of_broker;

impl Node {
    /// Takes a proposal, an acceptance or a rejection of an outside party.
    pub(super) fn take_parley(&self, heard: &Heard) -> Result<Reply, Problem> {
        let task = match &heard.message {
            Message::Negotiate(envelope) if envelope.body().opening.is_some() => {
                self.open_parley(heard, envelope.body())?
            }
            _ => self.go_on_with(heard)?,
        };
        let task = self.task(&task.to_string())?;
        let thread = parley_thread(&task);
        // What is said in answer comes after what was said.
        let id = heard.message.header().id;
        let is_said = |bytes: &String| {
            Message::from_json(bytes.as_bytes()).is_ok_and(|said| said.header().id == id)
        };
        let place = thread.messages.iter().position(is_said).map_or(0, |place| place + 1);
        let messages = thread.messages[place..].to_vec();
        Ok(Reply::AaclThread(Box::new(AaclThread { messages, ..thread })))
    }

    fn open_parley(&self, heard: &Heard, body: &Negotiate) -> Result<TaskId, Problem> {
        let header = heard.message.header();
        let spec = parley_specification(&heard.holder, body)?;
        let idempotency = mandate(&heard.holder, header.conversation_id, header.id);
        let trace = self.telemetry.place(None)?;
        let (message, bytes) = (heard.message.clone(), heard.bytes.clone().into_bytes());
        self.mailbox.call(move |broker| {
            let begun = broker.begin_spoken(spec, (idempotency, trace), (&message, bytes));
            begun.map_err(|error| of_broker(&error))
        })
    }

    fn go_on_with(&self, heard: &Heard) -> Result<TaskId, Problem> {
        let conversation = heard.message.header().conversation_id;
        let (message, bytes) = (heard.message.clone(), heard.bytes.clone().into_bytes());
        let holder = heard.holder.clone();
        self.mailbox.call(move |broker| {
            let key = key(&conversation);
            let known = broker.task_of_key(&key).map_err(|error| of_broker(&error))?;
            let known = known.filter(|task| was_begun_by(task, &holder));
            let instead = match &known {
                None => {
                    "nobody began this conversation with this token: open one, with the rules, \
                     what is wanted and a first proposal"
                }
                Some(task) if task.outside.is_none() => {
                    "the node's operator, who was called, accepts and rejects for you"
                }
                Some(_) => "",
            };
            let Some(task) = known.filter(|task| task.outside.is_some()) else {
                return Err(not_expected(&message, instead));
            };
            let heard = broker.hear_spoken(&key, (&message, bytes));
            heard.map(|()| task.id).map_err(|error| of_broker(&error))
        })
    }
}

/// What is wanted, as the ledger will know it: under the token's budget when the opening names none.
fn parley_specification(holder: &AaclHolder, body: &Negotiate) -> Result<TaskSpec, Problem> {
    let specification = body.opening.as_ref().and_then(|it| it.specification.as_ref());
    let specification = specification
        .ok_or_else(|| refused("opening.specification is missing: nobody knows what is wanted"))?;
    let Some(mut spec) = specification.task_spec() else {
        return Err(refused("who buys for you has to know the reserve: say it openly"));
    };
    if spec.graph.is_some() {
        return Err(refused("a task of several parts is not negotiated: call for it"));
    }
    check_canonical("parameters", &spec.parameters)?;
    spec.budget = spec.budget.or(holder.budget);
    Ok(spec)
}

/// The conversation about a task was begun with this token, by its first message.
pub(super) fn was_begun_by(task: &Task, holder: &AaclHolder) -> bool {
    let Some(outside) = task.outside else { return true };
    let first = task.spoken.first().and_then(|bytes| Message::from_json(bytes).ok());
    let Some(first) = first else { return false };
    let mandate = mandate(holder, outside.conversation, first.header().id);
    task.idempotency.as_ref() == Some(&mandate)
}

/// Everything said with a buyer outside.
pub(super) fn parley_thread(task: &Task) -> AaclThread {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    AaclThread {
        task: Some(task.id),
        over: task.phase != Phase::Announced,
        events: u32::try_from(task.history.len()).unwrap_or(u32::MAX),
        messages: task.spoken.iter().map(text).collect(),
    }
}
