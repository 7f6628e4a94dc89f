//! All that decided an auction, in one canonical spelling: whoever has it can replay the award.
use alloc::vec::Vec;

use ainur_crypto::hash;
use ainur_primitives::{Did, Digest, Ppm};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::ENTRANTS_MAX;
use super::call::{SealedBid, SealedCall};
use super::error::Error;
use super::terms::{AuctionTerms, BidTerms, CommitTerms, commitment};

/// A closed auction.
///
/// It proves what was bid, not who could have bid: signatures and bonds behind the commitments are
/// the ledger's and the protocol's.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Transcript<C = AuctionTerms, B = BidTerms> {
    /// The buyer's side.
    pub terms: C,
    /// Everyone who committed, ascending by bidder.
    pub entrants: Vec<Entrant<B>>,
    /// Randomness that nobody knew while commitments were taken; decides ties.
    pub beacon: Digest,
}

/// One bidder's part of a [`Transcript`].
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Entrant<B = BidTerms> {
    /// The sealed bid.
    pub commit: CommitTerms,
    /// How likely the ledger's reputation said the bidder is to fail, when it committed.
    pub failure_probability: Ppm,
    /// The bid behind it; `None` forfeits the bond.
    pub reveal: Option<Reveal<B>>,
}

/// An opened commitment.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Reveal<B = BidTerms> {
    /// The bid.
    pub terms: B,
    /// The 32 random bytes it was committed with.
    pub salt: Digest,
}

impl<C: SealedCall> Transcript<C, C::Bid> {
    /// The digest an agreement names; over the SCALE encoding.
    pub fn digest(&self) -> Digest {
        hash::tagged(C::TRANSCRIPT_TAG, &[&self.encode()])
    }

    /// The digest of all commitments in order, revealed or not; half of what decides ties.
    pub fn commitments(&self) -> Digest {
        let mut all = Vec::with_capacity(self.entrants.len() * 64);
        for entrant in &self.entrants {
            all.extend_from_slice(&entrant.commit.bidder.0.0);
            all.extend_from_slice(&entrant.commit.commitment.0);
        }
        hash::tagged("ainur/auction-commitments/v1", &[&all])
    }

    /// A bidder's revealed bid.
    pub fn bid(&self, bidder: &Did) -> Option<&C::Bid> {
        let place = self.entrants.binary_search_by_key(bidder, |entrant| entrant.commit.bidder);
        self.entrants[place.ok()?].reveal.as_ref().map(|reveal| &reveal.terms)
    }

    /// Who committed and did not reveal: their bonds are forfeit whether or not anyone wins.
    pub fn unrevealed(&self) -> Vec<Did> {
        let silent = self.entrants.iter().filter(|entrant| entrant.reveal.is_none());
        silent.map(|entrant| entrant.commit.bidder).collect()
    }

    /// Checks everything the auction checked, as far as it can be seen afterwards: all but the
    /// moments at which commitments and reveals came.
    ///
    /// # Errors
    /// The first thing that an [`super::Auction`] would have refused, or entrants out of order.
    pub fn validate(&self) -> Result<(), Error> {
        self.terms.validate()?;
        if self.entrants.len() > ENTRANTS_MAX {
            return Err(Error::Full);
        }
        for pair in self.entrants.windows(2) {
            if pair[0].commit.bidder >= pair[1].commit.bidder {
                return Err(Error::Unordered(pair[1].commit.bidder));
            }
        }
        for entrant in &self.entrants {
            check_commit(&self.terms, &entrant.commit, entrant.failure_probability)?;
            if let Some(reveal) = &entrant.reveal {
                check_reveal(&self.terms, &entrant.commit, &reveal.terms, &reveal.salt.0)?;
            }
        }
        Ok(())
    }
}

/// What a commitment has to be, whenever it comes.
pub(super) fn check_commit(
    terms: &impl SealedCall,
    commit: &CommitTerms,
    failure_probability: Ppm,
) -> Result<(), Error> {
    let frame = terms.frame();
    if commit.task != frame.task {
        return Err(Error::OtherTask { expected: frame.task, found: commit.task });
    }
    if commit.reveal_until != frame.reveal_until {
        return Err(Error::RevealUntil {
            expected: frame.reveal_until,
            found: commit.reveal_until,
        });
    }
    if commit.bid_bond < frame.bid_bond {
        return Err(Error::Bond { expected: frame.bid_bond, found: commit.bid_bond });
    }
    if failure_probability > Ppm::ONE {
        return Err(Error::NotAProbability(failure_probability));
    }
    Ok(())
}

/// What a bid has to be, given its commitment (whose bidder the caller has matched).
pub(super) fn check_reveal<C: SealedCall>(
    terms: &C,
    commit: &CommitTerms,
    bid: &C::Bid,
    salt: &[u8; 32],
) -> Result<(), Error> {
    if bid.bidder() != commit.bidder {
        return Err(Error::UnknownBidder(bid.bidder()));
    }
    if bid.task() != commit.task {
        return Err(Error::OtherTask { expected: commit.task, found: bid.task() });
    }
    let found = commitment(bid, salt);
    if found != commit.commitment {
        return Err(Error::CommitmentMismatch {
            bidder: commit.bidder,
            expected: commit.commitment,
            found,
        });
    }
    if bid.bid_bond() != commit.bid_bond {
        return Err(Error::Bond { expected: commit.bid_bond, found: bid.bid_bond() });
    }
    if bid.confidence() > Ppm::ONE {
        return Err(Error::NotAProbability(bid.confidence()));
    }
    terms.check(bid)
}
