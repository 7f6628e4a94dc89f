//! Work in chunks: one seller delivers piece after piece, and each is accepted and paid before the
//! next begins.
//!
//! The task goes through its phases once for every chunk; what was accepted is kept beside them. A
//! chunk that fails ends the task: what was accepted stays paid.
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::{Amount, ContentId, Timestamp};
use scale::{Decode, Encode};

use super::apply::Illegal;
use super::{AwardBasis, HistoryKind, Phase, Task};
use crate::event::{Event, LedgerPosition};

/// A chunk that was accepted and paid.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct AcceptedChunk {
    /// What was delivered.
    pub output: ContentId,
    /// Its length.
    pub bytes: u64,
    /// How its check ended.
    pub verdict: Verdict,
    /// When it was delivered.
    pub delivered: Timestamp,
    /// Where the ledger paid it.
    pub settled_at: LedgerPosition,
    /// What its seller got.
    pub paid: Amount,
}

impl Task {
    /// It is delivered, accepted and paid piece by piece.
    pub fn is_chunked(&self) -> bool {
        !self.spec.chunks.is_empty()
    }

    /// Every chunk was accepted and paid.
    pub fn has_all_chunks(&self) -> bool {
        self.is_chunked() && self.accepted.len() == self.spec.chunks.len()
    }

    /// What is worked on now, and its length.
    pub fn work_input(&self) -> (Option<ContentId>, u64) {
        match self.spec.chunks.get(self.accepted.len()) {
            Some(chunk) => (Some(chunk.input), chunk.input_bytes),
            None => (self.spec.input, self.spec.input_bytes),
        }
    }

    /// What was paid for accepted chunks.
    pub fn paid_for_chunks(&self) -> Amount {
        self.accepted.iter().map(|chunk| chunk.paid).sum()
    }

    /// What each chunk is paid by the schedule that was agreed on; nothing before.
    pub fn chunk_prices(&self) -> Vec<Amount> {
        let Some(attempt) = self.attempt().filter(|_| self.is_chunked()) else { return Vec::new() };
        let payment = match &attempt.basis {
            AwardBasis::Offer(take) => &take.offer.terms.payment,
            AwardBasis::Negotiated(deal) => &deal.terms.agreed.payment,
            _ => &self.auction.terms().payment,
        };
        payment.parts(attempt.price)
    }

    /// Another chunk follows the one at hand.
    pub(super) fn has_chunk_after(&self) -> bool {
        self.accepted.len() + 1 < self.spec.chunks.len()
    }

    /// Applies what can happen to work in chunks alone.
    pub(super) fn apply_chunks(&mut self, at: Timestamp, event: &Event) -> Result<(), Illegal> {
        match event {
            Event::ChunkPaid { chunk, position, paid } => {
                self.pay_chunk(at, usize::from(*chunk), (*position, *paid))
            }
            Event::ChunksSettled { position, output, bytes } => {
                self.expect(&[Phase::Accepted], "the end of all chunks")?;
                if !self.has_all_chunks() {
                    return self.illegal("the end of all chunks");
                }
                self.output = Some((*output, *bytes));
                self.delivered = self.accepted.last().map(|last| last.delivered);
                self.close(at, Phase::Settled, *position);
                self.note(at, HistoryKind::Settled, format!("in block {}", position.height));
                Ok(())
            }
            _ => self.illegal("this"),
        }
    }

    fn pay_chunk(
        &mut self,
        at: Timestamp,
        chunk: usize,
        (settled_at, paid): (LedgerPosition, Amount),
    ) -> Result<(), Illegal> {
        self.expect(&[Phase::Accepted], "the payment of a chunk")?;
        let (Some((output, bytes)), Some(verdict)) = (self.output, self.verdict.clone()) else {
            return self.illegal("the payment of a chunk");
        };
        if chunk != self.accepted.len() || chunk >= self.spec.chunks.len() {
            return self.illegal("the payment of another chunk");
        }
        let delivered = self.delivered.unwrap_or(at);
        self.accepted.push(AcceptedChunk { output, bytes, verdict, delivered, settled_at, paid });
        let (number, count) = (chunk + 1, self.spec.chunks.len());
        let detail = format!("chunk {number} of {count} for {} AINU", paid.to_ainu());
        self.note(at, HistoryKind::Part, detail);
        self.chunks = Vec::new();
        self.output = None;
        self.delivered = None;
        self.decision = None;
        if number == count {
            return Ok(());
        }
        self.verdict = None;
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.begun = false;
            attempt.resumed = 0;
            attempt.resumed_at_chunk = 0;
        }
        self.phase = Phase::Running;
        if self.cancelled {
            self.cancel_attempt(at);
        }
        Ok(())
    }
}
