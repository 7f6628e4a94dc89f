//! Why a registration was refused.
use ainur_primitives::Digest;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{CAPABILITIES_MAX, CARD_VERSIONS_MAX};

/// Why a registration was refused.
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
    /// Not the next version.
    #[error("the next version is {expected}, not {found}")]
    NotNextVersion {
        /// The next one.
        expected: u32,
        /// The one in the call.
        found: u32,
    },
    /// Not linked to the card before.
    #[error("the card does not name the version before it")]
    NotLinked {
        /// The card of the version before.
        expected: Option<Digest>,
    },
    /// No capability, or too many.
    #[error("a card lists 1 to {CAPABILITIES_MAX} capabilities, not {0}")]
    CapabilityCount(u32),
    /// Capabilities out of order, repeated, or not well formed.
    #[error("capabilities are well formed, ascending and without repetition")]
    CapabilityList,
    /// The agent has registered too often.
    #[error("an agent registers at most {CARD_VERSIONS_MAX} versions")]
    TooManyVersions,
    /// Nothing is registered.
    #[error("nothing is registered for this agent")]
    NotRegistered,
}
