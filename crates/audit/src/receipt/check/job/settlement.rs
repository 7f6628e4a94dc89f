//! That the money of a job went where the ledger says, for outputs that were accepted.
use std::collections::BTreeMap;

use ainur_ledger::escrow::{self, Payout};
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::{Amount, ContentId, Did, Digest};

use super::super::escrow::escrow_event;
use super::{ATTEMPT, Checked, JobExamination, same};
use crate::receipt::{AcceptedOutput, PartRecord};

impl JobExamination<'_> {
    /// Payments and refund, to whom and how much, and what was delivered.
    pub(super) fn settlement(&self) -> Checked {
        let (body, parts) = (self.body, self.parts()?);
        let mut sums: BTreeMap<Did, Amount> = BTreeMap::new();
        let mut settled = 0;
        for part in parts {
            let place = |reason: String| format!("{}: {reason}", self.name_of(part.subtask));
            if let Some((seller, amount)) = check_paid(part).map_err(place)? {
                let sum = sums.entry(seller).or_default();
                *sum = sum.saturating_add(amount);
                settled += 1;
            }
        }
        let last = escrow_event(&body.settlement);
        for Payout { payee, amount } in last.map_or(&[][..], escrow::Event::insurance) {
            let sum = sums.entry(*payee).or_default();
            *sum = sum.saturating_add(*amount);
        }
        let paid: Amount = sums.values().copied().sum();
        let (task, buyer, payouts, refunded) = match escrow_event(&body.settlement) {
            Some(escrow::Event::Settled {
                task,
                buyer,
                payouts,
                refunded,
                output,
                verdict,
                attempt,
                ..
            }) => {
                if settled < parts.len() {
                    return Err("the ledger says settled, a part does not".into());
                }
                same("attempt", &ATTEMPT, attempt)?;
                check_last(parts, *output, *verdict)?;
                let stated = body.output.ok_or("the receipt has no output")?;
                same("output", &told(stated), &told(self.output_of(parts, stated)?))?;
                (task, buyer, payouts, refunded)
            }
            Some(
                escrow::Event::Refunded { task, buyer, payouts, amount: refunded, .. }
                | escrow::Event::Cancelled { task, buyer, payouts, refunded, .. },
            ) => {
                if settled == parts.len() {
                    return Err("the ledger says refunded, every part says settled".into());
                }
                if body.output.is_some() {
                    return Err("it was refunded, yet the receipt has an accepted output".into());
                }
                (task, buyer, payouts, refunded)
            }
            _ => return Err("the ledger's event is neither payment nor refund".into()),
        };
        same("task", &body.task, task)?;
        same("buyer", &body.buyer, buyer)?;
        check_payouts(&sums, payouts)?;
        same("paid", &body.paid, &paid)?;
        same("refunded", &body.refunded, refunded)?;
        let together = paid.saturating_add(*refunded);
        same("reserve", &body.specification.reserve, &together)?;
        let (paid, sellers, refunded) = (paid.to_ainu(), sums.len(), refunded.to_ainu());
        let mut seen = format!("{paid} AINU paid to {sellers} sellers, {refunded} AINU returned");
        if let Some(penalties) = self.penalties()? {
            seen.push_str(&format!("; {penalties}"));
        }
        Ok(seen)
    }

    /// What the job delivers: the output of the subtask that nobody needs, or those of several
    /// one after another, whose content is as stated.
    fn output_of(
        &self,
        parts: &[PartRecord],
        stated: AcceptedOutput,
    ) -> Result<AcceptedOutput, String> {
        let last = self.graph()?.last();
        let outputs = last.iter().filter_map(|subtask| parts.get(usize::from(*subtask))?.output);
        let outputs: Vec<AcceptedOutput> = outputs.collect();
        if let [only] = outputs.as_slice() {
            return Ok(*only);
        }
        let bytes = outputs.iter().try_fold(0_u64, |sum, output| sum.checked_add(output.bytes));
        let bytes = bytes.ok_or("the outputs together are too long")?;
        Ok(AcceptedOutput { bytes, ..stated })
    }

    /// The verdicts behind the payments.
    pub(super) fn verdict(&self) -> Checked {
        if self.body.verdict.is_some() {
            return Err("each part of a job has a verdict, the receipt has one of all".into());
        }
        let mut accepted = 0;
        for part in self.parts()? {
            let place = |reason: String| format!("{}: {reason}", self.name_of(part.subtask));
            match &part.verdict {
                Some(verdict) => self.check_verdict(part, verdict).map_err(place)?,
                None if part.paid().is_some() => {
                    return Err(place("it was settled without a verdict".into()));
                }
                None => {}
            }
            accepted += usize::from(part.paid().is_some());
        }
        let by = self.body.verifier.short();
        Ok(format!("{accepted} of {} parts accepted by {by}", self.job.parts.len()))
    }

    fn check_verdict(&self, part: &PartRecord, verdict: &Verdict) -> Result<(), String> {
        same("verifier", &self.body.verifier, &verdict.verifier)?;
        if verdict.check != self.body.specification.check {
            return Err("the verdict is about another check than was agreed to".into());
        }
        let settlement = escrow_event(&self.body.settlement);
        let expired = matches!(settlement, Some(escrow::Event::Refunded { expired: true, .. }));
        match (part.paid().is_some(), verdict.accepted) {
            (true, false) => return Err("it was settled on a verdict that rejects".into()),
            (false, true) if !expired => {
                return Err("it was not settled on a verdict that accepts".into());
            }
            _ => {}
        }
        match part.settled.as_ref().and_then(escrow_event) {
            Some(escrow::Event::PartSettled { verdict: proved, .. }) => {
                same("verdict digest", &ainur_verification::verdict::digest(verdict), proved)
            }
            _ => Ok(()),
        }
    }
}

