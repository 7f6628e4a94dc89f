//! What reaches a broker.
use ainur_consensus::ReplicatedLog;
use ainur_ledger::{EventRecord, Outcome};
use ainur_primitives::Digest;
use ainur_runtime::{Executor, executor};
use ainur_storage::Disk;

use super::Broker;
use crate::error::Error;

/// Something that arrived.
#[derive(Debug)]
pub enum Arrival {
    /// From the executor.
    Executor(executor::Event),
    /// From the ledger.
    Ledger(LedgerAnswer),
    /// The ledger failed: why. Nothing more can be settled until it is opened again.
    LedgerFailed(Box<dyn std::error::Error + Send + Sync>),
}

/// What became of a submission.
#[derive(Debug)]
pub struct LedgerAnswer {
    /// Which.
    pub ticket: u64,
    /// The block it is in.
    pub height: u64,
    /// The digest of that block's header.
    pub block: Digest,
    /// What became of each transaction, in the order of submission.
    pub outcomes: Vec<(Digest, Outcome)>,
    /// The block's events.
    pub events: Vec<EventRecord>,
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Takes in what arrived. What follows from it happens in the next [`Broker::turn`].
    ///
    /// # Errors
    /// When the disk refuses; the broker must then be opened again.
    pub fn handle(&mut self, input: Arrival) -> Result<(), Error> {
        match input {
            Arrival::Executor(event) => self.handle_executor(event),
            Arrival::Ledger(completion) => self.handle_completion(completion),
            Arrival::LedgerFailed(error) => Err(Error::Ledger(error)),
        }
    }
}
