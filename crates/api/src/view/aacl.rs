//! Conversations in AACL as they are shown to those who hold them.
use ainur_primitives::{Did, TaskId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// What was said in a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AaclThread {
    /// The task on the ledger, when there is one.
    #[schemars(with = "Option<schema::Digest>")]
    pub task: Option<TaskId>,
    /// Nothing more will be said.
    pub over: bool,
    /// How many events of the task are told in it: what to wait after.
    pub events: u32,
    /// Signed envelopes as canonical JSON, in the order in which they were said.
    pub messages: Vec<String>,
}

/// A party whose keys the node knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AaclParty {
    /// Who.
    #[schemars(with = "schema::Did")]
    pub party: Did,
    /// How often its keys were rotated.
    pub key_version: u32,
    /// Its keys were not known before.
    pub is_new: bool,
    /// The node's operator, to whom calls are addressed.
    #[schemars(with = "schema::Did")]
    pub operator: Did,
}

/// A party's public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AaclKeys {
    /// Whose.
    #[schemars(with = "schema::Did")]
    pub party: Did,
    /// How often they were rotated; the DID is the digest of the first.
    pub key_version: u32,
    /// The keys, as in a key document.
    pub material: serde_json::Value,
}
