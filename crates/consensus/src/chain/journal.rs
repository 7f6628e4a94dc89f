//! The durable half of a chain: the log of blocks and the snapshot of the state.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use ainur_crypto::HybridVerifier;
use ainur_ledger::{EventProof, Executed, HeaderSignature, Height, Submission};
use ainur_primitives::Timestamp;
use ainur_storage::{Disk, Log, Sequence, Store, crash_point};
use scale::{DecodeAll, Encode};

use super::{ChainView, StoredBlock, ValidatorKey, snapshot};
use crate::{Error, SignedHeader};

/// A snapshot is written after so many blocks.
pub const SNAPSHOT_BLOCKS: u64 = 1_024;
/// A snapshot is written once so many bytes of records changed since the last.
pub const SNAPSHOT_BYTES: usize = 32 << 20;

/// Records that changed since the snapshot; `None` removes one.
pub(super) type Dirty = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

#[derive(Debug)]
pub(crate) struct Journal<D: Disk> {
    pub(super) directory: String,
    pub(super) log: Log<D>,
    pub(super) store: Arc<Store>,
    pub(super) validator: Option<ValidatorKey>,
    pub(super) dirty: Dirty,
    pub(super) dirty_bytes: usize,
    pub(super) blocks_since_snapshot: u64,
    /// A snapshot is due after so many.
    pub(super) snapshot_blocks: u64,
    pub(super) failed: bool,
    /// A snapshot that is being written beside the chain.
    pub(super) writing: Option<JoinHandle<Result<(), Error>>>,
    /// Given up when the journal is dropped, after the log.
    pub(super) _lock: D::Lock,
}

/// A block that is executed and signed, not yet written.
pub(crate) struct Prepared {
    executed: Executed,
    record: Option<(Vec<u8>, SignedHeader)>,
}

/// A block that is durable.
pub(crate) struct Written {
    pub(super) executed: Executed,
    pub(super) header: Option<SignedHeader>,
}

impl<D: Disk> Drop for Journal<D> {
    /// Waits for the writer of a snapshot: the lock must not be given up before it is done.
    fn drop(&mut self) {
        if let Err(error) = self.finish_writing() {
            tracing::error!(%error, "the last snapshot was not written");
        }
    }
}

impl<D: Disk> Journal<D> {
    /// Executes and signs. Nothing is changed.
    pub(crate) fn prepare(
        &self,
        view: &ChainView,
        now: Timestamp,
        submissions: &[Submission],
    ) -> Result<Prepared, Error> {
        if self.failed {
            return Err(Error::Poisoned);
        }
        let Some(validator) = &self.validator else { return Err(Error::ReadOnly) };
        let now = now.max(view.ledger.head().timestamp);
        let executed = view.ledger.execute(now, submissions, &HybridVerifier)?;
        if executed.block.transactions.is_empty() {
            return Ok(Prepared { executed, record: None });
        }
        crash_point("chain.executed");
        let header = executed.block.header;
        let ValidatorKey { did, key_version, key } = validator;
        let signature = HeaderSignature::sign(&header, *did, *key_version, key);
        let signed = SignedHeader { header, signature };
        // The encoding of a `StoredBlock`, without copying the block.
        let record = (&executed.block, &signed.signature, &executed.events).encode();
        Ok(Prepared { executed, record: Some((record, signed)) })
    }

    /// Makes a block durable. After an error the journal takes no more.
    pub(crate) fn write(&mut self, prepared: Prepared) -> Result<Written, Error> {
        let Prepared { executed, record } = prepared;
        let Some((record, header)) = record else {
            return Ok(Written { executed, header: None });
        };
        let result = self.append(&record, header.header.height);
        self.failed |= result.is_err();
        result?;
        self.note(&executed.changes);
        Ok(Written { executed, header: Some(header) })
    }

    fn append(&mut self, record: &[u8], height: Height) -> Result<(), Error> {
        let sequence = self.log.append(record)?;
        crash_point("chain.appended");
        self.log.sync()?;
        crash_point("chain.synced");
        if sequence != Sequence(height.0) {
            return Err(Error::NotABlock { directory: self.directory.clone(), height });
        }
        Ok(())
    }

