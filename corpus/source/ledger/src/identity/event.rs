//! What happened to identities.
use ainur_primitives::{Amount, Did, Digest};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// What happened in this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// An identity began.
    Created {
        /// Whose.
        did: Did,
        /// What was deposited.
        deposit: Amount,
    },
    /// Keys were replaced.
    Rotated {
        /// Whose.
        did: Did,
        /// The version now in force.
        key_version: u32,
        /// Digest of the keys now in force.
        material: Digest,
    },
    /// An identity was given up.
    Deactivated {
        /// Whose.
        did: Did,
        /// Who got what was left.
        beneficiary: Did,
        /// How much.
        amount: Amount,
    },
}
