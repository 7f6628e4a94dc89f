//! Messages of AACL in the names of those whose keys this node keeps.
use ainur_consensus::ReplicatedLog;
use ainur_crypto::Proof;
use ainur_crypto::batch::{BatchProof, prove_all};
use ainur_primitives::{CapabilityName, Did, Digest};
use ainur_protocol::{Call, Envelope, Message};
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::{Broker, OfferState};
use crate::aacl;
use crate::error::Error;
use crate::task::Task;

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Signs these digests as the operator or as an agent with a seat here, with one signature;
    /// `None` for anybody else.
    pub fn sign_as(&self, signer: Did, items: &[Digest]) -> Option<Vec<Proof>> {
        let (key, key_version) = if signer == self.operator.did {
            (&self.operator.key, self.operator.key_version)
        } else {
            let seat = self.seats.get(signer)?;
            (&seat.key, seat.key_version)
        };
        Some(prove_all(key, signer, key_version, items))
    }

    /// Everything said so far about a task that was announced by `call`, in order, not yet signed.
    ///
    /// # Errors
    /// When a signature is missing in the journal, or the disk refuses.
    pub fn thread_of(&self, task: &Task, call: &Envelope<Call>) -> Result<Vec<Message>, Error> {
        let joined = |digest: Digest, proof: &BatchProof| self.joined(digest, proof);
        aacl::thread(task, call, self.operator.did, &joined)
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
            .filter(|state| state.unavailable.is_none() && state.terms.is_valid_at(self.now))
            .collect();
        states.sort_by_key(|state| (state.price, state.digest));
        let mut messages = Vec::new();
        for state in states.into_iter().take(most) {
            let Some(offer) = self.offers.get(&state.digest) else { continue };
            let consent = self.joined(state.digest, &offer.proof)?;
            let message = aacl::offer_message(&state.terms, consent, self.now)
                .map_err(|error| Error::Invalid(format!("no message can say so: {error}")))?;
            messages.push(message.into());
        }
        Ok(messages)
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
        let message = |task: &Task| {
            let mut seats = task.invited.iter().filter_map(|did| self.seats.get(*did));
            let contract = seats.find_map(|seat| seat.contract(&task.spec.capability));
            aacl::call_message(task, contract).map(Message::from)
        };
        calls.map(message).collect()
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
