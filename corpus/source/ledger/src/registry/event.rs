//! What happened to registrations.
use ainur_primitives::{Did, Digest};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// What happened in this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A card was registered.
    Registered {
        /// Whose.
        agent: Did,
        /// Which version.
        version: u32,
        /// Its digest.
        card: Digest,
    },
    /// An agent offers nothing any more.
    Withdrawn {
        /// Who.
        agent: Did,
        /// The last version.
        version: u32,
    },
}
