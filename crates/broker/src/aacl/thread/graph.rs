//! The thread of a task of several parts: every bidder's bundles, the bids of coalitions through
//! their leads, and everybody who was accepted at once.
use ainur_market::coalition::{CoalitionTerms, coalition_of};
use ainur_market::combinatorial::{Allocation, BundleBidTerms};
use ainur_primitives::{Did, Digest, Timestamp};
use ainur_protocol::{Bid, CoalitionBid, RejectReason};

use super::super::bid::{written_bundle_bid, written_commit};
use super::super::coalition::written_coalition;
use super::{Verdict, Writer, times};
use crate::error::Error;
use crate::task::graph::{GraphDecision, GraphProgress, PartAward, SignedCoalition};
use crate::task::{HistoryKind, TaskAttempt};
use ainur_audit::receipt::PartBasis;

/// How a bidder opens what it had sealed.
enum Opened {
    Alone(Bid),
    Together(Box<CoalitionBid>),
}

impl Writer<'_> {
    pub(super) fn write_graph(&mut self, graph: &GraphProgress) -> Result<(), Error> {
        let decision = &graph.decision;
        let (allocation, _) = decision.awards()?;
        let at = times(self.task, HistoryKind::Awarded).next_if_wanted(true).unwrap_or(self.now);
        self.write_bundles(decision, &allocation, at)?;
        let agreed = times(self.task, HistoryKind::Agreed).next_if_wanted(true);
        if let Some(agreed) = agreed {
            self.write_winners(decision, &allocation, agreed)?;
        }
        self.write_takeovers(graph)?;
        if agreed.is_none() { self.write_end() } else { Ok(()) }
    }

    /// The commitments, then what was committed to.
    fn write_bundles(
        &mut self,
        decision: &GraphDecision,
        allocation: &Allocation,
        at: Timestamp,
    ) -> Result<(), Error> {
        let entrants = &decision.transcript.entrants;
        for entrant in entrants {
            let commit = written_commit(&entrant.commit, None);
            self.bid(self.call.id(), entrant.commit.bidder, at, commit)?;
        }
        for (entrant, proof) in entrants.iter().zip(&decision.bids) {
            let Some(reveal) = &entrant.reveal else { continue };
            let (bid, salt) = (&reveal.terms, reveal.salt);
            let consent = (self.joined)(bid.digest(), proof)?;
            let Some(alone) = written_bundle_bid(bid, salt, Some(consent)) else { continue };
            let Some(last) = self.bidders.get(&bid.bidder).map(|bidding| bidding.last) else {
                continue;
            };
            match self.opened(decision, allocation, (bid, salt), alone)? {
                Opened::Alone(alone) => self.bid(last, bid.bidder, at, alone)?,
                Opened::Together(together) => self.bid(last, bid.bidder, at, *together)?,
            }
        }
        Ok(())
    }

    /// A lead opens with the coalition that won, or with the largest it leads; all of its offer goes
    /// with it. Signatures of more members than a message carries are left to the receipt.
    fn opened(
        &self,
        decision: &GraphDecision,
        allocation: &Allocation,
        (bid, salt): (&BundleBidTerms, Digest),
        alone: Bid,
    ) -> Result<Opened, Error> {
        let teams = || decision.coalitions.iter().map(|signed| &signed.terms);
        let won = allocation.assignments.iter().find(|won| won.bidder == bid.bidder);
        let won: Option<&CoalitionTerms> =
            won.and_then(|won| coalition_of(teams(), won)).map(|(_, terms)| terms);
        let is_led = |signed: &&SignedCoalition| match won {
            Some(won) => signed.terms == *won,
            None => signed.terms.lead == bid.bidder,
        };
        let led = decision.coalitions.iter().filter(is_led);
        let Some(SignedCoalition { terms, proofs }) =
            led.max_by_key(|signed| signed.terms.members.len())
        else {
            return Ok(Opened::Alone(alone));
        };
        if terms.signers().len() > SIGNERS_TOLD_MAX {
            return Ok(Opened::Alone(alone));
        }
        let digest = terms.digest();
        let consents = proofs.iter().map(|proof| (self.joined)(digest, proof));
        let consents = consents.collect::<Result<Vec<_>, Error>>()?;
        Ok(Opened::Together(Box::new(written_coalition(terms, consents, bid, salt))))
    }

    /// Who won what, and that the others did not.
    fn write_winners(
        &mut self,
        decision: &GraphDecision,
        allocation: &Allocation,
        at: Timestamp,
    ) -> Result<(), Error> {
        let transcript = decision.transcript.digest();
        for won in &allocation.assignments {
            let teams = decision.coalitions.iter().map(|signed| &signed.terms);
            let agreement = match coalition_of(teams, won) {
                Some((_, terms)) => terms.digest(),
                None => self.sealed(decision, won.bidder).unwrap_or_default(),
            };
            self.accept(won.bidder, at, (agreement, transcript), won.payment)?;
        }
        self.reject_others(at, transcript)
    }

    /// Parts that were taken over by other bidders than those who won them. A backup is bound by the
    /// coalition's bid already, and a call for one part alone is told by the receipt.
    fn write_takeovers(&mut self, graph: &GraphProgress) -> Result<(), Error> {
        let transcript = graph.decision.transcript.digest();
        let mut ended = times(self.task, HistoryKind::Part);
        for outcome in &graph.ended {
            let at = ended.next_if_wanted(true).unwrap_or(self.now);
            for attempt in &outcome.attempts {
                let Some((award, agreement)) = self.own_word(&graph.decision, attempt) else {
                    continue;
                };
                if attempt.number > 1 && attempt.agreed_at.is_some() {
                    let terms = (agreement, transcript);
                    self.accept(award.seller, at, terms, award.price)?;
                }
                if let Some((_, detail)) = &attempt.failure {
                    let (agreement, transcript) = (Some(agreement), Some(transcript));
                    let reason = RejectReason::Failed;
                    let detail = format!("{}: {detail}", self.task.part_name(outcome.subtask));
                    let detail = detail.as_str();
                    let verdict = Verdict { agreement, transcript, reason, detail };
                    self.reject(award.seller, at, &verdict)?;
                }
            }
        }
        Ok(())
    }

    /// An attempt that stands on its seller's own bid in the auction of the whole.
    fn own_word<'t>(
        &self,
        decision: &GraphDecision,
        attempt: &'t TaskAttempt,
    ) -> Option<(&'t PartAward, Digest)> {
        let award = attempt.part_award()?;
        match award.basis {
            PartBasis::Bundle { .. } => Some((award, self.sealed(decision, award.seller)?)),
            _ => None,
        }
    }

    fn sealed(&self, decision: &GraphDecision, bidder: Did) -> Option<Digest> {
        decision.transcript.bid(&bidder).map(BundleBidTerms::digest)
    }
}

/// Members and backups whose signatures one message carries: each has more than 4 kB.
const SIGNERS_TOLD_MAX: usize = 40;
