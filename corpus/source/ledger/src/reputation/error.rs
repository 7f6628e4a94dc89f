//! Why stake did not move or a rating was refused.
use ainur_primitives::{Amount, Did, TaskId};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::RATING_MAX;
use crate::balances;

/// Why stake did not move or a rating was refused.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Error {
    /// Money did not move.
    #[error(transparent)]
    Balances(#[from] balances::Error),
    /// Running agreements lock what was asked for, or it is not there.
    #[error("{did} has only {} AINU of stake that no agreement locks", available.to_ainu())]
    StakeUnavailable {
        /// Whose stake.
        did: Did,
        /// How much of it is not locked.
        available: Amount,
    },
    /// Too little stake for an agreement.
    #[error("{did} has {} AINU at stake; {} are needed", staked.to_ainu(), minimum.to_ainu())]
    BelowMinimumStake {
        /// Whose stake.
        did: Did,
        /// All of it.
        staked: Amount,
        /// The least for an agreement.
        minimum: Amount,
    },
    /// Barred after a slash until the stake reaches the minimum again.
    #[error("{0} is barred until it bonds the minimum stake again")]
    Barred(Did),
    /// Not one to five.
    #[error("a rating is 1 to {RATING_MAX}")]
    RatingOutOfRange,
    /// No settled task of this name is remembered.
    #[error("no settled task {0} is remembered")]
    NotSettled(TaskId),
    /// Only the buyer rates, only the seller disputes.
    #[error("only the buyer rates and only the seller disputes a rating")]
    NotParty,
    /// It was rated before.
    #[error("task {0} is rated already")]
    AlreadyRated(TaskId),
    /// There is no rating, or it was disputed before.
    #[error("task {0} has no rating that could be disputed")]
    NothingToDispute(TaskId),
    /// Only the authority slashes.
    #[error("only the ledger's authority slashes")]
    NotAuthority,
}
