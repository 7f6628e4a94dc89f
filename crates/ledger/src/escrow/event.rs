//! What happened to escrows.
use alloc::vec::Vec;

use ainur_primitives::{
    Amount, BudgetId, ContentId, Did, Digest, FailureReason, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{Engagement, HeldPenalty, Payout, Penalty, ServiceTerms};

/// What happened in this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A buyer and sellers are bound; reserve and bonds are locked.
    Agreed {
        /// Which task.
        task: TaskId,
        /// Who pays.
        buyer: Did,
        /// Whose word decides.
        verifier: Did,
        /// What is locked of the buyer's.
        reserve: Amount,
        /// Who works, for how much.
        sellers: Vec<Hire>,
        /// Digest of the task's specification.
        call: Digest,
        /// Digest of the acceptance check.
        check: Digest,
        /// The budget drawn on.
        budget: Option<BudgetId>,
        /// What late work costs its seller.
        service: Option<ServiceTerms>,
        /// When it ends at the latest.
        deadline: Timestamp,
    },
    /// The task was awarded again.
    Reawarded {
        /// Which task.
        task: TaskId,
        /// Which attempt this begins.
        attempt: u32,
        /// Who works now, for how much.
        sellers: Vec<Hire>,
        /// What had waited for somebody to take over failed work, and went to the buyer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        held: Vec<HeldPenalty>,
        /// What was withheld for insurance and went to members whose work was accepted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        insurance: Vec<Payout>,
    },
    /// What a seller failed at was awarded to another.
    Substituted {
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// A part that had failed.
        part: u32,
        /// The number of the first part that stands in its place.
        first: u32,
        /// Who works instead, for how much.
        sellers: Vec<Hire>,
        /// What had waited for whoever takes over, and went to the first of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<HeldPenalty>,
    },
    /// The work was accepted and all of it paid.
    Settled {
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// Who paid.
        buyer: Did,
        /// Who was paid how much, over all attempts and parts.
        payouts: Vec<Payout>,
        /// What sellers gave up now for being late; it is part of what went back.
        compensation: Amount,
        /// What went back to the buyer; together with the payouts it is the reserve.
        refunded: Amount,
        /// What was delivered.
        output: ContentId,
        /// Digest of the verdict.
        verdict: Digest,
        /// What the clauses of their coalitions cost members who are paid now, but were late.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        penalties: Vec<Penalty>,
        /// What had waited for somebody to take over failed work, and went to the buyer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        held: Vec<HeldPenalty>,
        /// What was withheld for insurance and went to members whose work was accepted; it is among
        /// the payouts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        insurance: Vec<Payout>,
    },
    /// A part was accepted and paid.
    PartSettled {
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// Which part.
        part: u32,
        /// Who worked.
        seller: Did,
        /// What the seller got.
        price: Amount,
        /// What it gave up for being late.
        compensation: Amount,
        /// What was delivered.
        output: ContentId,
        /// Digest of the verdict.
        verdict: Digest,
        /// What the clauses of its coalition cost it for being late, when they cost it anything.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        penalties: Vec<Penalty>,
    },
    /// A seller failed at a part and at all it had not had accepted.
    PartFailed {
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// Which part.
        part: u32,
        /// Who worked.
        seller: Did,
        /// How it failed.
        reason: FailureReason,
        /// Digest of what shows it.
        evidence: Digest,
        /// What the clauses of its coalition cost it, when it has any.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        penalties: Vec<Penalty>,
    },
    /// A seller that failed gave back from its stake what it was paid in advance.
    AdvanceReturned {
        /// Which task.
        task: TaskId,
        /// Who.
        seller: Did,
        /// How much is in escrow again.
        amount: Amount,
    },
    /// A seller failed with the attempt.
    Failed {
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// Who worked.
        seller: Did,
        /// How it failed.
        reason: FailureReason,
        /// Digest of what shows it.
        evidence: Digest,
        /// What the clauses of its coalition cost it, when it has any.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        penalties: Vec<Penalty>,
    },
    /// The buyer got back what was unpaid.
    Refunded {
        /// Which task.
        task: TaskId,
        /// Who got it back.
        buyer: Did,
        /// Who had been paid how much for accepted parts.
        payouts: Vec<Payout>,
        /// How much; together with the payouts it is the reserve.
        amount: Amount,
        /// True when the deadline had passed.
        expired: bool,
        /// What had waited for somebody to take over failed work, and went to the buyer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        held: Vec<HeldPenalty>,
        /// What was withheld for insurance and went to members whose work was accepted; it is among
        /// the payouts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        insurance: Vec<Payout>,
    },
    /// The buyer ended what ran.
    Cancelled {
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// Who ended it.
        buyer: Did,
        /// Who was paid how much, fees included.
        payouts: Vec<Payout>,
        /// What sellers at work were paid for being cancelled.
        fees: Amount,
        /// What went back to the buyer; together with the payouts it is the reserve.
        refunded: Amount,
        /// What had waited for somebody to take over failed work, and went to the buyer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        held: Vec<HeldPenalty>,
        /// What was withheld for insurance and went to members whose work was accepted; it is among
        /// the payouts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        insurance: Vec<Payout>,
    },
    /// A bidder lost its bond for not revealing.
    BidBondForfeited {
        /// Which task.
        task: TaskId,
        /// Who bid.
        bidder: Did,
        /// How much there was to take.
        amount: Amount,
    },
    /// A seller took a standing offer back.
    OfferRevoked {
        /// Which, by its digest.
        offer: Digest,
        /// Whose.
        seller: Did,
    },
}

