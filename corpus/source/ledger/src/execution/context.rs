//! What the modules work with while a block is made: the state, the time, who asks, and a place
//! for events.
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use ainur_crypto::BatchProof;
use ainur_primitives::{Did, Digest, Timestamp};

use super::signatures::SignaturePool;
use crate::block::{Header, Height};
use crate::event::{Event, EventRecord};
use crate::identity;
use crate::parameters::Parameters;
use crate::state::{Overlay, ReadState, key};

/// What the modules work with while a block is made.
pub(crate) struct Context<'a> {
    pub(crate) state: Overlay<'a>,
    pub(crate) parameters: &'a Parameters,
    pub(crate) chain_id: Digest,
    pub(crate) height: Height,
    pub(crate) now: Timestamp,
    pub(crate) signatures: SignaturePool<'a>,
    /// Who sent the transaction at work.
    pub(crate) sender: Did,
    transaction: Digest,
    taken_in: BTreeSet<Digest>,
    events: Vec<EventRecord>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        state: &'a dyn ReadState,
        parameters: &'a Parameters,
        parent: &Header,
        now: Timestamp,
        signatures: SignaturePool<'a>,
    ) -> Self {
        Self {
            state: Overlay::new(state),
            parameters,
            chain_id: parent.chain_id,
            height: parent.height.next(),
            now,
            signatures,
            sender: Did(Digest::ZERO),
            transaction: Digest::ZERO,
            taken_in: BTreeSet::new(),
            events: Vec::new(),
        }
    }

    /// Turns to the next transaction.
    pub(super) fn turn_to(&mut self, sender: Did, transaction: Digest) {
        (self.sender, self.transaction) = (sender, transaction);
        self.taken_in.insert(transaction);
    }

    /// Whether the transaction is in the block already.
    pub(super) fn has_taken_in(&self, transaction: &Digest) -> bool {
        self.taken_in.contains(transaction)
    }

    /// Reports what happened.
    pub(crate) fn emit(&mut self, event: impl Into<Event>) {
        let (height, index) = (self.height, self.next_event());
        let transaction = self.transaction;
        self.events.push(EventRecord { height, index, transaction, event: event.into() });
    }

    /// The index of the event that is emitted next.
    pub(crate) fn next_event(&self) -> u32 {
        u32::try_from(self.events.len()).expect("a block has fewer transactions than 2³²/100")
    }

    /// Forgets events from an index on.
    pub(super) fn retract_from(&mut self, event: u32) {
        self.events.truncate(event as usize);
    }

    /// Whether a party signed this with its current keys.
    pub(crate) fn said_by(&mut self, party: Did, item: Digest, proof: &BatchProof) -> bool {
        let found = identity::query::identity(&self.state, &party);
        let Some(found) = found else { return false };
        match found.identity.keys_for(proof.signer, proof.key_version) {
            Ok(keys) => self.signatures.covers(keys, item, proof),
            Err(_) => false,
        }
    }

    /// Has a record removed by the first block after a time.
    pub(crate) fn remove_at(&mut self, at: Timestamp, record: &[u8]) {
        self.state.write(key::expiry(at, record), &());
    }

    pub(super) fn into_parts(self) -> (Overlay<'a>, Vec<EventRecord>, SignaturePool<'a>) {
        (self.state, self.events, self.signatures)
    }
}
