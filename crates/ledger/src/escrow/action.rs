//! What can be asked of escrow.
use ainur_crypto::BatchProof;
use ainur_market::auction::CommitTerms;
use ainur_market::offer::OfferTerms;
use ainur_primitives::{
    Amount, BudgetId, ContentId, Did, Digest, FailureReason, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::SignedAward;

/// A call to this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// The buyer agrees with a seller: locks the reserve and the seller's bond.
    Agree {
        /// Which task.
        task: TaskId,
        /// Whose word decides each attempt.
        verifier: Did,
        /// The most that is paid, whoever does the work.
        reserve: Amount,
        /// The first award.
        award: SignedAward,
        /// The buyer's budget it draws on.
        budget: Option<BudgetId>,
        /// Digest of the task's specification, as in its call for proposals.
        call: Digest,
        /// Digest of the acceptance check.
        check: Digest,
        /// From then on anyone can have the buyer refunded.
        deadline: Timestamp,
    },
    /// The buyer awards the task again after a failed attempt.
    Reaward {
        /// Which task.
        task: TaskId,
        /// The next award.
        award: SignedAward,
    },
    /// The verifier accepts the work: the seller is paid, the rest goes back.
    Settle {
        /// Which task.
        task: TaskId,
        /// Which attempt, counted from one.
        attempt: u32,
        /// What was delivered.
        output: ContentId,
        /// Digest of the verdict.
        verdict: Digest,
    },
    /// The verifier rejects the attempt: the bond pays for it, the escrow stays.
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
    /// Buyer or verifier give up while no attempt is at work: the buyer gets everything back.
    Refund {
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