/// A seller bound to a task, as told.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Hire {
    /// Who works.
    pub seller: Did,
    /// What accepted work is paid.
    pub price: Amount,
    /// What of it was paid in advance.
    pub advanced: Amount,
    /// What is locked of the seller's for failing, without what secures an advance.
    pub bond: Amount,
    /// What is locked of the seller's for the clauses of its coalition.
    pub pledge: Amount,
    /// Digest of the seller's bid, or of what else it agreed to.
    pub bid: Digest,
    /// Digest of what explains the price: an auction's transcript, a negotiation's thread, or what
    /// was signed when that is all there is.
    pub transcript: Digest,
    /// The subtask of the task's graph, when what was signed names one.
    pub subtask: Option<u16>,
    /// Into how many parts the price is divided.
    pub parts: u32,
}

impl Event {
    /// What it says that clauses of coalitions cost, and what went out of what had waited.
    pub fn penalties(&self) -> (&[Penalty], &[HeldPenalty]) {
        match self {
            Self::PartFailed { penalties, .. }
            | Self::Failed { penalties, .. }
            | Self::PartSettled { penalties, .. } => (penalties, &[]),
            Self::Substituted { held, .. } => (&[], held.as_slice()),
            Self::Settled { penalties, held, .. } => (penalties, held),
            Self::Reawarded { held, .. }
            | Self::Refunded { held, .. }
            | Self::Cancelled { held, .. } => (&[], held),
            Self::Agreed { .. }
            | Self::AdvanceReturned { .. }
            | Self::BidBondForfeited { .. }
            | Self::OfferRevoked { .. } => (&[], &[]),
        }
    }
}

impl Event {
    /// What it says that members got back of what was withheld for insurance.
    pub fn insurance(&self) -> &[Payout] {
        match self {
            Self::Settled { insurance, .. }
            | Self::Reawarded { insurance, .. }
            | Self::Refunded { insurance, .. }
            | Self::Cancelled { insurance, .. } => insurance,
            _ => &[],
        }
    }
}

impl From<&Engagement> for Hire {
    fn from(engagement: &Engagement) -> Self {
        let Engagement { seller, consent, transcript, subtask, advanced, pledge, .. } = *engagement;
        Self {
            seller,
            price: engagement.parts.iter().map(|part| part.amount).sum(),
            advanced,
            bond: engagement.parts.iter().map(|part| part.bond).sum(),
            pledge,
            bid: consent,
            transcript,
            subtask,
            parts: u32::try_from(engagement.parts.len()).unwrap_or(u32::MAX),
        }
    }
}
