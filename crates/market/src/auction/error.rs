//! Why an auction refuses something; no error changes the auction.
use ainur_primitives::{Amount, Did, Digest, Ppm, SelectionRule, TaskId, Timestamp};

use super::{ENTRANTS_MAX, terms::TERMS_AMOUNT_MAX};
use crate::combinatorial::{BUNDLES_MAX, CALL_AMOUNT_MAX, SUBTASKS_MAX};
use crate::payment::PaymentError;

/// A refused call, commitment, bid or transcript.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing could be paid.
    #[error("the reserve is zero, so no bid could win")]
    ReserveZero,
    /// A reserve or loss that could make a score overflow.
    #[error("reserve and loss are at most {TERMS_AMOUNT_MAX} base units each")]
    AmountTooLarge,
    /// The phases are not in order.
    #[error("an auction opens before commit_until, and commit_until is before reveal_until")]
    PhaseEmpty,
    /// About another task than the auction's.
    #[error("this is about task {found}, the auction is for {expected}")]
    OtherTask {
        /// The auction's task.
        expected: TaskId,
        /// The task named.
        found: TaskId,
    },
    /// A commitment outside its phase.
    #[error("commitments are taken from {from} until before {until}, not at {now}")]
    NotCommitting {
        /// When it came.
        now: Timestamp,
        /// Start of the phase.
        from: Timestamp,
        /// End of the phase.
        until: Timestamp,
    },
    /// A reveal outside its phase.
    #[error("bids are revealed from {from} until before {until}, not at {now}")]
    NotRevealing {
        /// When it came.
        now: Timestamp,
        /// Start of the phase.
        from: Timestamp,
        /// End of the phase.
        until: Timestamp,
    },
    /// Closing while bids can still be made or revealed.
    #[error("the auction can close at {from} (earlier once every bid is revealed), not at {now}")]
    NotClosing {
        /// When it was tried.
        now: Timestamp,
        /// From when on it can close.
        from: Timestamp,
    },
    /// A second commitment by the same bidder.
    #[error("{0} has already committed to a bid")]
    AlreadyCommitted(Did),
    /// A second reveal by the same bidder.
    #[error("{0} has already revealed its bid")]
    AlreadyRevealed(Did),
    /// A reveal without a commitment.
    #[error("{0} reveals a bid it has not committed to")]
    UnknownBidder(Did),
    /// The auction is full.
    #[error("the auction has its {ENTRANTS_MAX} bidders already")]
    Full,
    /// A bond below what the call asks, or another than was committed.
    #[error("the bid bond is {found} base units, not {expected}")]
    Bond {
        /// What it has to be.
        expected: Amount,
        /// What it is.
        found: Amount,
    },
    /// A commitment under another end of revealing.
    #[error("the commitment says reveal_until {found}, the call says {expected}")]
    RevealUntil {
        /// The call's.
        expected: Timestamp,
        /// The commitment's.
        found: Timestamp,
    },
    /// A bid that is not the one committed to.
    #[error("the bid and salt of {bidder} give {found}, the commitment is {expected}")]
    CommitmentMismatch {
        /// Whose.
        bidder: Did,
        /// The commitment made.
        expected: Digest,
        /// The commitment of what was revealed.
        found: Digest,
    },
    /// Terms of payment that cannot be.
    #[error("the terms of payment cannot be")]
    Payment(#[from] PaymentError),
    /// A bid on other terms of payment than the call's.
    #[error("{0} bids on other terms of payment than the call's")]
    OtherPayment(Did),
    /// More than certainty.
    #[error("a probability is at most 1000000 parts per million, not {}", .0.0)]
    NotAProbability(Ppm),
    /// Entrants of a transcript that are not in ascending order of bidder, or occur twice.
    #[error("the transcript is not in canonical order at {0}: entrants ascend by bidder")]
    Unordered(Did),
    /// A call over no subtask, or over too many.
    #[error("a call is over 1 to {SUBTASKS_MAX} subtasks, not {0}")]
    SubtaskCount(usize),
    /// Subtasks that could cost more than the call may.
    #[error("the reserves of the subtasks are {reserves} base units, the budget is {budget}")]
    OverBudget {
        /// The sum of the reserves.
        reserves: Amount,
        /// What the call may cost.
        budget: Amount,
    },
    /// A budget or loss that could make a sum of scores overflow.
    #[error(
        "the budget of a call and the loss of a subtask are at most {CALL_AMOUNT_MAX} base units"
    )]
    CallTooLarge,
    /// A call that would be over before anyone could work on it.
    #[error("the deadline is not after the end of revealing")]
    DeadlineTooEarly,
    /// A rule by which bundles cannot be compared.
    #[error("bundles are chosen by score or by price, not by {0:?}")]
    SelectionForOne(SelectionRule),
    /// A bid with no bundle, or with too many.
    #[error("{bidder} offers {count} bundles: a bid has 1 to {BUNDLES_MAX}")]
    BundleCount {
        /// Whose.
        bidder: Did,
        /// How many.
        count: usize,
    },
    /// A bundle of nothing, or of subtasks that the call does not have.
    #[error("bundle {index} of {bidder} is empty, or has subtasks that the call does not have")]
    OtherSubtasks {
        /// Whose.
        bidder: Did,
        /// The bundle's place in the bid, from 0.
        index: usize,
    },
}
