//! What can be read while blocks are being written: the ledger at its head.
use std::collections::{HashMap, VecDeque};

use ainur_ledger::{Height, Ledger, MemoryState, RecordProof};
use ainur_primitives::Digest;

use super::Committed;
use super::journal::Written;
use crate::{Error, SignedHeader};

/// Transactions whose place is remembered; older ones are found through their events only.
pub const TRANSACTIONS_INDEXED_MAX: usize = 131_072;

/// The ledger at its head, and where recent transactions are.
#[derive(Debug)]
pub struct ChainView {
    pub(super) ledger: Ledger,
    /// The signed header of the head; none at genesis.
    pub(super) head: Option<SignedHeader>,
    pub(super) places: Places,
}

impl ChainView {
    /// The ledger at its head.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The state at the head, for the queries of the ledger's modules.
    pub fn state(&self) -> &MemoryState {
        self.ledger.state()
    }

    /// The height of the head.
    pub fn height(&self) -> Height {
        self.ledger.head().height
    }

    /// The head with its signature; `None` at genesis, which nobody signs.
    pub fn head(&self) -> Option<&SignedHeader> {
        self.head.as_ref()
    }

    /// In which block a transaction is, and at which place in it; `None` when it is in none of the
    /// last [`TRANSACTIONS_INDEXED_MAX`].
    pub fn transaction(&self, digest: &Digest) -> Option<(Height, u32)> {
        self.places.by_digest.get(digest).copied()
    }

    /// See [`super::Chain::record_proof`].
    pub fn record_proof(&self, key: &[u8]) -> Option<(RecordProof, SignedHeader)> {
        let head = self.head.clone()?;
        Some((self.ledger.prove(key), head))
    }

    /// Moves on to a block that is durable.
    pub(crate) fn apply(&mut self, written: Written) -> Result<Committed, Error> {
        let Written { executed, header } = written;
        let (outcomes, events) = (executed.outcomes.clone(), executed.events.clone());
        if let Some(header) = &header {
            self.places.add(header.header.height, &executed.block.transactions);
            self.ledger.commit(executed)?;
            self.head = Some(header.clone());
        }
        let events = if header.is_some() { events } else { Vec::new() };
        Ok(Committed { header, outcomes, events })
    }
}

/// Where the last transactions are.
#[derive(Debug, Default)]
pub(super) struct Places {
    by_digest: HashMap<Digest, (Height, u32)>,
    /// In the order they came.
    order: VecDeque<Digest>,
}

impl Places {
    pub(super) fn add(
        &mut self,
        height: Height,
        transactions: &[ainur_ledger::AuthorizedTransaction],
    ) {
        for (index, authorized) in (0..).zip(transactions) {
            let digest = authorized.transaction.digest();
            self.by_digest.insert(digest, (height, index));
            self.order.push_back(digest);
        }
        while self.order.len() > TRANSACTIONS_INDEXED_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.by_digest.remove(&oldest);
            }
        }
    }
}
