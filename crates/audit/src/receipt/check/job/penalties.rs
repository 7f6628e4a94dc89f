//! That whatever the clauses of a job's coalitions cost went where their terms say: played again
//! from the terms in the receipt and the events in the order in which they happened.
//!
//! That a member was late is the ledger's word; what it cost is not. Where a crash hid an event, or
//! members ran out of time at parts that the receipt tells nothing of, what the members of that
//! coalition owed afterwards cannot be played again, and is the ledger's word too.
use std::collections::{BTreeMap, BTreeSet};

use ainur_ledger::EventRecord;
use ainur_ledger::escrow::{self, HeldPenalty, Pact, Penalty};
use ainur_market::coalition::CoalitionMember;
use ainur_primitives::{Amount, Digest, FailureReason};

use super::super::escrow::escrow_event;
use super::{JobExamination, same};
use crate::receipt::{LedgerEvent, PartBasis, PartEnd};

/// What the events so far leave of each coalition.
struct Replay {
    /// Coalitions with clauses that work on the job, by digest.
    pacts: BTreeMap<Digest, Pact>,
    /// What waits for whoever takes a subtask over; its payee is the buyer until then.
    held: BTreeMap<u16, HeldPenalty>,
    /// Coalitions of which not all is known.
    hidden: BTreeSet<Digest>,
    /// What was paid.
    paid: Amount,
    /// What members got back of what insurance withheld.
    insurance: Amount,
}

/// Something that happened at a subtask.
struct Step<'a> {
    record: &'a EventRecord,
    height: u64,
    subtask: u16,
    /// The coalition of whoever was at work at it or takes it over.
    coalition: Option<Digest>,
}

