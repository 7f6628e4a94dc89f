//! What a buyer wants: the specification a call for proposals announces.
use alloc::string::String;
use alloc::vec::Vec;

use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::acceptance::AcceptanceCheck;
use crate::amount::Amount;
use crate::capability::CapabilityName;
use crate::chunks::WorkChunk;
use crate::digest::ContentId;
use crate::graph::TaskGraph;
use crate::identifier::BudgetId;
use crate::time::DurationMs;

/// How the winner among valid bids is chosen.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum SelectionRule {
    /// Lowest bid plus expected loss (decision 16).
    #[default]
    Scored,
    /// Lowest bid.
    Cheapest,
    /// Shortest estimated duration, then lowest bid.
    Fastest,
    /// Lowest failure probability, then lowest bid.
    BestReputation,
}

/// Where a buyer looks for a price.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Venue {
    /// The best standing offer that fits, at once; an auction when there is none.
    #[default]
    Any,
    /// An auction, whatever is on offer.
    Auction,
    /// Standing offers alone.
    Offer,
    /// A credit that the buyer holds: whoever owes its work does it, and no money is paid.
    Credit,
    /// A negotiation with whoever offers what is wanted.
    Negotiation,
    /// A rental that the buyer holds: a use of it, paid with its period.
    Rental,
}

/// How good the work is to be: what a bid offers and a negotiation settles.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum QualityLevel {
    /// What the contract promises, no more.
    #[default]
    Standard,
    /// Better than the contract asks.
    Premium,
    /// The seller's best, with its attention.
    Enterprise,
}

/// Who decides when the parties of an agreement do not agree about its fulfilment.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum DisputeResolution {
    /// The ledger, by running the agreed check again.
    #[default]
    Chain,
    /// One arbitrator, drawn.
    Arbitrator,
    /// A majority of several arbitrators, drawn.
    MajorityVote,
}

/// Hard limits on one attempt, part of the agreement and enforced by the runtime.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(default, deny_unknown_fields)]
pub struct ExecutionLimits {
    /// WASM fuel; about one unit per instruction.
    pub fuel_max: u64,
    /// Memory of the sandbox, in bytes.
    pub memory_bytes_max: u64,
    /// Wall-clock time of one attempt.
    pub duration_ms_max: DurationMs,
    /// All output of one attempt, in bytes.
    pub output_bytes_max: u64,
}

impl Default for ExecutionLimits {
    fn default() -> Self {
        Self {
            fuel_max: 200_000_000_000,
            memory_bytes_max: 512 << 20,
            duration_ms_max: DurationMs::seconds(120),
            output_bytes_max: 256 << 20,
        }
    }
}

/// A wish with a price limit (`Call` carries it, its digest names it).
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct TaskSpec {
    /// What is wanted.
    pub capability: CapabilityName,
    /// JSON parameters in canonical form, described by the contract's input schema.
    pub parameters: String,
    /// The input stream, when there is one.
    pub input: Option<ContentId>,
    /// Length of the input stream in bytes.
    pub input_bytes: u64,
    /// The most the buyer pays for accepted work.
    pub reserve: Amount,
    /// What failed work would cost the buyer; weighs reputation in scored selection.
    pub loss: Amount,
    /// The budget it draws on.
    pub budget: Option<BudgetId>,
    /// How the winner is chosen.
    pub selection: SelectionRule,
    /// How the result is accepted.
    pub check: AcceptanceCheck,
    /// Time from announcement to settlement; after it the buyer is refunded.
    pub deadline_ms: DurationMs,
    /// Limits on each attempt.
    pub limits: ExecutionLimits,
    /// The parts it is made of, when it is more than one piece of work. `capability` is then what
    /// the last part does, and each part has parameters of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<TaskGraph>,
    /// The pieces it is delivered, accepted and paid in, when it is not all at once; `input` is then
    /// absent and `input_bytes` the length of all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<WorkChunk>,
}