    /// Remembers what the next snapshot must write.
    pub(super) fn note(&mut self, changes: &[(Vec<u8>, Option<Vec<u8>>)]) {
        for (key, value) in changes {
            self.dirty_bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            self.dirty.insert(key.clone(), value.clone());
        }
        self.blocks_since_snapshot += 1;
    }

    /// Writes a snapshot when enough changed. The block before it is durable already, so a failure
    /// stops the chain without taking the block back.
    pub(crate) fn snapshot_when_due(&mut self, view: &ChainView) {
        if self.is_due()
            && let Err(error) = self.snapshot(view)
        {
            tracing::error!(%error, "the snapshot failed; the chain stops");
        }
    }

    /// The same on a thread of its own, so that blocks do not wait for it.
    pub(crate) fn snapshot_beside(&mut self, view: &ChainView) {
        let is_written = self.writing.as_ref().is_some_and(JoinHandle::is_finished);
        let result = match is_written || self.is_due() {
            true => self.finish_writing(),
            false => Ok(()),
        };
        if let Err(error) = result {
            tracing::error!(%error, "the snapshot failed; the chain stops");
        } else if self.is_due()
            && let Some(head) = view.head.clone()
        {
            let (store, dirty) = (Arc::clone(&self.store), self.take_dirty());
            let writer = std::thread::Builder::new().name("snapshot".into()).spawn(move || {
                snapshot::write(&store, &dirty, &head)?;
                crash_point("chain.snapshot");
                Ok(())
            });
            match writer {
                Ok(writer) => self.writing = Some(writer),
                Err(error) => {
                    tracing::error!(%error, "no thread for the snapshot; the chain stops");
                    self.failed = true;
                }
            }
        }
    }

    fn is_due(&self) -> bool {
        self.blocks_since_snapshot >= self.snapshot_blocks || self.dirty_bytes >= SNAPSHOT_BYTES
    }

    fn take_dirty(&mut self) -> Dirty {
        self.dirty_bytes = 0;
        self.blocks_since_snapshot = 0;
        std::mem::take(&mut self.dirty)
    }

    fn finish_writing(&mut self) -> Result<(), Error> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let written = writing.join().unwrap_or(Err(Error::Poisoned));
        self.failed |= written.is_err();
        written
    }

    pub(crate) fn snapshot(&mut self, view: &ChainView) -> Result<(), Error> {
        self.finish_writing()?;
        if self.failed {
            return Err(Error::Poisoned);
        }
        let Some(head) = &view.head else { return Ok(()) };
        if self.blocks_since_snapshot == 0 {
            return Ok(());
        }
        let dirty = self.take_dirty();
        let written = snapshot::write(&self.store, &dirty, head);
        self.failed |= written.is_err();
        written?;
        crash_point("chain.snapshot");
        Ok(())
    }

    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        Ok(self.log.settle()?)
    }

    pub(crate) fn block(&self, height: Height) -> Result<Option<StoredBlock>, Error> {
        match self.log.read(Sequence(height.0))? {
            Some(record) => self.decode(height, &record).map(Some),
            None => Ok(None),
        }
    }

    /// Up to `limit` blocks from a height on.
    pub(crate) fn blocks(&self, from: Height, limit: usize) -> Result<Vec<StoredBlock>, Error> {
        let records = self.log.read_from(Sequence(from.0)).take(limit);
        records
            .map(|record| {
                let (sequence, record) = record?;
                self.decode(Height(sequence.0), &record)
            })
            .collect()
    }

    pub(super) fn decode(&self, height: Height, record: &[u8]) -> Result<StoredBlock, Error> {
        StoredBlock::decode_all(&mut &*record)
            .ok()
            .filter(|stored| stored.block.header.height == height)
            .ok_or_else(|| Error::NotABlock { directory: self.directory.clone(), height })
    }

    pub(crate) fn event_proof(
        &self,
        height: Height,
        index: u32,
    ) -> Result<(EventProof, SignedHeader), Error> {
        let stored = self.block(height)?.ok_or(Error::Missing(height))?;
        let index = usize::try_from(index).map_err(|_| Error::Missing(height))?;
        let mut proofs = EventProof::all(&stored.block.header, &stored.events);
        if index >= proofs.len() {
            return Err(Error::Missing(height));
        }
        Ok((proofs.swap_remove(index), stored.signed_header()))
    }
}
