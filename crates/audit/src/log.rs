//! The append-only log: entries in durable segments, a Merkle tree over them, and signed heads.
//!
//! Entries and checkpoints are records of one [`ainur_storage::Log`], so that a batch of entries and
//! the checkpoint over them become durable with one sync. What [`TransparencyLog::sync`] returned
//! is there after any crash. Proofs are given for what a checkpoint covers, never for more.
use std::fmt;
use std::ops::Range;
use std::path::Path;

use ainur_crypto::merkle::{self, ConsistencyProof, InclusionProof, Tree};
use ainur_primitives::{Digest, Timestamp};
use ainur_storage::{Disk, Log, Sequence, log};

use crate::checkpoint::{Checkpoint, CheckpointError, CheckpointKey, LogKey, OriginError};
use crate::entry::ENTRY_BYTES_MAX;
use crate::tiles::{Exported, TileWriter};

mod error;
mod record;

pub use error::Error;
use record::Record;

/// A transparency log with one owner.
pub struct TransparencyLog<D: Disk> {
    records: Log<D>,
    tree: Tree,
    /// The last durable checkpoint; none before the first [`TransparencyLog::sync`].
    checkpoint: Option<Checkpoint>,
    /// The sizes of all durable checkpoints, ascending: they say where among the records an entry
    /// is.
    checkpoint_sizes: Vec<u64>,
    log_key: LogKey,
    signer: CheckpointKey,
}

/// What [`TransparencyLog::verify_all`] read and found intact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intact {
    /// Entries, those that no checkpoint covers yet included.
    pub entries: u64,
    /// Checkpoints, each with both signatures over the root at its size.
    pub checkpoints: u64,
}

impl<D: Disk> TransparencyLog<D> {
    /// Opens or creates the log in `directory` of the disk and checks it against its last
    /// checkpoint.
    ///
    /// # Errors
    /// When acknowledged bytes are damaged, or the last checkpoint is not one of this key over
    /// these entries.
    pub fn open(
        disk: D,
        directory: &str,
        origin: &str,
        signer: CheckpointKey,
    ) -> Result<Self, Error> {
        let log_key = signer.log_key(origin)?;
        let (records, recovery) = Log::open(disk, directory, log::Options::default())?;
        if let Some(cut) = recovery.truncated {
            tracing::warn!(
                file = cut.file,
                offset = cut.offset,
                bytes = cut.bytes,
                "cut torn tail"
            );
        }
        let mut log = Self {
            records,
            tree: Tree::default(),
            checkpoint: None,
            checkpoint_sizes: Vec::new(),
            log_key,
            signer,
        };
        let last_note = log.replay()?;
        if let Some((sequence, note)) = last_note {
            let checkpoint =
                log.check_checkpoint(sequence, &note, log.tree.root_at(log.covered()))?;
            log.checkpoint = Some(checkpoint);
        }
        Ok(log)
    }

    /// Adds entries and tells their indexes. They are durable and provable after the next
    /// [`TransparencyLog::sync`].
    ///
    /// # Errors
    /// When an entry is above [`ENTRY_BYTES_MAX`] (then none was added) or the disk refuses.
    pub fn append_many<E: AsRef<[u8]>>(&mut self, entries: &[E]) -> Result<Range<u64>, Error> {
        let too_long = entries.iter().map(|entry| entry.as_ref().len());
        if let Some(bytes) = too_long.into_iter().find(|bytes| *bytes > ENTRY_BYTES_MAX) {
            return Err(Error::EntryTooLong { bytes });
        }
        let first = self.tree.size();
        let mut framed = Vec::new();
        for entry in entries {
            let entry = entry.as_ref();
            self.records.append(record::entry(entry, &mut framed))?;
            self.tree.append(merkle::leaf_hash(entry));
        }
        Ok(first..self.tree.size())
    }

    /// Makes all entries durable under one new checkpoint, with one sync of the disk. Without new
    /// entries it returns the last checkpoint.
    ///
    /// # Errors
    /// When the disk refuses; the log must then be opened again.
    pub fn sync(&mut self, now: Timestamp) -> Result<Checkpoint, Error> {
        let size = self.tree.size();
        if let Some(last) = &self.checkpoint
            && last.size == size
        {
            return Ok(last.clone());
        }
        let checkpoint = self.signer.sign(&self.log_key, size, self.tree.root(), now);
        self.records.append(&record::checkpoint(&checkpoint.note))?;
        self.records.sync()?;
        self.checkpoint_sizes.push(size);
        self.checkpoint = Some(checkpoint.clone());
        Ok(checkpoint)
    }

    /// The last durable checkpoint.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    /// What verifies the checkpoints of this log.
    pub fn log_key(&self) -> &LogKey {
        &self.log_key
    }

    /// How many entries were added, covered by a checkpoint or not.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The proof that an entry is under the last checkpoint; `None` when it is not.
    pub fn inclusion(&self, index: u64) -> Option<InclusionProof> {
        self.tree.inclusion(index, self.covered())
    }

    /// The proof that the log of `old_size` entries is the beginning of that of `new_size`; `None`
    /// beyond the last checkpoint.
    pub fn consistency(&self, old_size: u64, new_size: u64) -> Option<ConsistencyProof> {
        if new_size > self.covered() {
            return None;
        }
        self.tree.consistency(old_size, new_size)
    }

