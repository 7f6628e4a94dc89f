//! What can go wrong on a disk, told with the file, the operation and the next step.
use std::fmt;
use std::io;

use ainur_primitives::{ContentId, Timestamp};

use crate::log::Sequence;

/// A failed storage operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {operation} {path}: {source}{}", next_step(.source, .path))]
    Io {
        /// What was tried.
        operation: DiskOperation,
        /// The file or directory.
        path: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Bytes that had been acknowledged are not what was written.
    #[error(
        "{file} is damaged at byte {offset} (record {sequence}): {reason}; restore the file from a copy"
    )]
    LogDamaged {
        /// The segment.
        file: String,
        /// Where in it the first bad frame begins.
        offset: u64,
        /// The first record that cannot be read.
        sequence: Sequence,
        /// What did not fit.
        reason: &'static str,
    },
    /// A blob or its table of group digests is not what was written.
    #[error("{file} is damaged at byte {offset} (blob {blob}): {reason}")]
    BlobDamaged {
        /// The blob.
        blob: ContentId,
        /// The file with the damage: the blob, or its `.groups` table.
        file: String,
        /// The first byte of the group that does not verify.
        offset: u64,
        /// What did not fit.
        reason: &'static str,
    },
    /// No such blob.
    #[error("there is no blob {0}")]
    BlobMissing(ContentId),
    /// The key–value store refused.
    #[error("cannot {operation} {path}: {source}{}", database_next_step(.source, .path))]
    Database {
        /// What was tried.
        operation: DiskOperation,
        /// The database file.
        path: String,
        /// The engine's answer.
        #[source]
        source: Box<redb::Error>,
    },
    /// Another process uses the directory.
    #[error("{path} is in use by process {pid} since {since}; stop that process first")]
    Held {
        /// The directory.
        path: String,
        /// Who holds it (0 when the lock file does not say).
        pid: u32,
        /// Since when.
        since: Timestamp,
    },
    /// A record, key or blob above its limit.
    #[error("{what} of {bytes} bytes is above the limit of {bytes_max} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// An earlier operation failed, so what is on disk is unknown until it is opened again.
    #[error("{path} cannot be written after an earlier failure; open it again")]
    Poisoned {
        /// What must be opened again.
        path: String,
    },
}

/// What was tried when an [`Error`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskOperation {
    /// Create a directory.
    CreateDirectory,
    /// Open a file.
    Open,
    /// Read bytes.
    Read,
    /// Write bytes.
    Write,
    /// Ask for or set a length.
    Resize,
    /// Make written bytes durable.
    Sync,
    /// Rename a file.
    Rename,
    /// Remove a file.
    Remove,
    /// List a directory.
    List,
    /// Take the lock of a directory.
    Lock,
    /// Commit a batch.
    Commit,
}

impl fmt::Display for DiskOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreateDirectory => "create directory",
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Resize => "resize",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::List => "list",
            Self::Lock => "lock",
            Self::Commit => "commit to",
        })
    }
}

impl Error {
    /// True when the disk is full.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => is_full(source),
            Self::Database { source, .. } => {
                matches!(&**source, redb::Error::Io(source) if is_full(source))
            }
            _ => false,
        }
    }

    /// True when acknowledged bytes changed or vanished.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::LogDamaged { .. } | Self::BlobDamaged { .. } => true,
            Self::Database { source, .. } => matches!(**source, redb::Error::Corrupted(_)),
            _ => false,
        }
    }

    pub(crate) fn io(operation: DiskOperation, path: &str) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { operation, path: path.into(), source }
    }

    pub(crate) fn database<E: Into<redb::Error>>(
        operation: DiskOperation,
        path: &str,
    ) -> impl FnOnce(E) -> Self + '_ {
        move |source| Self::Database {
            operation,
            path: path.into(),
            source: Box::new(source.into()),
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn next_step(error: &io::Error, path: &str) -> String {
    match error.kind() {
        _ if is_full(error) => format!("; free space on the file system of {path}"),
        io::ErrorKind::PermissionDenied => {
            format!("; give the user that runs this program access to {path}")
        }
        _ => String::new(),
    }
}

fn database_next_step(error: &redb::Error, path: &str) -> String {
    match error {
        redb::Error::Io(error) => next_step(error, path),
        _ => String::new(),
    }
}
