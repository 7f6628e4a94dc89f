//! What happened to stake and reputation.
use ainur_primitives::{Amount, Did, Digest, TaskId};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::ViolationReason;

/// What happened in this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// Stake was added.
    Bonded {
        /// Whose.
        did: Did,
        /// How much.
        amount: Amount,
        /// All of it now.
        staked: Amount,
    },
    /// Stake was taken back.
    Unbonded {
        /// Whose.
        did: Did,
        /// How much.
        amount: Amount,
        /// What is left.
        staked: Amount,
    },
    /// A buyer rated a settled task.
    OutcomeReported {
        /// Which task.
        task: TaskId,
        /// Who did the work.
        did: Did,
        /// One to five.
        rating: u8,
        /// The work served its purpose.
        success: bool,
    },
    /// A seller disputed a rating; it no longer counts.
    RatingDisputed {
        /// Which task.
        task: TaskId,
        /// Who did the work.
        did: Did,
        /// Digest of what supports the dispute.
        evidence: Digest,
    },
    /// Stake was lost.
    Slashed {
        /// Whose.
        did: Did,
        /// How much.
        amount: Amount,
        /// How much of it went to the buyer; the rest was burned.
        to_victim: Amount,
        /// For what.
        reason: ViolationReason,
    },
    /// The stake fell below the minimum: no new agreement.
    Barred {
        /// Whose.
        did: Did,
        /// What is left.
        staked: Amount,
    },
    /// The stake reached the minimum again.
    Unbarred {
        /// Whose.
        did: Did,
        /// All of it now.
        staked: Amount,
    },
}
