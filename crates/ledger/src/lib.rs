//! The deterministic state machine that holds money, stake, rights and outcomes.
//!
//! A [`Ledger`] begins with a [`Genesis`], [executes](Ledger::execute) submitted transactions into
//! a [`Block`], and [commits](Ledger::commit) what that changed once the block is durable;
//! anyone [replays](Ledger::replay) the block and arrives at the same roots. Executing reads and
//! never writes, so a block can be tried and dropped. Time and the signature verifier are
//! arguments: nothing here reads a clock, draws a random number or uses a float.
//!
//! What a block did is a list of events under one root, and the state after it a tree under
//! another: an [`EventProof`] shows offline that something happened, a [`RecordProof`] that a
//! record had a value or did not exist.
//!
//! Each module is a folder of parameters, stored types, actions, events, errors and queries:
//! [`balances`], [`identity`], [`registry`], [`budget`], [`escrow`], [`reputation`], [`exchange`],
//! [`rental`].
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod balances;
pub mod block;
pub mod budget;
pub mod error;
pub mod escrow;
pub mod event;
pub mod exchange;
pub mod execution;
pub mod genesis;
mod hexadecimal;
pub mod identity;
pub mod invariants;
pub mod ledger;
pub mod parameters;
pub mod registry;
pub mod rental;
pub mod reputation;
pub mod state;
pub mod transaction;
pub mod tree;

pub use block::{Block, Header, HeaderSignature, Height};
pub use error::{Error, Rejection, TransactionError};
pub use event::{Event, EventProof, EventRecord};
pub use execution::{Executed, Outcome, Signatures};
pub use genesis::Genesis;
pub use ledger::Ledger;
pub use parameters::Parameters;
pub use state::{Changes, MemoryState, ReadState, WriteState};
pub use transaction::{Action, AuthorizedTransaction, Submission, Transaction};
pub use tree::{RecordProof, StateTree};
