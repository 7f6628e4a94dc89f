//! Why a chain cannot be opened or go on.
use ainur_ledger::Height;
use ainur_primitives::{Did, Digest};

use crate::header::HeaderError;

/// A chain that cannot be opened, read or extended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused, or bytes on it changed.
    #[error(transparent)]
    Storage(#[from] ainur_storage::Error),
    /// A block or the stored state does not follow the ledger's rules.
    #[error("block {height} in {directory} does not replay: {source}")]
    Replay {
        /// Where the chain is.
        directory: String,
        /// The block, or the block of the snapshot.
        height: Height,
        /// Why.
        #[source]
        source: Box<ainur_ledger::Error>,
    },
    /// The rules of the ledger refuse to begin or to go on.
    #[error(transparent)]
    Ledger(Box<ainur_ledger::Error>),
    /// The directory holds another ledger.
    #[error("{directory} holds ledger {found}, not {expected}; use another directory")]
    AnotherLedger {
        /// Where the chain is.
        directory: String,
        /// The ledger of the genesis given.
        expected: Digest,
        /// The ledger on disk.
        found: Digest,
    },
    /// The key given is not that of a validator of this ledger.
    #[error("{0} with this key is not a validator of this ledger")]
    NotValidator(Did),
    /// The chain was opened without a key.
    #[error("this chain was opened without a validator's key and can only be read")]
    ReadOnly,
    /// A header on disk is not signed by a validator.
    #[error("block {height} in {directory}: {source}")]
    Header {
        /// Where the chain is.
        directory: String,
        /// Which block.
        height: Height,
        /// What is wrong with its signature.
        #[source]
        source: HeaderError,
    },
    /// A record of the log is no block.
    #[error("record {height} of the log in {directory} is not the block of that height")]
    NotABlock {
        /// Where the chain is.
        directory: String,
        /// Which record.
        height: Height,
    },
    /// The snapshot is of a block the log does not have.
    #[error(
        "the snapshot in {directory} is of block {snapshot}, which the log does not hold; \
         restore the log from a copy"
    )]
    SnapshotWithoutBlock {
        /// Where the chain is.
        directory: String,
        /// The snapshot's block.
        snapshot: Height,
    },
    /// There is no such block or event.
    #[error("there is no block {0} here, or it has no such event")]
    Missing(Height),
    /// An earlier failure left open what is on disk.
    #[error("the chain stopped after an earlier failure; open it again")]
    Poisoned,
}

impl From<ainur_ledger::Error> for Error {
    fn from(error: ainur_ledger::Error) -> Self {
        Self::Ledger(Box::new(error))
    }
}
