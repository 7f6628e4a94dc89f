//! The ledger as the broker uses it: submit, read, prove.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ainur_audit::receipt::LedgerEvent;
use ainur_consensus::{Completion, Refused, ReplicatedLog, StoredBlock};
use ainur_ledger::{
    EventProof, EventRecord, Header, HeaderSignature, Height, ReadState, Submission,
};
use ainur_primitives::Digest;

use crate::engine::{Arrival, LedgerAnswer};
use crate::error::Error;

/// A replicated log, with the proofs of its newest blocks at hand.
pub struct Settlement<L: ReplicatedLog> {
    log: Arc<L>,
    recent: Mutex<BTreeMap<u64, Arc<ProvenBlock>>>,
}

/// A block with the proof of each of its events.
struct ProvenBlock {
    proofs: Vec<EventProof>,
    signature: HeaderSignature,
}

/// Blocks whose proofs are kept, because many tasks end in the same block.
const RECENT_BLOCKS_MAX: usize = 32;

impl<L: ReplicatedLog> Settlement<L> {
    /// Uses a log.
    pub fn new(log: Arc<L>) -> Self {
        Self { log, recent: Mutex::new(BTreeMap::new()) }
    }

    /// Hands in transactions; the answer comes as an [`Arrival`] with the ticket returned.
    pub(crate) fn submit(&self, submission: Submission) -> Result<u64, Error> {
        match self.log.submit(submission) {
            Ok(ticket) => Ok(ticket.0),
            Err(Refused::Busy) => Err(Error::LedgerBusy),
            Err(refused) => Err(Error::Ledger(Box::new(refused))),
        }
    }

    /// Reads the state after the last block.
    pub fn read<T>(&self, read: impl FnOnce(&dyn ReadState) -> T) -> T {
        self.log.query(|view| read(view.state()))
    }

    /// The last block's height.
    pub fn height(&self) -> u64 {
        self.log.query(|view| view.height().0)
    }

    /// What happened in a block, and the digest of its header; nothing when there is no such block.
    pub(crate) fn events(&self, height: u64) -> Result<(Vec<EventRecord>, Digest), Error> {
        let stored = self.stored(height)?;
        let found = stored.map(|stored| (stored.events, stored.block.header.digest()));
        Ok(found.unwrap_or_default())
    }

    /// Proof that something happened, with the validator's signature of the block's header.
    pub(crate) fn prove(&self, height: u64, index: u32) -> Result<Option<LedgerEvent>, Error> {
        let Some(block) = self.proven(height)? else { return Ok(None) };
        let Some(proof) = block.proofs.get(index as usize) else { return Ok(None) };
        let signatures = vec![block.signature.clone()];
        Ok(Some(LedgerEvent { proof: proof.clone(), signatures }))
    }

    fn proven(&self, height: u64) -> Result<Option<Arc<ProvenBlock>>, Error> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = recent.get(&height) {
            return Ok(Some(Arc::clone(block)));
        }
        let Some(StoredBlock { block, signature, events }) = self.stored(height)? else {
            return Ok(None);
        };
        let proofs = EventProof::all(&block.header, &events);
        let proven = Arc::new(ProvenBlock { proofs, signature });
        if recent.len() >= RECENT_BLOCKS_MAX {
            recent.pop_first();
        }
        recent.insert(height, Arc::clone(&proven));
        Ok(Some(proven))
    }

    fn stored(&self, height: u64) -> Result<Option<StoredBlock>, Error> {
        self.log.block(Height(height)).map_err(|error| Error::Ledger(Box::new(error)))
    }
}

impl From<Completion> for Arrival {
    fn from(completion: Completion) -> Self {
        match completion.result {
            Ok(completed) => {
                let committed = &completed.committed;
                let header = committed.header.as_ref().map(|signed| &signed.header);
                Self::Ledger(LedgerAnswer {
                    ticket: completion.ticket.0,
                    height: header.map_or(0, |header| header.height.0),
                    block: header.map_or(Digest::ZERO, Header::digest),
                    outcomes: completed.outcomes().to_vec(),
                    events: committed.events.clone(),
                })
            }
            Err(error) => Self::LedgerFailed(Box::new(error)),
        }
    }
}
