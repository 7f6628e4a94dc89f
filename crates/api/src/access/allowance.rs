//! What a client makes the node keep is limited by the day: bytes of blobs and tasks, and budgets.
//!
//! Money does not limit it: what is uploaded costs nothing, and a task that nobody takes is
//! refunded. What was used is written to a file in steps, ahead of its use. After a restart a
//! client has at most a step of [`STEP_BYTES`] less than it would have had, and never more.
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::http::bounds::{BUDGETS_PER_DAY_MAX, KEPT_BYTES_PER_DAY_MAX};
use crate::operation::Operation;
use crate::problem::{Code, Problem};

/// Bytes that a task is counted with beside what was said about it: its events, its entry in the
/// logs and its receipt.
pub const TASK_BYTES: u64 = 16 * 1024;
/// Bytes that are written down as used before they are.
pub const STEP_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of the file: far more than there can be tokens.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
const DAY_SECONDS: u64 = 24 * 3_600;

/// What all clients of a node have used. Servers of one node share it.
#[derive(Debug)]
pub struct Allowances {
    bytes_max: u64,
    budgets_max: u32,
    file: Option<PathBuf>,
    today: Mutex<Today>,
}

/// What was used on one day, by the names of tokens.
#[derive(Debug, Default)]
struct Today {
    day: u64,
    used: BTreeMap<String, Amounts>,
    /// At least what was used, as it is in the file.
    written: BTreeMap<String, Amounts>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Amounts {
    bytes: u64,
    budgets: u32,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    day: u64,
    tokens: BTreeMap<String, Amounts>,
}

/// What one operation makes the node keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) bytes: u64,
    pub(super) budgets: u32,
}

impl Kept {
    /// Of an operation that succeeds.
    pub(super) fn by(operation: &Operation) -> Self {
        let written = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        match operation {
            Operation::TaskRun(request) => {
                let said = serde_json::to_vec(request).map_or(0, |json| written(json.len()));
                Self { bytes: said.saturating_add(TASK_BYTES), budgets: 0 }
            }
            Operation::AaclSay(say) => {
                Self { bytes: written(say.message.len()).saturating_add(TASK_BYTES), budgets: 0 }
            }
            Operation::AaclIntroduce(introduction) => {
                Self { bytes: written(introduction.document.len()), budgets: 0 }
            }
            Operation::TaskDecide { reason, .. } => {
                Self { bytes: written(reason.len()), budgets: 0 }
            }
            Operation::BudgetOpen { .. } => Self { bytes: 0, budgets: 1 },
            _ => Self::default(),
        }
    }
}

impl Default for Allowances {
    fn default() -> Self {
        Self::new(KEPT_BYTES_PER_DAY_MAX, BUDGETS_PER_DAY_MAX)
    }
}

impl Allowances {
    /// So many bytes and so many budgets for each client and day, known until the process ends.
    pub fn new(bytes_max: u64, budgets_max: u32) -> Self {
        Self { bytes_max, budgets_max, file: None, today: Mutex::default() }
    }

