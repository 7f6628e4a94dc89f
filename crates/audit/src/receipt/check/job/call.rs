//! That a part which was called for again, alone, went to whom that call's bids say.
use ainur_market::auction::{award, terms::TERMS_AMOUNT_MAX};
use ainur_market::coalition::part_task_id;
use ainur_primitives::{Did, Digest};

use super::super::Examination;
use super::{JobExamination, because, same};
use crate::receipt::{PartAttempt, PartBasis, PartCallRecord, PartRecord, subtask_loss};

impl JobExamination<'_> {
    /// The calls for single parts are about those parts, ask for no more than the job's call did,
    /// and are of the same rule. Returns how many there are.
    pub(super) fn check_calls(&self) -> Result<usize, String> {
        let mut calls = 0;
        for part in &self.job.parts {
            let place =
                |reason: String| format!("{}, called again: {reason}", self.name_of(part.subtask));
            let Some(call) = &part.call else { continue };
            self.check_call(part, call).map_err(place)?;
            calls += 1;
        }
        Ok(calls)
    }

    fn check_call(&self, part: &PartRecord, call: &PartCallRecord) -> Result<(), String> {
        let (wanted, terms) = (&self.body.specification, &call.transcript.terms);
        let subtask = self.graph()?.subtasks.get(usize::from(part.subtask));
        let subtask = subtask.ok_or("the graph has no such subtask")?;
        same("task", &part_task_id(self.body.task, part.subtask), &terms.task)?;
        if terms.reserve > subtask.reserve || terms.reserve > TERMS_AMOUNT_MAX {
            return Err("more was offered than the part may cost".into());
        }
        same("loss", &subtask_loss(wanted, subtask), &terms.loss)?;
        if wanted.selection != terms.selection {
            return Err("the auction selected by another rule than was asked for".into());
        }
        if terms.duration_ms_max > subtask.duration_ms_max {
            return Err("more time was allowed than the part may take".into());
        }
        let digest = call.transcript.digest();
        let used = |attempt: &PartAttempt| attempt.basis == PartBasis::Call { transcript: digest };
        if !part.attempts.iter().any(used) {
            return Err("nobody was awarded the part by it".into());
        }
        call.transcript.validate().map_err(|error| because(&error))
    }

    /// Every bid opened in a call for a part is signed by its bidder. Returns how many there are.
    pub(super) fn call_signatures(&self, whole: &Examination<'_>) -> Result<usize, String> {
        let mut bids = 0;
        let calls = self.job.parts.iter().filter_map(|part| Some((part, part.call.as_ref()?)));
        for (part, call) in calls {
            let mut proofs = call.bids.iter();
            let reveals =
                call.transcript.entrants.iter().filter_map(|entrant| entrant.reveal.as_ref());
            for reveal in reveals {
                let bidder = reveal.terms.bidder;
                let place = |reason: String| {
                    format!("{}, bid of {bidder}: {reason}", self.name_of(part.subtask))
                };
                let proof = proofs.next();
                let proof =
                    proof.ok_or_else(|| place("the bidder's signature is missing".into()))?;
                whole.signed(bidder, reveal.terms.digest(), proof).map_err(place)?;
                bids += 1;
            }
            if proofs.next().is_some() {
                return Err("there is a signature of a bid that was not opened".into());
            }
        }
        Ok(bids)
    }

    /// The award is what the call's bids give without those who were awarded the part before.
    pub(super) fn check_called(
        &self,
        part: &PartRecord,
        index: usize,
        attempt: &PartAttempt,
    ) -> Result<(), String> {
        let call = self.call_of(part.subtask)?;
        let before: Vec<Did> =
            part.attempts.iter().take(index).map(|earlier| earlier.seller).collect();
        let replayed = award(&call.transcript, &before).map_err(|error| because(&error))?;
        same("seller", &attempt.seller, &replayed.winner)?;
        same("price", &attempt.price, &replayed.payment)?;
        let digest = call.transcript.digest();
        match attempt.basis == (PartBasis::Call { transcript: digest }) {
            true => Ok(()),
            false => Err("it names another call".into()),
        }
    }

    /// What the winner of a call for a part signed.
    pub(super) fn called_consent(&self, subtask: u16, seller: Did) -> Result<Digest, String> {
        let bid = self.call_of(subtask)?.transcript.bid(&seller);
        Ok(bid.ok_or_else(|| format!("{seller} opened no bid"))?.digest())
    }

    fn call_of(&self, subtask: u16) -> Result<&PartCallRecord, String> {
        let part = self.job.parts.iter().find(|part| part.subtask == subtask);
        let call = part.and_then(|part| part.call.as_ref());
        call.ok_or_else(|| "the call for the part alone is missing".into())
    }
}
