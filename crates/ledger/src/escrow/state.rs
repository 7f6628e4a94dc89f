//! Escrows as they are stored while money is locked in them.
use alloc::vec::Vec;

use ainur_market::payment::CancellationPolicy;
use ainur_primitives::{Amount, BudgetId, Did, Digest, DurationMs, Ppm, TaskId, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{Error, Pact, Tombstone};
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

/// An open escrow: one buyer's reserve, and the sellers it pays in parts.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Who pays.
    pub buyer: Did,
    /// Whose word decides each part.
    pub verifier: Did,
    /// What was locked of the buyer's: the most that is paid, whoever does the work.
    pub reserve: Amount,
    /// The budget it draws on.
    pub budget: Option<BudgetId>,
    /// Digest of the task's specification.
    pub call: Digest,
    /// Digest of the acceptance check.
    pub check: Digest,
    /// From then on anyone can end it.
    pub deadline: Timestamp,
    /// What late work costs its seller.
    pub service: Option<ServiceTerms>,
    /// How often it was awarded.
    pub attempt: u32,
    /// The coalitions of this attempt whose terms have penalty clauses or an insurance pool.
    pub pacts: Vec<Pact>,
    /// Who works in this attempt. Those who fail stay, so that numbers of parts do not change.
    pub engagements: Vec<Engagement>,
    /// What was paid for accepted work in all attempts, one entry for each payee.
    pub payouts: Vec<Payout>,
    /// Sellers who failed, in order; infrastructure does not count.
    pub failed: Vec<Did>,
}

/// One seller's share in an attempt.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Engagement {
    /// Who works.
    pub seller: Did,
    /// Digest of what the seller signed.
    pub consent: Digest,
    /// Digest of what explains the price.
    pub transcript: Digest,
    /// The subtask of the task's graph it does, when what it signed names one.
    pub subtask: Option<u16>,
    /// When it was agreed.
    pub since: Timestamp,
    /// What of the price the seller has already, and as much of its stake is locked for; zero once
    /// the work is accepted or has failed.
    pub advanced: Amount,
    /// What is locked of the seller's stake for its coalition's clauses: while it is at work the
    /// most that they can cost it, and when it has failed what waits for whoever takes over.
    pub pledge: Amount,
    /// What ending it early costs the buyer; without, it cannot be ended while it runs.
    pub cancellation: Option<CancellationPolicy>,
    /// What is accepted and paid by itself, in order.
    pub parts: Vec<Part>,
}

/// A part of a seller's work, accepted and paid by itself. The parts of an agreement are numbered
/// from zero through all its engagements.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What it is paid when it is accepted in time.
    pub amount: Amount,
    /// What is locked of the seller's until it ends.
    pub bond: Amount,
    /// Delivered later, it is late.
    pub due: Option<Timestamp>,
    /// Where it stands.
    pub state: PartState,
}

/// Where a part stands.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PartState {
    /// An earlier part of the same seller comes first.
    Waiting,
    /// The seller is at work.
    Running,
    /// It was accepted.
    Paid,
    /// The seller failed; a substitute, another award or a refund comes next.
    Failed,
    /// The seller failed and another does it instead, under other numbers.
    Replaced,
}

/// The promise of a time, and what breaking it costs.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ServiceTerms {
    /// The time from agreement to delivery, of work without milestones; those have times of their
    /// own. Not below what the seller said it needs.
    pub latency_ms_max: DurationMs,
    /// The share of its price that each late part gives up.
    pub compensation: Ppm,
}

/// What somebody was paid.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Payout {
    /// To whom.
    pub payee: Did,
    /// How much.
    pub amount: Amount,
}

impl PartState {
    /// True until the part is accepted or has failed.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

impl Engagement {
    /// What the seller still can be paid.
    pub fn price_open(&self) -> Amount {
        self.open_parts().map(|part| part.amount).sum()
    }

    /// What is locked of the seller's: the bonds of open parts, what secures an advance, and what
    /// is pledged.
    pub fn locked(&self) -> Amount {
        self.bonds().saturating_add(self.advanced).saturating_add(self.pledge)
    }

