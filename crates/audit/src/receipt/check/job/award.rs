//! That sellers and prices of a job follow from its auction: the first by replay, those who came
//! after a failure by what they had bid or agreed to stand by for.
use std::collections::BTreeSet;

use ainur_market::coalition::{BundleShare, BundleWord, CoalitionLimits, CoalitionTerms, divide};
use ainur_market::combinatorial::{self, Bundle, SubtaskSet};
use ainur_primitives::{Amount, Did};

use super::{Checked, JobExamination, because, same};
use crate::receipt::{PartAttempt, PartBasis, PartEnd, PartRecord};

/// Who gets a subtask first, by replay of the auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) subtask: u16,
    pub(super) seller: Did,
    pub(super) price: Amount,
    pub(super) basis: PartBasis,
    /// What the bundle that it is of is paid in all.
    pub(super) payment: Amount,
}

impl JobExamination<'_> {
    /// Computes seller and price of every first award again, and holds every later one against
    /// what its seller signed.
    pub(super) fn award(&self) -> Checked {
        let plan = self.plan.as_ref().map_err(Clone::clone)?;
        let mut substitutes = 0;
        for part in self.parts()? {
            let place = |reason: String| format!("{}: {reason}", self.name_of(part.subtask));
            let planned = plan.iter().find(|planned| planned.subtask == part.subtask);
            let (Some(planned), [first, later @ ..]) = (planned, part.attempts.as_slice()) else {
                return Err(place("it was awarded to nobody".into()));
            };
            matches(first, planned).map_err(place)?;
            for (index, attempt) in later.iter().enumerate() {
                let check = self.check_later(part, index + 1, attempt);
                let number = index + 2;
                check.map_err(|reason| place(format!("attempt {number}: {reason}")))?;
            }
            substitutes += later.len();
        }
        let mut total: Amount = plan.iter().map(|planned| planned.price).sum();
        for terms in self.bound_coalitions()? {
            total = total.saturating_add(terms.withheld().into_iter().sum());
        }
        let (parts, total) = (plan.len(), total.to_ainu());
        Ok(match substitutes {
            0 => format!("{parts} parts for {total} AINU together by replay of the auction"),
            _ => format!(
                "{parts} parts for {total} AINU together by replay of the auction, then \
                 {substitutes} times somebody else within what was bid (that it was the best one \
                 is the issuer's word)"
            ),
        })
    }

    /// Who gets which subtask, in the order of the auction's assignments and then of subtasks.
    pub(super) fn replay(&self) -> Result<Vec<Planned>, String> {
        self.check_coalitions()?;
        let allocation = combinatorial::award(&self.job.transcript, &[]);
        let allocation = allocation.map_err(|error| because(&error))?;
        if let Some(subtask) = allocation.unassigned.indices().next() {
            return Err(format!("the auction left subtask {subtask} without a seller"));
        }
        let mut plan = Vec::new();
        for won in &allocation.assignments {
            let bidder = won.bidder;
            let teams = self.job.coalitions.iter().map(|record| &record.terms);
            let divided = divide(&self.job.transcript, teams, won);
            let divided = divided.ok_or_else(|| {
                format!("{bidder} opened no such bundle, or its coalition asks for more")
            })?;
            let basis = match divided.word {
                BundleWord::Coalition(coalition) => PartBasis::Coalition { coalition },
                BundleWord::Bidder(bundle) => PartBasis::Bundle { bundle },
            };
            plan.extend(divided.shares.into_iter().map(|share| {
                let BundleShare { subtask, seller, price } = share;
                Planned { subtask, seller, price, basis, payment: won.payment }
            }));
        }
        Ok(plan)
    }

    /// The terms of the coalitions that won, at the prices they are paid.
    fn bound_coalitions(&self) -> Result<Vec<CoalitionTerms>, String> {
        let plan = self.plan.as_ref().map_err(Clone::clone)?;
        let mut bound = Vec::new();
        for (number, record) in (0..).zip(&self.job.coalitions) {
            let basis = PartBasis::Coalition { coalition: number };
            if let Some(won) = plan.iter().find(|planned| planned.basis == basis) {
                let terms = record.terms.at_price(won.payment);
                bound.push(terms.ok_or_else(|| format!("coalition {number} asks for more"))?);
            }
        }
        Ok(bound)
    }

    /// The coalitions are about this job, add up, and each is another.
    fn check_coalitions(&self) -> Result<(), String> {
        let (graph, wanted) = (self.graph()?, &self.body.specification);
        let limits = CoalitionLimits {
            reserve: wanted.reserve,
            budget: wanted.reserve,
            deadline_ms: wanted.deadline_ms,
            valid_until: self.job.transcript.terms.reveal_until,
        };
        let mut seen = BTreeSet::new();
        for (number, record) in self.job.coalitions.iter().enumerate() {
            let place = |reason: String| format!("coalition {number}: {reason}");
            let terms = &record.terms;
            same("task", &self.body.task, &terms.task).map_err(place)?;
            terms.validate(graph, &limits).map_err(|error| place(because(&error)))?;
            if !seen.insert((terms.lead, subtasks(terms), terms.total)) {
                return Err(place("it is told twice".into()));
            }
        }
        Ok(())
    }

    /// An award after others of the same part: after a failure, to somebody who stood by for the
    /// one that failed or had bid on this subtask alone.
    fn check_later(
        &self,
        part: &PartRecord,
        index: usize,
        attempt: &PartAttempt,
    ) -> Result<(), String> {
        let bound = |before: &&PartAttempt| !matches!(before.end, PartEnd::Refused { .. });
        let before = part.attempts.iter().take(index).rev().find(bound);
        let failed = before.filter(|before| matches!(before.end, PartEnd::Failed { .. }));
        let failed = failed.ok_or("nobody had failed before it")?;
        match attempt.basis {
            PartBasis::Backup { coalition, backup } => {
                let stood_by = match failed.basis {
                    PartBasis::Coalition { coalition } | PartBasis::Backup { coalition, .. } => {
                        Some(coalition)
                    }
                    PartBasis::Bundle { .. } | PartBasis::Call { .. } => None,
                };
                if stood_by != Some(coalition) {
                    return Err("a backup came for somebody who was not of its coalition".into());
                }
                self.check_backup(part.subtask, attempt, (coalition, backup))
            }
            PartBasis::Call { .. } => self.check_called(part, index, attempt),
            PartBasis::Coalition { .. } => {
                Err("a coalition does not take over what somebody else failed at".into())
            }
            PartBasis::Bundle { bundle } => {
                let bid = self.job.transcript.bid(&attempt.seller);
                let bundle = bid.and_then(|bid| bid.bundles.get(usize::from(bundle)));
                let bundle = bundle.ok_or("the seller opened no such bundle")?;
                self.check_bidder(part.subtask, attempt, bundle)
            }
        }
    }

    fn coalition(&self, number: u16) -> Result<&CoalitionTerms, String> {
        let record = self.job.coalitions.get(usize::from(number));
        record.map(|record| &record.terms).ok_or_else(|| format!("there is no coalition {number}"))
    }

    fn check_backup(
        &self,
        subtask: u16,
        attempt: &PartAttempt,
        (coalition, backup): (u16, u16),
    ) -> Result<(), String> {
        let backups = &self.coalition(coalition)?.failure.backups;
        let chosen = backups.get(usize::from(backup));
        let chosen = chosen.ok_or_else(|| format!("the coalition has no backup {backup}"))?;
        same("subtask", &subtask, &chosen.subtask)?;
        same("seller", &attempt.seller, &chosen.agent)?;
        same("price", &attempt.price, &chosen.bid)
    }

    /// A bidder who gets one subtask after a failure had asked for just that, at most at this
    /// price, and could have won it. That it has no other bundle the ledger says, which binds a bid
    /// once; whether somebody else was the better one depends on who had failed elsewhere at that
    /// moment, which is the issuer's word.
    fn check_bidder(
        &self,
        subtask: u16,
        attempt: &PartAttempt,
        bundle: &Bundle,
    ) -> Result<(), String> {
        let bidder = attempt.seller;
        let (transcript, terms) = (&self.job.transcript, &self.job.transcript.terms);
        let part: SubtaskSet = [usize::from(subtask)].into_iter().collect();
        if bundle.subtasks != part {
            return Err("the bundle is not of this subtask alone".into());
        }
        let entrant = transcript.entrants.iter().find(|entrant| entrant.commit.bidder == bidder);
        let (Some(entrant), Some(bid)) = (entrant, transcript.bid(&bidder)) else {
            return Err(format!("{bidder} opened no bid"));
        };
        let reserve = terms.reserve(&part);
        let loss = terms.expected_loss(&part, entrant.failure_probability);
        let in_time =
            |bundle: &Bundle| bundle.estimated_duration_ms <= terms.duration_ms_max(&part);
        let cheaper =
            |other: &Bundle| other.subtasks == part && other.price < bundle.price && in_time(other);
        if bid.bundles.iter().any(cheaper) {
            return Err("the bidder asked for less in another bundle".into());
        }
        let score = bundle.price.saturating_add(loss);
        if score > reserve || !in_time(bundle) || bid.valid_until < terms.reveal_until {
            return Err("the bundle could not win in the auction".into());
        }
        if attempt.price < bundle.price || attempt.price > reserve {
            let (asked, most) = (bundle.price.to_ainu(), reserve.to_ainu());
            return Err(format!(
                "the price is not between the {asked} AINU asked and the reserve of {most} AINU"
            ));
        }
        Ok(())
    }
}

/// The award is the one that was computed.
fn matches(attempt: &PartAttempt, planned: &Planned) -> Result<(), String> {
    same("seller", &attempt.seller, &planned.seller)?;
    same("price", &attempt.price, &planned.price)?;
    if attempt.basis == planned.basis {
        Ok(())
    } else {
        let basis = &planned.basis;
        Err(format!("the receipt says {:?}, the auction says {basis:?}", attempt.basis))
    }
}

/// The subtasks that a coalition's members do.
fn subtasks(terms: &CoalitionTerms) -> SubtaskSet {
    terms.members.iter().map(|member| usize::from(member.subtask)).collect()
}
