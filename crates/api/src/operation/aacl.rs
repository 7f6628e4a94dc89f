//! What outside parties ask of a node in signed messages of AACL.
use ainur_primitives::{BudgetId, CapabilityName, ConversationId, DurationMs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// Whose token a message came with. What a client says of itself here is replaced by what its token
/// says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AaclHolder {
    /// The token's name; empty for the node's owner.
    pub token: String,
    /// What purchases draw on that name no budget.
    #[schemars(with = "Option<schema::Digest>")]
    pub budget: Option<BudgetId>,
}

/// A message of an outside party.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AaclSay {
    /// The signed envelope, as canonical JSON.
    #[schemars(length(max = 262_144))]
    pub message: String,
    /// Whose token it came with.
    #[serde(default)]
    pub holder: AaclHolder,
}

/// The keys of an outside party.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AaclIntroduction {
    /// The signed key document, as canonical JSON.
    #[schemars(length(max = 32_768))]
    pub document: String,
    /// Whose token it came with.
    #[serde(default)]
    pub holder: AaclHolder,
}

/// A conversation to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AaclQuery {
    /// Which.
    #[schemars(with = "schema::Digest")]
    pub conversation: ConversationId,
    /// So many of its messages are known to the caller.
    #[serde(default)]
    pub after: u32,
    /// How long to wait for more of them when there are none.
    #[serde(default)]
    #[schemars(with = "schema::Milliseconds")]
    pub wait_ms: DurationMs,
    /// Whose token the question came with.
    #[serde(default)]
    pub holder: AaclHolder,
}

impl AaclQuery {
    /// All of a conversation, at once.
    pub fn of(conversation: ConversationId) -> Self {
        let (wait_ms, holder) = (DurationMs(0), AaclHolder::default());
        Self { conversation, after: 0, wait_ms, holder }
    }
}

/// Which messages anybody may answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AaclListing {
    /// Only those of this capability.
    #[schemars(with = "Option<schema::CapabilityName>")]
    pub capability: Option<CapabilityName>,
}
