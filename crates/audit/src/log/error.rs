//! What can go wrong with a log, told with file, offset and entry.
use std::io;
use std::path::PathBuf;

use ainur_storage::Sequence;

use super::{CheckpointError, ENTRY_BYTES_MAX, OriginError};

/// A failed operation on the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused, or the segments were damaged when the log was opened.
    #[error(transparent)]
    Storage(#[from] ainur_storage::Error),
    /// Acknowledged bytes of an open log changed.
    #[error("{file} is damaged at byte {offset} (entry {index}): {reason}")]
    Damaged {
        /// The segment.
        file: String,
        /// Where in it the first bad frame begins.
        offset: u64,
        /// The first entry that cannot be read.
        index: u64,
        /// What did not fit.
        reason: &'static str,
    },
    /// The record at an entry's place holds something else.
    #[error("entry {index} is not the one the log's tree was built over")]
    NotTheEntry {
        /// The entry.
        index: u64,
    },
    /// A record that this version does not know.
    #[error("record {sequence} is neither entry nor checkpoint")]
    UnknownRecord {
        /// The record.
        sequence: Sequence,
    },
    /// A stored checkpoint is not one of this log's key.
    #[error("the checkpoint in record {sequence} does not verify")]
    CheckpointRefused {
        /// The record.
        sequence: Sequence,
        /// What is wrong with it.
        #[source]
        source: CheckpointError,
    },
    /// A signed checkpoint is not over the entries before it.
    #[error("the entries before the signed checkpoint of size {size} do not hash to its root")]
    RootMismatch {
        /// The checkpoint's size.
        size: u64,
    },
    /// Entries under a checkpoint are gone.
    #[error("the log has {found} entries, its last checkpoint covers {expected}")]
    EntriesMissing {
        /// As the checkpoint says.
        expected: u64,
        /// As there are.
        found: u64,
    },
    /// An entry above its limit.
    #[error("an entry has {bytes} bytes, at most {ENTRY_BYTES_MAX} are allowed")]
    EntryTooLong {
        /// Its size.
        bytes: usize,
    },
    /// Nothing was signed yet.
    #[error("the log has no checkpoint yet")]
    NoCheckpoint,
    /// A name that cannot be a log's.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// Tiles could not be written.
    #[error("cannot export tiles to {}", directory.display())]
    Export {
        /// Where to.
        directory: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}
