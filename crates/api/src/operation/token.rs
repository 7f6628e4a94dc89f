//! What is asked of a node about tokens.
use std::num::NonZeroU16;

use ainur_primitives::{Amount, BudgetId, DurationMs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{schema, view};

/// A token for a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// A short name, unique on the node.
    #[schemars(with = "schema::ShortName")]
    pub name: String,
    /// What its holder may do.
    pub scope: view::Scope,
    /// The most its holder may spend in all.
    #[schemars(with = "schema::Amount")]
    pub limit: Amount,
    /// The most it may spend in any day.
    #[schemars(with = "Option<schema::Amount>")]
    pub daily: Option<Amount>,
    /// The most one task may cost; the daily or whole limit when absent.
    #[schemars(with = "Option<schema::Amount>")]
    pub per_task: Option<Amount>,
    /// The budget its own lies inside.
    #[schemars(with = "Option<schema::Digest>")]
    pub parent: Option<BudgetId>,
    /// How long it is good for; as long as its budget when absent.
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub expires_ms: Option<DurationMs>,
    /// How much its holder's tasks weigh where they wait for an agent beside those of others.
    #[serde(default = "view::token::equal_weight")]
    #[schemars(with = "schema::TokenWeight")]
    pub weight: NonZeroU16,
}
