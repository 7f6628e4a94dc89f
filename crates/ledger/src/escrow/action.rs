//! What can be asked of escrow.
use alloc::vec::Vec;

use ainur_crypto::{BatchProof, hash};
use ainur_market::auction::CommitTerms;
use ainur_market::offer::OfferTerms;
use ainur_primitives::{
    Amount, BudgetId, ContentId, Did, Digest, FailureReason, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{ServiceTerms, SignedAward};

/// A call to this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// The buyer agrees with sellers: locks the reserve and the sellers' bonds.
    Agree {
        /// Which task.
        task: TaskId,
        /// Whose word decides each attempt.
        verifier: Did,
        /// The most that is paid, whoever does the work.
        reserve: Amount,
        /// The first awards; together at most the reserve.
        awards: Vec<SignedAward>,
        /// What late work costs its seller.
        service: Option<ServiceTerms>,
        /// The buyer's budget it draws on.
        budget: Option<BudgetId>,
        /// Digest of the task's specification, as in its call for proposals.
        call: Digest,
        /// The buyer's own number for the task; `task` is [`task_id`] of all that names it.
        serial: u64,
        /// Digest of the acceptance check.
        check: Digest,
        /// From then on anyone can have the buyer refunded.
        deadline: Timestamp,
    },
    /// The buyer awards the task again after a failed attempt.
    Reaward {
        /// Which task.
        task: TaskId,
        /// The next awards; together at most what is unpaid.
        awards: Vec<SignedAward>,
    },
    /// The buyer awards what a seller failed at to another, while the others go on.
    Substitute {
        /// Which task.
        task: TaskId,
        /// A part that failed; all that its seller failed at is replaced.
        part: u32,
        /// The award, for at most what of the reserve is promised to nobody else.
        award: SignedAward,
    },
    /// The verifier accepts the work: everyone at work is paid, the rest goes back.
    Settle {
        /// Which task.
        task: TaskId,
        /// Which attempt, counted from one.
        attempt: u32,
        /// When it was delivered.
        delivered: Timestamp,
        /// What was delivered.
        output: ContentId,
        /// Digest of the verdict.
        verdict: Digest,
    },
    /// The verifier accepts one part: it is paid. After the last one the rest goes back.
    SettlePart {
        /// Which task.
        task: TaskId,
        /// Which attempt, counted from one.
        attempt: u32,
        /// Which part, counted from zero through all sellers.
        part: u32,
        /// When it was delivered.
        delivered: Timestamp,
        /// What was delivered.
        output: ContentId,
        /// Digest of the verdict.
        verdict: Digest,
    },
    /// The verifier fails the seller of a part at all that it has not had accepted: the bonds of
    /// that pay for it, the others go on.
    FailPart {
        /// Which task.
        task: TaskId,
        /// Which attempt, counted from one.
        attempt: u32,
        /// Which part, counted from zero through all sellers.
        part: u32,
        /// How it failed.
        reason: FailureReason,
        /// Digest of what shows it.
        evidence: Digest,
    },
    /// The verifier rejects the attempt: the bonds of all at work pay for it, the escrow stays.
    Fail {
        /// Which task.
        task: TaskId,
        /// Which attempt, counted from one.
        attempt: u32,
        /// How it failed.
        reason: FailureReason,
        /// Digest of what shows it.
        evidence: Digest,
    },
    /// Buyer or verifier give up while nobody is at work: the buyer gets back what is unpaid.
    Refund {
        /// Which task.
        task: TaskId,
    },
    /// The buyer ends what runs, for the fees its sellers agreed to.
    Cancel {
        /// Which task.
        task: TaskId,
    },
    /// Anyone ends an escrow after its deadline; an attempt at work has run out of time.
    Expire {
        /// Which task.
        task: TaskId,
    },
    /// The buyer of a task takes the bond of a bidder who committed and did not reveal.
    ForfeitBidBond {
        /// What the bidder committed to.
        commit: CommitTerms,
        /// The bidder's signature over the commitment's digest.
        proof: BatchProof,
    },
    /// The seller takes a standing offer back; what runs under it goes on.
    RevokeOffer {
        /// The offer.
        offer: OfferTerms,
    },
}

/// The name of a task: who buys it, whose word decides it, what is wanted, on which ledger, and the
/// buyer's own number for it. Whoever signs a bid on a task has signed all of that.
pub fn task_id(
    chain: &Digest,
    (buyer, verifier): (&Did, &Did),
    call: &Digest,
    serial: u64,
) -> TaskId {
    let parts = [&chain.0[..], &buyer.0.0, &verifier.0.0, &call.0, &serial.to_le_bytes()];
    TaskId(hash::tagged("ainur/task/v2", &parts))
}
