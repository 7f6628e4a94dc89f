//! Threads as they are shown: made of what the broker has journaled, each message signed by whose it
//! is.
//!
//! Messages have the same id however often they are made, so a signature is made once and kept for a
//! while. What somebody has said whose key is not here any more is shown with its consent, which
//! binds it on the ledger, and without a signature of its own.
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ainur_api::operation::Reply;
use ainur_api::problem::{Code, Problem};
use ainur_api::view::AaclThread;
use ainur_broker::task::Task;
use ainur_crypto::Proof;
use ainur_primitives::{CapabilityName, Did, Digest, MessageId};
use ainur_protocol::Message;

use super::of_message;
use super::parley::parley_thread;
use crate::node::Node;
use crate::problem::{of_broker, with_causes};

/// Messages in one list of offers or calls.
pub(crate) const LISTED_MESSAGES_MAX: usize = 100;
/// Signatures that are kept to be shown again, with about 4 kB each.
pub(crate) const SIGNATURES_KEPT_MAX: usize = 4_096;

/// Signatures that were made, by what they sign.
#[derive(Default)]
pub(super) struct Signed(Mutex<BTreeMap<MessageId, Proof>>);

impl Signed {
    fn get(&self, message: MessageId) -> Option<Proof> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&message).cloned()
    }

    fn keep(&self, made: Vec<(MessageId, Proof)>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len().saturating_add(made.len()) > SIGNATURES_KEPT_MAX {
            kept.clear();
        }
        kept.extend(made);
    }
}

impl Node {
    /// Everything said about a task that was called for, signed.
    pub(super) fn thread_of(&self, task: &Task) -> Result<AaclThread, Problem> {
        if task.outside.is_some() {
            return Ok(parley_thread(task));
        }
        let Message::Call(call) = self.call_of(task)? else {
            return Err(Problem::new(Code::Corrupted, "a task was announced by no call")
                .next("run ainur ledger audit"));
        };
        let told = task.clone();
        let said = self.mailbox.call(move |broker| {
            broker.thread_of(&told, &call).map_err(|error| of_broker(&error))
        })?;
        Ok(AaclThread {
            task: Some(task.id),
            over: task.next_step().is_none(),
            events: u32::try_from(task.history.len()).unwrap_or(u32::MAX),
            messages: self.signed(said)?,
        })
    }

    /// Standing offers that can be taken, as messages of their sellers.
    pub(crate) fn offer_messages(
        &self,
        capability: Option<CapabilityName>,
    ) -> Result<Reply, Problem> {
        let offers = self.mailbox.call(move |broker| {
            broker
                .offer_messages(capability.as_ref(), LISTED_MESSAGES_MAX)
                .map_err(|error| of_broker(&error))
        })?;
        self.signed(offers).map(Reply::AaclMessages)
    }

    /// Calls that are held open for bids, as messages of the operator.
    pub(crate) fn call_messages(
        &self,
        capability: Option<CapabilityName>,
    ) -> Result<Reply, Problem> {
        let calls = self.mailbox.call(move |broker| {
            broker
                .call_messages(capability.as_ref(), LISTED_MESSAGES_MAX)
                .map_err(|error| of_broker(&error))
        })?;
        self.signed(calls).map(Reply::AaclMessages)
    }

    /// Messages in the form in which they travel, signed where their sender's key is here.
    pub(super) fn signed(&self, mut messages: Vec<Message>) -> Result<Vec<String>, Problem> {
        let mut unsigned: BTreeMap<Did, Vec<Digest>> = BTreeMap::new();
        for message in &mut messages {
            let (id, from) = (message.header().id, message.header().from);
            if message.proof().is_some() {
                continue;
            }
            match self.aacl.signed.get(id) {
                Some(proof) => message.attach(proof).map_err(|error| of_message(&error))?,
                None => unsigned.entry(from).or_default().push(id.0),
            }
        }
        let made = self.sign(unsigned)?;
        for message in &mut messages {
            let proof = made.get(&message.header().id).filter(|_| message.proof().is_none());
            if let Some(proof) = proof {
                message.attach(proof.clone()).map_err(|error| of_message(&error))?;
            }
        }
        self.aacl.signed.keep(made.into_iter().collect());
        messages.iter().map(written).collect()
    }

    /// One signature for each signer whose key is here.
    fn sign(
        &self,
        unsigned: BTreeMap<Did, Vec<Digest>>,
    ) -> Result<BTreeMap<MessageId, Proof>, Problem> {
        if unsigned.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.mailbox.call(move |broker| {
            let mut made = BTreeMap::new();
            for (signer, items) in unsigned {
                let proofs = broker.sign_as(signer, &items).unwrap_or_default();
                made.extend(items.into_iter().map(MessageId).zip(proofs));
            }
            Ok(made)
        })
    }
}

/// A message in the form in which it was signed.
pub(super) fn written(message: &Message) -> Result<String, Problem> {
    let internal = |error: String| Problem::new(Code::Internal, error);
    let bytes = message.to_json().map_err(|error| internal(with_causes(&error)))?;
    String::from_utf8(bytes).map_err(|error| internal(error.to_string()))
}
