//! That the story is the one the ledger tells: agreement, attempts, payment or refund, verdict.
use ainur_ledger::{Event, escrow};
use ainur_primitives::{Amount, Digest};

use super::{Checked, Examination, same};
use crate::receipt::{AttemptBasis, AttemptEnd, AttemptRecord, LedgerEvent, check_digest};

impl<'a> Examination<'a> {
    /// The specification and the acceptance check by the digests agreed to.
    pub(super) fn specification(&self) -> Checked {
        match &self.job {
            Some(job) => job.graph().map(|_| ())?,
            None if self.body.specification.graph.is_some() => {
                return Err("the task is a graph, the receipt does not tell of its parts".into());
            }
            _ if self.body.chunks.len() > self.body.specification.chunks.len() => {
                return Err("the receipt tells of more chunks than the task has".into());
            }
            None => {}
        }
        if let Some(claim) = self.claim() {
            return self.claimed_specification(claim);
        }
        if let Some(used) = self.rented() {
            return self.used_specification(used);
        }
        let escrow::Event::Agreed { call, check, .. } = self.agreed()? else {
            return Err(NOT_AGREED.into());
        };
        let specification = self.body.specification_digest();
        same("specification digest", &specification, call)?;
        same("check digest", &check_digest(&self.body.specification.check), check)?;
        Ok(format!("digest {}", specification.short()))
    }

    /// Task, parties, reserve and budget.
    pub(super) fn agreement(&self) -> Checked {
        if let Some(claim) = self.claim() {
            return self.claimed_agreement(claim);
        }
        if let Some(used) = self.rented() {
            return self.used_agreement(used);
        }
        let escrow::Event::Agreed { task, buyer, verifier, reserve, budget, .. } = self.agreed()?
        else {
            return Err(NOT_AGREED.into());
        };
        let body = self.body;
        same("task", &body.task, task)?;
        same("buyer", &body.buyer, buyer)?;
        same("verifier", &body.verifier, verifier)?;
        same("reserve", &body.specification.reserve, reserve)?;
        if body.specification.budget != *budget {
            return Err("the agreement draws on another budget".into());
        }
        Ok(format!("reserve {} AINU locked by {}", reserve.to_ainu(), buyer.short()))
    }

    /// Every award the ledger took is there, in order, with its seller, price, bid and transcript.
    pub(super) fn attempts(&self) -> Checked {
        if let Some(claim) = self.claim() {
            return self.claimed_attempt(claim);
        }
        if let Some(used) = self.rented() {
            return self.used_attempt(used);
        }
        let last = self.body.attempts.len();
        let mut bound = 0;
        for (number, attempt) in (1..).zip(&self.body.attempts) {
            let place = |reason: String| format!("attempt {number}: {reason}");
            match (&attempt.agreed, &attempt.end) {
                (None, AttemptEnd::Refused { .. }) => continue,
                (None, _) => return Err(place("the ledger's agreement is missing".into())),
                (Some(_), AttemptEnd::Refused { .. }) => {
                    return Err(place("it says refused, the ledger agreed".into()));
                }
                (Some(_), AttemptEnd::Settled) if number < last => {
                    return Err(place("it was settled, yet others follow".into()));
                }
                (Some(agreed), _) => {
                    bound += 1;
                    self.check_agreed(bound, attempt, agreed).map_err(place)?;
                    self.check_failed(bound, attempt).map_err(place)?;
                }
            }
        }
        let refused = last as u64 - u64::from(bound);
        match (bound, refused) {
            (0, _) => Err("no attempt was ever agreed to".into()),
            (bound, 0) => Ok(format!("{bound} on the ledger")),
            (bound, refused) => {
                Ok(format!("{bound} on the ledger, {refused} refused by it (the issuer's word)"))
            }
        }
    }

