//! Why the board refuses something; no error changes it.
use ainur_primitives::{Did, Digest, Ppm, TaskId, Timestamp};

use super::board::{OFFERS_MAX, OFFERS_PER_SELLER_MAX};
use super::terms::OfferError;

/// A refused offer, or a task that cannot be done under one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Terms that cannot be offered.
    #[error("the offer's terms cannot be")]
    Terms(#[from] OfferError),
    /// A failure probability above certainty.
    #[error("a failure probability is at most 1000000 parts per million, not {}", .0.0)]
    Probability(Ppm),
    /// The same offer is there, or what was agreed under it is not all done.
    #[error("offer {0} is on the board already")]
    AlreadyPosted(Digest),
    /// No more offers.
    #[error("the board has its {OFFERS_MAX} offers already")]
    Full,
    /// No more offers of this seller.
    #[error("{0} has its {OFFERS_PER_SELLER_MAX} offers on the board already")]
    SellerFull(Did),
    /// Nothing with this digest is offered.
    #[error("offer {0} is not on the board")]
    UnknownOffer(Digest),
    /// Too early or too late.
    #[error("the offer can be taken from {from} until before {until}, not at {now}")]
    NotValid {
        /// When it was to be taken.
        now: Timestamp,
        /// Start of its validity.
        from: Timestamp,
        /// End of its validity.
        until: Timestamp,
    },
    /// All its places are taken, those in the queue too.
    #[error("offer {0} has no place left")]
    NoPlace(Digest),
    /// The task has a place already.
    #[error("task {0} is under an offer already")]
    AlreadyTaken(TaskId),
    /// The task has no place to give back.
    #[error("task {0} is under no offer")]
    UnknownTask(TaskId),
}
