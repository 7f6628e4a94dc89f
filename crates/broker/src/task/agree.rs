//! What negotiations lead to: every thread is replayed by its rules, and the best agreement is
//! found again, before a task believes either.
use std::cmp::Reverse;

use ainur_crypto::batch::BatchProof;
use ainur_market::negotiation::{
    NegotiatedTerms, Negotiation, NegotiationActKind, NegotiationMessage, NegotiationRules,
    NegotiationThread, NegotiationWish, Preferences,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, SelectionRule, Timestamp};

use super::apply::Illegal;
use super::{AwardBasis, HistoryKind, NegotiatedDeal, Phase, Task};
use crate::event::{NegotiatedAward, SignedThread};
use crate::limits::{NEGOTIATED_MAX, NEGOTIATED_VALID_MS, NEGOTIATION_MS, SPOKEN_BYTES_MAX};

/// A negotiation may take this part of the time that is left, and what comes of it be brought to
/// the ledger for another.
const NEGOTIATION_PARTS: u64 = 8;

/// How good an agreement is for the buyer; the least is the best.
type Rank = (u64, Reverse<Ppm>, Amount, Did);

impl Task {
    /// The rules of a negotiation that is opened now.
    pub fn negotiation_rules(&self, now: Timestamp, seller: Did, card: Digest) -> NegotiationRules {
        // The rest is for the work: whoever agrees to a time has it from the agreement on.
        let part = |longest: DurationMs| {
            longest.min(DurationMs(self.deadline.since(now).0 / NEGOTIATION_PARTS))
        };
        let usual = now.plus(part(NEGOTIATION_MS));
        let usual = (usual, usual.plus(part(NEGOTIATED_VALID_MS)));
        let outside = self.outside.map(|outside| (outside.deadline, outside.valid_until));
        let (deadline, valid_until) = outside.unwrap_or(usual);
        NegotiationRules {
            task: self.id,
            buyer: self.buyer,
            seller,
            card,
            cancellation: CancellationPolicy::default(),
            opened: now,
            deadline,
            rounds_max: self.wish().rounds_max,
            valid_until,
        }
    }

    /// What the buyer wants under these rules.
    pub fn buyer_preferences(&self, rules: &NegotiationRules) -> Preferences {
        let left = self.deadline.since(rules.valid_until);
        // Who takes longer would be late by its own word, where the buyer has terms for that.
        let longest = self.auction.terms().duration_ms_max;
        let mut preferences = self.wish().preferences(self.spec.reserve, left.min(longest));
        preferences.settle_payment(&self.payment_under(rules));
        preferences
    }

    /// When whoever agrees under these rules is paid: for each chunk, within the time that is left
    /// when the agreement is brought to the ledger at the latest.
    pub fn payment_under(&self, rules: &NegotiationRules) -> PaymentTerms {
        PaymentTerms::of_chunks(&self.spec.chunks, self.deadline.since(rules.valid_until))
    }

    /// How the buyer negotiates.
    pub fn wish(&self) -> NegotiationWish {
        self.negotiation.unwrap_or_default()
    }

    /// Agents that could be negotiated with: invited, and no attempt of theirs has failed.
    pub fn negotiable(&self) -> Vec<Did> {
        let excluded = self.excluded();
        let passed = |did: &Did| self.passed.iter().any(|(who, _)| who == did);
        let invited = self.invited.iter().copied();
        invited.filter(|did| !excluded.contains(did) && !passed(did)).collect()
    }

    /// The best of these agreements for the buyer that is still valid, by its rule of selection:
    /// which thread it is of, and its terms.
    ///
    /// # Errors
    /// When a thread does not follow its rules.
    pub fn best_agreement<'a>(
        &self,
        now: Timestamp,
        threads: impl Iterator<Item = (&'a NegotiationThread, Ppm)>,
    ) -> Result<Option<(usize, NegotiatedTerms)>, Illegal> {
        let mut best: Option<(Rank, usize, NegotiatedTerms)> = None;
        for (index, (thread, failure_probability)) in threads.enumerate() {
            let session = thread.replay()?;
            let agreed = session.agreed().filter(|terms| now < terms.valid_until);
            let Some(terms) = agreed else { continue };
            let rank = self.rank(&session, terms, failure_probability);
            if best.as_ref().is_none_or(|(before, _, _)| rank < *before) {
                best = Some((rank, index, terms.clone()));
            }
        }
        Ok(best.map(|(_, index, terms)| (index, terms)))
    }

    /// Scored selection adds the expected loss to the price, as in an auction.
    fn rank(&self, session: &Negotiation, terms: &NegotiatedTerms, failing: Ppm) -> Rank {
        let agreed = &terms.agreed;
        let preferences = || self.buyer_preferences(session.rules());
        let worth = |price| {
            let mut proposal = agreed.clone();
            proposal.price = price;
            Reverse(preferences().utility(&proposal).unwrap_or(Ppm::ZERO))
        };
        let price = agreed.price;
        let (first, worth, price) = match self.spec.selection {
            SelectionRule::Scored => {
                let burdened = price.saturating_add(self.spec.loss.share_ceil(failing));
                (0, worth(burdened), burdened)
            }
            SelectionRule::Cheapest => (0, Reverse(Ppm::ZERO), price),
            SelectionRule::Fastest => (agreed.timeline_ms.0, Reverse(Ppm::ZERO), price),
            SelectionRule::BestReputation => (u64::from(failing.0), worth(price), price),
        };
        (first, worth, price, terms.seller)
    }

