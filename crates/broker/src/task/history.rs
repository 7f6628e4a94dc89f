//! What has happened to a task, as people read it.
use std::fmt;

use ainur_primitives::Timestamp;
use scale::{Decode, Encode};

/// One line of a task's history.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: HistoryKind,
    /// One line for people; empty when the kind says it all.
    pub detail: String,
}

/// How long a history grows; chunks beyond it are counted but not listed.
pub const HISTORY_ENTRIES_MAX: usize = 4_096;

/// What a line is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[expect(missing_docs, reason = "each variant is the word it shows")]
pub enum HistoryKind {
    Announced,
    Committed,
    Passed,
    Revealed,
    Said,
    Negotiated,
    Awarded,
    Called,
    NoAward,
    Agreed,
    Refused,
    Chunk,
    Resumed,
    Part,
    Delivered,
    Decided,
    Verdict,
    Failed,
    Slashed,
    Cancelled,
    Settled,
    Refunded,
    Receipt,
}

impl fmt::Display for HistoryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Announced => "announced",
            Self::Committed => "committed",
            Self::Passed => "passed",
            Self::Revealed => "revealed",
            Self::Said => "said",
            Self::Negotiated => "negotiated",
            Self::Awarded => "awarded",
            Self::Called => "called",
            Self::NoAward => "no-award",
            Self::Agreed => "agreed",
            Self::Refused => "refused",
            Self::Chunk => "chunk",
            Self::Resumed => "resumed",
            Self::Part => "part",
            Self::Delivered => "delivered",
            Self::Decided => "decided",
            Self::Verdict => "verdict",
            Self::Failed => "failed",
            Self::Slashed => "slashed",
            Self::Cancelled => "cancelled",
            Self::Settled => "settled",
            Self::Refunded => "refunded",
            Self::Receipt => "receipt",
        })
    }
}
