//! A call of an outside buyer to the node's operator: a mandate to buy on the ledger, as for every
//! holder of a token, by the rule of selection that the call names.
//!
//! The task is announced under a key that names the conversation, so whatever dies in between, a
//! call that comes again finds its task. The call itself is kept as a blob beside it.
use std::time::{Duration, Instant};

use ainur_api::operation::{AaclHolder, AaclQuery, Reply};
use ainur_api::problem::{Code, Problem};
use ainur_broker::aacl::call_message;
use ainur_broker::engine::{CallTerms, Request};
use ainur_broker::event::Idempotency;
use ainur_broker::task::Task;
use ainur_crypto::hash;
use ainur_primitives::canonical_json::to_canonical_json;
use ainur_primitives::{
    ContentId, ConversationId, Digest, DurationMs, MessageId, QualityLevel, TaskSpec, Timestamp,
    Venue,
};
use ainur_protocol::{Call, Conversation, Envelope, Message, Recipients, task_meant};

use super::parley::was_begun_by;
use super::{Heard, of_conversation, of_message};
use crate::node::Node;
use crate::problem::{of_broker, of_storage, with_causes};

/// The longest a question for a conversation may wait.
const WAIT_MS_MAX: u64 = 60_000;
/// How far the clock of whoever calls may be ahead.
const CLOCK_AHEAD_MS_MAX: DurationMs = DurationMs(1_000);
/// What the context of tasks begins with that were called for in a message; the address of the
/// message follows.
const CONTEXT_PREFIX: &str = "aacl/";

impl Node {
    /// Buys what the call asks for, unless that was done before.
    pub(super) fn take_call(&self, heard: &Heard, call: &Envelope<Call>) -> Result<Reply, Problem> {
        let header = call.header();
        let mut conversation = Conversation::new(header.conversation_id);
        conversation.take(&heard.message).map_err(|error| of_conversation(&error))?;
        if header.to != Recipients::One(self.did) {
            let text = format!("a call is taken here that is addressed to {} alone", self.did);
            return Err(Problem::new(Code::InvalidRequest, text)
                .next("address it to the node's operator, who buys for you"));
        }
        let idempotency = mandate(&heard.holder, header.conversation_id, header.id);
        let known = self.known_call(idempotency.clone())?;
        let task = match known {
            Some(task) => task,
            None => self.announce_call(heard, call, idempotency)?,
        };
        let mut thread = self.thread_of(&task)?;
        // The call itself is known to whoever said it.
        thread.messages.remove(0);
        Ok(Reply::AaclThread(Box::new(thread)))
    }

    /// The task that a call made before.
    fn known_call(&self, idempotency: Idempotency) -> Result<Option<Task>, Problem> {
        self.mailbox.call(move |broker| {
            let Some(task) =
                broker.task_of_key(&idempotency.key).map_err(|error| of_broker(&error))?
            else {
                return Ok(None);
            };
            if task.idempotency.as_ref() == Some(&idempotency) {
                return Ok(Some(task));
            }
            let text = "this conversation was begun by another call, or with another token";
            Err(Problem::new(Code::Conflict, text).next("begin a conversation of your own"))
        })
    }

    fn announce_call(
        &self,
        heard: &Heard,
        call: &Envelope<Call>,
        idempotency: Idempotency,
    ) -> Result<Task, Problem> {
        wait_for(call.header().created, heard)?;
        let spec = self.called_for(heard, call)?;
        let stored = self.blobs.put(heard.bytes.as_bytes());
        let content = stored.map_err(|error| of_storage(&error))?;
        let body = call.body();
        let terms = CallTerms {
            commit_until: body.commit_until,
            reveal_until: body.reveal_until,
            bid_bond: body.bid_bond,
            duration_ms_max: body.constraints.duration_ms_max,
            failure_probability_max: body.constraints.failure_probability_max,
            input_schema: body.input_schema.clone(),
            output_schema: body.output_schema.clone(),
        };
        let request = Request::new(spec).map_err(|error| of_broker(&error))?;
        let request = request
            .at(Venue::Any)
            .called(terms)
            .keyed(Some(idempotency))
            .within(Some(format!("{CONTEXT_PREFIX}{content}")))
            .traced(self.telemetry.place(None)?);
        self.mailbox.call(move |broker| {
            let announced = broker.announce(request).and_then(|id| {
                let number = broker.number_of(id)?;
                broker.task_by_number(number)?.ok_or(ainur_broker::Error::Missing(number))
            });
            announced.map_err(|error| of_broker(&error))
        })
    }