    /// The bonds of open parts.
    pub(super) fn bonds(&self) -> Amount {
        self.open_parts().map(|part| part.bond).sum()
    }

    /// True while a part of it is neither accepted nor failed.
    pub fn is_open(&self) -> bool {
        self.open_parts().next().is_some()
    }

    fn open_parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.state.is_open())
    }
}

impl Agreement {
    /// True while a seller is at work.
    pub fn is_running(&self) -> bool {
        self.engagements.iter().any(Engagement::is_open)
    }

    /// The parts, by number.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.engagements.iter().flat_map(|engagement| &engagement.parts)
    }

    /// What was paid for accepted work; together with what is not it is the reserve.
    pub fn paid(&self) -> Amount {
        self.payouts.iter().map(|payout| payout.amount).sum()
    }

    /// What was not paid for accepted work: what budgets still reserve.
    pub fn unpaid(&self) -> Amount {
        self.reserve.saturating_sub(self.paid())
    }

    /// What parts that are neither accepted nor replaced would be paid, those that failed until
    /// somebody else does them, and what is in insurance pools.
    pub fn promised(&self) -> Amount {
        self.counted().sum::<Amount>().saturating_add(self.insurance())
    }

    /// What each part counts of that, by number: of one that failed what is in an insurance pool
    /// again is counted there.
    pub fn counted(&self) -> impl Iterator<Item = Amount> + '_ {
        let counts = |engagement: &Engagement, part: &Part| match part.state {
            PartState::Paid | PartState::Replaced => Amount::ZERO,
            PartState::Failed => {
                let pact = self.pacts.iter().find(|pact| pact.consent == engagement.consent);
                let insured = pact.zip(engagement.subtask).and_then(|(pact, subtask)| {
                    pact.insured.iter().find(|insured| insured.subtask == subtask)
                });
                insured.map_or(part.amount, |insured| part.amount.min(insured.price))
            }
            _ => part.amount,
        };
        self.engagements.iter().flat_map(move |engagement| {
            engagement.parts.iter().map(move |part| counts(engagement, part))
        })
    }

    /// What is in the insurance pools of its coalitions.
    pub fn insurance(&self) -> Amount {
        self.pacts.iter().map(|pact| pact.pool).sum()
    }

    /// The number of the part that stands for a subtask now: the last one agreed on.
    pub fn part_of_subtask(&self, subtask: u16) -> Option<u32> {
        let mut first = 0;
        let mut found = None;
        for engagement in &self.engagements {
            if engagement.subtask == Some(subtask) {
                found = u32::try_from(first).ok();
            }
            first += engagement.parts.len();
        }
        found
    }

    /// The money that is here: what is unpaid, without what sellers have in advance.
    pub fn held(&self) -> Amount {
        let advanced = self.engagements.iter().map(|engagement| engagement.advanced).sum();
        self.unpaid().saturating_sub(advanced)
    }

    /// True when a party has been awarded any of it.
    pub fn has_engaged(&self, party: &Did) -> bool {
        self.engagements.iter().any(|engagement| engagement.seller == *party)
            || self.failed.contains(party)
            || self.payouts.iter().any(|payout| payout.payee == *party)
    }

    /// Where a part is: which engagement, and which part of it.
    pub(super) fn locate(&self, part: u32) -> Result<(usize, usize), Error> {
        let mut within = part as usize;
        for (at, engagement) in self.engagements.iter().enumerate() {
            if within < engagement.parts.len() {
                return Ok((at, within));
            }
            within -= engagement.parts.len();
        }
        Err(Error::UnknownPart(part))
    }

    /// Notes what a seller was paid for good; accepted work is noted at any price.
    pub(super) fn pay_out(&mut self, payee: Did, amount: Amount) {
        match self.payouts.iter_mut().find(|payout| payout.payee == payee) {
            Some(payout) => payout.amount = payout.amount.saturating_add(amount),
            None => self.payouts.push(Payout { payee, amount }),
        }
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
