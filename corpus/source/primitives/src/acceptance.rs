//! How a result is accepted, and why an attempt may fail.
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::digest::ContentId;
use crate::identifier::Did;
use crate::time::DurationMs;

/// The check an agreement names; acceptance is code (decision 4).
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AcceptanceCheck {
    /// The output is JSON that the contract's output schema accepts.
    Schema,
    /// The output is exactly these bytes.
    Digest {
        /// The expected output.
        expected: ContentId,
    },
    /// A WASM component's `verify(input, output)` says yes.
    Verifier {
        /// The verifier component, content-addressed, so that an arbitrator can run it again.
        component: ContentId,
    },
    /// Running the seller's deterministic component again gives the same bytes.
    Reexecution,
    /// The buyer says so within a time; silence accepts.
    BuyerWord {
        /// How long after delivery the buyer may refuse.
        window_ms: DurationMs,
    },
    /// Every one of these.
    All {
        /// The checks, run in this order until one fails.
        checks: Vec<AcceptanceCheck>,
    },
}

/// How many checks one agreement may combine, at any depth.
pub const CHECKS_MAX: usize = 16;

impl AcceptanceCheck {
    /// The leaves of the check, in the order they run.
    pub fn flattened(&self) -> Vec<&AcceptanceCheck> {
        match self {
            Self::All { checks } => checks.iter().flat_map(Self::flattened).collect(),
            leaf => [leaf].into(),
        }
    }
}

/// Why an attempt did not lead to accepted work; decides what it costs the seller.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum FailureReason {
    /// The delivered output failed its acceptance check.
    CheckFailed,
    /// The agent stopped without delivering: trap, exit code, broken protocol.
    Crashed,
    /// The agreed time ran out.
    TimedOut,
    /// A limit on memory, fuel, output or chunks was exceeded.
    LimitExceeded,
    /// The agent said it would not or could not.
    Declined,
    /// The buyer refused within the agreed window.
    BuyerRefused,
    /// Not the seller's doing: the node could not run or check the work.
    Infrastructure,
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CheckFailed => "failed its check",
            Self::Crashed => "crashed",
            Self::TimedOut => "timed out",
            Self::LimitExceeded => "exceeded a limit",
            Self::Declined => "declined",
            Self::BuyerRefused => "refused by the buyer",
            Self::Infrastructure => "not run (infrastructure)",
        })
    }
}

/// Whether a result was accepted, who decided, and why not when not.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The result is accepted.
    pub accepted: bool,
    /// The check that was run.
    pub check: AcceptanceCheck,
    /// Who ran it.
    pub verifier: Did,
    /// One line for people; empty when there is nothing to say.
    pub detail: String,
}
