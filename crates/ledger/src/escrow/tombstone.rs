//! What is remembered of an escrow that ended, until nothing signed for its task is valid.
use alloc::vec::Vec;
use core::fmt;

use ainur_primitives::{Amount, ContentId, Did, TaskId, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{Escrow, Payout};
use crate::block::Height;
use crate::state::{Overlay, key};

/// What is remembered of a closed escrow.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// Who paid or was refunded.
    pub buyer: Did,
    /// How it ended.
    pub closing: Closing,
    /// How many attempts there were.
    pub attempts: u32,
    /// Who was paid how much, over all attempts; together with the refund it is the reserve.
    pub payouts: Vec<Payout>,
    /// What the buyer got back.
    pub refunded: Amount,
    /// What was delivered last, when settled.
    pub output: Option<ContentId>,
    /// The block in which it ended.
    pub height: Height,
    /// The event of that block that says so.
    pub event: u32,
    /// When it ended.
    pub closed: Timestamp,
    /// Sellers who failed.
    pub failed: Vec<Did>,
    /// The buyer's ratings of those who were paid and did not fail.
    pub ratings: Vec<Rating>,
}

/// How an escrow ended.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// The work was accepted and paid.
    Settled,
    /// The buyer was refunded before the deadline.
    Refunded,
    /// The buyer was refunded after the deadline.
    Expired,
    /// The buyer ended it while sellers were at work.
    Cancelled,
}

/// A buyer's rating of settled work.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Rating {
    /// Whose work.
    pub seller: Did,
    /// One to five.
    pub rating: u8,
    /// The work served its purpose.
    pub success: bool,
    /// The seller disputed it; it does not count.
    pub disputed: bool,
}

impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settled => "settled",
            Self::Refunded => "refunded",
            Self::Expired => "refunded after its deadline",
            Self::Cancelled => "cancelled",
        })
    }
}

impl Tombstone {
    /// What all sellers got.
    pub fn paid(&self) -> Amount {
        self.payouts.iter().map(|payout| payout.amount).sum()
    }

    /// Who was paid and did not fail.
    pub(crate) fn settled_sellers(&self) -> impl Iterator<Item = Did> {
        let payees = self.payouts.iter().map(|payout| payout.payee);
        payees.filter(|payee| !self.failed.contains(payee))
    }
}

/// What is remembered of a settled task.
pub(crate) fn settled(state: &Overlay<'_>, task: &TaskId) -> Option<Tombstone> {
    match state.read(&key::escrow(task)) {
        Some(Escrow::Closed(tombstone)) if tombstone.closing == Closing::Settled => Some(tombstone),
        _ => None,
    }
}

pub(crate) fn write_tombstone(state: &mut Overlay<'_>, task: &TaskId, tombstone: Tombstone) {
    state.write(key::escrow(task), &Escrow::Closed(tombstone));
}
