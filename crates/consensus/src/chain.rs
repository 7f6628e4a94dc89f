//! The owner of a ledger's state over storage.
use ainur_crypto::SigningKey;
use ainur_ledger::{
    Block, EventProof, EventRecord, Genesis, Height, Ledger, MemoryState, Outcome, RecordProof,
    Submission,
};
use ainur_primitives::{Did, Digest, Timestamp};
use ainur_storage::Disk;
use scale::{Decode, Encode};

use crate::{Error, SignedHeader};

mod journal;
mod open;
mod snapshot;
mod view;

pub(crate) use journal::Journal;
pub use journal::{SNAPSHOT_BLOCKS, SNAPSHOT_BYTES};
pub(crate) use open::verify;
pub use view::{ChainView, TRANSACTIONS_INDEXED_MAX};

/// What a validator signs headers with.
#[derive(Debug)]
pub struct ValidatorKey {
    /// Who it is.
    pub did: Did,
    /// Which of its keys, counted from zero at creation.
    pub key_version: u32,
    /// The key.
    pub key: SigningKey,
}

/// A block as the log keeps it: with its signature and with what it did, so that proofs need no
/// execution.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StoredBlock {
    /// The block.
    pub block: Block,
    /// The validator's signature over its header.
    pub signature: ainur_ledger::HeaderSignature,
    /// What happened in it.
    pub events: Vec<EventRecord>,
}

impl StoredBlock {
    /// The header with its signature.
    pub fn signed_header(&self) -> SignedHeader {
        SignedHeader { header: self.block.header, signature: self.signature.clone() }
    }
}

/// What a commit did.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The header of the new block; `None` when nothing submitted was admissible, which makes no
    /// block.
    pub header: Option<SignedHeader>,
    /// What became of each transaction handed in, in that order, by its digest.
    pub outcomes: Vec<(Digest, Outcome)>,
    /// What happened, in order; [`Outcome`] says whose they are.
    pub events: Vec<EventRecord>,
}

impl Committed {
    /// The proofs of all events, in order.
    pub fn event_proofs(&self) -> Vec<EventProof> {
        match &self.header {
            Some(signed) => EventProof::all(&signed.header, &self.events),
            None => Vec::new(),
        }
    }
}

/// A ledger that is durable: a write-ahead log of blocks and a snapshot of the state.
///
/// The log is never pruned here, so every block stays available for proofs and audits; the
/// snapshot only shortens the next start.
#[derive(Debug)]
pub struct Chain<D: Disk> {
    view: ChainView,
    journal: Journal<D>,
}

impl<D: Disk> Chain<D> {
    /// Opens or begins the chain in `directory`: loads the snapshot, checks its root against its
    /// signed header, and replays the blocks after it, root by root. Without a validator's key it
    /// can only be read.
    ///
    /// # Errors
    /// When another process has it, bytes on disk changed, it is another ledger's, or the key is
    /// not a validator's.
    pub fn open(
        disk: D,
        directory: &str,
        genesis: &Genesis,
        validator: Option<ValidatorKey>,
    ) -> Result<Self, Error> {
        open::open(disk, directory, genesis, validator)
    }

    /// The same chain with a snapshot after so many blocks; [`SNAPSHOT_BLOCKS`] by default.
    #[must_use]
    pub fn with_snapshot_blocks(mut self, blocks: u64) -> Self {
        self.journal.snapshot_blocks = blocks.clamp(1, SNAPSHOT_BLOCKS);
        self
    }

    /// Executes what was submitted, makes the block durable, and moves on. Time that would go
    /// backwards stands still. Nothing submitted, or nothing admissible, makes no block.
    ///
    /// # Errors
    /// When the disk refuses: the chain then stops, and whether the block is there is known after
    /// it was opened again.
    pub fn commit(
        &mut self,
        now: Timestamp,
        submissions: &[Submission],
    ) -> Result<Committed, Error> {
        let prepared = self.journal.prepare(&self.view, now, submissions)?;
        let written = self.journal.write(prepared)?;
        let committed = self.view.apply(written)?;
        self.journal.snapshot_when_due(&self.view);
        Ok(committed)
    }

    /// Writes the state to the snapshot now.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn snapshot(&mut self) -> Result<(), Error> {
        self.journal.snapshot(&self.view)
    }

    /// Writes a snapshot, closes the log and gives the directory up.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn close(mut self) -> Result<(), Error> {
        self.snapshot()?;
        self.journal.settle()
    }

    /// The ledger and what is known of recent blocks.
    pub fn view(&self) -> &ChainView {
        &self.view
    }

    /// The ledger at its head.
    pub fn ledger(&self) -> &Ledger {
        self.view.ledger()
    }

    /// The state at the head, for the queries of the ledger's modules.
    pub fn state(&self) -> &MemoryState {
        self.view.state()
    }

    /// A block; `None` beyond the head and for genesis, which is no block.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn block(&self, height: Height) -> Result<Option<StoredBlock>, Error> {
        self.journal.block(height)
    }

    /// Up to `limit` blocks from a height on, in order.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn blocks(&self, from: Height, limit: usize) -> Result<Vec<StoredBlock>, Error> {
        self.journal.blocks(from, limit)
    }

    /// A header with its signature.
    ///
    /// # Errors
    /// When the block cannot be read.
    pub fn header(&self, height: Height) -> Result<Option<SignedHeader>, Error> {
        Ok(self.block(height)?.map(|block| block.signed_header()))
    }

    /// The proof that an event happened, and the signed header it leads to.
    ///
    /// # Errors
    /// When there is no such event or its block cannot be read.
    pub fn event_proof(
        &self,
        height: Height,
        index: u32,
    ) -> Result<(EventProof, SignedHeader), Error> {
        self.journal.event_proof(height, index)
    }

    /// The proof that a record has its value at the head, or does not exist, and the signed header
    /// it leads to; `None` before the first block, which nobody signed.
    pub fn record_proof(&self, key: &[u8]) -> Option<(RecordProof, SignedHeader)> {
        self.view.record_proof(key)
    }

    /// Reads the whole log, executes it from genesis with every signature checked, and compares
    /// the result with the head; tells how many blocks there are.
    ///
    /// # Errors
    /// The first thing that is wrong, with the block it is in.
    pub fn verify(&self, genesis: &Genesis) -> Result<u64, Error> {
        verify(&self.journal, &self.view, genesis)
    }

    pub(crate) fn into_parts(self) -> (ChainView, Journal<D>) {
        (self.view, self.journal)
    }
}
