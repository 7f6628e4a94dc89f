//! A replicated log without a thread: whoever drives it decides when a block is made.
use std::sync::{Mutex, MutexGuard, PoisonError};

use ainur_ledger::{Height, Submission};
use ainur_primitives::{Did, Timestamp};
use ainur_storage::Disk;

use crate::Error;
use crate::chain::{Chain, ChainView, StoredBlock};
use crate::log::{
    COMMITTED_BLOCKS_MAX, Completion, QUEUE_SUBMISSIONS_MAX, Refused, ReplicatedLog, Ticket,
    completions,
};

/// A chain and a queue; [`InlineLog::turn`] commits what waits. Deterministic: the same submissions
/// and turns give the same roots.
#[derive(Debug)]
pub struct InlineLog<D: Disk> {
    inside: Mutex<Inside<D>>,
}

#[derive(Debug)]
struct Inside<D: Disk> {
    chain: Chain<D>,
    waiting: Vec<(Ticket, Submission)>,
    ticket_next: u64,
}

impl<D: Disk> InlineLog<D> {
    /// Drives a chain.
    pub fn new(chain: Chain<D>) -> Self {
        let inside = Inside { chain, waiting: Vec::new(), ticket_next: 0 };
        Self { inside: Mutex::new(inside) }
    }

    /// Commits all that waits as one block and tells what became of it.
    pub fn turn(&self, now: Timestamp) -> Vec<Completion> {
        let mut inside = self.inside();
        let waiting = std::mem::take(&mut inside.waiting);
        if waiting.is_empty() {
            return Vec::new();
        }
        let (tickets, submissions): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .map(|(ticket, submission)| ((ticket, submission.transactions.len()), submission))
            .unzip();
        let result = inside.chain.commit(now, &submissions);
        completions(&tickets, result)
    }

    /// Gives the chain back; what waits is dropped.
    pub fn into_chain(self) -> Chain<D> {
        self.inside.into_inner().unwrap_or_else(PoisonError::into_inner).chain
    }

    fn inside(&self) -> MutexGuard<'_, Inside<D>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Disk> ReplicatedLog for InlineLog<D> {
    fn submit(&self, submission: Submission) -> Result<Ticket, Refused> {
        if !submission.within_limits() {
            return Err(Refused::TooLarge);
        }
        let mut inside = self.inside();
        if inside.waiting.len() >= QUEUE_SUBMISSIONS_MAX {
            return Err(Refused::Busy);
        }
        let ticket = Ticket(inside.ticket_next);
        inside.ticket_next += 1;
        inside.waiting.push((ticket, submission));
        Ok(ticket)
    }

    fn committed(&self, from: Height) -> Result<Vec<StoredBlock>, Error> {
        self.inside().chain.blocks(from, COMMITTED_BLOCKS_MAX)
    }

    fn block(&self, at: Height) -> Result<Option<StoredBlock>, Error> {
        self.inside().chain.block(at)
    }

    fn validators(&self, _at: Height) -> Vec<Did> {
        // Genesis names the validators of an embedded ledger and nothing changes them.
        self.inside().chain.ledger().validators()
    }

    fn read(&self, reader: &mut dyn FnMut(&ChainView)) {
        reader(self.inside().chain.view());
    }
}
