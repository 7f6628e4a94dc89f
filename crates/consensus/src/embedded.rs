//! The embedded back end: one thread commits one block per drain of its queue.
//!
//! While a block is executed and synced, the state before it stays readable; only moving on to the
//! next state makes readers wait.
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use ainur_ledger::block::{BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX};
use ainur_ledger::{EventProof, Genesis, Height, Submission};
use ainur_primitives::Did;
use ainur_storage::{Clock, Disk};
use scale::Encode;

use crate::chain::{self, Chain, ChainView, Committed, Journal, StoredBlock};
use crate::log::{
    COMMITTED_BLOCKS_MAX, Completion, QUEUE_SUBMISSIONS_MAX, Refused, ReplicatedLog, Ticket,
    completions,
};
use crate::{Error, SignedHeader};

/// Bytes of submissions taken into one block, so that it is not full before its last one.
const DRAIN_BYTES_MAX: usize = BLOCK_BYTES_MAX / 2;

/// A chain in a thread of its own. Share it through an `Arc`.
///
/// Closing or dropping it commits what waits, writes a snapshot and ends the thread.
pub struct EmbeddedLog<D: Disk> {
    shared: Arc<Shared<D>>,
    queue: Mutex<Option<SyncSender<Waiting>>>,
    thread: Mutex<Option<JoinHandle<Result<(), Error>>>>,
    ticket_next: AtomicU64,
}

struct Shared<D: Disk> {
    view: RwLock<ChainView>,
    journal: RwLock<Journal<D>>,
    waiting: AtomicUsize,
    failed: AtomicBool,
}

struct Waiting {
    ticket: Ticket,
    submission: Submission,
    bytes: usize,
}

impl<D: Disk> EmbeddedLog<D> {
    /// Starts the thread. `on_completion` is called from it, once per submission, in order; it
    /// must not wait for this log.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(
        chain: Chain<D>,
        clock: impl Clock,
        on_completion: impl FnMut(Completion) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (view, journal) = chain.into_parts();
        let shared = Arc::new(Shared {
            view: RwLock::new(view),
            journal: RwLock::new(journal),
            waiting: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
        });
        let (sender, receiver) = mpsc::sync_channel(QUEUE_SUBMISSIONS_MAX);
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || of_thread.run(&receiver, &clock, on_completion))?;
        Ok(Self {
            shared,
            queue: Mutex::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
            ticket_next: AtomicU64::new(0),
        })
    }

    /// How many submissions wait for a block.
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// True when the chain stopped after a failure and must be opened again.
    pub fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// The proof of an event; see [`Chain::event_proof`].
    ///
    /// # Errors
    /// When there is no such event or its block cannot be read.
    pub fn event_proof(
        &self,
        height: Height,
        index: u32,
    ) -> Result<(EventProof, SignedHeader), Error> {
        let journal = self.shared.journal.read().unwrap_or_else(PoisonError::into_inner);
        journal.event_proof(height, index)
    }

    /// Executes the whole log again from genesis; see [`Chain::verify`]. Commits wait meanwhile.
    ///
    /// # Errors
    /// The first thing that is wrong, with the block it is in.
    pub fn verify(&self, genesis: &Genesis) -> Result<u64, Error> {
        let journal = self.shared.journal.read().unwrap_or_else(PoisonError::into_inner);
        let view = self.shared.view.read().unwrap_or_else(PoisonError::into_inner);
        chain::verify(&journal, &view, genesis)
    }

    /// Takes no more, commits what waits, writes a snapshot and ends the thread.
    ///
    /// # Errors
    /// When the snapshot failed; nothing acknowledged is lost by that.
    pub fn close(&self) -> Result<(), Error> {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        match thread.map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::Poisoned),
        }
    }
}

impl<D: Disk> Shared<D> {
    fn run(
        &self,
        queue: &Receiver<Waiting>,
        clock: &impl Clock,
        mut on_completion: impl FnMut(Completion),
    ) -> Result<(), Error> {
        let mut left_over = None;
        while let Some(first) = left_over.take().or_else(|| queue.recv().ok()) {
            let (drained, next) = drain(first, queue);
            left_over = next;
            let (tickets, submissions): (Vec<_>, Vec<_>) = drained
                .into_iter()
                .map(|Waiting { ticket, submission, .. }| {
                    ((ticket, submission.transactions.len()), submission)
                })
                .unzip();
            let result = self.commit(clock, &submissions);
            self.waiting.fetch_sub(tickets.len(), Ordering::Relaxed);
            self.failed.fetch_or(result.is_err(), Ordering::Relaxed);
            completions(&tickets, result).into_iter().for_each(&mut on_completion);
        }
        let mut journal = self.journal.write().unwrap_or_else(PoisonError::into_inner);
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        journal.snapshot(&view)?;
        journal.settle()
    }

    /// As [`Chain::commit`], with the state readable until it moves on.
    fn commit(&self, clock: &impl Clock, submissions: &[Submission]) -> Result<Committed, Error> {
        let mut journal = self.journal.write().unwrap_or_else(PoisonError::into_inner);
        let prepared = {
            let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
            journal.prepare(&view, clock.now(), submissions)?
        };
        let written = journal.write(prepared)?;
        let committed = {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            view.apply(written)?
        };
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        journal.snapshot_beside(&view);
        Ok(committed)
    }
}

/// What goes into one block together, and the submission that no longer fits.
fn drain(first: Waiting, queue: &Receiver<Waiting>) -> (Vec<Waiting>, Option<Waiting>) {
    let mut transactions = first.submission.transactions.len();
    let mut bytes = first.bytes;
    let mut drained = vec![first];
    while let Ok(next) = queue.try_recv() {
        transactions += next.submission.transactions.len();
        bytes += next.bytes;
        if transactions > BLOCK_TRANSACTIONS_MAX || bytes > DRAIN_BYTES_MAX {
            return (drained, Some(next));
        }
        drained.push(next);
    }
    (drained, None)
}

impl<D: Disk> ReplicatedLog for EmbeddedLog<D> {
    fn submit(&self, submission: Submission) -> Result<Ticket, Refused> {
        if !submission.within_limits() {
            return Err(Refused::TooLarge);
        }
        if self.failed() {
            return Err(Refused::Closed);
        }
        let bytes = submission.encoded_size();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else { return Err(Refused::Closed) };
        // Under the lock, so that tickets rise in the order of the queue.
        let ticket = Ticket(self.ticket_next.fetch_add(1, Ordering::Relaxed));
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        queue.try_send(Waiting { ticket, submission, bytes }).map(|()| ticket).map_err(|error| {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => Refused::Busy,
                TrySendError::Disconnected(_) => Refused::Closed,
            }
        })
    }

    fn committed(&self, from: Height) -> Result<Vec<StoredBlock>, Error> {
        let journal = self.shared.journal.read().unwrap_or_else(PoisonError::into_inner);
        journal.blocks(from, COMMITTED_BLOCKS_MAX)
    }

    fn block(&self, at: Height) -> Result<Option<StoredBlock>, Error> {
        self.shared.journal.read().unwrap_or_else(PoisonError::into_inner).block(at)
    }

    fn validators(&self, _at: Height) -> Vec<Did> {
        // Genesis names the validators of an embedded ledger and nothing changes them.
        self.query(|view| view.ledger().validators())
    }

    fn read(&self, reader: &mut dyn FnMut(&ChainView)) {
        reader(&self.shared.view.read().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<D: Disk> Drop for EmbeddedLog<D> {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the ledger did not close cleanly");
        }
    }
}

impl<D: Disk> fmt::Debug for EmbeddedLog<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedLog").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}
