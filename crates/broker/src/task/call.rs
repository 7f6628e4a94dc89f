//! A part of a task graph that is called for again, alone: nobody of the auction of the whole could
//! do it any more, so sealed bids are taken as for any task.
use ainur_audit::receipt::PartBasis;
use ainur_crypto::batch::BatchProof;
use ainur_market::auction::{Auction, AuctionTerms, Transcript};
use ainur_primitives::{Amount, Did, Timestamp};
use scale::{Decode, Encode};

use super::apply::Illegal;
use super::graph::PartAward;
use super::{AwardBasis, HistoryKind, Phase, Task};

/// A closed call for a part alone, with the signatures that bind its bidders.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PartCall {
    /// The auction.
    pub transcript: Transcript,
    /// The bidders' signatures over their opened bids, in the order of the transcript.
    pub bids: Vec<BatchProof>,
}

impl Task {
    /// It is a part whose sellers come from a call for it alone.
    pub fn is_called_part(&self) -> bool {
        let bidding = matches!(self.phase, Phase::Announced | Phase::Revealing);
        let called = self.transcript.is_some() || (bidding && !self.attempts.is_empty());
        self.part_of.is_some() && called
    }

    /// The call its sellers come from, when somebody was awarded it by one.
    pub fn part_call(&self) -> Option<PartCall> {
        let transcript = self.transcript.clone().filter(|_| self.part_of.is_some())?;
        let reveals = transcript.entrants.iter().filter_map(|entrant| entrant.reveal.as_ref());
        let bids = reveals.map(|reveal| self.bid_proof(reveal.terms.bidder).cloned());
        let bids = bids.collect::<Option<_>>()?;
        Some(PartCall { transcript, bids })
    }

    pub(super) fn take_part_call(
        &mut self,
        at: Timestamp,
        terms: &AuctionTerms,
        invited: &[Did],
    ) -> Result<(), Illegal> {
        self.expect(&[Phase::Rewarding], "a call for a part")?;
        if self.part_of.is_none() || self.transcript.is_some() || terms.task != self.id {
            return self.illegal("a call for a part");
        }
        self.auction = Auction::open(terms.clone())?;
        self.invited = invited.to_vec();
        self.phase = Phase::Announced;
        let detail =
            format!("{} agents, for {} AINU at most", invited.len(), terms.reserve.to_ainu());
        self.note(at, HistoryKind::Called, detail);
        Ok(())
    }

    /// Why the winner of an auction was chosen: that of a call for a part works in the escrow of the
    /// whole.
    pub(super) fn auction_basis(&self, seller: Did, price: Amount) -> AwardBasis {
        match (self.part_of, &self.transcript) {
            (Some(part_of), Some(transcript)) => AwardBasis::Part(PartAward {
                subtask: part_of.subtask,
                seller,
                price,
                basis: PartBasis::Call { transcript: transcript.digest() },
            }),
            _ => AwardBasis::Auction,
        }
    }
}
