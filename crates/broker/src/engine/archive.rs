//! Moving what has ended out of the way: from memory and the log into the store, beside the work.
//!
//! Writing a snapshot takes as long as the disk likes. So the broker only gathers what goes into it;
//! the store is written [in the background](Background), and the log before it is dropped once that
//! is done. Until then everything is still in memory and in the log.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use ainur_consensus::ReplicatedLog;
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::Broker;
use crate::error::Error;
use crate::event::Idempotency;
use crate::journal::Snapshot;
use crate::task::Task;

/// Runs something beside the broker: on a thread of its own, or at once where nothing may depend on
/// the order in which threads run.
pub type Background = Box<dyn Fn(Box<dyn FnOnce() + Send>) + Send>;

/// Tasks that have ended, by number.
type Ended = Arc<BTreeMap<u64, Task>>;

/// A snapshot that is being written.
pub(super) struct Archiving {
    pub(super) tasks: Ended,
    done: Receiver<Result<(), Error>>,
}

impl Drop for Archiving {
    /// Waits for the writer: it still has the files that the next owner will open.
    fn drop(&mut self) {
        drop(self.done.recv());
    }
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Begins a snapshot when one is due, and takes note of the one that has been written.
    pub(super) fn archive(&mut self) -> Result<(), Error> {
        self.take_written()?;
        if !self.journal.wants_snapshot() && self.ended.len() < self.snapshot_tasks {
            return Ok(());
        }
        // One at a time: if the disk is that slow, this is where the work waits for it.
        self.finish_archiving()?;
        let (snapshot, tasks) = self.gather()?;
        let (tell, done) = sync_channel(1);
        self.archiving = Some(Archiving { tasks: Arc::clone(&tasks), done });
        (self.background)(Box::new(move || {
            // The broker may be gone: then the log still has everything.
            drop(tell.send(snapshot.write(&tasks)));
        }));
        self.take_written()
    }

    /// Writes a snapshot: tasks as they are, so that the journal before can be dropped.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn snapshot(&mut self) -> Result<(), Error> {
        self.finish_archiving()?;
        let (snapshot, tasks) = self.gather()?;
        snapshot.write(&tasks)?;
        self.written(&tasks)
    }

    fn gather(&mut self) -> Result<(Snapshot<D>, Ended), Error> {
        let snapshot = self.journal.begin_snapshot(
            self.tasks.values(),
            self.offers.iter(),
            self.rentals.iter(),
            self.last_number,
        )?;
        Ok((snapshot, Arc::new(std::mem::take(&mut self.ended))))
    }

    fn take_written(&mut self) -> Result<(), Error> {
        let Some(archiving) = &self.archiving else { return Ok(()) };
        match archiving.done.try_recv() {
            Err(TryRecvError::Empty) => Ok(()),
            Err(TryRecvError::Disconnected) => Err(Error::ArchiveLost),
            Ok(result) => self.end_archiving(result),
        }
    }

    fn finish_archiving(&mut self) -> Result<(), Error> {
        let Some(archiving) = &self.archiving else { return Ok(()) };
        let result = archiving.done.recv().map_err(|_| Error::ArchiveLost)?;
        self.end_archiving(result)
    }

    fn end_archiving(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        let Some(archiving) = self.archiving.take() else { return Ok(()) };
        result?;
        self.written(&archiving.tasks)
    }

    fn written(&mut self, tasks: &BTreeMap<u64, Task>) -> Result<(), Error> {
        for task in tasks.values() {
            self.ids.remove(&task.id.0);
            if let Some(Idempotency { key, .. }) = &task.idempotency {
                self.keys.remove(key);
            }
        }
        self.journal.end_snapshot()
    }

    /// A task that has not ended, or ended so lately that it is not in the store yet.
    pub(super) fn in_memory(&self, number: u64) -> Option<&Task> {
        self.tasks
            .get(&number)
            .or_else(|| self.ended.get(&number))
            .or_else(|| self.archiving.as_ref()?.tasks.get(&number))
    }
}
