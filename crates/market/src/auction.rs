//! One sealed-bid auction: commit, reveal, close, and the award anyone can recompute.
//!
//! The [`Auction`] takes in what arrives, with the time as an argument, and refuses what is early,
//! late, repeated, unknown or not what was committed to. Closing it gives a [`Transcript`];
//! [`award()`] is a pure function of that transcript and of who has meanwhile failed, so a re-award
//! replays the same bids (decision 17).
//!
//! Known limits of the mechanism: one party bidding under several names, bidders who collude, and
//! a loser who withholds its reveal (for the price of its bond) can move the price; the buyer may
//! pay more than the lowest bid. Selection by duration or reputation pays the bid itself and is
//! not truthful.
use alloc::collections::BTreeMap;

use ainur_primitives::{Did, Digest, Ppm, Timestamp};
use scale::{Decode, Encode};

pub mod award;
pub mod call;
pub mod error;
pub mod mechanism;
pub mod terms;
pub mod transcript;

pub use award::{Award, NoAward, Ranked, Reason, award};
pub use call::{Frame, SealedBid, SealedCall};
pub use error::Error;
pub use terms::{AuctionTerms, BidTerms, CommitTerms, commitment};
pub use transcript::{Entrant, Reveal, Transcript};

/// How many bidders one auction takes.
pub const ENTRANTS_MAX: usize = 64;

/// An auction while it runs; of one task unless its terms say otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Auction<C = AuctionTerms, B = BidTerms> {
    terms: C,
    entrants: BTreeMap<Did, Entrant<B>>,
    /// Commitments ended before their time, because everyone invited had answered.
    closed_early: Option<Timestamp>,
}

impl<C: SealedCall> Auction<C, C::Bid> {
    /// An auction under these terms, with no bidder yet.
    ///
    /// # Errors
    /// When the terms are not [valid](SealedCall::validate).
    pub fn open(terms: C) -> Result<Self, Error> {
        terms.validate()?;
        Ok(Self { terms, entrants: BTreeMap::new(), closed_early: None })
    }

    /// The terms it was opened with.
    pub fn terms(&self) -> &C {
        &self.terms
    }

    /// Everyone who has committed, ascending by bidder.
    pub fn entrants(&self) -> impl ExactSizeIterator<Item = &Entrant<C::Bid>> {
        self.entrants.values()
    }

    /// Takes a sealed bid; `failure_probability` is the ledger's estimate for the bidder now.
    ///
    /// # Errors
    /// Outside the commit phase, for another task or reveal time, below the bond, from a bidder
    /// who has committed already, when full, or for a probability above one.
    pub fn commit(
        &mut self,
        now: Timestamp,
        commit: CommitTerms,
        failure_probability: Ppm,
    ) -> Result<(), Error> {
        let (from, until) = (self.terms.frame().opened, self.commitments_end());
        if now < from || self.closed_early.is_some() || now >= until {
            return Err(Error::NotCommitting { now, from, until });
        }
        transcript::check_commit(&self.terms, &commit, failure_probability)?;
        if self.entrants.contains_key(&commit.bidder) {
            return Err(Error::AlreadyCommitted(commit.bidder));
        }
        if self.entrants.len() >= ENTRANTS_MAX {
            return Err(Error::Full);
        }
        self.entrants.insert(commit.bidder, Entrant { commit, failure_probability, reveal: None });
        Ok(())
    }

    /// Opens a sealed bid.
    ///
    /// # Errors
    /// Outside the reveal phase, without a commitment, a second time, or when bid and salt are not
    /// what was committed to.
    pub fn reveal(&mut self, now: Timestamp, bid: C::Bid, salt: [u8; 32]) -> Result<(), Error> {
        let (from, until) = (self.commitments_end(), self.terms.frame().reveal_until);
        let bidder = bid.bidder();
        if now < from || now >= until {
            return Err(Error::NotRevealing { now, from, until });
        }
        let entrant = self.entrants.get_mut(&bidder).ok_or(Error::UnknownBidder(bidder))?;
        if entrant.reveal.is_some() {
            return Err(Error::AlreadyRevealed(bidder));
        }
        transcript::check_reveal(&self.terms, &entrant.commit, &bid, &salt)?;
        entrant.reveal = Some(Reveal { terms: bid, salt: Digest(salt) });
        Ok(())
    }

    /// From when on the auction can close: the end of revealing, or the end of committing once
    /// every bid is revealed.
    pub fn closes_at(&self) -> Timestamp {
        let all_revealed = self.entrants.values().all(|entrant| entrant.reveal.is_some());
        if all_revealed { self.commitments_end() } else { self.terms.frame().reveal_until }
    }

    /// Ends commitments before their time. Only for a closed circle of invited bidders who have
    /// all answered: nobody may be shut out by it, and whoever calls it vouches for that.
    ///
    /// # Errors
    /// Before the auction opened.
    pub fn close_commitments(&mut self, now: Timestamp) -> Result<(), Error> {
        let (from, until) = (self.terms.frame().opened, self.terms.frame().commit_until);
        if now < from {
            return Err(Error::NotCommitting { now, from, until });
        }
        if now < until && self.closed_early.is_none() {
            self.closed_early = Some(now);
        }
        Ok(())
    }

    /// When commitments end, or ended.
    pub fn commitments_end(&self) -> Timestamp {
        self.closed_early.unwrap_or(self.terms.frame().commit_until)
    }

    /// Ends the auction. The `beacon` must not have been known while commitments were taken.
    ///
    /// # Errors
    /// Before [`Auction::closes_at`].
    pub fn close(&self, now: Timestamp, beacon: Digest) -> Result<Transcript<C, C::Bid>, Error> {
        let from = self.closes_at();
        if now < from {
            return Err(Error::NotClosing { now, from });
        }
        let entrants = self.entrants.values().cloned().collect();
        Ok(Transcript { terms: self.terms.clone(), entrants, beacon })
    }
}
