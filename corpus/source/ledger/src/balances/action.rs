//! What can be asked of accounts.
use ainur_primitives::{Amount, Did};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// A call to this module; the sender's own money moves.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Gives money to another account, which comes to be if it is new.
    Transfer {
        /// Who gets it.
        to: Did,
        /// How much.
        amount: Amount,
    },
    /// Destroys money.
    Burn {
        /// How much.
        amount: Amount,
    },
}