    /// Payment or refund, to whom and how much.
    pub(super) fn settlement(&self) -> Checked {
        if let Some(claim) = self.claim() {
            return self.claim_settled(claim);
        }
        if let Some(used) = self.rented() {
            return self.use_settled(used);
        }
        if self.is_chunked() {
            return self.chunks_settled();
        }
        let body = self.body;
        let attempts = body.attempts.iter().filter(|attempt| attempt.agreed.is_some()).count();
        match (escrow_event(&body.settlement), body.settled()) {
            (
                Some(escrow::Event::Settled {
                    task,
                    attempt,
                    buyer,
                    payouts,
                    compensation,
                    refunded,
                    output,
                    ..
                }),
                Some(last),
            ) => {
                same("task", &body.task, task)?;
                same("buyer", &body.buyer, buyer)?;
                let [escrow::Payout { payee, amount }] = payouts.as_slice() else {
                    return Err("the ledger paid several sellers, the receipt names one".into());
                };
                same("seller", &last.seller, payee)?;
                same("attempts", &(attempts as u64), &u64::from(*attempt))?;
                same("price", &last.price, &amount.saturating_add(*compensation))?;
                same("paid", &body.paid, amount)?;
                same("refunded", &body.refunded, refunded)?;
                let stated = body.output.as_ref().ok_or("the receipt has no output")?;
                same("output", &stated.content, output)?;
                Ok(format!("{} AINU paid to {}", amount.to_ainu(), payee.short()))
            }
            (Some(escrow::Event::Refunded { task, buyer, amount, .. }), None) => {
                same("task", &body.task, task)?;
                same("buyer", &body.buyer, buyer)?;
                same("paid", &body.paid, &Amount::ZERO)?;
                same("refunded", &body.refunded, amount)?;
                same("reserve", &body.specification.reserve, amount)?;
                if body.output.is_some() {
                    return Err("it was refunded, yet the receipt has an accepted output".into());
                }
                Ok(format!("{} AINU returned to {}", amount.to_ainu(), buyer.short()))
            }
            (Some(cancelled @ escrow::Event::Cancelled { .. }), None) => self.cancelled(cancelled),
            (Some(escrow::Event::Settled { .. }), None) => {
                Err("the ledger says settled, the last attempt does not".into())
            }
            (Some(escrow::Event::Refunded { .. }), Some(_)) => {
                Err("the ledger says refunded, the last attempt says settled".into())
            }
            _ => Err("the ledger's event is neither payment nor refund".into()),
        }
    }

    /// The fee of a cancellation is what the seller's offer says, and the rest went back.
    fn cancelled(&self, event: &escrow::Event) -> Checked {
        let escrow::Event::Cancelled { task, buyer, payouts, fees, refunded, .. } = event else {
            return Err("the ledger's event is no cancellation".into());
        };
        let body = self.body;
        same("task", &body.task, task)?;
        same("buyer", &body.buyer, buyer)?;
        same("paid", &body.paid, fees)?;
        same("refunded", &body.refunded, refunded)?;
        same("reserve", &body.specification.reserve, &fees.saturating_add(*refunded))?;
        if body.output.is_some() {
            return Err("it was cancelled, yet the receipt has an accepted output".into());
        }
        let last = body.attempts.last().ok_or(NOT_AGREED)?;
        let (AttemptBasis::Offer(taken), Some(agreed)) = (&last.basis, &last.agreed) else {
            return Err("the seller has agreed to no cancellation".into());
        };
        let (began, ended) = (&agreed.proof.header, &body.settlement.proof.header);
        let after = ended.timestamp.since(began.timestamp);
        same("fee", fees, &taken.offer.cancellation.fee_for(after, last.price))?;
        if payouts.iter().any(|payout| payout.payee != last.seller) {
            return Err("the fee went to another than the seller".into());
        }
        let (fee, seller) = (fees.to_ainu(), last.seller.short());
        Ok(format!("cancelled: {fee} AINU paid to {seller}, {} returned", refunded.to_ainu()))
    }

