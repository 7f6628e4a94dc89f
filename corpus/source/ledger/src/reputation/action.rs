//! What can be asked about stake and reputation.
use ainur_primitives::{Amount, Did, Digest, TaskId};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// A call to this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Adds the sender's money to its stake.
    Bond {
        /// How much.
        amount: Amount,
    },
    /// Takes stake back; what running agreements lock stays.
    Unbond {
        /// How much.
        amount: Amount,
    },
    /// The buyer of a settled task says how it was, once.
    ReportOutcome {
        /// Which task.
        task: TaskId,
        /// One to five.
        rating: u8,
        /// The work served its purpose.
        success: bool,
    },
    /// The seller of a settled task disputes its rating, once; it no longer counts.
    DisputeRating {
        /// Which task.
        task: TaskId,
        /// Digest of what supports the dispute.
        evidence: Digest,
    },
    /// The authority takes stake for a reason the ledger does not see.
    Slash {
        /// Whose.
        did: Did,
        /// How much; at most what running agreements do not lock.
        amount: Amount,
        /// Digest of the reason.
        reason: Digest,
    },
}
