//! Registrations as they are stored.
use alloc::vec::Vec;

use ainur_primitives::{CapabilityName, Digest, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// The newest registration of an agent.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct AgentRegistration {
    /// The newest version.
    pub version: u32,
    /// Its card.
    pub card: Digest,
    /// True while the agent offers nothing.
    pub withdrawn: bool,
}

/// One version of an agent's card; never changed.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct CardVersion {
    /// Digest of the card.
    pub card: Digest,
    /// The card of the version before.
    pub previous: Option<Digest>,
    /// What the agent offers.
    pub capabilities: Vec<CapabilityName>,
    /// When it was registered.
    pub registered: Timestamp,
}
