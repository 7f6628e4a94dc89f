//! The nouns every other crate speaks: amounts, identifiers, time, capability contracts and task
//! specifications, each with one canonical encoding.
//!
//! Two encodings exist and never mix. Whatever the ledger hashes is SCALE ([`scale`]); whatever a
//! person or a foreign program signs is JSON in the canonical form of RFC 8785
//! ([`canonical_json`]). Nothing here reads a clock, draws a random number or uses a float, so the
//! crate builds without the standard library.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod acceptance;
pub mod amount;
#[cfg(feature = "std")]
pub mod canonical_json;
pub mod capability;
pub mod chunks;
pub mod coalition;
pub mod digest;
pub mod graph;
pub mod identifier;
pub mod probability;
pub mod task;
pub mod time;
pub mod trace;

pub use acceptance::{AcceptanceCheck, FailureReason};
pub use amount::Amount;
pub use capability::{CapabilityContract, CapabilityName, Effects};
pub use chunks::{WORK_CHUNKS_MAX, WorkChunk, WorkChunkError};
pub use coalition::{PenaltyBeneficiary, PenaltyCause, PenaltyClause, SharingMethod};
pub use digest::{ContentId, Digest};
pub use graph::{GraphError, Subtask, TaskGraph};
pub use identifier::{
    BudgetId, CoalitionId, ConversationId, Did, MessageId, NegotiationId, TaskId,
};
pub use probability::Ppm;
pub use task::{DisputeResolution, ExecutionLimits, QualityLevel, SelectionRule, TaskSpec, Venue};
pub use time::{DurationMs, Timestamp};
pub use trace::{SpanId, TraceContext, TraceId};
