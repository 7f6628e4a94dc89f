//! What is agreed to by entering an auction: the call's terms, a commitment, and the bid behind it.
//!
//! Each has one digest, over its SCALE encoding under a tag of its own, so that no signature over
//! one is a signature over another.
use ainur_crypto::hash;
use ainur_primitives::{
    Amount, Did, Digest, DurationMs, Ppm, QualityLevel, SelectionRule, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

use super::call::{Frame, SealedBid, SealedCall};
use super::error::Error;
use crate::payment::PaymentTerms;

/// A bid: what a seller asks and promises. Secret until it is revealed.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct BidTerms {
    /// The task bid on.
    pub task: TaskId,
    /// Who bids.
    pub bidder: Did,
    /// What the bidder asks for accepted work.
    pub price: Amount,
    /// What the bidder loses when it commits and does not reveal; as in its commitment.
    pub bid_bond: Amount,
    /// How long the bidder expects the work to take.
    pub estimated_duration_ms: DurationMs,
    /// How sure the bidder says it is to deliver; informative, never weighed.
    pub confidence: Ppm,
    /// The quality offered.
    pub quality_level: QualityLevel,
    /// Digest of the agent card whose contract the bidder will fulfil.
    pub card: Digest,
    /// The bid can be accepted until then.
    pub valid_until: Timestamp,
    /// When the bidder is paid; as the call says.
    pub payment: PaymentTerms,
}

impl BidTerms {
    /// What a bidder's signature over this bid covers.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/bid-terms/v1", &[&self.encode()])
    }
}

impl SealedBid for BidTerms {
    fn task(&self) -> TaskId {
        self.task
    }

    fn bidder(&self) -> Did {
        self.bidder
    }

    fn bid_bond(&self) -> Amount {
        self.bid_bond
    }

    fn confidence(&self) -> Ppm {
        self.confidence
    }

    fn digest(&self) -> Digest {
        Self::digest(self)
    }
}

/// The commitment to a bid that is revealed later with the same salt: binding, and hiding as long
/// as the 32 bytes of salt are random and secret.
pub fn commitment(terms: &impl SealedBid, salt: &[u8; 32]) -> Digest {
    hash::tagged("ainur/bid-commitment/v1", &[&terms.digest().0, salt])
}

/// A sealed bid: all that is known of it while others can still bid.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct CommitTerms {
    /// The task bid on.
    pub task: TaskId,
    /// Who bids.
    pub bidder: Did,
    /// The [`commitment`] to the bid.
    pub commitment: Digest,
    /// What the bidder loses when it does not reveal in time.
    pub bid_bond: Amount,
    /// The call's end of revealing; afterwards the bond is forfeit.
    pub reveal_until: Timestamp,
}

impl CommitTerms {
    /// What a bidder's signature over this commitment covers.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/commit-terms/v1", &[&self.encode()])
    }
}

/// The buyer's side of an auction, fixed when it opens.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct AuctionTerms {
    /// The task called for.
    pub task: TaskId,
    /// The most the buyer pays; escrow locks it.
    pub reserve: Amount,
    /// What failed work would cost the buyer; weighs in [`SelectionRule::Scored`] only.
    pub loss: Amount,
    /// How the winner is chosen.
    pub selection: SelectionRule,
    /// A bid that expects to take longer is infeasible.
    pub duration_ms_max: DurationMs,
    /// Commitments are taken from then…
    pub opened: Timestamp,
    /// …until before then; reveals from then…
    pub commit_until: Timestamp,
    /// …until before then.
    pub reveal_until: Timestamp,
    /// The least bond a commitment brings ([`crate::bond::BondRule`]).
    pub bid_bond: Amount,
    /// When the winner is paid.
    pub payment: PaymentTerms,
}

/// The largest reserve and loss, so that no score can overflow: a quarter of the largest amount.
pub const TERMS_AMOUNT_MAX: Amount = Amount(u128::MAX / 4);

impl AuctionTerms {
    /// The digest that names these terms.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/auction-terms/v1", &[&self.encode()])
    }

    /// Checks what an auction with these terms needs.
    ///
    /// # Errors
    /// When nothing could be paid, an amount is too large to be scored, or a phase is empty.
    pub fn validate(&self) -> Result<(), Error> {
        if self.reserve.is_zero() {
            return Err(Error::ReserveZero);
        }
        if self.reserve > TERMS_AMOUNT_MAX || self.loss > TERMS_AMOUNT_MAX {
            return Err(Error::AmountTooLarge);
        }
        self.payment.validate()?;
        self.frame().validate()
    }
}

impl SealedCall for AuctionTerms {
    type Bid = BidTerms;

    const TRANSCRIPT_TAG: &'static str = "ainur/auction-transcript/v1";

    fn frame(&self) -> Frame {
        let Self { task, opened, commit_until, reveal_until, bid_bond, .. } = *self;
        Frame { task, opened, commit_until, reveal_until, bid_bond }
    }

    fn validate(&self) -> Result<(), Error> {
        Self::validate(self)
    }

    fn check(&self, bid: &BidTerms) -> Result<(), Error> {
        if bid.payment == self.payment { Ok(()) } else { Err(Error::OtherPayment(bid.bidder)) }
    }
}
