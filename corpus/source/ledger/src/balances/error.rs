//! Why money did not move.
use ainur_primitives::{Amount, Did};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// Why money did not move.
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
    /// The account holds too little.
    #[error("{account} is short of {} AINU", missing.to_ainu())]
    Insufficient {
        /// Whose account.
        account: Did,
        /// How much more it would need.
        missing: Amount,
    },
    /// An amount of zero.
    #[error("the amount is zero")]
    NothingMoved,
    /// Sender and receiver are the same.
    #[error("sender and receiver are the same account")]
    SameAccount,
    /// An account or total would exceed the largest amount.
    #[error("the amount is too large")]
    Overflow,
}
