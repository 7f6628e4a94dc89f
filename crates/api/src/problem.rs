//! What is answered when an operation is refused or fails: what happened, and the next step.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A refusal or a failure, the same through every way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// A stable word for programs.
    pub code: Code,
    /// One or two sentences for people.
    pub message: String,
    /// What to do next: a sentence or a command; empty when there is nothing to advise.
    #[serde(default)]
    pub next_step: String,
}

/// Kinds of problem; programs match on these, people read the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The request is malformed.
    InvalidRequest,
    /// The thing named does not exist.
    NotFound,
    /// The thing exists already, or is in a state that does not allow this.
    Conflict,
    /// No agent offers the capability.
    UnknownCapability,
    /// Agents offer the capability, but none bid.
    NoBidder,
    /// The account does not hold enough.
    InsufficientFunds,
    /// A budget would be exceeded.
    BudgetExceeded,
    /// The component, program or card is not usable.
    InvalidAgent,
    /// The caller does not say who it is.
    Unauthorized,
    /// The caller may not do this.
    Forbidden,
    /// Another process holds the data directory, or the node is stopping.
    Busy,
    /// A named limit was reached.
    LimitReached,
    /// Stored bytes are damaged.
    Corrupted,
    /// The disk or the operating system refused.
    Storage,
    /// A fault of the node itself.
    Internal,
}

impl Problem {
    /// A problem without advice.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), next_step: String::new() }
    }

    /// The same problem with a next step.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next_step = step.into();
        self
    }
}