    pub(super) fn apply_negotiation(
        &mut self,
        at: Timestamp,
        threads: &[SignedThread],
        award: Option<&NegotiatedAward>,
        spoken: &[Vec<u8>],
    ) -> Result<(), Illegal> {
        self.expect(&[Phase::Announced], "a negotiation")?;
        let least = usize::from(self.outside.is_none());
        if self.negotiation.is_none() || !(least..=NEGOTIATED_MAX).contains(&threads.len()) {
            return self.illegal("a negotiation");
        }
        let negotiable = self.negotiable();
        let ascending = threads
            .windows(2)
            .all(|pair| pair[0].thread.rules.seller < pair[1].thread.rules.seller);
        let ours = threads.iter().all(|signed| {
            negotiable.contains(&signed.thread.rules.seller) && self.is_of_task(at, signed)
        });
        if !ascending || !ours {
            return Err(Illegal::Thread);
        }
        let unsigned = threads.iter().map(|signed| (&signed.thread, signed.failure_probability));
        let best = self.best_agreement(at, unsigned)?;
        let next = self.attempts.len() as u32 + 1;
        let awarded = match (best, award) {
            (None, None) => None,
            (Some((index, terms)), Some(award)) => {
                let is_best = award.terms == terms
                    && award.attempt == next
                    && award.proof.signer == terms.seller
                    && terms.agreed.payment == self.payment_under(&threads[index].thread.rules)
                    && terms.agreed.price <= self.spec.reserve;
                if !is_best {
                    return Err(Illegal::Award);
                }
                Some((index, terms, award.proof.clone()))
            }
            _ => return Err(Illegal::Award),
        };
        if !spoken.is_empty() {
            self.keep_said(at, spoken)?;
        }
        for signed in threads {
            self.note_negotiation(at, signed);
        }
        self.threads = threads.to_vec();
        match awarded {
            Some((index, terms, proof)) => self.award_negotiated(at, next, (index, terms, proof)),
            None => {
                self.detail = match self.outside {
                    Some(_) => why_apart(threads).into(),
                    None => "no agent came to terms with the buyer".into(),
                };
                let detail = self.detail.clone();
                self.note(at, HistoryKind::NoAward, detail);
                self.end_search(at);
            }
        }
        Ok(())
    }

    /// Keeps what was said with a buyer outside.
    pub(super) fn keep_said(&mut self, at: Timestamp, said: &[Vec<u8>]) -> Result<(), Illegal> {
        self.expect(&[Phase::Announced], "what was said")?;
        let bytes: usize = self.spoken.iter().chain(said).map(Vec::len).sum();
        if self.outside.is_none() || bytes > SPOKEN_BYTES_MAX {
            return self.illegal("what was said");
        }
        for message in said {
            self.spoken.push(message.clone());
            self.note(at, HistoryKind::Said, format!("message {}", self.spoken.len()));
        }
        Ok(())
    }

    /// About this task between its buyer and the seller, within its time, with a signature for
    /// every message.
    fn is_of_task(&self, at: Timestamp, signed: &SignedThread) -> bool {
        let SignedThread { thread, proofs, .. } = signed;
        let rules = &thread.rules;
        let by_its_sender =
            |(message, proof): (&NegotiationMessage, &BatchProof)| proof.signer == message.from;
        (rules.task, rules.buyer, rules.rounds_max) == (self.id, self.buyer, self.wish().rounds_max)
            && rules.cancellation == CancellationPolicy::default()
            && (self.opened..=at).contains(&rules.opened)
            && rules.valid_until < self.deadline
            && proofs.len() == thread.messages.len()
            && thread.messages.iter().zip(proofs).all(by_its_sender)
    }

    fn note_negotiation(&mut self, at: Timestamp, signed: &SignedThread) {
        let Ok(session) = signed.thread.replay() else { return };
        let seller = signed.thread.rules.seller;
        let rounds = session.round();
        let detail = match session.agreed() {
            Some(terms) => {
                let price = terms.agreed.price.to_ainu();
                format!("{seller} agrees to {price} AINU in round {rounds}")
            }
            None => format!("{seller} and the buyer part in round {rounds}"),
        };
        self.note(at, HistoryKind::Negotiated, detail);
    }

    fn award_negotiated(
        &mut self,
        at: Timestamp,
        number: u32,
        (index, terms, proof): (usize, NegotiatedTerms, BatchProof),
    ) {
        let (seller, price) = (terms.seller, terms.agreed.price);
        let thread = self.threads[index].clone();
        let basis = AwardBasis::Negotiated(Box::new(NegotiatedDeal { thread, terms, proof }));
        self.begin_attempt(number, seller, price, basis);
        let ainu = price.to_ainu();
        let detail = format!("attempt {number} to {seller} for {ainu} AINU as negotiated");
        self.note(at, HistoryKind::Awarded, detail);
    }
}

/// Why a buyer outside and its agent did not come to terms.
fn why_apart(threads: &[SignedThread]) -> &'static str {
    let Some(signed) = threads.first() else {
        return "the agent does not negotiate about this, or is no longer here";
    };
    let last = signed.thread.messages.last();
    match last.map(|message| (message.act.kind(), message.from)) {
        Some((NegotiationActKind::Reject | NegotiationActKind::Withdraw, by)) => {
            match by == signed.thread.rules.seller {
                true => "the agent did not agree and ended the negotiation",
                false => "the buyer did not agree and ended the negotiation",
            }
        }
        _ => "the time to negotiate was up before they agreed",
    }
}

#[cfg(test)]
mod tests;
