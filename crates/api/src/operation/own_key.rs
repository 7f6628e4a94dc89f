//! Agents that keep their own keys: the node prepares what such an agent has to sign, and takes what
//! it has signed.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The public half of a key that the node never sees, and what was signed with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnKey {
    /// Its public key material, SCALE in hexadecimal digits.
    #[schemars(length(max = 16384))]
    pub material: String,
    /// What was prepared for it, signed; absent while it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<SignedPapers>,
}

/// What an agent signed to join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedPapers {
    /// Its card with its signature, canonical JSON.
    pub card: String,
    /// The transactions with its signature: a submission to the ledger, SCALE in hexadecimal digits.
    pub submission: String,
}
