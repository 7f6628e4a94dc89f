//! What one kind of sealed-bid auction is made of; phases, commitments and transcripts are the same
//! for all kinds.
use ainur_primitives::{Amount, Did, Digest, Ppm, TaskId, Timestamp};
use scale::Encode;

use super::error::Error;

/// The buyer's side of an auction of some kind.
pub trait SealedCall: Encode + Clone {
    /// What bidders commit to.
    type Bid: SealedBid;

    /// Under which tag a transcript of this kind is hashed.
    const TRANSCRIPT_TAG: &'static str;

    /// What is called for, when, and for which bond.
    fn frame(&self) -> Frame;

    /// Checks what an auction with these terms needs.
    ///
    /// # Errors
    /// When no auction could be held on them.
    fn validate(&self) -> Result<(), Error>;

    /// Checks what a revealed bid has to be on these terms, beyond what holds for every kind.
    ///
    /// # Errors
    /// When the bid could not have been made.
    fn check(&self, bid: &Self::Bid) -> Result<(), Error>;
}

/// A bid that was committed to before it was shown.
pub trait SealedBid: Encode + Clone {
    /// The task bid on.
    fn task(&self) -> TaskId;
    /// Who bids.
    fn bidder(&self) -> Did;
    /// What the bidder loses when it does not reveal; as in its commitment.
    fn bid_bond(&self) -> Amount;
    /// How sure the bidder says it is to deliver.
    fn confidence(&self) -> Ppm;
    /// What a bidder's signature over this bid covers.
    fn digest(&self) -> Digest;
}

/// The part of a call that every kind of auction has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The task called for.
    pub task: TaskId,
    /// Commitments are taken from then…
    pub opened: Timestamp,
    /// …until before then; reveals from then…
    pub commit_until: Timestamp,
    /// …until before then.
    pub reveal_until: Timestamp,
    /// The least bond a commitment brings.
    pub bid_bond: Amount,
}

impl Frame {
    /// Checks that commitments and reveals each have their time.
    ///
    /// # Errors
    /// When a phase is empty.
    pub fn validate(&self) -> Result<(), Error> {
        if self.opened >= self.commit_until || self.commit_until >= self.reveal_until {
            return Err(Error::PhaseEmpty);
        }
        Ok(())
    }
}
