//! Work in chunks: what a list of them has to be, and having the ledger release the money of each
//! that was accepted, once.
use ainur_consensus::ReplicatedLog;
use ainur_ledger::escrow::{self, Closing, Escrow, PartState};
use ainur_ledger::{Event as Happened, EventRecord};
use ainur_primitives::chunks::validate_chunks;
use ainur_primitives::{Amount, ContentId, Digest, TaskSpec, Venue};
use ainur_runtime::Executor;
use ainur_storage::{Disk, crash_point};

use super::Broker;
use super::contract::Posting;
use super::parts::Joined;
use crate::error::Error;
use crate::event::{Event, LedgerPosition};
use crate::task::{Phase, Task, TaskStep};

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// What has to hold of work in chunks.
    pub(super) fn check_chunks(&self, spec: &TaskSpec, venue: Venue) -> Result<(), Error> {
        let invalid = |why: String| Err(Error::Invalid(why));
        if spec.chunks.is_empty() {
            return Ok(());
        }
        if let Err(error) = validate_chunks(&spec.chunks) {
            return invalid(error.to_string());
        }
        if spec.graph.is_some() || spec.input.is_some() {
            let why = "a task has chunks, or one input, or a graph: ask for one of them";
            return invalid(why.into());
        }
        if matches!(venue, Venue::Credit | Venue::Rental) {
            let why = "a credit or a rental is for work in one piece: leave out the chunks, or pay \
                       for it otherwise";
            return invalid(why.into());
        }
        let whole = spec.chunks.iter().try_fold(0_u64, |sum, it| sum.checked_add(it.input_bytes));
        if whole != Some(spec.input_bytes) {
            return invalid("the chunks together are not as long as the task says".into());
        }
        for chunk in &spec.chunks {
            match self.blobs.len(&chunk.input)? {
                Some(length) if length == chunk.input_bytes => {}
                _ => return invalid(format!("the chunk {} is not stored here", chunk.input)),
            }
        }
        Ok(())
    }

    /// Asks the ledger to release the money of the chunk at hand; when all are paid, ends the task.
    pub(super) fn settle_chunk(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.has_all_chunks() {
            return self.settle_chunks(number);
        }
        let (Some((output, _)), Some(verdict)) = (task.output, &task.verdict) else {
            return Ok(());
        };
        let action = escrow::Action::SettlePart {
            task: task.id,
            attempt: task.ledger_attempt(),
            part: task.accepted.len() as u32,
            delivered: task.delivered.unwrap_or(self.now),
            output,
            verdict: ainur_verification::verdict::digest(verdict),
        };
        // A small output is in the journal alone, which forgets it when the next chunk begins.
        if let Some(inline) = Self::inline_output(task) {
            self.blobs.put(&inline)?;
        }
        crash_point("broker.part");
        self.push(number, action)
    }

    /// The last payment has closed the escrow.
    fn settle_chunks(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let id = task.id;
        let outputs: Vec<(ContentId, u64)> =
            task.accepted.iter().map(|chunk| (chunk.output, chunk.bytes)).collect();
        let found = self.ledger.read(|state| escrow::query::escrow(state, &id));
        let Some(Escrow::Closed(tombstone)) = found else { return Ok(()) };
        let (output, bytes) = match self.join_stored(&outputs)? {
            Joined::Whole(output, bytes) => (output, bytes),
            Joined::Nothing => return Ok(()),
            Joined::Damaged(detail) => {
                // All is paid; what cannot be read here can be had chunk by chunk, if at all.
                tracing::error!(task = number, detail, "the outputs could not be put together");
                outputs.last().copied().unwrap_or_default()
            }
        };
        let (height, index) = (tombstone.height.0, tombstone.event);
        let block = self.ledger.events(height)?.1;
        let position = LedgerPosition { height, index, block };
        self.record(number, Event::ChunksSettled { position, output, bytes })
    }

    /// What an answer of the ledger means for work in chunks, where that is something else than for
    /// work in one piece.
    pub(super) fn chunk_applied(
        &self,
        (number, step): (u64, TaskStep),
        (height, block): (u64, Digest),
        own: &[EventRecord],
    ) -> Option<Event> {
        let task = self.tasks.get(&number).filter(|task| task.is_chunked())?;
        own.iter().find_map(|record| {
            let Happened::Escrow(event) = &record.event else { return None };
            let position = LedgerPosition { height, index: record.index, block };
            match (step, event) {
                (TaskStep::Settle(_), escrow::Event::PartSettled { part, price: paid, .. }) => {
                    let chunk = u16::try_from(*part).ok()?;
                    (usize::from(chunk) == task.accepted.len()).then_some(Event::ChunkPaid {
                        chunk,
                        position,
                        paid: *paid,
                    })
                }
                // What was accepted before is among the payouts.
                (TaskStep::Fail(_), escrow::Event::Cancelled { payouts, .. }) => {
                    let paid = payouts.iter().map(|payout| payout.amount).sum();
                    Some(Event::CancelledFor { position, paid })
                }
                _ => None,
            }
        })
    }

    /// The answer to it is told by [`Self::chunk_applied`] alone.
    pub(super) fn is_chunk_payment(&self, posting: &Posting) -> bool {
        matches!(posting.step, TaskStep::Settle(_))
            && self.tasks.get(&posting.task).is_some_and(Task::is_chunked)
    }

    /// What the ledger has already paid of the chunk at hand, as after a crash between its block
    /// and our journal.
    pub(super) fn reconciled_chunk(&self, task: &Task) -> Result<Option<Event>, Error> {
        if task.phase != Phase::Accepted || !task.is_chunked() || task.has_all_chunks() {
            return Ok(None);
        }
        let (id, at_hand, number) = (task.id, task.accepted.len(), task.ledger_attempt());
        let Ok(chunk) = u16::try_from(at_hand) else { return Ok(None) };
        let hidden = match self.ledger.read(|state| escrow::query::escrow(state, &id)) {
            Some(Escrow::Open(open)) if open.attempt == number => {
                let part = open.parts().nth(at_hand);
                if part.is_none_or(|part| part.state != PartState::Paid) {
                    return Ok(None);
                }
                Some(open.paid().saturating_sub(task.paid_for_chunks()))
            }
            // All that was paid and is not known yet was paid for this one, if anything was.
            Some(Escrow::Closed(stone)) if stone.buyer == task.buyer => {
                let more = stone.paid().saturating_sub(task.paid_for_chunks());
                match stone.closing {
                    Closing::Settled => Some(more),
                    Closing::Expired | Closing::Refunded => Some(more).filter(|m| !m.is_zero()),
                    // What was paid may be a fee.
                    Closing::Cancelled => None,
                }
            }
            _ => return Ok(None),
        };
        let position = self.find_event(|event| is_payment(event, (id.0, number), at_hand))?;
        let paid = self.paid_at(position)?.or(hidden);
        Ok(paid.map(|paid| Event::ChunkPaid { chunk, position, paid }))
    }

    /// What an event says was paid.
    fn paid_at(&self, position: LedgerPosition) -> Result<Option<Amount>, Error> {
        if position == LedgerPosition::UNKNOWN {
            return Ok(None);
        }
        let (events, _) = self.ledger.events(position.height)?;
        let event = events.into_iter().find(|record| record.index == position.index);
        Ok(event.and_then(|record| match record.event {
            Happened::Escrow(escrow::Event::PartSettled { price, .. }) => Some(price),
            _ => None,
        }))
    }
}

fn is_payment(event: &Happened, (wanted, number): (Digest, u32), at_hand: usize) -> bool {
    matches!(event, Happened::Escrow(escrow::Event::PartSettled { task, attempt, part, .. })
        if task.0 == wanted && *attempt == number && *part as usize == at_hand)
}
