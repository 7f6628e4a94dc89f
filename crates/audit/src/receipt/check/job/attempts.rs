//! That every award of every part is there, in order, and as the ledger says.
use std::collections::BTreeSet;

use ainur_ledger::escrow;
use ainur_primitives::{Amount, Did};

use super::super::escrow::escrow_event;
use super::{ATTEMPT, Checked, JobExamination, same};
use crate::receipt::{LedgerEvent, PartAttempt, PartBasis, PartEnd, PartRecord};

impl JobExamination<'_> {
    /// The job's agreement binds all first sellers, each substitution one after a failure, and
    /// each payment is of the seller that was bound last.
    pub(super) fn attempts(&self) -> Checked {
        if !self.body.attempts.is_empty() {
            return Err("there are attempts outside the parts of the job".into());
        }
        let parts = self.parts()?;
        let bound = self.check_first()?;
        let mut substituted = 0;
        let mut refused = 0;
        for part in parts {
            let place = |reason: String| format!("{}: {reason}", self.name_of(part.subtask));
            let number = bound.iter().position(|subtask| *subtask == part.subtask);
            let number = number.and_then(|number| u32::try_from(number).ok());
            self.check_part(part, number).map_err(place)?;
            let later = part.attempts.iter().skip(1);
            let (no, yes): (Vec<_>, Vec<_>) =
                later.partition(|attempt| matches!(attempt.end, PartEnd::Refused { .. }));
            refused += no.len();
            substituted += yes.len();
        }
        let parts = parts.len();
        let mut seen = format!("{parts} parts on the ledger");
        if substituted > 0 {
            seen.push_str(&format!(", {substituted} substituted"));
        }
        if refused > 0 {
            seen.push_str(&format!(", {refused} refused by it (the issuer's word)"));
        }
        Ok(seen)
    }

    /// The job's agreement is with exactly the first sellers, in the order of the auction's
    /// assignments. Returns the subtasks by the ledger's numbers of parts.
    fn check_first(&self) -> Result<Vec<u16>, String> {
        let plan = self.plan.as_ref().map_err(Clone::clone)?;
        let Some(escrow::Event::Agreed { task, sellers, deadline, .. }) =
            escrow_event(&self.job.agreed)
        else {
            return Err("the ledger's agreement with the first sellers is missing".into());
        };
        same("task", &self.body.task, task)?;
        same("deadline of the call", &self.job.transcript.terms.deadline, deadline)?;
        same("number of first sellers", &plan.len(), &sellers.len())?;
        for (planned, hire) in plan.iter().zip(sellers) {
            let subtask = planned.subtask;
            let place = |reason: String| format!("{}: {reason}", self.name_of(subtask));
            let part = self.job.parts.iter().find(|part| part.subtask == subtask);
            let first = part.and_then(|part| part.attempts.first());
            let first = first.ok_or_else(|| place("it was awarded to nobody".into()))?;
            self.check_hire(subtask, first, hire).map_err(place)?;
        }
        Ok(plan.iter().map(|planned| planned.subtask).collect())
    }

    /// The awards of one part, the first of which has this number on the ledger.
    fn check_part(&self, part: &PartRecord, number: Option<u32>) -> Result<(), String> {
        let last = part.attempts.len();
        let mut number = number;
        let mut sellers: BTreeSet<Did> = BTreeSet::new();
        for (count, attempt) in (1..).zip(&part.attempts) {
            let place = |reason: String| format!("attempt {count}: {reason}");
            if !sellers.insert(attempt.seller) {
                return Err(place(format!("{} had failed at it before", attempt.seller)));
            }
            match (&attempt.end, &attempt.agreed) {
                (PartEnd::Refused { .. }, Some(_)) => {
                    return Err(place("it says refused, the ledger agreed".into()));
                }
                (PartEnd::Refused { .. }, None) if count == 1 => {
                    return Err(place("it says refused, the job's agreement binds it".into()));
                }
                (PartEnd::Refused { .. }, None) => continue,
                (_, Some(_)) if count == 1 => {
                    return Err(place("nobody was before it whom it could substitute".into()));
                }
                (_, Some(agreed)) => {
                    let first = self.check_substituted(part.subtask, number, attempt, agreed);
                    number = Some(first.map_err(place)?);
                }
                (_, None) if count == 1 => {}
                // A crash hid where it was bound: by which number is not known.
                (_, None) => number = None,
            }
            match &attempt.end {
                PartEnd::Settled if count < last => {
                    return Err(place("it was settled, yet others follow".into()));
                }
                PartEnd::Stopped if count < last => {
                    return Err(place("it was stopped, yet others follow".into()));
                }
                PartEnd::Settled => self.check_settled(part, number, attempt).map_err(place)?,
                _ => self.check_failed(number, attempt).map_err(place)?,
            }
        }
        if part.paid().is_none() && part.settled.is_some() {
            return Err("it was not settled, yet there is a payment".into());
        }
        Ok(())
    }

    /// What the ledger says of a seller it bound.
    fn check_hire(
        &self,
        subtask: u16,
        attempt: &PartAttempt,
        hire: &escrow::Hire,
    ) -> Result<(), String> {
        let escrow::Hire { seller, price, advanced, pledge, bid, transcript, parts, .. } = hire;
        same("seller", &attempt.seller, seller)?;
        same("price", &attempt.price, price)?;
        if hire.subtask != Some(subtask) {
            return Err("the ledger bound the seller to another subtask".into());
        }
        if *parts != 1 || !advanced.is_zero() {
            return Err("the ledger pays it in advance or in several parts".into());
        }
        same("pledge", &self.pledge(subtask, attempt.basis), pledge)?;
        let consent = self.consent(subtask, attempt.seller, attempt.basis)?;
        same("digest of what the seller signed", &consent, bid)?;
        let explained = match &attempt.basis {
            PartBasis::Bundle { .. } | PartBasis::Coalition { .. } => &self.transcript,
            // A backup's word explains itself.
            PartBasis::Backup { .. } => &consent,
            PartBasis::Call { transcript } => transcript,
        };
        same("transcript digest", explained, transcript)
    }

    /// What a seller pledges to its coalition, by the coalition's terms.
    fn pledge(&self, subtask: u16, basis: PartBasis) -> Amount {
        let terms = |coalition: u16| {
            self.job.coalitions.get(usize::from(coalition)).map(|record| &record.terms)
        };
        let pledged = match basis {
            PartBasis::Coalition { coalition } => terms(coalition).and_then(|terms| {
                let member = terms.members.iter().find(|member| member.subtask == subtask)?;
                Some(terms.failure.pledge(member.bond))
            }),
            PartBasis::Backup { coalition, backup } => terms(coalition).and_then(|terms| {
                let backup = terms.failure.backups.get(usize::from(backup))?;
                Some(terms.failure.pledge(backup.bond))
            }),
            PartBasis::Bundle { .. } | PartBasis::Call { .. } => None,
        };
        pledged.unwrap_or_default()
    }

    /// That this seller took the place of one that had failed; returns its number.
    fn check_substituted(
        &self,
        subtask: u16,
        replaced: Option<u32>,
        attempt: &PartAttempt,
        event: &LedgerEvent,
    ) -> Result<u32, String> {
        let Some(escrow::Event::Substituted {
            task, attempt: number, part, first, sellers, ..
        }) = escrow_event(event)
        else {
            return Err("the ledger's event is not a substitution".into());
        };
        let [hire] = sellers.as_slice() else {
            return Err("the ledger substituted several sellers, the receipt names one".into());
        };
        same("task", &self.body.task, task)?;
        same("attempt", &ATTEMPT, number)?;
        same("number of the part replaced", &replaced.unwrap_or(*part), part)?;
        self.check_hire(subtask, attempt, hire)?;
        Ok(*first)
    }

    /// That the seller failed, when an event says so.
    fn check_failed(&self, number: Option<u32>, attempt: &PartAttempt) -> Result<(), String> {
        let PartEnd::Failed { reason, event: Some(event) } = &attempt.end else {
            return Ok(());
        };
        let (task, count, part, seller, proved) = match escrow_event(event) {
            Some(escrow::Event::PartFailed { task, attempt, part, seller, reason, .. }) => {
                (task, attempt, Some(*part), seller, reason)
            }
            // The whole job failed or ran out of time.
            Some(escrow::Event::Failed { task, attempt, seller, reason, .. }) => {
                (task, attempt, number, seller, reason)
            }
            _ => return Err("the ledger's event is not a failure".into()),
        };
        same("task", &self.body.task, task)?;
        same("attempt", &ATTEMPT, count)?;
        same("seller", &attempt.seller, seller)?;
        same("reason", reason, proved)?;
        self.check_number(number, part)
    }

    /// That the seller was paid, when the event is shown.
    fn check_settled(
        &self,
        part: &PartRecord,
        number: Option<u32>,
        attempt: &PartAttempt,
    ) -> Result<(), String> {
        let Some(event) = &part.settled else { return Ok(()) };
        let Some(escrow::Event::PartSettled {
            task,
            attempt: count,
            part,
            seller,
            price,
            compensation,
            ..
        }) = escrow_event(event)
        else {
            return Err("the ledger's event is not the payment of a part".into());
        };
        same("task", &self.body.task, task)?;
        same("attempt", &ATTEMPT, count)?;
        same("seller", &attempt.seller, seller)?;
        same("price", &attempt.price, &price.saturating_add(*compensation))?;
        self.check_number(number, Some(*part))
    }

    /// The ledger's event is about the part of this number; about none that is known to be
    /// another's, when a crash hid the number.
    fn check_number(&self, number: Option<u32>, found: Option<u32>) -> Result<(), String> {
        let Some(found) = found else { return Ok(()) };
        match number {
            Some(number) => same("number of the part", &number, &found),
            None if self.known_numbers().contains(&found) => {
                Err(format!("the ledger's event is about part {found}, which is another's"))
            }
            None => Ok(()),
        }
    }

    /// The numbers of parts that events give to sellers.
    fn known_numbers(&self) -> BTreeSet<u32> {
        let all = self.job.parts.iter().flat_map(|part| &part.attempts);
        let substitutes = all.filter_map(|attempt| match escrow_event(attempt.agreed.as_ref()?)? {
            escrow::Event::Substituted { first, .. } => Some(*first),
            _ => None,
        });
        let count = u32::try_from(self.job.parts.len()).unwrap_or(u32::MAX);
        (0..count).chain(substitutes).collect()
    }
}
