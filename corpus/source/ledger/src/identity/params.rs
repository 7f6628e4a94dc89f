//! The governed parameters of identities.
use ainur_primitives::Amount;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// The governed parameters of this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// What is deposited for an identity as long as it is active; its keys take 3 KB.
    pub deposit: Amount,
}

impl Default for Params {
    /// One AINU.
    fn default() -> Self {
        Self { deposit: Amount::ainu(1) }
    }
}