    /// The verdict behind the settlement.
    pub(super) fn verdict(&self) -> Checked {
        if let Some(claim) = self.claim() {
            return self.claim_verdict(claim);
        }
        if let Some(used) = self.rented() {
            return self.use_verdict(used);
        }
        self.chunk_verdicts()?;
        let body = self.body;
        let Some(verdict) = &body.verdict else {
            return match body.settled() {
                Some(_) => Err("it was settled without a verdict".into()),
                None if !body.chunks.is_empty() => {
                    Ok(format!("those of {} chunks accept", body.chunks.len()))
                }
                None => Ok("none: nothing was accepted".into()),
            };
        };
        same("verifier", &body.verifier, &verdict.verifier)?;
        if verdict.check != body.specification.check {
            return Err("the verdict is about another check than was agreed to".into());
        }
        match escrow_event(&body.settlement) {
            Some(escrow::Event::Settled { verdict: settled, .. }) => {
                if !verdict.accepted {
                    return Err("it was settled on a verdict that rejects".into());
                }
                same("verdict digest", &ainur_verification::verdict::digest(verdict), settled)?;
                Ok(format!("accepted by {}", verdict.verifier.short()))
            }
            Some(escrow::Event::Refunded { expired: true, .. }) if verdict.accepted => {
                Ok("accepted, yet the deadline had passed".into())
            }
            _ if verdict.accepted => Err("it was refunded on a verdict that accepts".into()),
            _ => Ok(format!("rejected by {}", verdict.verifier.short())),
        }
    }

    /// The event that opened the escrow.
    fn agreed(&self) -> Result<&'a escrow::Event, String> {
        let of_job = self.body.job.iter().map(|job| &job.agreed);
        let bound = self.body.attempts.iter().filter_map(|attempt| attempt.agreed.as_ref());
        of_job.chain(bound).next().and_then(escrow_event).ok_or_else(|| NOT_AGREED.into())
    }

    /// What the ledger agreed to, as attempt `number` of those it counts.
    fn check_agreed(
        &self,
        number: u32,
        attempt: &AttemptRecord,
        event: &LedgerEvent,
    ) -> Result<(), String> {
        let (task, sellers) = match escrow_event(event) {
            Some(escrow::Event::Agreed { task, sellers, .. }) if number == 1 => (task, sellers),
            Some(escrow::Event::Reawarded { task, attempt, sellers, .. })
                if number > 1 && *attempt == number =>
            {
                (task, sellers)
            }
            _ => return Err(format!("the ledger's event is not agreement {number}")),
        };
        let [escrow::Hire { seller, price, bid, transcript, parts, .. }] = sellers.as_slice()
        else {
            return Err("the ledger agreed with several sellers, the receipt names one".into());
        };
        same("task", &self.body.task, task)?;
        same("seller", &attempt.seller, seller)?;
        same("price", &attempt.price, price)?;
        self.check_schedule(attempt)?;
        let pieces = self.body.specification.chunks.len().max(1);
        same("number of payments", &pieces, &(*parts as usize))?;
        match &attempt.basis {
            AttemptBasis::Auction => {
                same("transcript digest", &self.auction()?.digest(), transcript)?;
                let stated = self.bid_of(attempt.seller).map_or(Digest::ZERO, |bid| bid.digest());
                same("bid digest", &stated, bid)
            }
            AttemptBasis::Offer(taken) => {
                let offer = taken.offer.digest();
                same("offer digest", &offer, transcript)?;
                same("offer digest", &offer, bid)
            }
            AttemptBasis::Credit(_) => Err("a credit, yet money was locked".into()),
            AttemptBasis::Rental(_) => Err("a rental, yet money was locked for the task".into()),
            AttemptBasis::Negotiated(agreement) => {
                same("thread digest", &agreement.terms.thread, transcript)?;
                same("digest of the negotiated terms", &agreement.terms.digest(), bid)
            }
        }
    }

    fn check_failed(&self, number: u32, attempt: &AttemptRecord) -> Result<(), String> {
        let AttemptEnd::Failed { reason, event: Some(event) } = &attempt.end else {
            return Ok(());
        };
        let Some(escrow::Event::Failed { task, attempt: failed, seller, reason: proved, .. }) =
            escrow_event(event)
        else {
            return Err("the ledger's event is not a failure".into());
        };
        same("task", &self.body.task, task)?;
        same("seller", &attempt.seller, seller)?;
        same("attempt", &number, failed)?;
        same("reason", reason, proved)
    }
}

const NOT_AGREED: &str = "the ledger's agreement is missing";

pub(super) fn escrow_event(event: &LedgerEvent) -> Option<&escrow::Event> {
    match &event.proof.record.event {
        Event::Escrow(event) => Some(event),
        _ => None,
    }
}
