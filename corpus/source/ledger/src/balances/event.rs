//! What happened to accounts. Fees are not reported: they are in the transactions.
use ainur_primitives::{Amount, Did};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// What happened in this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// Money changed hands.
    Transferred {
        /// Who gave it.
        from: Did,
        /// Who got it.
        to: Did,
        /// How much.
        amount: Amount,
    },
    /// Money was destroyed.
    Burned {
        /// Who gave it up.
        from: Did,
        /// How much.
        amount: Amount,
    },
}
