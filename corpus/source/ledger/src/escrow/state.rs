//! Escrows as they are stored.
use alloc::vec::Vec;
use core::fmt;

use ainur_primitives::{
    Amount, BudgetId, ContentId, Did, Digest, FailureReason, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::block::Height;
use crate::state::{Overlay, key};

/// An escrow: open with money in it, or what is remembered of it.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Escrow {
    /// Money is locked.
    Open(Agreement),
    /// It ended.
    Closed(Tombstone),
}

/// An open escrow.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Who pays.
    pub buyer: Did,
    /// Whose word decides each attempt.
    pub verifier: Did,
    /// What is locked of the buyer's.
    pub reserve: Amount,
    /// The budget it draws on.
    pub budget: Option<BudgetId>,
    /// Digest of the call for proposals.
    pub call: Digest,
    /// Digest of the acceptance check.
    pub check: Digest,
    /// From then on anyone can end it.
    pub deadline: Timestamp,
    /// The last award.
    pub attempt: Engagement,
    /// Whether the last award is at work.
    pub stage: Stage,
    /// Sellers who failed, in order; infrastructure does not count.
    pub failed: Vec<Did>,
}

/// One award of the task.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Engagement {
    /// Which, counted from one.
    pub number: u32,
    /// Who works.
    pub seller: Did,
    /// What accepted work is paid.
    pub price: Amount,
    /// What is locked of the seller's.
    pub bond: Amount,
    /// Digest of the seller's bid.
    pub bid: Digest,
    /// Digest of the auction's transcript.
    pub transcript: Digest,
}

/// Where an open escrow stands.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The seller is at work and its bond is locked.
    Running,
    /// The attempt failed; another award or a refund comes next.
    Failed(FailureReason),
}

/// What is remembered of a closed escrow.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// Who paid or was refunded.
    pub buyer: Did,
    /// Who was paid; none when refunded.
    pub seller: Option<Did>,
    /// How it ended.
    pub closing: Closing,
    /// How many attempts there were.
    pub attempts: u32,
    /// What the seller got.
    pub paid: Amount,
    /// What the buyer got back.
    pub refunded: Amount,
    /// What was delivered, when settled.
    pub output: Option<ContentId>,
    /// The block in which it ended.
    pub height: Height,
    /// The event of that block that says so.
    pub event: u32,
    /// When it ended.
    pub closed: Timestamp,
    /// Sellers who failed.
    pub failed: Vec<Did>,
    /// The buyer's rating.
    pub rating: Option<Rating>,
}

/// How an escrow ended.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// The seller was paid.
    Settled,
    /// The buyer was refunded before the deadline.
    Refunded,
    /// The buyer was refunded after the deadline.
    Expired,
}

/// A buyer's rating of settled work.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Rating {
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
        })
    }
}

/// The open escrow of a task.
pub(super) fn open(state: &Overlay<'_>, task: TaskId) -> Result<Agreement, Error> {
    match state.read(&key::escrow(&task)) {
        Some(Escrow::Open(agreement)) => Ok(agreement),
        Some(Escrow::Closed(Tombstone { closing, .. })) => {
            Err(Error::AlreadyClosed { task, closing })
        }
        None => Err(Error::Unknown(task)),
    }
}

pub(super) fn write_open(state: &mut Overlay<'_>, task: TaskId, agreement: Agreement) {
    state.write(key::escrow(&task), &Escrow::Open(agreement));
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
