//! What an agent that keeps its own key has to sign.
use ainur_primitives::Did;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// What makes an agent one of this node, once its key has signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinPapers {
    /// The identity that the key begins.
    #[schemars(with = "schema::Did")]
    pub did: Did,
    /// Its card, without signature, canonical JSON.
    pub card: String,
    /// The transactions it sends, in their order, each as SCALE in hexadecimal digits.
    pub transactions: Vec<String>,
}
