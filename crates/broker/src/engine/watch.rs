//! Telling those who wait for a task.
use ainur_consensus::ReplicatedLog;
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::Broker;
use crate::error::Error;
use crate::limits::WATCHERS_MAX;
use crate::task::Task;

/// Shown a task after each turn in which it changed, until it returns true.
pub type Watcher = Box<dyn FnMut(&Task) -> bool + Send>;

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Has a task watched: shown once at the end of this turn, and then after each turn in which
    /// something happened to it. What a watcher sees is durable.
    ///
    /// # Errors
    /// When there is no such task, or too many watch it.
    pub fn watch(&mut self, number: u64, mut watcher: Watcher) -> Result<(), Error> {
        if self.in_memory(number).is_none() {
            // An archived task does not change any more.
            let archived = self.journal.ended(number)?;
            watcher(&archived.ok_or_else(|| Error::UnknownTask(number.to_string()))?);
            return Ok(());
        }
        let watchers = self.watchers.entry(number).or_default();
        if watchers.len() >= WATCHERS_MAX {
            return Err(Error::TooManyWatchers(WATCHERS_MAX));
        }
        watchers.push(watcher);
        self.changed.insert(number);
        Ok(())
    }

    pub(super) fn tell_watchers(&mut self) {
        for number in std::mem::take(&mut self.changed) {
            let Some(mut watchers) = self.watchers.remove(&number) else { continue };
            if let Some(task) = self.in_memory(number) {
                watchers.retain_mut(|watcher| !watcher(task));
            }
            if !watchers.is_empty() && self.tasks.contains_key(&number) {
                self.watchers.insert(number, watchers);
            }
        }
    }
}
