//! The few things we ask of a disk, so that the simulator can answer them too.
//!
//! Paths are relative to the disk's root, with `/` between their parts. A write is durable after
//! [`DiskFile::sync_data`], a created, renamed or removed name after [`Disk::sync_dir`] of its
//! directory; nothing else is promised, and [`SimDisk`] makes use of that.
use std::fmt::Debug;
use std::path::PathBuf;

use crate::Error;

mod lock;
mod real;
pub mod sim;

pub use lock::DirectoryLock;
pub use real::{RealDisk, RealFile};
pub use sim::{SimDisk, SimFile};

/// A directory tree on which we keep files. Clones are the same disk.
pub trait Disk: Clone + Debug + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;
    /// Held while a directory is ours; given up when dropped.
    type Lock: Debug + Send + Sync + 'static;

    /// Creates a directory and those above it. Durable on return.
    ///
    /// # Errors
    /// When the system refuses, as for every other operation here.
    fn create_dir_all(&self, path: &str) -> Result<(), Error>;

    /// Opens a file.
    ///
    /// # Errors
    /// Also when `mode` does not create and there is no such file.
    fn open(&self, path: &str, mode: OpenMode) -> Result<Self::File, Error>;

    /// Renames a file, replacing what was at `to`. Atomic; durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// When the system refuses.
    fn rename(&self, from: &str, to: &str) -> Result<(), Error>;

    /// Removes a file. Durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// When the system refuses.
    fn remove(&self, path: &str) -> Result<(), Error>;

    /// The names of the files in a directory, sorted.
    ///
    /// # Errors
    /// When the system refuses.
    fn list(&self, path: &str) -> Result<Vec<String>, Error>;

    /// Whether there is a file of that name.
    ///
    /// # Errors
    /// When the system refuses.
    fn exists(&self, path: &str) -> Result<bool, Error>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// When the system refuses.
    fn sync_dir(&self, path: &str) -> Result<(), Error>;

    /// Makes the contents of all files below a directory durable, at the price of one sync.
    ///
    /// # Errors
    /// When the system refuses.
    fn sync_all(&self, path: &str) -> Result<(), Error>;

    /// Takes the directory for this process alone.
    ///
    /// # Errors
    /// [`Error::Held`] when another process, or another opener in this one, has it.
    fn lock(&self, path: &str) -> Result<Self::Lock, Error>;

    /// Where the file is for other programs; `None` when it is only simulated.
    fn real_path(&self, path: &str) -> Option<PathBuf>;
}

/// An open file, read and written at any offset.
pub trait DiskFile: Debug + Send + Sync + 'static {
    /// The length in bytes.
    ///
    /// # Errors
    /// When the system refuses, as for every other operation here.
    fn len(&self) -> Result<u64, Error>;

    /// True when the file has no bytes.
    ///
    /// # Errors
    /// When the system refuses.
    fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len()? == 0)
    }

    /// Fills `out` from `offset` on.
    ///
    /// # Errors
    /// Also when the file ends before `out` is full.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), Error>;

    /// Writes all of `bytes` at `offset`; a gap before it reads as zeros.
    ///
    /// # Errors
    /// When the system refuses; any prefix may then have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Error>;

    /// Cuts or extends with zeros.
    ///
    /// # Errors
    /// When the system refuses.
    fn set_len(&self, bytes: u64) -> Result<(), Error>;

    /// Makes the contents and the length durable.
    ///
    /// # Errors
    /// When the system refuses. What is durable is then unknown, and a second call that succeeds
    /// proves nothing.
    fn sync_data(&self) -> Result<(), Error>;
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// To read; it must exist.
    Read,
    /// To read and write; created when missing.
    ReadWrite,
    /// To read and write, empty; replaces the contents of an older one.
    Truncate,
}

/// The directory of a path; the root is `""`.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The path of `name` in `directory`.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.into() } else { format!("{directory}/{name}") }
}
