//! Looking at tasks.
use ainur_primitives::TaskId;
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::Broker;
use crate::error::Error;
use crate::limits::SCANNED_MAX;
use crate::settlement::Settlement;
use crate::task::Task;
use ainur_consensus::ReplicatedLog;

/// The shortest beginning of a task id that is looked up, in hex digits.
const BEGINNING_MIN: usize = 4;
/// Archived tasks looked at when a beginning ends within a byte.
const HALF_BYTE_MATCHES_MAX: usize = 4_096;

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// A task by its id or a unique beginning of it.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn task(&self, text: &str) -> Result<Task, Error> {
        let unknown = || Error::UnknownTask(text.to_owned());
        let number = match text.parse::<TaskId>() {
            Ok(id) => self.number_of(id)?,
            Err(_) => self.number_beginning(text)?.ok_or_else(unknown)?,
        };
        self.task_by_number(number)?.ok_or_else(unknown)
    }

    /// The number of a task.
    ///
    /// # Errors
    /// When there is no such task.
    pub fn number_of(&self, id: TaskId) -> Result<u64, Error> {
        let number = match self.ids.get(&id.0) {
            Some(number) => Some(*number),
            None => self.journal.number_of(id)?,
        };
        number.ok_or_else(|| Error::UnknownTask(id.to_string()))
    }

    fn number_beginning(&self, text: &str) -> Result<Option<u64>, Error> {
        let hex = text.len() >= BEGINNING_MIN
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !hex {
            return Ok(None);
        }
        // The store is searched by whole bytes; an odd last digit is compared afterwards.
        let bytes: Vec<u8> = (0..text.len() / 2)
            .filter_map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok())
            .collect();
        let matches = |id: &str| id.starts_with(text);
        let mut found: Vec<u64> = self
            .ids
            .iter()
            .filter(|(id, _)| id.0.starts_with(&bytes) && matches(&id.to_string()))
            .map(|(_, number)| *number)
            .collect();
        // Two show that a beginning is not unique; a half byte more is shared by some others.
        let limit = if text.len().is_multiple_of(2) { 2 } else { HALF_BYTE_MATCHES_MAX };
        for (id, number) in self.journal.numbers_beginning(&bytes, limit)? {
            if matches(&id.to_string()) {
                found.push(number);
            }
        }
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [] => Ok(None),
            [number] => Ok(Some(*number)),
            _ => Err(Error::AmbiguousTask(text.to_owned())),
        }
    }

    /// A task by its number.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn task_by_number(&self, number: u64) -> Result<Option<Task>, Error> {
        match self.in_memory(number) {
            Some(task) => Ok(Some(task.clone())),
            None => self.journal.ended(number),
        }
    }

    /// Wanted tasks with a number below `before`, newest first, and where to go on when there may
    /// be more. At most [`SCANNED_MAX`] are looked at.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn tasks_before(
        &self,
        before: Option<u64>,
        limit: usize,
        wanted: impl Fn(&Task) -> bool,
    ) -> Result<(Vec<Task>, Option<u64>), Error> {
        let mut number = before.unwrap_or(self.last_number + 1).min(self.last_number + 1);
        let end = number.saturating_sub(SCANNED_MAX);
        let mut found = Vec::new();
        while number > 1 && number > end && found.len() < limit {
            number -= 1;
            found.extend(self.task_by_number(number)?.filter(&wanted));
        }
        Ok((found, (number > 1).then_some(number)))
    }

    /// Tasks that have not ended.
    pub fn open_tasks(&self) -> u64 {
        self.tasks.values().filter(|task| !task.phase.is_final()).count() as u64
    }

    /// Tasks whose last step is not done, ended ones with a receipt to write included.
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.sealing.is_empty() && self.outbox.is_empty()
    }

    /// Tasks ever announced.
    pub fn tasks_announced(&self) -> u64 {
        self.last_number
    }

    /// How far the running attempt is by its own account: done, of a total.
    pub fn progress(&self, number: u64) -> Option<(u64, u64)> {
        self.progress.get(&number).copied()
    }

    /// The ledger.
    pub fn ledger(&self) -> &Settlement<L> {
        &self.ledger
    }

    /// The executor.
    pub fn executor_mut(&mut self) -> &mut E {
        &mut self.executor
    }

    /// Stored bytes.
    pub fn blobs(&self) -> &ainur_storage::blob::Blobs<D> {
        &self.blobs
    }

    /// The bytes of a task's output, when they are few enough to live in the journal.
    pub fn inline_output(task: &Task) -> Option<Vec<u8>> {
        match task.chunks.as_slice() {
            [only] => only.inline.clone(),
            _ => None,
        }
    }

    /// The journal.
    pub fn journal(&self) -> &crate::journal::Journal<D> {
        &self.journal
    }

    /// The transparency log.
    pub fn audit(&self) -> &ainur_audit::log::TransparencyLog<D> {
        &self.audit
    }

    /// Whether this output can be had here.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn find_inline(
        &self,
        content: ainur_primitives::ContentId,
    ) -> Result<Option<Vec<u8>>, Error> {
        let held = |task: &Task| {
            task.output
                .is_some_and(|(output, _)| output == content)
                .then(|| Self::inline_output(task))
        };
        let archiving = self.archiving.iter().flat_map(|archiving| archiving.tasks.values());
        let mut in_memory = self.tasks.values().chain(self.ended.values()).chain(archiving);
        if let Some(bytes) = in_memory.find_map(held).flatten() {
            return Ok(Some(bytes));
        }
        let Some(number) = self.journal.number_of_output(content)? else { return Ok(None) };
        Ok(self.task_by_number(number)?.as_ref().and_then(|task| held(task).flatten()))
    }
}