    /// The same, remembered in a file. One that is damaged counts as empty, with a warning: all that
    /// is lost is what was used today.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn in_file(mut self, path: PathBuf) -> io::Result<Self> {
        let mut text = String::new();
        match File::open(&path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
        {
            Ok(_) => match serde_json::from_str::<Stored>(&text) {
                Ok(Stored { day, tokens }) => {
                    self.today = Mutex::new(Today { day, used: tokens.clone(), written: tokens });
                }
                Err(error) => tracing::warn!(%error, "what clients used today is forgotten"),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.file = Some(path);
        Ok(self)
    }

    /// Counts what a client is about to make the node keep.
    ///
    /// # Errors
    /// When that is more than it may on one day, or the disk refuses.
    pub(super) fn charge(&self, client: &str, kept: Kept) -> Result<(), Problem> {
        self.charge_on(today(), client, kept)
    }

    fn charge_on(&self, day: u64, client: &str, kept: Kept) -> Result<(), Problem> {
        if kept == Kept::default() {
            return Ok(());
        }
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        if today.day != day {
            *today = Today { day, ..Today::default() };
        }
        let used = today.used.get(client).copied().unwrap_or_default();
        let bytes = used.bytes.saturating_add(kept.bytes);
        let budgets = used.budgets.saturating_add(kept.budgets);
        if kept.bytes > 0 && bytes > self.bytes_max {
            let (most, what) = (self.bytes_max, "bytes (KEPT_BYTES_PER_DAY_MAX)");
            return Err(used_up(client, &format!("{most} {what}")));
        }
        if kept.budgets > 0 && budgets > self.budgets_max {
            let (most, what) = (self.budgets_max, "budgets (BUDGETS_PER_DAY_MAX)");
            return Err(used_up(client, &format!("{most} {what}")));
        }
        let written = today.written.get(client).copied().unwrap_or_default();
        if bytes > written.bytes || budgets > written.budgets {
            let ahead = match bytes > written.bytes {
                true => bytes.saturating_add(STEP_BYTES).min(self.bytes_max),
                false => written.bytes,
            };
            today.written.insert(client.to_owned(), Amounts { bytes: ahead, budgets });
            if let Err(error) = self.write(&today) {
                today.written.insert(client.to_owned(), written);
                let message = format!("what a client uses cannot be written down: {error}");
                return Err(Problem::new(Code::Storage, message));
            }
        }
        today.used.insert(client.to_owned(), Amounts { bytes, budgets });
        Ok(())
    }

    /// Takes back what was counted for something that was not kept after all.
    pub(super) fn give_back(&self, client: &str, kept: Kept) {
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = today.used.get_mut(client) {
            used.bytes = used.bytes.saturating_sub(kept.bytes);
            used.budgets = used.budgets.saturating_sub(kept.budgets);
        }
    }

    /// Writes the file, whole or not at all.
    fn write(&self, today: &Today) -> io::Result<()> {
        let Some(path) = &self.file else { return Ok(()) };
        let stored = Stored { day: today.day, tokens: today.written.clone() };
        let text = serde_json::to_vec(&stored).map_err(io::Error::from)?;
        let draft = path.with_extension("draft");
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    }
}

fn used_up(client: &str, most: &str) -> Problem {
    let message = format!("the token '{client}' makes the node keep at most {most} a day");
    Problem::new(Code::LimitReached, message)
        .next("go on tomorrow (UTC), or ask the node's operator for another token")
}

/// Days since 1970, by the clock of the system.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / DAY_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn bytes(bytes: u64) -> Kept {
        Kept { bytes, budgets: 0 }
    }

    const BUDGET: Kept = Kept { bytes: 0, budgets: 1 };

    #[test]
    fn what_is_used_up_comes_back_the_next_day_and_what_was_not_kept_at_once() {
        let all = Allowances::new(100, 1);
        all.charge_on(7, "a", bytes(60)).unwrap();
        let refused = all.charge_on(7, "a", bytes(41)).unwrap_err();
        assert_eq!(refused.code, Code::LimitReached);
        assert!(refused.message.contains("KEPT_BYTES_PER_DAY_MAX"), "{refused}");
        all.charge_on(7, "b", bytes(100)).unwrap();
        all.give_back("a", bytes(10));
        all.charge_on(7, "a", bytes(50)).unwrap();
        all.charge_on(7, "a", BUDGET).unwrap();
        let refused = all.charge_on(7, "a", BUDGET).unwrap_err();
        assert!(refused.message.contains("BUDGETS_PER_DAY_MAX"), "{refused}");
        all.charge_on(8, "a", bytes(100)).unwrap();
    }

    #[test]
    fn a_restart_gives_nothing_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("allowances.json");
        let open = || Allowances::new(3 * STEP_BYTES, 2).in_file(path.clone()).unwrap();
        open().charge_on(7, "a", bytes(2 * STEP_BYTES)).unwrap();
        open().charge_on(7, "a", BUDGET).unwrap();
        open().charge_on(7, "a", BUDGET).unwrap();
        open().charge_on(7, "a", BUDGET).unwrap_err();
        open().charge_on(7, "a", bytes(STEP_BYTES + 1)).unwrap_err();
        open().charge_on(8, "a", bytes(STEP_BYTES)).unwrap();
        open().charge_on(8, "a", bytes(STEP_BYTES)).unwrap();
        fs::write(&path, "{").unwrap();
        open().charge_on(8, "a", bytes(3 * STEP_BYTES)).unwrap();
    }
}
