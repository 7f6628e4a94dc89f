//! Bids of agents that keep their own keys: sealed and opened by messages they signed, with a bond
//! at stake.
use ainur_crypto::batch::BatchProof;
use ainur_market::auction::CommitTerms;
use ainur_primitives::{Amount, ContentId, Did, Timestamp};
use scale::{Decode, Encode};

use super::apply::Illegal;
use super::{HistoryKind, Phase, Task};
use crate::event::SignedReveal;

/// A bid whose bidder keeps its own key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct OutsideBid {
    /// Who bids.
    pub bidder: Did,
    /// The message that sealed it, stored as a blob.
    pub sealing: ContentId,
    /// The message that opened it, once it is open.
    pub opening: Option<ContentId>,
    /// What became of its bond.
    pub bond: BidBond,
}

/// What became of the bond of a sealed bid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum BidBond {
    /// It is the bidder's, and will be unless the bid stays sealed.
    Held,
    /// The ledger took this much of it.
    Taken(Amount),
    /// The bid stayed sealed, and the bond is not taken.
    Spared,
}

impl OutsideBid {
    /// A bid that was sealed just now.
    pub fn sealed(bidder: Did, sealing: ContentId) -> Self {
        Self { bidder, sealing, opening: None, bond: BidBond::Held }
    }
}

impl Task {
    /// Who keeps its own key, has sealed a bid and not opened it; ascending by when it was sealed.
    pub fn unopened(&self) -> Vec<Did> {
        let sealed = self.outside_bids.iter().filter(|bid| bid.bond == BidBond::Held);
        let is_open = |did: &Did| {
            let mut entrants = self.auction.entrants();
            entrants.any(|entrant| entrant.commit.bidder == *did && entrant.reveal.is_some())
        };
        sealed.map(|bid| bid.bidder).filter(|did| !is_open(did)).collect()
    }

    /// A bond waits to be taken.
    pub fn has_bonds_due(&self) -> bool {
        // Only an auction that somebody else won has an escrow by which the ledger knows its buyer.
        !self.outside_bids.is_empty()
            && self.transcript.is_some()
            && self.is_funded()
            && !self.unopened().is_empty()
    }

    /// The commitments whose bonds wait to be taken, each with its bidder's signature.
    pub fn bonds_due(&self) -> Vec<(CommitTerms, BatchProof)> {
        if !self.has_bonds_due() {
            return Vec::new();
        }
        let signed = |bidder: Did| {
            let mut entrants = self.auction.entrants();
            let commit = entrants.find(|entrant| entrant.commit.bidder == bidder)?.commit.clone();
            let proof = self.commit_proofs.iter().find(|proof| proof.signer == bidder)?.clone();
            Some((commit, proof))
        };
        self.unopened().into_iter().filter_map(signed).collect()
    }

    /// Opens a sealed bid.
    pub(super) fn take_reveal(
        &mut self,
        at: Timestamp,
        opened: &SignedReveal,
    ) -> Result<(), Illegal> {
        self.expect(&[Phase::Revealing], "a reveal")?;
        let SignedReveal { reveal, proof } = opened;
        self.auction.reveal(at, reveal.terms.clone(), reveal.salt.0)?;
        self.bid_proofs.push(proof.clone());
        let terms = &reveal.terms;
        let detail = format!("{} bids {} AINU", terms.bidder, terms.price.to_ainu());
        self.note(at, HistoryKind::Revealed, detail);
        Ok(())
    }

    pub(super) fn take_bond(
        &mut self,
        at: Timestamp,
        bidder: Did,
        amount: Amount,
    ) -> Result<(), Illegal> {
        self.end_bond(bidder, BidBond::Taken(amount))?;
        let detail = format!("{bidder} lost {} AINU: it did not open its bid", amount.to_ainu());
        self.note(at, HistoryKind::Slashed, detail);
        Ok(())
    }

    pub(super) fn spare_bond(
        &mut self,
        at: Timestamp,
        bidder: Did,
        detail: &str,
    ) -> Result<(), Illegal> {
        self.end_bond(bidder, BidBond::Spared)?;
        let detail = format!("{bidder} did not open its bid and keeps its bond: {detail}");
        self.note(at, HistoryKind::Revealed, detail);
        Ok(())
    }

    fn end_bond(&mut self, bidder: Did, bond: BidBond) -> Result<(), Illegal> {
        if !self.unopened().contains(&bidder) {
            return Err(Illegal::Bond);
        }
        let held = self.outside_bids.iter_mut().find(|bid| bid.bidder == bidder);
        held.ok_or(Illegal::Bond)?.bond = bond;
        Ok(())
    }
}