    /// What is wanted, as the ledger will know it: under the token's budget when the call names none.
    fn called_for(&self, heard: &Heard, call: &Envelope<Call>) -> Result<TaskSpec, Problem> {
        let (header, body) = (call.header(), call.body());
        let expected = task_meant(&body.specification_digest, &header.conversation_id);
        if body.task != expected {
            let (field, found) = ("task", body.task.0);
            let error = ainur_protocol::Error::Digest { field, expected: expected.0, found };
            return Err(of_message(&error));
        }
        let Some(mut spec) = body.specification.task_spec() else {
            return Err(refused("a broker has to know the reserve: say it openly"));
        };
        if body.constraints.quality_level_min != QualityLevel::Standard {
            return Err(refused("quality_level_min: nothing but standard is called for here"));
        }
        if body.commit_until <= heard.now {
            return Err(refused("commit_until has passed: nobody could bid"));
        }
        check_canonical("parameters", &spec.parameters)?;
        for subtask in spec.graph.iter().flat_map(|graph| &graph.subtasks) {
            check_canonical(&format!("the parameters of '{}'", subtask.name), &subtask.parameters)?;
        }
        spec.budget = spec.budget.or(heard.holder.budget);
        Ok(spec)
    }

    /// A conversation as far as it has come.
    pub(crate) fn conversation(&self, query: &AaclQuery) -> Result<Reply, Problem> {
        let until = Instant::now() + Duration::from_millis(query.wait_ms.0.min(WAIT_MS_MAX));
        let after = usize::try_from(query.after).unwrap_or(usize::MAX);
        loop {
            let task = self.task_of_conversation(query)?;
            let thread = self.thread_of(&task)?;
            let wait = until.saturating_duration_since(Instant::now());
            if thread.messages.len() > after || thread.over || wait.is_zero() {
                return Ok(Reply::AaclThread(Box::new(thread)));
            }
            self.await_news(&task, wait)?;
        }
    }

    /// The task that was called for in a conversation; as if there were none, when it was begun with
    /// another token.
    fn task_of_conversation(&self, query: &AaclQuery) -> Result<Task, Problem> {
        let unknown = || {
            let text = format!("no conversation {} was begun with this token", query.conversation);
            Problem::new(Code::NotFound, text).next("begin one: POST /v1/aacl with an AACL-Call-v1")
        };
        let key = key(&query.conversation);
        let task = self
            .mailbox
            .call(move |broker| broker.task_of_key(&key).map_err(|error| of_broker(&error)))?;
        let Some(task) = task else {
            let conversation = query.conversation;
            let open = self.mailbox.call(move |broker| Ok(broker.open_call_of(conversation)))?;
            return open.ok_or_else(unknown);
        };
        if task.outside.is_some() {
            return if was_begun_by(&task, &query.holder) { Ok(task) } else { Err(unknown()) };
        }
        let call = self.call_of(&task)?;
        let mandate = mandate(&query.holder, query.conversation, call.header().id);
        if task.idempotency.as_ref() == Some(&mandate) { Ok(task) } else { Err(unknown()) }
    }

    /// The call that a task was announced by.
    pub(super) fn call_of(&self, task: &Task) -> Result<Message, Problem> {
        let damaged = |why: String| {
            Problem::new(Code::Corrupted, format!("the call of task {}: {why}", task.id))
                .next("run ainur ledger audit")
        };
        let content = task.context.as_deref().and_then(|text| text.strip_prefix(CONTEXT_PREFIX));
        if content.is_none() && task.held_open {
            let call = call_message(task, None).map_err(|error| of_broker(&error))?;
            return Ok(call.into());
        }
        let content: Option<ContentId> = content.and_then(|text| text.parse().ok());
        let content = content.ok_or_else(|| damaged("it is not named".into()))?;
        self.kept(content)
    }
}

/// Nothing is answered before it was asked: a call of a clock that is a little ahead is waited for,
/// and one of a clock that is far ahead is refused.
fn wait_for(created: Timestamp, heard: &Heard) -> Result<(), Problem> {
    let ahead = created.since(heard.now);
    if ahead > CLOCK_AHEAD_MS_MAX {
        let text = format!("the call was created {ahead} ahead of this node's clock");
        return Err(Problem::new(Code::InvalidRequest, text)
            .next("set the clock; the node's is at GET /v1/ledger"));
    }
    std::thread::sleep(Duration::from_millis(ahead.0));
    Ok(())
}

/// The key of a conversation's task: no token has it as the beginning of keys of its own.
pub(super) fn key(conversation: &ConversationId) -> String {
    format!("aacl:{conversation}")
}

/// What makes a call the same one: the conversation, the message, and whose token it came with.
pub(super) fn mandate(
    holder: &AaclHolder,
    conversation: ConversationId,
    call: MessageId,
) -> Idempotency {
    let request: Digest =
        hash::tagged("ainur/aacl-mandate/v1", &[holder.token.as_bytes(), &call.0.0]);
    Idempotency { key: key(&conversation), request }
}

pub(super) fn check_canonical(what: &str, text: &str) -> Result<(), Problem> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| refused(&format!("{what}: {error}")))?;
    let canonical = to_canonical_json(&value).map_err(|error| refused(&with_causes(&error)))?;
    if canonical == text.as_bytes() {
        return Ok(());
    }
    Err(refused(&format!("{what}: not canonical JSON (RFC 8785)")))
}

pub(super) fn refused(why: &str) -> Problem {
    Problem::new(Code::InvalidRequest, why).next("see docs/market/aacl.md")
}
