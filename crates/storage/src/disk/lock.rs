//! One process per directory: a lock file that says who has it.
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ainur_primitives::Timestamp;
use rustix::fs::{FlockOperation, flock};

use crate::clock::{Clock, SystemClock};
use crate::{DiskOperation, Error};

/// The name of the lock file in the directory.
pub(super) const LOCK_FILE: &str = "lock";

/// Holds a directory for this process until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    /// Takes the directory.
    ///
    /// # Errors
    /// [`Error::Held`] with the holder's process id when it is taken.
    pub fn acquire(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(LOCK_FILE);
        let shown = path.to_string_lossy().into_owned();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io(DiskOperation::Open, &shown))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(held(&mut file, directory)),
            Err(error) => return Err(Error::io(DiskOperation::Lock, &shown)(error.into())),
        }
        let content = format!("{} {}\n", std::process::id(), SystemClock.now());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(content.as_bytes()))
            .map_err(Error::io(DiskOperation::Write, &shown))?;
        Ok(Self { file })
    }
}

impl Drop for DirectoryLock {
    /// Gives the directory back at once. Closing alone would leave it held for as long as a child
    /// that another thread is just starting shares the file, between its fork and its exec.
    fn drop(&mut self) {
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            tracing::warn!(%error, "cannot release a directory; it is free once this process ends");
        }
    }
}

fn held(file: &mut File, directory: &Path) -> Error {
    let mut content = String::new();
    // The holder may be just about to write its line; then it is shown as process 0.
    if file.read_to_string(&mut content).is_err() {
        content.clear();
    }
    let mut words = content.split_whitespace();
    let pid = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    let since = words.next().and_then(|word| word.parse().ok()).unwrap_or(Timestamp(0));
    Error::Held { path: directory.to_string_lossy().into_owned(), pid, since }
}
