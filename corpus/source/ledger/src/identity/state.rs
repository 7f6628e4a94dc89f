//! Identities as they are stored.
use ainur_identity::IdentityRecord;
use ainur_primitives::Amount;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// An identity on the ledger, and what was deposited for it.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Registered {
    /// The identity and its keys.
    pub identity: IdentityRecord,
    /// What is deposited; nothing for those of genesis and for inactive ones.
    pub deposit: Amount,
}
