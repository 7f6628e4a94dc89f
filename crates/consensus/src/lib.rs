//! The replicated log: one trait, and the embedded single-process back end.
//!
//! A [`Chain`] owns the ledger's state over storage: it executes what was submitted, makes the
//! block durable with one sync, and only then moves the state on and tells anyone. What it told is
//! there after any crash, under the same root. [`EmbeddedLog`] runs a chain in a thread that
//! commits one block per drain of its queue; [`InlineLog`] is driven turn by turn, for simulators.
//! Both offer [`ReplicatedLog`].

pub mod chain;
mod embedded;
mod error;
mod header;
mod inline;
pub mod log;

pub use chain::{Chain, ChainView, Committed, StoredBlock, ValidatorKey};
pub use embedded::EmbeddedLog;
pub use error::Error;
pub use header::{HeaderError, SignedHeader};
pub use inline::InlineLog;
pub use log::{Completion, Refused, ReplicatedLog, Ticket};
