//! A ledger: a state, the tree over it, and the header it is at.
use ainur_crypto::Verifier;
use ainur_primitives::{Did, Digest, Timestamp};
use alloc::vec::Vec;

use crate::block::{Block, Header};
use crate::error::Error;
use crate::execution::{self, Executed, Signatures};
use crate::genesis::Genesis;
use crate::parameters::Parameters;
use crate::state::{MemoryState, ReadState, WriteState, key, read};
use crate::transaction::Submission;
use crate::tree::{RecordProof, StateTree};

/// A ledger at one block.
#[derive(Clone, Debug)]
pub struct Ledger<S = MemoryState> {
    state: S,
    tree: StateTree,
    head: Header,
}

impl Ledger<MemoryState> {
    /// The ledger that begins so, in memory.
    ///
    /// # Errors
    /// See [`Genesis::begin`].
    pub fn begin(genesis: &Genesis) -> Result<Self, Error> {
        let (state, tree, head) = genesis.begin()?;
        Ok(Self { state, tree, head })
    }
}

impl<S: ReadState> Ledger<S> {
    /// The ledger at a stored state; builds the tree and checks it against the header.
    ///
    /// # Errors
    /// When the state does not have the header's root.
    pub fn open(state: S, head: Header) -> Result<Self, Error> {
        let tree = StateTree::of(&state);
        let (expected, found) = (head.state_root, tree.root());
        if expected != found {
            return Err(Error::StateDiffers { expected, found });
        }
        Ok(Self { state, tree, head })
    }

    /// The state, for the queries of the modules.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// The header the state is after.
    pub fn head(&self) -> &Header {
        &self.head
    }

    /// The ledger's name: the digest of its genesis.
    pub fn chain_id(&self) -> Digest {
        self.head.chain_id
    }

    /// The governed parameters.
    pub fn parameters(&self) -> Parameters {
        execution::parameters(&self.state)
    }

    /// Who keeps the ledger.
    pub fn validators(&self) -> Vec<Did> {
        read(&self.state, &key::validators()).unwrap_or_default()
    }

    /// The proof that the record at a key ([`key`]) has its value, or does not exist.
    pub fn prove(&self, key: &[u8]) -> RecordProof {
        self.tree.prove(key, self.state.get(key))
    }

    /// Makes the next block of what was submitted, in order. Nothing is changed.
    ///
    /// # Errors
    /// When the time is before the head's.
    pub fn execute(
        &self,
        timestamp: Timestamp,
        submissions: &[Submission],
        verifier: &dyn Verifier,
    ) -> Result<Executed, Error> {
        execution::execute(&self.state, &self.tree, &self.head, timestamp, submissions, verifier)
    }

    /// Executes a block that was made elsewhere or before, and checks that it says the same.
    /// Nothing is changed.
    ///
    /// # Errors
    /// When it does not follow the head, holds what no block holds, or has another root.
    pub fn replay(&self, block: &Block, signatures: Signatures<'_>) -> Result<Executed, Error> {
        execution::replay(&self.state, &self.tree, &self.head, block, signatures)
    }
}

impl<S: WriteState> Ledger<S> {
    /// Moves on to an executed block.
    ///
    /// # Errors
    /// When it was not executed on this head.
    pub fn commit(&mut self, executed: Executed) -> Result<(), Error> {
        let header = executed.block.header;
        if header.parent != self.head.digest() {
            return Err(Error::DoesNotFollow { head: self.head.height, found: header.height });
        }
        self.state.write(&executed.changes);
        self.tree = executed.tree;
        self.head = header;
        Ok(())
    }
}
