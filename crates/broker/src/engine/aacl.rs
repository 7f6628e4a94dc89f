//! Messages of AACL in the names of those whose keys this node keeps.
use ainur_consensus::ReplicatedLog;
use ainur_crypto::Proof;
use ainur_crypto::batch::{BatchProof, prove_all};
use ainur_primitives::{CapabilityName, ContentId, ConversationId, Did, Digest};
use ainur_protocol::{Call, Envelope, Message};
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::{Broker, OfferState};
use crate::aacl;
use crate::error::Error;
use crate::task::{AwardBasis, Task};

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Signs these digests as the operator or as an agent with a seat here, with one signature;
    /// `None` for anybody else, and for an agent that keeps its own key.
    pub fn sign_as(&self, signer: Did, items: &[Digest]) -> Option<Vec<Proof>> {
        let (key, key_version) = if signer == self.operator.did {
            (&self.operator.key, self.operator.key_version)
        } else {
            let seat = self.seats.get(signer)?;
            (seat.key.as_ref()?, seat.key_version)
        };
        Some(prove_all(key, signer, key_version, items))
    }

    /// Everything said so far about a task that was announced by `call`, in order, not yet signed.
    ///
    /// # Errors
    /// When a signature is missing in the journal, or the disk refuses.
    pub fn thread_of(&self, task: &Task, call: &Envelope<Call>) -> Result<Vec<Message>, Error> {
        let joined = |digest: Digest, proof: &BatchProof| self.joined(digest, proof);
        let offers = task.attempts.iter().filter_map(|attempt| match &attempt.basis {
            AwardBasis::Offer(take) => take.offer.message,
            _ => None,
        });
        let bids =
            task.outside_bids.iter().flat_map(|bid| [Some(bid.sealing), bid.opening]).flatten();
        let said = offers.chain(bids).map(|content| self.message(content));
        let said = said.collect::<Result<Vec<Message>, Error>>()?;
        aacl::thread(task, call, self.operator.did, &said, &joined)
    }

    /// A message of somebody who keeps its own key, as it was said.
    ///
    /// # Errors
    /// When it is missing or damaged, or the disk refuses.
    pub fn message(&self, content: ContentId) -> Result<Message, Error> {
        let mut reader = self.blobs.reader(&content)?;
        let mut bytes = Vec::new();
        while let Some(group) = reader.next_group()? {
            bytes.extend_from_slice(group);
        }
        Message::from_json(&bytes)
            .map_err(|error| Error::Invalid(format!("the message {content}: {error}")))
    }

    /// The task that is or was held open for bids in this conversation, unless it was archived.
    pub fn open_call_of(&self, conversation: ConversationId) -> Option<Task> {
        let tasks = self.tasks.values().chain(self.ended.values());
        let mut open = tasks.filter(|task| task.held_open && task.takes_bids());
        open.find(|task| aacl::call_conversation(task.id) == conversation).cloned()
    }

    /// The best offers first, as messages of their sellers with their consent, not yet signed.
    ///
    /// # Errors
    /// When a signature is missing in the journal, or the disk refuses.
    pub fn offer_messages(
        &self,
        capability: Option<&CapabilityName>,
        most: usize,
    ) -> Result<Vec<Message>, Error> {
        let mut states: Vec<OfferState> = self
            .offer_states(capability)
            .filter(|state| state.terms.is_valid_at(self.now))
            .filter(|state| state.unavailable.is_none() || self.is_said(state))
            .collect();
        states.sort_by_key(|state| (!self.is_said(state), state.price, state.digest));
        let mut messages = Vec::new();
        for state in states.into_iter().take(most) {
            let Some(offer) = self.offers.get(&state.digest) else { continue };
            if let Some(content) = offer.message {
                messages.push(self.message(content)?);
                continue;
            }
            let consent = self.joined(state.digest, &offer.proof)?;
            let message = aacl::offer_message(&state.terms, consent, self.now)
                .map_err(|error| Error::Invalid(format!("no message can say so: {error}")))?;
            messages.push(message.into());
        }
        Ok(messages)
    }

    /// Its seller said it in a message of its own, and finds it here to take it back, also when it is
    /// full.
    fn is_said(&self, state: &OfferState) -> bool {
        self.offers.get(&state.digest).is_some_and(|offer| offer.message.is_some())
    }

    /// Calls that are held open for bids, oldest first, as messages of the operator, not yet signed.
    ///
    /// # Errors
    /// When no message can carry one.
    pub fn call_messages(
        &self,
        capability: Option<&CapabilityName>,
        most: usize,
    ) -> Result<Vec<Message>, Error> {
        let wanted = |task: &&Task| {
            task.held_open && capability.is_none_or(|name| *name == task.spec.capability)
        };
        let calls = self.open_calls().filter(wanted).take(most);
        // Bids name the call by its id, so it does not depend on who has a seat at the moment.
        calls.map(|task| aacl::call_message(task, None).map(Message::from)).collect()
    }

    /// The task that was announced under a key, whatever the request was.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn task_of_key(&self, key: &str) -> Result<Option<Task>, Error> {
        let number = match self.keys.get(key) {
            Some(number) => Some(*number),
            None => self.journal.number_of_key(key)?,
        };
        number.map_or(Ok(None), |number| self.task_by_number(number))
    }
}
