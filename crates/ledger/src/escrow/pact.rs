//! What the members of a coalition owe one another: its penalty clauses, carried out of what each
//! member pledged when it was bound, and its insurance, withheld from what they are paid.
//!
//! A [`Pact`] is pure: it says who pays whom, and whoever has the coalition's terms and the ledger's
//! events can play it again. The money moves in [`super::pledge`].
use alloc::vec::Vec;

use ainur_market::coalition::sharing::apportion;
use ainur_market::coalition::substitution::penalty;
use ainur_market::coalition::{CoalitionMember, CoalitionTerms, PenaltyPayee};
use ainur_primitives::{Amount, Did, Digest, PenaltyCause, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::Payout;

/// A coalition at work whose terms have penalty clauses or an insurance pool.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Pact {
    /// The digest of what its members and backups signed.
    pub consent: Digest,
    /// What they agreed on, at the price they are paid: of the members only those who have not
    /// failed, a backup that took over in the place of whom it followed; no backups, for what was
    /// signed names them.
    pub terms: CoalitionTerms,
    /// When the work of each stage of its plan could begin: when the last part before it, or of
    /// somebody who is no member, was accepted.
    pub stages: Vec<Timestamp>,
    /// The insurance pool that is left: money of the coalition's price.
    pub pool: Amount,
    /// What of it was withheld from whom; empty when nothing was.
    pub insured: Vec<Insured>,
    /// What substitutes who have not failed are paid out of the pool, by subtask.
    pub drawn: Vec<(u16, Amount)>,
}

/// What a coalition's insurance withholds from one of its first members.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Insured {
    /// Of which subtask's price.
    pub subtask: u16,
    /// From whom.
    pub seller: Did,
    /// What the subtask pays without it.
    pub price: Amount,
    /// How much.
    pub withheld: Amount,
    /// Its work was accepted.
    pub accepted: bool,
}

/// What a member pays for failing or for being late.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Penalty {
    /// The digest of its coalition's terms.
    pub coalition: Digest,
    /// At which subtask.
    pub subtask: u16,
    /// Who pays.
    pub seller: Did,
    /// For what.
    pub cause: PenaltyCause,
    /// Who was paid at once, in the order of the clauses.
    pub payouts: Vec<Payout>,
    /// What waits for whoever takes the work over, and goes to the buyer when nobody does.
    pub held: Amount,
    /// What of the pledge its owner has back.
    pub returned: Amount,
}

/// What waited of a penalty and was paid.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct HeldPenalty {
    /// The digest of the coalition's terms.
    pub coalition: Digest,
    /// At which subtask.
    pub subtask: u16,
    /// Who had failed.
    pub seller: Did,
    /// Who took the work over, or else the buyer.
    pub payee: Did,
    /// How much.
    pub amount: Amount,
}

impl Penalty {
    /// What was paid at once.
    pub fn paid(&self) -> Amount {
        self.payouts.iter().map(|payout| payout.amount).sum()
    }
}

impl Pact {
    /// What a coalition that was bound now, at the price that these terms divide, owes one another;
    /// `None` when its terms have no clauses and withhold nothing.
    pub fn new(consent: Digest, terms: &CoalitionTerms, now: Timestamp) -> Option<Self> {
        let withheld = terms.withheld();
        let pool: Amount = withheld.iter().copied().sum();
        if terms.failure.penalty_clauses.is_empty() && pool.is_zero() {
            return None;
        }
        let members = terms.members.iter().zip(&terms.sharing.member_shares).zip(withheld);
        let insured = members.map(|((member, share), withheld)| Insured {
            subtask: member.subtask,
            seller: member.agent,
            price: share.saturating_sub(withheld),
            withheld,
            accepted: false,
        });
        let insured = insured.filter(|_| !pool.is_zero()).collect();
        let mut terms = terms.clone();
        terms.failure.backups.clear();
        let stages = terms.plan.stages.iter().map(|_| now).collect();
        Some(Self { consent, terms, stages, pool, insured, drawn: Vec::new() })
    }

    /// The most that a backup is paid for a subtask when so much of the reserve is promised to
    /// nobody else: with an insurance pool what the member was to be paid, and out of the pool what
    /// it asks more, but no more of the buyer's.
    pub fn backup_max(&self, subtask: u16, available: Amount) -> Amount {
        match self.insured.iter().find(|insured| insured.subtask == subtask) {
            // The pool pays what is above the member's price, so that must still be there.
            Some(insured) if available >= insured.price => insured.price.saturating_add(self.pool),
            _ => available,
        }
    }

    /// Ends the insurance: what is left of the pool, as far as it was withheld from members whose
    /// work was accepted, is theirs in proportion to that. The rest was withheld from others and is
    /// the buyer's, like the rest of what they were to be paid.
    pub fn end_insurance(&mut self) -> Vec<Payout> {
        let accepted: Vec<&Insured> = self.insured.iter().filter(|it| it.accepted).collect();
        let weights: Vec<u128> = accepted.iter().map(|insured| insured.withheld.0).collect();
        let theirs: Amount = accepted.iter().map(|insured| insured.withheld).sum();
        let left = self.pool.min(theirs);
        let mut payouts = Vec::new();
        if !left.is_zero() {
            let shares = accepted.iter().zip(apportion(left, &weights));
            let paid = shares.map(|(insured, amount)| Payout { payee: insured.seller, amount });
            payouts.extend(paid.filter(|payout| !payout.amount.is_zero()));
        }
        self.pool = Amount::ZERO;
        self.drawn.clear();
        payouts
    }

