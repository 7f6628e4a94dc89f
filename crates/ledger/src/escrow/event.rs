//! What happened to escrows.
use ainur_primitives::{
    Amount, BudgetId, ContentId, Did, Digest, FailureReason, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// What happened in this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A buyer and a seller are bound; reserve and bond are locked.
    Agreed {
        /// Which task.
        task: TaskId,
        /// Who pays.
        buyer: Did,
        /// Who works.
        seller: Did,
        /// Whose word decides.
        verifier: Did,
        /// What accepted work is paid.
        price: Amount,
        /// What is locked of the buyer's.
        reserve: Amount,
        /// What is locked of the seller's.
        bond: Amount,
        /// Digest of the seller's bid, or of what else it agreed to.
        bid: Digest,
        /// Digest of the call for proposals.
        call: Digest,
        /// Digest of the auction's transcript; of the offer, where there was none.
        transcript: Digest,
        /// Digest of the acceptance check.
        check: Digest,
        /// The budget drawn on.
        budget: Option<BudgetId>,
        /// When it ends at the latest.
        deadline: Timestamp,
    },
    /// The task was awarded again.
    Reawarded {
        /// Which task.
        task: TaskId,
        /// Which attempt this begins.
        attempt: u32,
        /// Who works now.
        seller: Did,
        /// What accepted work is paid.
        price: Amount,
        /// What is locked of the seller's.
        bond: Amount,
        /// Digest of the seller's bid, or of what else it agreed to.
        bid: Digest,
        /// Digest of the auction's transcript; of the offer, where there was none.
        transcript: Digest,
    },
    /// The work was accepted and paid.
    Settled {
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// Who paid.
        buyer: Did,
        /// Who worked.
        seller: Did,
        /// What the seller got.
        price: Amount,
        /// What went back to the buyer.
        refunded: Amount,
        /// What was delivered.
        output: ContentId,
        /// Digest of the verdict.
        verdict: Digest,
    },
    /// An attempt failed.
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
    },
    /// The buyer got everything back.
    Refunded {
        /// Which task.
        task: TaskId,
        /// Who got it back.
        buyer: Did,
        /// How much.
        amount: Amount,
        /// True when the deadline had passed.
        expired: bool,
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
