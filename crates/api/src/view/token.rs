//! Tokens as people and programs see them.
use std::num::NonZeroU16;

use ainur_primitives::{Amount, BudgetId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Scope;
use crate::schema;

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenView {
    /// Its name.
    pub name: String,
    /// What its holder may do.
    pub scope: Scope,
    /// What its holder's tasks draw on.
    #[schemars(with = "schema::Digest")]
    pub budget: BudgetId,
    /// The most one task may cost.
    #[schemars(with = "schema::Amount")]
    pub per_task: Amount,
    /// When it was made.
    #[schemars(with = "schema::Timestamp")]
    pub created: Timestamp,
    /// From then on it opens nothing.
    #[schemars(with = "schema::Timestamp")]
    pub expires: Timestamp,
    /// It was taken back.
    pub revoked: bool,
    /// How much its holder's tasks weigh where they wait for an agent beside those of others.
    #[serde(default = "equal_weight")]
    #[schemars(with = "schema::TokenWeight")]
    pub weight: NonZeroU16,
}

/// What everybody's tasks weigh for whom nothing else was said.
pub(crate) fn equal_weight() -> NonZeroU16 {
    NonZeroU16::MIN
}
