//! That work in chunks was paid chunk after chunk, as its seller signed and the ledger says.
use ainur_ledger::escrow;
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::Amount;

use super::escrow::escrow_event;
use super::{Checked, Examination, same};
use crate::receipt::{AttemptBasis, AttemptRecord, ChunkRecord, LedgerEvent};

impl<'a> Examination<'a> {
    /// The task was to be delivered and paid in chunks.
    pub(super) fn is_chunked(&self) -> bool {
        !self.body.specification.chunks.is_empty()
    }

    /// The payments of chunks, each with a name for people.
    pub(super) fn chunk_events(&self) -> impl Iterator<Item = (String, &'a LedgerEvent)> {
        let settled = (1..).zip(&self.body.chunks);
        settled.filter_map(|(number, chunk)| {
            Some((format!("payment of chunk {number}"), chunk.settled.as_ref()?))
        })
    }

    /// The schedule of an award suits the chunks of the task.
    pub(super) fn check_schedule(&self, attempt: &AttemptRecord) -> Result<(), String> {
        if self.payment_of(attempt)?.suits(&self.body.specification.chunks) {
            Ok(())
        } else {
            Err("it is not paid by the chunks of the task".into())
        }
    }

    /// When the seller of an award is paid, by what it signed.
    fn payment_of(&self, attempt: &'a AttemptRecord) -> Result<&'a PaymentTerms, String> {
        Ok(match &attempt.basis {
            AttemptBasis::Auction => &self.auction()?.terms.payment,
            AttemptBasis::Offer(taken) => &taken.offer.payment,
            AttemptBasis::Negotiated(agreement) => &agreement.terms.agreed.payment,
            AttemptBasis::Credit(_) | AttemptBasis::Rental(_) => &PaymentTerms::Completion,
        })
    }

    fn cancellation_of(attempt: &AttemptRecord) -> Option<CancellationPolicy> {
        match &attempt.basis {
            AttemptBasis::Auction | AttemptBasis::Credit(_) | AttemptBasis::Rental(_) => None,
            AttemptBasis::Offer(taken) => Some(taken.offer.cancellation),
            AttemptBasis::Negotiated(agreement) => Some(agreement.terms.cancellation),
        }
    }

    /// Every chunk was released to the seller at work, for its share of the price, in order; and the
    /// last event says the same of all of them.
    pub(super) fn chunks_settled(&self) -> Checked {
        let body = self.body;
        let wanted = body.specification.chunks.len();
        let mut bound = body.attempts.iter().filter(|attempt| attempt.agreed.is_some());
        let (attempts, last) = (bound.clone().count(), bound.next_back());
        let last = last.ok_or("no attempt was ever agreed to")?;
        let shares = self.payment_of(last)?.parts(last.price);
        if shares.len() != wanted {
            return Err("the seller is not paid by the chunks of the task".into());
        }
        let attempt = u32::try_from(attempts).unwrap_or(u32::MAX);
        let mut before = None;
        for (index, (chunk, share)) in (0_u32..).zip(body.chunks.iter().zip(&shares)) {
            let place = |reason: String| format!("chunk {}: {reason}", index + 1);
            self.check_release((attempt, index), last, (chunk, *share)).map_err(place)?;
            let record = chunk.settled.as_ref().map(|event| &event.proof.record);
            let at = record.map(|record| (record.height, record.index));
            if at.is_some() && at <= before {
                return Err(place("it was paid before the one before it".into()));
            }
            before = at.or(before);
        }
        let released: Amount = body.chunks.iter().map(|chunk| chunk.paid).sum();
        let open: Amount = shares.iter().skip(body.chunks.len()).copied().sum();
        let fees = self.check_closing((attempt, wanted), last, (released, open))?;
        same("paid", &body.paid, &released.saturating_add(fees))?;
        let (count, ainu) = (body.chunks.len(), body.paid.to_ainu());
        let seller = last.seller.short();
        Ok(format!("{count} of {wanted} chunks released, {ainu} AINU paid to {seller}"))
    }

    /// One chunk and the ledger's event that released its share.
    fn check_release(
        &self,
        (number, index): (u32, u32),
        last: &AttemptRecord,
        (chunk, share): (&ChunkRecord, Amount),
    ) -> Result<(), String> {
        let Some(event) = &chunk.settled else {
            // A crash hid where the event is: the sums of the last event still hold it.
            return if chunk.paid <= share {
                Ok(())
            } else {
                Err("more was released than its share".into())
            };
        };
        let Some(escrow::Event::PartSettled {
            task,
            attempt,
            part,
            seller,
            price,
            compensation,
            output,
            ..
        }) = escrow_event(event)
        else {
            return Err("the ledger's event is not the payment of a chunk".into());
        };
        same("task", &self.body.task, task)?;
        same("attempt", &number, attempt)?;
        same("chunk", &index, part)?;
        same("seller", &last.seller, seller)?;
        same("paid", &chunk.paid, price)?;
        same("share of the price", &share, &price.saturating_add(*compensation))?;
        same("output", &chunk.output.content, output)
    }

    /// The event that ended it; returns what was paid for being cancelled.
    fn check_closing(
        &self,
        (number, wanted): (u32, usize),
        last: &AttemptRecord,
        (released, open): (Amount, Amount),
    ) -> Result<Amount, String> {
        let body = self.body;
        let event = escrow_event(&body.settlement).ok_or("the last event is not an escrow's")?;
        let (task, buyer, payouts, refunded, fees) = match event {
            escrow::Event::Settled { task, attempt, buyer, payouts, refunded, output, .. } => {
                same("attempt", &number, attempt)?;
                same("number of chunks", &body.chunks.len(), &wanted)?;
                let stated = body.chunks.last().map(|chunk| chunk.output.content);
                same("output of the last chunk", &stated.unwrap_or_default(), output)?;
                let whole = body.output.as_ref().ok_or("the receipt has no output")?;
                let bytes: u64 = body.chunks.iter().map(|chunk| chunk.output.bytes).sum();
                same("length of the output", &whole.bytes, &bytes)?;
                if body.settled().is_none() {
                    return Err("the ledger says settled, the last attempt does not".into());
                }
                (task, buyer, payouts, refunded, Amount::ZERO)
            }
            escrow::Event::Refunded { task, buyer, payouts, amount, .. } => {
                self.ended_early()?;
                (task, buyer, payouts, amount, Amount::ZERO)
            }
            escrow::Event::Cancelled { task, buyer, payouts, fees, refunded, .. } => {
                self.ended_early()?;
                let policy = Self::cancellation_of(last);
                let policy = policy.ok_or("the seller has agreed to no cancellation")?;
                let began = last.agreed.as_ref().map(|event| event.proof.header.timestamp);
                let ended = body.settlement.proof.header.timestamp;
                let after = ended.since(began.unwrap_or(ended));
                same("fee", fees, &policy.fee_for(after, open))?;
                (task, buyer, payouts, refunded, *fees)
            }
            _ => return Err("the ledger's event is neither payment nor refund".into()),
        };
        same("task", &body.task, task)?;
        same("buyer", &body.buyer, buyer)?;
        same("refunded", &body.refunded, refunded)?;
        let paid: Amount = payouts.iter().map(|payout| payout.amount).sum();
        same("paid in all", &released.saturating_add(fees), &paid)?;
        same("reserve", &body.specification.reserve, &paid.saturating_add(*refunded))?;
        if payouts.iter().any(|payout| payout.payee != last.seller) {
            return Err("the ledger paid another than the seller".into());
        }
        Ok(fees)
    }

    fn ended_early(&self) -> Result<(), String> {
        match (&self.body.output, self.body.settled()) {
            (None, None) => Ok(()),
            _ => Err("it ended before its last chunk, yet the receipt says it was settled".into()),
        }
    }

    /// The verdict behind each release.
    pub(super) fn chunk_verdicts(&self) -> Result<(), String> {
        for (number, chunk) in (1..).zip(&self.body.chunks) {
            let place = |reason: String| format!("chunk {number}: {reason}");
            same("verifier", &self.body.verifier, &chunk.verdict.verifier).map_err(place)?;
            if chunk.verdict.check != self.body.specification.check {
                return Err(place("the verdict is about another check than was agreed to".into()));
            }
            if !chunk.verdict.accepted {
                return Err(place("it was paid on a verdict that rejects".into()));
            }
            let proved = chunk.settled.as_ref().and_then(escrow_event);
            if let Some(escrow::Event::PartSettled { verdict, .. }) = proved {
                let stated = ainur_verification::verdict::digest(&chunk.verdict);
                same("verdict digest", &stated, verdict).map_err(place)?;
            }
        }
        Ok(())
    }
}
