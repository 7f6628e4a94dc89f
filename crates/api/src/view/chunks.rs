//! Work in chunks as it is shown.
use ainur_primitives::{Amount, ContentId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TaskPhase;
use crate::schema;

/// A piece of work that is accepted and paid by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChunkView {
    /// What is worked on.
    #[schemars(with = "schema::ContentId")]
    pub input: ContentId,
    /// Where it stands: settled once its money was released, announced before it begins.
    pub phase: TaskPhase,
    /// What it is paid for by the agreed schedule, once there is one.
    #[schemars(with = "Option<schema::Amount>")]
    pub price: Option<Amount>,
    /// What was released for it.
    #[schemars(with = "Option<schema::Amount>")]
    pub paid: Option<Amount>,
    /// What was accepted.
    #[schemars(with = "Option<schema::ContentId>")]
    pub output: Option<ContentId>,
    /// Length of that in bytes.
    pub output_bytes: u64,
}
