//! Telling those who wait for a task.
use std::sync::Weak;

use ainur_consensus::ReplicatedLog;
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::Broker;
use crate::error::Error;
use crate::limits::WATCHERS_MAX;
use crate::task::Task;

/// Somebody who waits for a task.
pub struct Watcher {
    /// Dropped when nobody waits any more.
    pub waiting: Weak<()>,
    /// Shown the task after each turn in which it changed, until this returns true. It runs on the
    /// broker's thread: it must neither block nor panic.
    pub look: Box<dyn FnMut(&Task) -> bool + Send>,
}

/// Shown a task when nothing more will happen to it. It runs on the broker's thread: it must neither
/// block nor panic.
pub type Observer = Box<dyn FnMut(&Task) + Send>;

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Has every task shown when nothing more will happen to it and that is durable. Those that have
    /// ended since the last snapshot are shown again after a restart.
    pub fn observe(&mut self, observer: Observer) {
        self.observer = Some(observer);
    }

    /// Has a task watched: shown once at the end of this turn, and then after each turn in which
    /// something happened to it. What a watcher sees is durable.
    ///
    /// # Errors
    /// When there is no such task, or too many watch it.
    pub fn watch(&mut self, number: u64, mut watcher: Watcher) -> Result<(), Error> {
        self.may_watch(number)?;
        if self.in_memory(number).is_none() {
            // An archived task does not change any more.
            let archived = self.journal.ended(number)?;
            (watcher.look)(&archived.ok_or_else(|| Error::UnknownTask(number.to_string()))?);
            return Ok(());
        }
        self.watchers.entry(number).or_default().push(watcher);
        self.changed.insert(number);
        Ok(())
    }

    /// There is room for one more who waits for this task.
    ///
    /// # Errors
    /// When there is none.
    pub fn may_watch(&mut self, number: u64) -> Result<(), Error> {
        let Some(watchers) = self.watchers.get_mut(&number) else { return Ok(()) };
        watchers.retain(|watcher| watcher.waiting.strong_count() > 0);
        if watchers.len() < WATCHERS_MAX {
            Ok(())
        } else {
            Err(Error::TooManyWatchers(WATCHERS_MAX))
        }
    }

    pub(super) fn tell_watchers(&mut self) {
        for number in std::mem::take(&mut self.changed) {
            let Some(mut watchers) = self.watchers.remove(&number) else { continue };
            if let Some(task) = self.in_memory(number) {
                watchers.retain_mut(|watcher| {
                    watcher.waiting.strong_count() > 0 && !(watcher.look)(task)
                });
            }
            if !watchers.is_empty() && self.tasks.contains_key(&number) {
                self.watchers.insert(number, watchers);
            }
        }
    }
}