impl JobExamination<'_> {
    /// Plays the clauses of all coalitions again. Returns what was seen; nothing without clauses.
    pub(super) fn penalties(&self) -> Result<Option<String>, String> {
        let mut replay = self.begin_replay()?;
        if replay.pacts.is_empty() {
            self.no_penalties()?;
            return Ok(None);
        }
        let mut steps = self.steps();
        steps.sort_by_key(|step| (step.height, step.record.index));
        let at = |step: &Step<'_>| (step.height, step.record.transaction);
        for together in steps.chunk_by(|one, other| at(one) == at(other)) {
            self.replay_failures(&mut replay, together)?;
            for step in together {
                self.replay_step(&mut replay, step)?;
            }
        }
        self.replay_end(&mut replay)?;
        let (paid, coalitions) = (replay.paid.to_ainu(), replay.pacts.len());
        let hidden = match replay.hidden.len() {
            0 => String::new(),
            hidden => format!(", those of {hidden} in part the ledger's word"),
        };
        let back = match replay.insurance.is_zero() {
            true => String::new(),
            false => format!(", insurance gave back {} AINU", replay.insurance.to_ainu()),
        };
        Ok(Some(format!("clauses of {coalitions} coalitions cost {paid} AINU{back}{hidden}")))
    }

    /// The coalitions with clauses as the job's agreement bound them.
    fn begin_replay(&self) -> Result<Replay, String> {
        let plan = self.plan.as_ref().map_err(Clone::clone)?;
        let began = self.job.agreed.proof.header.timestamp;
        let mut replay = Replay {
            pacts: BTreeMap::new(),
            held: BTreeMap::new(),
            hidden: self.hidden(),
            paid: Amount::ZERO,
            insurance: Amount::ZERO,
        };
        for (number, (record, digest)) in
            (0..).zip(self.job.coalitions.iter().zip(&self.coalitions))
        {
            let basis = PartBasis::Coalition { coalition: number };
            if let Some(won) = plan.iter().find(|planned| planned.basis == basis) {
                let terms =
                    record.terms.at_price(won.payment).ok_or("a coalition asks for more")?;
                let pact = Pact::new(*digest, &terms, began);
                replay.pacts.extend(pact.map(|pact| (*digest, pact)));
            }
        }
        Ok(replay)
    }

    /// The coalitions of whose members the receipt does not show all that became of them.
    fn hidden(&self) -> BTreeSet<Digest> {
        let settlement = escrow_event(&self.body.settlement);
        let expired = matches!(settlement, Some(escrow::Event::Refunded { expired: true, .. }));
        let mut hidden = BTreeSet::new();
        for part in &self.job.parts {
            let mut coalition = None;
            for (number, attempt) in part.attempts.iter().enumerate() {
                // Whoever comes after a member takes over what waits.
                coalition = self.coalition_of(attempt.basis).or(coalition);
                let unknown = match &attempt.end {
                    PartEnd::Refused { .. } => false,
                    PartEnd::Failed { event: None, .. } => true,
                    PartEnd::Stopped if expired => true,
                    PartEnd::Settled if part.settled.is_none() => true,
                    _ => number > 0 && attempt.agreed.is_none(),
                };
                hidden.extend(coalition.filter(|_| unknown));
            }
        }
        hidden
    }

    /// What the receipt shows to have happened to parts.
    fn steps(&self) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        for part in &self.job.parts {
            let mut at_work = None;
            for attempt in &part.attempts {
                if matches!(attempt.end, PartEnd::Refused { .. }) {
                    continue;
                }
                at_work = self.coalition_of(attempt.basis);
                let failed = match &attempt.end {
                    PartEnd::Failed { event, .. } => event.as_deref(),
                    _ => None,
                };
                for event in attempt.agreed.iter().chain(failed) {
                    steps.push(step(event, part.subtask, at_work));
                }
            }
            steps.extend(part.settled.iter().map(|event| step(event, part.subtask, at_work)));
        }
        steps
    }

    /// The coalition that a seller belongs to or stands by for.
    fn coalition_of(&self, basis: PartBasis) -> Option<Digest> {
        match basis {
            PartBasis::Coalition { coalition } | PartBasis::Backup { coalition, .. } => {
                self.coalitions.get(usize::from(coalition)).copied()
            }
            PartBasis::Bundle { .. } | PartBasis::Call { .. } => None,
        }
    }

    /// Those who failed in one transaction failed with one another.
    fn replay_failures(&self, replay: &mut Replay, together: &[Step<'_>]) -> Result<(), String> {
        let mut lost: BTreeMap<Digest, Vec<(u16, &[Penalty])>> = BTreeMap::new();
        for step in together {
            let Some((reason, penalties)) = failure(step.record) else { continue };
            let pact = step.coalition.and_then(|coalition| replay.pacts.get_mut(&coalition));
            match pact {
                Some(pact) if reason != FailureReason::Infrastructure => {
                    lost.entry(pact.consent).or_default().push((step.subtask, penalties));
                }
                Some(pact) => {
                    pact.excuse(step.subtask);
                    same("penalties for infrastructure", &0, &penalties.len())?;
                }
                None => same("penalties without clauses", &0, &penalties.len())?,
            }
        }
        for (coalition, lost) in lost {
            let Some(pact) = replay.pacts.get_mut(&coalition) else { continue };
            let subtasks: Vec<u16> = lost.iter().map(|(subtask, _)| *subtask).collect();
            let expected = pact.fail(self.body.buyer, &subtasks);
            for (subtask, told) in lost {
                let own = expected.iter().filter(|penalty| penalty.subtask == subtask);
                if !replay.hidden.contains(&coalition) && !own.eq(told) {
                    let name = self.name_of(subtask);
                    return Err(format!("{name}: the clauses cost something else than was paid"));
                }
                for Penalty { seller, held, .. } in told {
                    let (payee, amount) = (self.body.buyer, *held);
                    let waits = HeldPenalty { coalition, subtask, seller: *seller, payee, amount };
                    replay.held.extend((!held.is_zero()).then_some((subtask, waits)));
                }
                replay.paid =
                    told.iter().fold(replay.paid, |sum, it| sum.saturating_add(it.paid()));
            }
        }
        Ok(())
    }

    /// A payment, or somebody who takes over.
    fn replay_step(&self, replay: &mut Replay, step: &Step<'_>) -> Result<(), String> {
        let place = |reason: String| format!("{}: {reason}", self.name_of(step.subtask));
        let ainur_ledger::Event::Escrow(event) = &step.record.event else { return Ok(()) };
        let pact = step.coalition.and_then(|coalition| replay.pacts.get_mut(&coalition));
        match event {
            escrow::Event::PartSettled { penalties, seller, .. } => {
                let late = pact.as_ref().and_then(|pact| pact.late(self.body.buyer, step.subtask));
                let hidden = pact.as_ref().is_some_and(|it| replay.hidden.contains(&it.consent));
                if let Some(pact) = pact {
                    pact.accept(step.subtask, *seller);
                }
                if !penalties.is_empty() && !hidden && !late.iter().eq(penalties) {
                    let reason = "the clauses for lateness cost something else than was paid";
                    return Err(place(reason.into()));
                }
                let paid = penalties.iter().map(Penalty::paid).sum();
                replay.paid = replay.paid.saturating_add(paid);
            }
            escrow::Event::Substituted { sellers, held, .. } => {
                if let Some(pact) = pact
                    && let Some((backup, price)) = self.joins(step, sellers)
                {
                    pact.join(backup, price);
                }
                let payee = sellers.first().map_or(self.body.buyer, |hire| hire.seller);
                let waits = replay.held.remove(&step.subtask);
                let waits = waits.map(|waits| HeldPenalty { payee, ..waits });
                let unknown = held.is_some_and(|it| replay.hidden.contains(&it.coalition));
                if waits != *held && !unknown {
                    return Err(place("what waited for whoever takes over went elsewhere".into()));
                }
                let paid = held.map_or(Amount::ZERO, |held| held.amount);
                replay.paid = replay.paid.saturating_add(paid);
            }
            _ => {}
        }
        Ok(())
    }

    /// The backup that takes over, by the coalition's terms, and for how much.
    fn joins(
        &self,
        step: &Step<'_>,
        sellers: &[escrow::Hire],
    ) -> Option<(&CoalitionMember, Amount)> {
        let hire = sellers.first()?;
        let number = self.coalitions.iter().position(|digest| Some(*digest) == step.coalition)?;
        let mut backups = self.job.coalitions.get(number)?.terms.failure.backups.iter();
        let own = |it: &&CoalitionMember| it.subtask == step.subtask && it.agent == hire.seller;
        backups.find(own).map(|backup| (backup, hire.price))
    }

    /// The buyer has what nobody was left to take over for.
    fn replay_end(&self, replay: &mut Replay) -> Result<(), String> {
        let held = match escrow_event(&self.body.settlement) {
            Some(
                escrow::Event::Settled { held, .. }
                | escrow::Event::Refunded { held, .. }
                | escrow::Event::Cancelled { held, .. },
            ) => held.as_slice(),
            _ => &[],
        };
        let known = |it: &&HeldPenalty| !replay.hidden.contains(&it.coalition);
        let mut told: Vec<&HeldPenalty> = held.iter().filter(known).collect();
        told.sort_by_key(|it| it.subtask);
        if !replay.held.values().filter(known).eq(told) {
            return Err("what waited for somebody to take over did not go to the buyer".into());
        }
        let all = held.iter().map(|it| it.amount).sum();
        replay.paid = replay.paid.saturating_add(all);
        // In the order in which the ledger bound the coalitions.
        let plan = self.plan.as_ref().map_err(Clone::clone)?;
        let mut order: Vec<Digest> = Vec::new();
        for coalition in plan.iter().filter_map(|planned| self.coalition_of(planned.basis)) {
            if !order.contains(&coalition) {
                order.push(coalition);
            }
        }
        let mut insurance = Vec::new();
        for coalition in order {
            let pact = replay.pacts.get_mut(&coalition);
            insurance.extend(pact.map(Pact::end_insurance).unwrap_or_default());
        }
        let told = escrow_event(&self.body.settlement).map_or(&[][..], escrow::Event::insurance);
        if replay.hidden.is_empty() && insurance != told {
            return Err(
                "what insurance withheld went to others than the members, or not all".into()
            );
        }
        replay.insurance = told.iter().map(|payout| payout.amount).sum();
        Ok(())
    }

    /// Without clauses nobody pays for them.
    fn no_penalties(&self) -> Result<(), String> {
        let events = self.events().map(|(_, event)| event).chain([&self.body.settlement]);
        for event in events {
            let Some(event) = escrow_event(event) else { continue };
            let (paid, held) = event.penalties();
            let told = paid.len() + held.len() + event.insurance().len();
            same("payments by coalitions without clauses", &0, &told)?;
        }
        Ok(())
    }
}

fn step(event: &LedgerEvent, subtask: u16, coalition: Option<Digest>) -> Step<'_> {
    Step { record: &event.proof.record, height: event.proof.record.height.0, subtask, coalition }
}

/// The reason of a failure, and what it cost.
fn failure(record: &EventRecord) -> Option<(FailureReason, &[Penalty])> {
    match &record.event {
        ainur_ledger::Event::Escrow(
            escrow::Event::PartFailed { reason, penalties, .. }
            | escrow::Event::Failed { reason, penalties, .. },
        ) => Some((*reason, penalties)),
        _ => None,
    }
}
