//! Which event may follow which state, and where it leads.
use ainur_ledger::exchange::CreditClassId;
use ainur_market::{auction, negotiation};
use ainur_primitives::{Amount, Did, FailureReason, Timestamp, Venue};

use super::{AwardBasis, HistoryEntry, HistoryKind, OutsideBid, Phase, Task, TaskAttempt};
use crate::event::{Chunk, CreditTake, Event, LedgerPosition, OfferTake, RentalTake, SignedReveal};

/// An event that may not follow a state. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The event belongs to another phase.
    #[error("{event} may not follow {phase:?}")]
    Phase {
        /// Where the task stands.
        phase: Phase,
        /// What was to be applied.
        event: &'static str,
    },
    /// The chunk is not the next one.
    #[error("chunk {got} is not the next one ({expected})")]
    Chunk {
        /// The next one.
        expected: u32,
        /// The one that came.
        got: u32,
    },
    /// The auction refused.
    #[error(transparent)]
    Auction(#[from] auction::Error),
    /// The award is not what the transcript gives.
    #[error("the award is not what the transcript gives")]
    Award,
    /// What was said does not follow from the rules.
    #[error("a negotiation does not follow its rules")]
    Negotiation(#[from] negotiation::Error),
    /// No bond of this bidder can be taken.
    #[error("no bond of this bidder is at stake")]
    Bond,
    /// A thread is of another task or another seller, or not signed.
    #[error("a negotiation is not one of this task")]
    Thread,
}

impl Task {
    /// Applies an event: the only way a task changes.
    ///
    /// # Errors
    /// When the event may not follow the state; the state is then unchanged.
    pub fn apply(&mut self, at: Timestamp, event: &Event) -> Result<(), Illegal> {
        match event {
            Event::Announced(_) => self.illegal("a second announcement"),
            Event::Committed { .. }
            | Event::Passed { .. }
            | Event::CommitmentsClosed
            | Event::Opened { .. }
            | Event::Revealed { .. }
            | Event::Awarded { .. }
            | Event::OfferTaken { .. }
            | Event::Said { .. }
            | Event::Negotiated { .. }
            | Event::Called(_)
            | Event::CreditTaken(_)
            | Event::RentalTaken(_)
            | Event::NoAward { .. } => self.apply_market(at, event),
            Event::GraphAwarded(_)
            | Event::PartBegun { .. }
            | Event::PartReawarded(_)
            | Event::PartCalled { .. }
            | Event::PartEnded(_)
            | Event::GraphSettled { .. } => self.apply_graph(at, event),
            Event::ChunkPaid { .. } | Event::ChunksSettled { .. } => self.apply_chunks(at, event),
            Event::BondTaken { bidder, amount } => self.take_bond(at, *bidder, *amount),
            Event::BondSpared { bidder, detail } => self.spare_bond(at, *bidder, detail),
            Event::AgreementApplied(_)
            | Event::AgreementRefused { .. }
            | Event::FailureApplied { .. }
            | Event::Settled(_)
            | Event::SettledLate { .. }
            | Event::CancelledFor { .. }
            | Event::Refunded(_)
            | Event::ReceiptLogged { .. } => self.apply_settlement(at, event),
            Event::Begun
            | Event::ChunkStored(_)
            | Event::WorkerLost { .. }
            | Event::Delivered { .. }
            | Event::Decided { .. }
            | Event::Checked(_)
            | Event::AttemptFailed { .. }
            | Event::Cancelled => self.apply_work(at, event),
        }
    }

    pub(super) fn illegal<T>(&self, event: &'static str) -> Result<T, Illegal> {
        Err(Illegal::Phase { phase: self.phase, event })
    }

    pub(super) fn expect(&self, phases: &[Phase], event: &'static str) -> Result<(), Illegal> {
        if phases.contains(&self.phase) { Ok(()) } else { self.illegal(event) }
    }

    pub(super) fn note(&mut self, at: Timestamp, kind: HistoryKind, detail: impl Into<String>) {
        if self.history.len() < super::history::HISTORY_ENTRIES_MAX {
            self.history.push(HistoryEntry { at, kind, detail: detail.into() });
        }
    }

    fn apply_market(&mut self, at: Timestamp, event: &Event) -> Result<(), Illegal> {
        match event {
            Event::Committed { commit, proof, failure_probability, custody, message } => {
                self.expect(&[Phase::Announced], "a commitment")?;
                self.auction.commit(at, commit.clone(), *failure_probability)?;
                self.commit_proofs.push(proof.clone());
                self.custody.extend(custody.clone());
                self.outside_bids
                    .extend(message.map(|said| OutsideBid::sealed(commit.bidder, said)));
                self.note(at, HistoryKind::Committed, commit.bidder.to_string());
            }
            Event::Passed { bidder, detail } => {
                self.expect(&[Phase::Announced], "a pass")?;
                if self.passed.iter().all(|(who, _)| who != bidder) {
                    self.passed.push((*bidder, detail.clone()));
                }
                self.note(at, HistoryKind::Passed, format!("{bidder} {detail}"));
            }
            Event::CommitmentsClosed => {
                self.expect(&[Phase::Announced], "the end of commitments")?;
                self.auction.close_commitments(at)?;
                self.phase = Phase::Revealing;
            }
            Event::Opened { bidder } => {
                self.expect(&[Phase::Revealing], "a reveal")?;
                let held = |held: &SignedReveal| held.reveal.terms.bidder == *bidder;
                let Some(at_hand) = self.custody.iter().position(held) else {
                    return self.illegal("a bid that is not in custody");
                };
                let opened = self.custody[at_hand].clone();
                self.take_reveal(at, &opened)?;
                self.custody.swap_remove(at_hand);
            }
            Event::Revealed { opened, message } => {
                self.take_reveal(at, opened)?;
                let bidder = opened.reveal.terms.bidder;
                self.outside_bids.iter_mut().filter(|bid| bid.bidder == bidder).for_each(|bid| {
                    bid.opening = Some(*message);
                });
            }
            Event::Awarded { attempt, seller, payment, beacon } => {
                self.expect(&[Phase::Revealing, Phase::Rewarding, Phase::Awarded], "an award")?;
                if self.transcript.is_none() {
                    self.transcript = Some(self.auction.close(at, *beacon)?);
                    self.custody = Vec::new();
                }
                let award = self.award().map_err(|_| Illegal::Award)?;
                let next = self.attempts.len() as u32 + 1;
                if (award.winner, award.payment, next) != (*seller, *payment, *attempt) {
                    return Err(Illegal::Award);
                }
                let basis = self.auction_basis(award.winner, award.payment);
                self.begin_attempt(next, award.winner, award.payment, basis);
                self.note(
                    at,
                    HistoryKind::Awarded,
                    format!("attempt {next} to {seller} for {} AINU", payment.to_ainu()),
                );
            }
            Event::OfferTaken { attempt, price, offer } => {
                self.take_offer(at, *attempt, *price, offer)?;
            }
            Event::CreditTaken(take) => self.take_credit(at, take)?,
            Event::RentalTaken(take) => self.take_rental(at, take)?,
            Event::Said { messages } => self.keep_said(at, messages)?,
            Event::Negotiated { threads, award, spoken } => {
                self.apply_negotiation(at, threads, award.as_deref(), spoken)?;
            }
            Event::Called(terms) => self.take_call(at, terms)?,
            Event::NoAward { detail } => {
                self.expect(
                    &[Phase::Announced, Phase::Revealing, Phase::Rewarding, Phase::Awarded],
                    "the end of the search",
                )?;
                self.detail.clone_from(detail);
                self.note(at, HistoryKind::NoAward, detail.clone());
                self.end_search(at);
            }
            _ => return self.illegal("this"),
        }
        Ok(())
    }

    fn take_call(&mut self, at: Timestamp, terms: &auction::AuctionTerms) -> Result<(), Illegal> {
        self.expect(&[Phase::Rewarding], "a call")?;
        if self.transcript.is_some() {
            return self.illegal("a second call");
        }
        self.auction = auction::Auction::open(terms.clone())?;
        self.phase = Phase::Announced;
        self.note(at, HistoryKind::Called, "");
        Ok(())
    }

    fn take_offer(
        &mut self,
        at: Timestamp,
        attempt: u32,
        price: Amount,
        take: &OfferTake,
    ) -> Result<(), Illegal> {
        self.expect(&[Phase::Announced, Phase::Rewarding], "an offer")?;
        let terms = &take.offer.terms;
        let next = self.attempts.len() as u32 + 1;
        let fits = terms.offers(&self.spec.capability)
            && terms.is_valid_at(take.matched)
            && take.price() == price
            && price <= self.spec.reserve
            && terms.payment.suits(&self.spec.chunks)
            && !self.excluded().contains(&terms.seller);
        if attempt != next || self.transcript.is_some() || !fits {
            return Err(Illegal::Award);
        }
        let basis = AwardBasis::Offer(Box::new(take.clone()));
        self.begin_attempt(next, terms.seller, price, basis);
        let (seller, ainu) = (terms.seller, price.to_ainu());
        let detail = format!("attempt {next} to {seller} for {ainu} AINU by its standing offer");
        self.note(at, HistoryKind::Awarded, detail);
        Ok(())
    }

    fn take_credit(&mut self, at: Timestamp, take: &CreditTake) -> Result<(), Illegal> {
        self.expect(&[Phase::Announced], "a credit")?;
        let class = CreditClassId::of(&self.spec.capability, take.quality);
        if self.venue != Venue::Credit || !self.attempts.is_empty() || class != take.class {
            return Err(Illegal::Award);
        }
        self.begin_attempt(1, take.issuer, Amount::ZERO, AwardBasis::Credit(*take));
        let detail = format!("attempt 1 to {} for a credit of the buyer's", take.issuer);
        self.note(at, HistoryKind::Awarded, detail);
        Ok(())
    }

    fn take_rental(&mut self, at: Timestamp, take: &RentalTake) -> Result<(), Illegal> {
        self.expect(&[Phase::Announced], "a rental")?;
        let is_wanted = self.rental.is_none_or(|wanted| wanted == take.rental);
        if self.venue != Venue::Rental || !self.attempts.is_empty() || !is_wanted {
            return Err(Illegal::Award);
        }
        self.begin_attempt(1, take.seller, Amount::ZERO, AwardBasis::Rental(*take));
        let detail = format!("attempt 1 to {} under rental {}", take.seller, take.rental.short());
        self.note(at, HistoryKind::Awarded, detail);
        Ok(())
    }

    pub(super) fn begin_attempt(
        &mut self,
        number: u32,
        seller: Did,
        price: Amount,
        basis: AwardBasis,
    ) {
        self.attempts.push(TaskAttempt {
            number,
            seller,
            price,
            basis,
            agreed_at: None,
            failed_at: None,
            failure: None,
            cancelled: false,
            slashed: Amount::ZERO,
            begun: false,
            resumed: 0,
            resumed_at_chunk: 0,
        });
        self.chunks = Vec::new();
        self.accepted = Vec::new();
        self.output = None;
        self.delivered = None;
        self.decision = None;
        self.verdict = None;
        self.phase = Phase::Awarded;
    }

    /// Money that is locked has to go back; otherwise the task is over.
    pub(super) fn end_search(&mut self, at: Timestamp) {
        if self.is_funded() {
            self.give_back(at);
        } else {
            self.phase = Phase::Unfunded;
            self.ended = Some(at);
        }
    }

    /// The money goes back to the buyer; that of a part stays in the escrow of the whole.
    fn give_back(&mut self, at: Timestamp) {
        if self.part_of.is_some() {
            self.phase = Phase::Refunded;
            self.ended = Some(at);
        } else {
            self.phase = Phase::Refunding;
        }
    }

    fn apply_settlement(&mut self, at: Timestamp, event: &Event) -> Result<(), Illegal> {
        match event {
            Event::AgreementApplied(position) => {
                self.expect(&[Phase::Awarded], "an agreement")?;
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.agreed_at = Some(*position);
                }
                self.phase = Phase::Running;
                self.note(at, HistoryKind::Agreed, format!("in block {}", position.height));
                if self.cancelled {
                    self.cancel_attempt(at);
                }
            }
            Event::AgreementRefused { because_of_seller, detail } => {
                self.expect(&[Phase::Awarded], "a refused agreement")?;
                self.note(at, HistoryKind::Refused, detail.clone());
                if let Some(attempt) = self.attempts.last_mut() {
                    let reason = match &attempt.basis {
                        AwardBasis::Negotiated(deal) if at >= deal.terms.valid_until => {
                            FailureReason::TimedOut
                        }
                        _ => FailureReason::Declined,
                    };
                    attempt.failure = Some((reason, detail.clone()));
                }
                if *because_of_seller {
                    self.phase = Phase::Rewarding;
                } else {
                    self.detail.clone_from(detail);
                    self.end_search(at);
                }
            }
            Event::FailureApplied { position, slashed } => {
                self.expect(&[Phase::Failing], "a recorded failure")?;
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.failed_at = Some(*position);
                    attempt.slashed = *slashed;
                }
                if !slashed.is_zero() {
                    self.note(at, HistoryKind::Slashed, format!("{} AINU", slashed.to_ainu()));
                }
                let unknown = !self.cancelled && self.has_unknown_outcome();
                // Who comes after would be paid for what was accepted, too.
                let begun = !self.accepted.is_empty();
                let failure = self.attempts.last().and_then(|attempt| attempt.failure.as_ref());
                match failure {
                    Some((_, detail)) if unknown => self.detail.clone_from(detail),
                    Some((_, detail)) if begun && !self.cancelled => {
                        let (number, count) = (self.accepted.len() + 1, self.spec.chunks.len());
                        self.detail = format!("chunk {number} of {count}: {detail}");
                    }
                    _ => {}
                }
                if self.cancelled || unknown || begun || self.graph.is_some() {
                    self.give_back(at);
                } else {
                    self.phase = Phase::Rewarding;
                }
            }
            Event::Settled(_)
            | Event::SettledLate { .. }
            | Event::CancelledFor { .. }
            | Event::Refunded(_) => self.apply_closing(at, event)?,
            Event::ReceiptLogged { entry } => {
                self.expect(&[Phase::Settled, Phase::Refunded], "a receipt")?;
                self.receipt_entry = Some(*entry);
                self.note(at, HistoryKind::Receipt, format!("entry {entry} of the log"));
            }
            _ => return self.illegal("this"),
        }
        Ok(())
    }

    fn apply_closing(&mut self, at: Timestamp, event: &Event) -> Result<(), Illegal> {
        match event {
            Event::Settled(position) => {
                self.expect(&[Phase::Accepted], "a payment")?;
                self.close(at, Phase::Settled, *position);
                self.note(at, HistoryKind::Settled, format!("in block {}", position.height));
            }
            Event::SettledLate { position, paid } => {
                self.expect(&[Phase::Accepted], "a payment")?;
                self.paid = Some(*paid);
                self.close(at, Phase::Settled, *position);
                let (height, paid) = (position.height, paid.to_ainu());
                let detail = format!("in block {height}, late: {paid} AINU paid");
                self.note(at, HistoryKind::Settled, detail);
            }
            Event::CancelledFor { position, paid } => {
                if self.phase.is_final() {
                    return self.illegal("a cancellation");
                }
                self.paid = Some(*paid);
                self.close(at, Phase::Refunded, *position);
                let fee = paid.saturating_sub(self.paid_for_chunks());
                let (height, fee) = (position.height, fee.to_ainu());
                let detail = format!("in block {height}, but for a fee of {fee} AINU");
                self.note(at, HistoryKind::Refunded, detail);
            }
            Event::Refunded(position) => {
                // The deadline may let anyone return the money, whatever the task was doing.
                if self.phase.is_final() {
                    return self.illegal("a refund");
                }
                if let (true, true, Some((_, why))) = (
                    self.is_prepaid(),
                    self.detail.is_empty(),
                    self.attempt().and_then(|a| a.failure.clone()),
                ) {
                    self.detail = why;
                }
                self.close(at, Phase::Refunded, *position);
                self.note(at, HistoryKind::Refunded, format!("in block {}", position.height));
            }
            _ => return self.illegal("this"),
        }
        Ok(())
    }

    pub(super) fn close(&mut self, at: Timestamp, phase: Phase, position: LedgerPosition) {
        self.phase = phase;
        self.closed_at = Some(position);
        self.ended = Some(at);
    }

    fn apply_work(&mut self, at: Timestamp, event: &Event) -> Result<(), Illegal> {
        match event {
            Event::Begun => {
                self.expect(&[Phase::Running], "a beginning")?;
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.begun = true;
                }
            }
            Event::ChunkStored(chunk) => self.store_chunk(at, chunk)?,
            Event::WorkerLost { resumable } => {
                self.expect(&[Phase::Running], "a lost worker")?;
                if !resumable {
                    self.chunks = Vec::new();
                }
                let stored = self.chunks.len() as u32;
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.resumed += 1;
                    attempt.resumed_at_chunk = stored;
                }
                self.note(at, HistoryKind::Resumed, format!("after chunk {stored}"));
            }
            Event::Delivered { output, bytes } => {
                self.expect(&[Phase::Running], "a delivery")?;
                self.output = Some((*output, *bytes));
                self.delivered = Some(at);
                self.phase = Phase::Delivered;
                self.note(at, HistoryKind::Delivered, format!("{bytes} bytes, {output}"));
            }
            Event::Decided { accept, detail } => {
                self.expect(&[Phase::Delivered], "the buyer's word")?;
                self.decision = Some((*accept, detail.clone()));
                self.note(at, HistoryKind::Decided, detail.clone());
            }
            Event::Checked(verdict) => {
                self.expect(&[Phase::Delivered], "a verdict")?;
                self.note(at, HistoryKind::Verdict, verdict.detail.clone());
                if verdict.accepted {
                    self.phase = Phase::Accepted;
                } else {
                    let reason = match self.decision {
                        Some((false, _)) => FailureReason::BuyerRefused,
                        _ => FailureReason::CheckFailed,
                    };
                    self.fail_attempt(at, reason, &verdict.detail);
                }
                self.verdict = Some(verdict.clone());
            }
            Event::AttemptFailed { reason, detail } => {
                self.expect(&[Phase::Running, Phase::Delivered], "a failed attempt")?;
                self.fail_attempt(at, *reason, detail);
            }
            Event::Cancelled => {
                let accepted = self.phase == Phase::Accepted && !self.has_chunk_after();
                if self.phase.is_final() || accepted {
                    return self.illegal("a cancellation");
                }
                self.cancelled = true;
                self.detail = "cancelled by the buyer".into();
                self.note(at, HistoryKind::Cancelled, "");
                match self.phase {
                    Phase::Announced | Phase::Revealing => self.end_search(at),
                    Phase::Running | Phase::Delivered => {
                        self.cancel_attempt(at);
                    }
                    _ => {}
                }
            }
            _ => return self.illegal("this"),
        }
        Ok(())
    }

    pub(super) fn cancel_attempt(&mut self, at: Timestamp) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.cancelled = true;
        }
        self.fail_attempt(at, FailureReason::Infrastructure, "cancelled");
    }

    fn fail_attempt(&mut self, at: Timestamp, reason: FailureReason, detail: &str) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.failure = Some((reason, detail.into()));
        }
        self.phase = Phase::Failing;
        self.note(at, HistoryKind::Failed, format!("{reason}: {detail}"));
    }

    fn store_chunk(&mut self, at: Timestamp, chunk: &Chunk) -> Result<(), Illegal> {
        self.expect(&[Phase::Running], "a chunk")?;
        let expected = self.chunks.len() as u32;
        if chunk.index != expected {
            return Err(Illegal::Chunk { expected, got: chunk.index });
        }
        self.chunks.push(chunk.clone());
        // The end of the story must still fit.
        if self.history.len() < super::history::HISTORY_ENTRIES_MAX / 2 {
            self.note(at, HistoryKind::Chunk, format!("{} of {} bytes", chunk.index, chunk.bytes));
        }
        Ok(())
    }
}
