//! What the rest of the system sees of replication: hand in, be told, read.
use std::ops::Range;
use std::sync::Arc;

use ainur_ledger::{Height, Outcome, Submission};
use ainur_primitives::{Did, Digest};

use crate::Error;
use crate::chain::{ChainView, Committed, StoredBlock};

/// Submissions that wait for a block; more are refused with [`Refused::Busy`].
pub const QUEUE_SUBMISSIONS_MAX: usize = 4_096;
/// Blocks handed out by one call of [`ReplicatedLog::committed`].
pub const COMMITTED_BLOCKS_MAX: usize = 256;

/// Names a submission until its completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Why a submission was not even queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The queue is full.
    #[error("{QUEUE_SUBMISSIONS_MAX} submissions are waiting; try again later")]
    Busy,
    /// The submission is above the ledger's limits.
    #[error("the submission is above the ledger's limits on one submission")]
    TooLarge,
    /// The log was closed or failed.
    #[error("the log is closed")]
    Closed,
}

/// What became of a submission. When this arrives, it is durable.
#[derive(Debug, Clone)]
pub struct Completion {
    /// Which submission.
    pub ticket: Ticket,
    /// The block and the submission's place in it. After an error it is unknown whether the
    /// submission is in a block until the chain was opened again.
    pub result: Result<Completed, Arc<Error>>,
}

/// A submission that was tried in a block.
#[derive(Debug, Clone)]
pub struct Completed {
    /// The block, with the outcomes of all its submissions and their events.
    pub committed: Arc<Committed>,
    outcomes: Range<usize>,
}

impl Completed {
    pub(crate) fn new(committed: Arc<Committed>, outcomes: Range<usize>) -> Self {
        Self { committed, outcomes }
    }

    /// What became of each transaction of this submission, in order, by its digest.
    pub fn outcomes(&self) -> &[(Digest, Outcome)] {
        &self.committed.outcomes[self.outcomes.clone()]
    }
}

/// An ordered, durable log of blocks that several parts of the system share.
pub trait ReplicatedLog: Send + Sync {
    /// Queues a submission for the next block. Its completion comes by the way the back end was
    /// given.
    ///
    /// # Errors
    /// When it is too large, too many wait, or the log is closed.
    fn submit(&self, submission: Submission) -> Result<Ticket, Refused>;

    /// Up to [`COMMITTED_BLOCKS_MAX`] durable blocks from a height on, in order; none beyond the
    /// head.
    ///
    /// # Errors
    /// When a block cannot be read.
    fn committed(&self, from: Height) -> Result<Vec<StoredBlock>, Error>;

    /// A durable block; `None` beyond the head and for genesis, which is no block.
    ///
    /// # Errors
    /// When it cannot be read.
    fn block(&self, at: Height) -> Result<Option<StoredBlock>, Error>;

    /// Who keeps the ledger at a height.
    fn validators(&self, at: Height) -> Vec<Did>;

    /// Shows the present state. Commits wait meanwhile: be quick, and do not submit from inside.
    fn read(&self, reader: &mut dyn FnMut(&ChainView));

    /// Reads something from the present state.
    fn query<T>(&self, query: impl FnOnce(&ChainView) -> T) -> T
    where
        Self: Sized,
    {
        let (mut query, mut answer) = (Some(query), None);
        self.read(&mut |view| answer = query.take().map(|query| query(view)));
        answer.expect("read calls its reader once")
    }
}

/// Cuts the outcomes of a block into those of its submissions.
pub(crate) fn completions(
    tickets: &[(Ticket, usize)],
    result: Result<Committed, Error>,
) -> Vec<Completion> {
    let shared = result.map(Arc::new).map_err(Arc::new);
    let mut begin = 0;
    tickets
        .iter()
        .map(|(ticket, transactions)| {
            let outcomes = begin..begin + transactions;
            begin = outcomes.end;
            let result = match &shared {
                Ok(committed) => Ok(Completed::new(Arc::clone(committed), outcomes)),
                Err(error) => Err(Arc::clone(error)),
            };
            Completion { ticket: *ticket, result }
        })
        .collect()
}
