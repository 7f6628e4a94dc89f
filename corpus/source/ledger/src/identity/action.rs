//! What can be asked of identities.
use alloc::boxed::Box;

use ainur_identity::{KeyMaterial, Rotation};
use ainur_primitives::Did;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// A call to this module, about the sender's own identity.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Begins an identity. The sender is the digest of these keys, which also sign the
    /// transaction; its account must hold fee and deposit already.
    Create {
        /// The first keys.
        material: Box<KeyMaterial>,
    },
    /// Replaces the keys; old and new keys have both signed.
    Rotate {
        /// The signed change.
        rotation: Box<Rotation>,
    },
    /// Gives the identity up for good. Stake has to be taken back before.
    Deactivate {
        /// Who gets the deposit and all money on the account, since nobody can move it later.
        beneficiary: Did,
    },
}
