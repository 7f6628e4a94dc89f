//! That the transparency log holds a receipt: the entry, its place, and the signed head over it.
use ainur_crypto::merkle::{self, InclusionProof};
use ainur_storage::Disk;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::entry::{Entry, EntryError};
use crate::log::{self, TransparencyLog};

/// An entry of the log with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditProof {
    /// The signed note of the log's head.
    pub checkpoint: String,
    /// The entry.
    pub entry: Entry,
    /// The way from the entry to the head's root.
    pub inclusion: InclusionProof,
}

/// Why a log gives no proof of an entry.
#[derive(Debug, thiserror::Error)]
pub enum AuditProofError {
    /// No checkpoint covers it.
    #[error("entry {0} is not under the log's last checkpoint")]
    NotCovered(u64),
    /// The log refused.
    #[error("the log cannot be read")]
    Log(#[from] log::Error),
    /// The entry is not of this format.
    #[error("entry {index} cannot be read")]
    Entry {
        /// Which.
        index: u64,
        /// What is wrong with it.
        #[source]
        source: EntryError,
    },
}

impl AuditProof {
    /// The proof of an entry under the log's last checkpoint.
    ///
    /// # Errors
    /// When there is none.
    pub fn of<D: Disk>(log: &TransparencyLog<D>, index: u64) -> Result<Self, AuditProofError> {
        let missing = || AuditProofError::NotCovered(index);
        let checkpoint = log.checkpoint().ok_or_else(missing)?;
        let inclusion = log.inclusion(index).ok_or_else(missing)?;
        let bytes = log.entry(index)?.ok_or_else(missing)?;
        let entry =
            Entry::from_bytes(&bytes).map_err(|source| AuditProofError::Entry { index, source })?;
        Ok(Self { checkpoint: checkpoint.note.clone(), entry, inclusion })
    }

    /// True when the entry is under this head.
    pub(super) fn is_under(&self, checkpoint: &Checkpoint) -> Result<bool, EntryError> {
        let leaf = merkle::leaf_hash(&self.entry.to_bytes()?);
        let same_size = self.inclusion.size == checkpoint.size;
        Ok(same_size && self.inclusion.verify(leaf, checkpoint.root))
    }
}
