//! Events: what transactions did, in order, each provable under the header of its block.
use ainur_crypto::merkle::{InclusionProof, inclusion_proofs_all, leaf_hash};
use ainur_primitives::Digest;
use alloc::vec::Vec;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::block::{Header, Height};
use crate::error::TransactionError;
use crate::{balances, budget, escrow, exchange, identity, registry, rental, reputation};

/// What happened, by module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A transaction failed: only its fee was paid and its nonce used.
    Failed(TransactionError),
    /// Money.
    Balances(balances::Event),
    /// Keys.
    Identity(identity::Event),
    /// Agent cards.
    Registry(registry::Event),
    /// Limits on spending.
    Budget(budget::Event),
    /// Agreements.
    Escrow(escrow::Event),
    /// Stake and ratings.
    Reputation(reputation::Event),
    /// Credits and their trade.
    Exchange(exchange::Event),
    /// Rentals.
    Rental(rental::Event),
}

macro_rules! event_from {
    ($($module:ident: $variant:ident),*) => {$(
        impl From<$module::Event> for Event {
            fn from(event: $module::Event) -> Self {
                Self::$variant(event)
            }
        }
    )*};
}

event_from!(
    balances: Balances,
    identity: Identity,
    registry: Registry,
    budget: Budget,
    escrow: Escrow,
    reputation: Reputation,
    exchange: Exchange,
    rental: Rental
);

/// An event and where it stands.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct EventRecord {
    /// In which block.
    pub height: Height,
    /// Which event of the block, counted from zero.
    pub index: u32,
    /// Digest of the transaction that caused it.
    pub transaction: Digest,
    /// What happened.
    pub event: Event,
}

impl EventRecord {
    pub(crate) fn leaf(&self) -> Digest {
        leaf_hash(&self.encode())
    }
}

/// That an event happened in the block with this header. Whether the header is the ledger's is for
/// its signatures to show.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct EventProof {
    /// The header of the block.
    pub header: Header,
    /// The event.
    pub record: EventRecord,
    /// The way from the event to the header's events root.
    pub inclusion: InclusionProof,
}

/// Why an event proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventProofError {
    /// The event names another block or place than the proof.
    #[error("the event says it is at another place than the proof does")]
    Elsewhere,
    /// It is not under the header's events root.
    #[error("the event is not under the header's events root")]
    NotIncluded,
}

impl EventProof {
    /// The proof of every event of a block, in order: hashes the tree once.
    pub fn all(header: &Header, events: &[EventRecord]) -> Vec<Self> {
        let leaves: Vec<Digest> = events.iter().map(EventRecord::leaf).collect();
        let (_, inclusions) = inclusion_proofs_all(&leaves);
        events
            .iter()
            .zip(inclusions)
            .map(|(record, inclusion)| Self { header: *header, record: record.clone(), inclusion })
            .collect()
    }

    /// Checks that the event is under the header.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self) -> Result<(), EventProofError> {
        let in_place = self.record.height == self.header.height
            && u64::from(self.record.index) == self.inclusion.index;
        if !in_place {
            return Err(EventProofError::Elsewhere);
        }
        if self.inclusion.verify(self.record.leaf(), self.header.events_root) {
            Ok(())
        } else {
            Err(EventProofError::NotIncluded)
        }
    }
}
