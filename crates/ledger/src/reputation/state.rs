//! Stake and reputation as they are stored.
use alloc::vec::Vec;

use ainur_primitives::{Amount, Did, Digest, FailureReason, PenaltyCause, TaskId, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::decay::{WEIGHT_ONE, decayed, step_of};
use super::{Params, VIOLATIONS_MAX};
use crate::state::{Overlay, key};

/// What a party has at stake and how its work turned out.
#[derive(
    Clone,
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
#[serde(deny_unknown_fields)]
pub struct Reputation {
    /// All stake.
    pub staked: Amount,
    /// The part of it that running agreements lock.
    pub locked: Amount,
    /// Agreements at work.
    pub running: u32,
    /// Attempts that were accepted.
    pub completed: u64,
    /// Attempts that failed, those by infrastructure aside.
    pub failed: u64,
    /// Settled tasks whose buyer said afterwards that the work did not serve its purpose.
    pub complaints: u64,
    /// Weight of success as of `decayed_to_step`, in millionths of one outcome.
    pub success_weight: u64,
    /// Weight of failure as of `decayed_to_step`, in millionths of one outcome.
    pub failure_weight: u64,
    /// The decay step (1,024 per half-life) the weights are as of.
    pub decayed_to_step: u64,
    /// Sum of all ratings that count.
    pub rating_sum: u64,
    /// How many ratings count.
    pub rating_count: u64,
    /// The newest violations, oldest first.
    pub violations: Vec<Violation>,
    /// When something about the party's work or stake last changed.
    pub last_updated: Timestamp,
    /// Gets no new agreement until it bonds the minimum stake again.
    pub barred: bool,
}

/// Stake lost, and why.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// When.
    pub at: Timestamp,
    /// How much was lost.
    pub amount: Amount,
    /// For what.
    pub reason: ViolationReason,
}

/// For what stake was lost.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ViolationReason {
    /// An attempt failed.
    Attempt {
        /// At which task.
        task: TaskId,
        /// How.
        failure: FailureReason,
    },
    /// A sealed bid was not revealed.
    BidNotRevealed {
        /// For which task.
        task: TaskId,
    },
    /// A clause of its coalition cost it that.
    Penalty {
        /// At which task.
        task: TaskId,
        /// For what.
        cause: PenaltyCause,
    },
    /// The authority said so.
    Authority {
        /// Digest of its reason.
        reason: Digest,
    },
}

impl Reputation {
    /// Stake that no running agreement locks.
    pub fn available(&self) -> Amount {
        self.staked.saturating_sub(self.locked)
    }

    /// The weights of success and failure now.
    pub(super) fn weights(&self, now: Timestamp, params: &Params) -> (u64, u64) {
        let steps = step_of(now, params.half_life_ms).saturating_sub(self.decayed_to_step);
        (decayed(self.success_weight, steps), decayed(self.failure_weight, steps))
    }

    /// Counts the outcome of one attempt.
    pub(super) fn count(&mut self, success: bool, now: Timestamp, params: &Params) {
        let (successes, failures) = self.weights(now, params);
        (self.success_weight, self.failure_weight) = (successes, failures);
        self.decayed_to_step = step_of(now, params.half_life_ms).max(self.decayed_to_step);
        if success {
            self.completed = self.completed.saturating_add(1);
            self.success_weight = successes.saturating_add(WEIGHT_ONE);
        } else {
            self.failed = self.failed.saturating_add(1);
            self.failure_weight = failures.saturating_add(WEIGHT_ONE);
        }
    }

    /// Remembers a violation and forgets the oldest when there are too many.
    pub(super) fn remember(&mut self, violation: Violation) {
        if self.violations.len() >= VIOLATIONS_MAX {
            self.violations.remove(0);
        }
        self.violations.push(violation);
    }
}

pub(super) fn reputation(state: &Overlay<'_>, did: &Did) -> Reputation {
    state.read(&key::reputation(did)).unwrap_or_default()
}