    /// One entry under the last checkpoint, checked against the tree; `None` when there is none.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, Error> {
        if index >= self.covered() {
            return Ok(None);
        }
        let sequence = self.sequence_of(index);
        let record = self.records.read(sequence).map_err(|error| self.name_entry(error))?;
        match record.as_deref().map(Record::read) {
            Some(Some(Record::Entry(entry)))
                if self.tree.leaf(index) == Some(merkle::leaf_hash(entry)) =>
            {
                Ok(Some(entry.to_vec()))
            }
            _ => Err(Error::NotTheEntry { index }),
        }
    }

    /// Reads every record again and recomputes the tree from nothing: every frame of the segments,
    /// every entry, every checkpoint with both signatures.
    ///
    /// # Errors
    /// The first damage, by segment file, offset and entry.
    pub fn verify_all(&self) -> Result<Intact, Error> {
        self.records.verify().map_err(|error| self.name_entry(error))?;
        let mut tree = Tree::default();
        let mut checkpoints = 0;
        for found in self.records.read_from(Sequence(1)) {
            let (sequence, bytes) = found.map_err(|error| self.name_entry(error))?;
            match Record::read(&bytes).ok_or(Error::UnknownRecord { sequence })? {
                Record::Entry(entry) => {
                    tree.append(merkle::leaf_hash(entry));
                }
                Record::Checkpoint(note) => {
                    self.check_checkpoint(sequence, note, Some(tree.root()))?;
                    checkpoints += 1;
                }
            }
        }
        let entries = tree.size();
        if self.tree.root_at(entries) != Some(tree.root()) || entries < self.covered() {
            return Err(Error::EntriesMissing { expected: self.covered(), found: entries });
        }
        Ok(Intact { entries, checkpoints })
    }

    /// Writes checkpoint, tiles and entry bundles below `directory`, as C2SP clients read them.
    ///
    /// # Errors
    /// When there is no checkpoint yet, an entry is damaged, or the directory cannot be written.
    pub fn export_tiles(&self, directory: &Path) -> Result<Exported, Error> {
        let checkpoint = self.checkpoint.as_ref().ok_or(Error::NoCheckpoint)?;
        let export = |source| Error::Export { directory: directory.into(), source };
        let mut tiles = TileWriter::new(directory);
        for found in self.records.read_from(Sequence(1)) {
            let (sequence, bytes) = found.map_err(|error| self.name_entry(error))?;
            if let Record::Entry(entry) =
                Record::read(&bytes).ok_or(Error::UnknownRecord { sequence })?
                && tiles.size() < checkpoint.size
            {
                tiles.entry(entry).map_err(export)?;
            }
        }
        if tiles.root() != checkpoint.root {
            return Err(Error::RootMismatch { size: checkpoint.size });
        }
        tiles.finish(&checkpoint.note).map_err(export)
    }

    /// Closes the window in which a power cut right now could make the last batch look torn; for
    /// an owner that goes idle.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn settle(&mut self) -> Result<(), Error> {
        Ok(self.records.settle()?)
    }

    /// Rebuilds tree and positions from the records, and returns the last checkpoint's.
    fn replay(&mut self) -> Result<Option<(Sequence, String)>, Error> {
        let mut last = None;
        for found in self.records.read_from(Sequence(1)) {
            let (sequence, bytes) = found?;
            match Record::read(&bytes).ok_or(Error::UnknownRecord { sequence })? {
                Record::Entry(entry) => {
                    self.tree.append(merkle::leaf_hash(entry));
                }
                Record::Checkpoint(note) => {
                    self.checkpoint_sizes.push(self.tree.size());
                    last = Some((sequence, note.into()));
                }
            }
        }
        Ok(last)
    }

    /// Entries under the last durable checkpoint.
    fn covered(&self) -> u64 {
        self.checkpoint_sizes.last().copied().unwrap_or(0)
    }

    fn check_checkpoint(
        &self,
        sequence: Sequence,
        note: &str,
        root: Option<Digest>,
    ) -> Result<Checkpoint, Error> {
        let checkpoint = self
            .log_key
            .verify(note)
            .map_err(|source| Error::CheckpointRefused { sequence, source })?;
        if root == Some(checkpoint.root) {
            Ok(checkpoint)
        } else {
            Err(Error::RootMismatch { size: checkpoint.size })
        }
    }

    /// The record that holds an entry: records count from one, and before the entry stand all
    /// checkpoints that do not cover it.
    fn sequence_of(&self, index: u64) -> Sequence {
        let before = self.checkpoint_sizes.partition_point(|size| *size <= index);
        Sequence(1 + index + before as u64)
    }

    /// The entry at or after a record.
    fn entry_at(&self, sequence: Sequence) -> u64 {
        let (mut low, mut high) = (0, self.tree.size());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.sequence_of(middle) < sequence { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Adds to a damage report which entry it hit first.
    fn name_entry(&self, error: ainur_storage::Error) -> Error {
        match error {
            ainur_storage::Error::LogDamaged { file, offset, sequence, reason } => {
                Error::Damaged { file, offset, index: self.entry_at(sequence), reason }
            }
            other => Error::Storage(other),
        }
    }
}

impl<D: Disk> fmt::Debug for TransparencyLog<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransparencyLog")
            .field("origin", &self.log_key.origin)
            .field("size", &self.tree.size())
            .field("covered", &self.covered())
            .finish_non_exhaustive()
    }
}
