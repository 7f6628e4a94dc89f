//! What can go wrong in the broker.
use ainur_primitives::{Amount, CapabilityName, DurationMs};

use crate::aacl::SpokenError;
use crate::task::Illegal;

/// A refusal, or a failure of what the broker stands on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody offers the capability.
    #[error("no agent offers {capability}")]
    UnknownCapability {
        /// What was asked for.
        capability: CapabilityName,
        /// What is offered.
        offered: Vec<CapabilityName>,
    },
    /// No standing offer fits, and no auction was wanted.
    #[error("no standing offer fits: {0}")]
    NoOffer(String),
    /// No credit can be redeemed for the task.
    #[error("no credit can be redeemed: {0}")]
    NoCredit(String),
    /// No rental can be used for the task.
    #[error("no rental can be used: {0}")]
    NoRental(String),
    /// There are no such terms of a rental, and no such rental.
    #[error("there is no rental '{0}'")]
    UnknownRental(String),
    /// There is no such offer.
    #[error("there is no standing offer '{0}'")]
    UnknownOffer(String),
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The deadline is out of range.
    #[error("a deadline is from {min} to {max} away", min = crate::limits::DEADLINE_MS_MIN, max = crate::limits::DEADLINE_MS_MAX)]
    Deadline(DurationMs),
    /// The buyer has too little.
    #[error("the reserve is {} AINU, the account holds {} AINU", reserve.to_ainu(), free.to_ainu())]
    InsufficientFunds {
        /// What would be locked.
        reserve: Amount,
        /// What there is.
        free: Amount,
    },
    /// A budget would be exceeded, does not exist or has ended.
    #[error("{0}")]
    Budget(String),
    /// Too many tasks have not ended.
    #[error("{0} tasks are open, which is the limit (TASKS_OPEN_MAX)")]
    TooManyTasks(usize),
    /// Too many callers wait for one task.
    #[error("{0} callers wait for this task, which is the limit (WATCHERS_MAX)")]
    TooManyWatchers(usize),
    /// A message that is not heard in its negotiation.
    #[error("the message is not taken: {0}")]
    Spoken(#[from] SpokenError),
    /// A message in a conversation that is over, or that nobody began here.
    #[error("nothing more is said in this conversation: {0}")]
    ConversationOver(String),
    /// Too many talk from outside.
    #[error("{0} negotiations with buyers outside are open, which is the limit ({1})")]
    TooManySpoken(usize, &'static str),
    /// There is no such task.
    #[error("there is no task '{0}'")]
    UnknownTask(String),
    /// More than one task id begins so.
    #[error("more than one task begins with '{0}'")]
    AmbiguousTask(String),
    /// The event may not follow the task's state.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The disk refused, or what is on it is damaged.
    #[error(transparent)]
    Storage(#[from] ainur_storage::Error),
    /// Stored bytes that are not what was stored.
    #[error("stored bytes cannot be read")]
    Undecodable(#[source] scale::Error),
    /// Written by a program that writes otherwise.
    #[error("the tasks were written in format {found}, this program reads {expected}")]
    Format {
        /// As written.
        found: u32,
        /// As expected.
        expected: u32,
    },
    /// An index names a task that is not there.
    #[error("task number {0} is indexed and cannot be found")]
    Missing(u64),
    /// The ledger's log failed.
    #[error("the ledger failed")]
    Ledger(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The ledger has too much to do.
    #[error("the ledger has too much to do")]
    LedgerBusy,
    /// The transparency log failed.
    #[error("the transparency log failed")]
    Audit(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The thread that wrote a snapshot is gone.
    #[error("the thread that writes snapshots has died")]
    ArchiveLost,
    /// The system gives no random numbers.
    #[error(transparent)]
    Entropy(#[from] ainur_crypto::entropy::Error),
}