/// Who was paid how much for a part, when it was paid; its output is the one accepted.
fn check_paid(part: &PartRecord) -> Result<Option<(Did, Amount)>, String> {
    let (Some(attempt), Some(stated)) = (part.paid(), &part.output) else {
        return match (part.paid(), &part.output) {
            (Some(_), None) => Err("it was settled without an output".into()),
            (None, Some(_)) => Err("it was not settled, yet it has an accepted output".into()),
            _ => Ok(None),
        };
    };
    match part.settled.as_ref().and_then(escrow_event) {
        Some(escrow::Event::PartSettled { price, output, .. }) => {
            same("output", &stated.content, output)?;
            Ok(Some((attempt.seller, *price)))
        }
        // A crash hid where the event is: the sums of the last event still hold it.
        _ => Ok(Some((attempt.seller, attempt.price))),
    }
}

/// The escrow closed upon the part that was paid last, as far as it is known which that was.
fn check_last(parts: &[PartRecord], output: ContentId, verdict: Digest) -> Result<(), String> {
    let at = |part: &PartRecord| {
        part.settled.as_ref().map(|event| (event.proof.record.height, event.proof.record.index))
    };
    let latest = parts.iter().filter_map(at).max();
    // Hidden, it may have been any of those whose payment is hidden.
    let mut candidates = parts.iter().filter(|part| at(part).is_none() || at(part) == latest);
    let closed = |part: &PartRecord| {
        let stated = part.verdict.as_ref().map(ainur_verification::verdict::digest);
        part.output.map(|stated| stated.content) == Some(output) && stated == Some(verdict)
    };
    if candidates.any(closed) {
        Ok(())
    } else {
        Err("the escrow closed upon another output or verdict than that of the last part".into())
    }
}

fn check_payouts(sums: &BTreeMap<Did, Amount>, payouts: &[Payout]) -> Result<(), String> {
    same("number of sellers paid", &sums.len(), &payouts.len())?;
    for Payout { payee, amount } in payouts {
        let sum = sums.get(payee);
        let sum = sum.ok_or_else(|| format!("the ledger paid {payee}, the receipt did not"))?;
        same(&format!("paid to {payee}"), sum, amount)?;
    }
    Ok(())
}

/// An output as it is shown.
fn told(output: AcceptedOutput) -> String {
    format!("{} ({} bytes)", output.content, output.bytes)
}