    /// What the member at a subtask pledges; nothing when it has none.
    pub fn pledge(&self, subtask: u16) -> Amount {
        self.place(subtask)
            .map_or(Amount::ZERO, |place| self.terms.failure.pledge(self.terms.members[place].bond))
    }

    /// Takes the members at these subtasks out, who all failed with one another, and says what each
    /// pays, in that order. Who failed at the same time gets nothing of what another pays.
    pub fn fail(&mut self, buyer: Did, subtasks: &[u16]) -> Vec<Penalty> {
        let lost: Vec<_> = subtasks.iter().filter_map(|subtask| self.lose(*subtask)).collect();
        let penalties = lost.into_iter().map(|(member, share)| {
            let mut with = self.clone();
            let subtask = member.subtask;
            with.put(member, share);
            with.penalty(buyer, subtask, PenaltyCause::Failed)
        });
        penalties.flatten().collect()
    }

    /// Takes a member out who failed for no fault of its own, and pays nothing.
    pub fn excuse(&mut self, subtask: u16) {
        self.lose(subtask);
    }

    /// A backup takes over, for this price: what that is above the member's comes out of the pool.
    pub fn join(&mut self, backup: &CoalitionMember, price: Amount) {
        self.lose(backup.subtask);
        self.put(backup.clone(), price);
        if let Some(insured) = self.insured.iter().find(|it| it.subtask == backup.subtask) {
            let drawn = price.saturating_sub(insured.price).min(self.pool);
            self.pool = self.pool.saturating_sub(drawn);
            self.drawn.push((backup.subtask, drawn));
        }
    }

    /// What a member pays whose work was accepted, but late; `None` for nothing.
    pub fn late(&self, buyer: Did, subtask: u16) -> Option<Penalty> {
        self.penalty(buyer, subtask, PenaltyCause::Late)
    }

    /// When a member that was bound at `since` has said to deliver at the latest: as long after its
    /// stage could begin as it said it needs. `None` for a subtask that it does not do or plan.
    pub fn due(&self, subtask: u16, since: Timestamp) -> Option<Timestamp> {
        let member = &self.terms.members[self.place(subtask)?];
        let begun = self.stages.get(self.stage(subtask)?)?;
        Some((*begun).max(since).plus(member.estimated_duration_ms))
    }

    /// The work of a member, or of a backup that took over, was accepted.
    pub fn accept(&mut self, subtask: u16, seller: Did) {
        let own = |it: &&mut Insured| it.subtask == subtask && it.seller == seller;
        if let Some(insured) = self.insured.iter_mut().find(own) {
            insured.accepted = true;
        }
    }

    /// A part was accepted now: what comes after its stage could begin, or for a part that is in
    /// none of them, any stage that may have waited for it.
    pub fn accepted(&mut self, subtask: Option<u16>, now: Timestamp) {
        let after = subtask.and_then(|subtask| self.stage(subtask)).map_or(0, |stage| stage + 1);
        for begun in self.stages.iter_mut().skip(after) {
            *begun = now;
        }
    }

    fn penalty(&self, buyer: Did, subtask: u16, cause: PenaltyCause) -> Option<Penalty> {
        let member = &self.terms.members[self.place(subtask)?];
        let split = penalty(&self.terms, subtask, cause, None).ok()?;
        let mut payouts = Vec::new();
        let mut held = Amount::ZERO;
        for payout in split.payouts {
            let payee = match payout.payee {
                PenaltyPayee::Buyer => buyer,
                PenaltyPayee::Agent(agent) => agent,
                PenaltyPayee::Substitute => {
                    held = held.saturating_add(payout.amount);
                    continue;
                }
            };
            payouts.push(Payout { payee, amount: payout.amount });
        }
        let paid: Amount = payouts.iter().map(|payout| payout.amount).sum();
        let pledge = self.terms.failure.pledge(member.bond);
        let costs = !(paid.is_zero() && held.is_zero());
        costs.then_some(Penalty {
            coalition: self.consent,
            subtask,
            seller: member.agent,
            cause,
            payouts,
            held,
            returned: pledge.saturating_sub(paid).saturating_sub(held),
        })
    }

    fn place(&self, subtask: u16) -> Option<usize> {
        self.terms.members.binary_search_by_key(&subtask, |member| member.subtask).ok()
    }

    fn stage(&self, subtask: u16) -> Option<usize> {
        self.terms.plan.stages.iter().position(|stage| stage.contains(&subtask))
    }

    fn lose(&mut self, subtask: u16) -> Option<(CoalitionMember, Amount)> {
        let place = self.place(subtask)?;
        // What a substitute was to get of the pool is there again.
        let drawn = self.drawn.iter().filter(|(of, _)| *of == subtask).map(|(_, drawn)| *drawn);
        self.pool = self.pool.saturating_add(drawn.sum());
        self.drawn.retain(|(of, _)| *of != subtask);
        let share = self.terms.sharing.member_shares.remove(place);
        Some((self.terms.members.remove(place), share))
    }

    fn put(&mut self, member: CoalitionMember, share: Amount) {
        let before = |other: &CoalitionMember| other.subtask < member.subtask;
        let place = self.terms.members.partition_point(before);
        self.terms.members.insert(place, member);
        self.terms.sharing.member_shares.insert(place, share);
    }
}
