//! What can be asked of the register.
use alloc::vec::Vec;

use ainur_primitives::{CapabilityName, Digest};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// A call to this module, about the sender as an agent.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Registers the next version of the agent's card.
    Register {
        /// Digest of the card.
        card: Digest,
        /// One, or one more than the version before.
        version: u32,
        /// The card of the version before.
        previous: Option<Digest>,
        /// What the agent offers, ascending and without repetition.
        capabilities: Vec<CapabilityName>,
    },
    /// Stops offering anything; a later registration resumes.
    Withdraw,
}
