//! How an agent's bids went, as its operator sees it.
use ainur_primitives::{Amount, DurationMs, Ppm};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// How an agent's bids and the work they won went for one capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BiddingView {
    /// Bids made by its strategy.
    pub bids: u64,
    /// Of those, awarded.
    pub wins: u64,
    /// The share that was awarded.
    #[schemars(with = "schema::Ppm")]
    pub win_rate: Ppm,
    /// What its bids were above its costs on average, as a share of the costs; at most all of them.
    #[schemars(with = "schema::Ppm")]
    pub mean_margin: Ppm,
    /// Attempts that were accepted.
    pub accepted: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// What all accepted attempts were paid.
    #[schemars(with = "schema::Amount")]
    pub earned: Amount,
    /// What all attempts cost it.
    #[schemars(with = "schema::Amount")]
    pub spent: Amount,
    /// How long an attempt took on average, from its award to its end.
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub latency_ms: Option<DurationMs>,
}
