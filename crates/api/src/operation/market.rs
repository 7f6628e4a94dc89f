//! What sellers ask of a node: bids on open calls, and standing offers.
use ainur_market::offer::{OfferCapacity, PremiumHours, VolumeDiscount};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{Amount, CapabilityName, DurationMs, QualityLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// A bid by the owner of an agent, in the place of what the agent itself would quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BidDraft {
    /// Task id or a unique beginning of it.
    pub task: String,
    /// DID, or the agent's name.
    pub agent: String,
    /// What it asks for accepted work.
    #[schemars(with = "schema::Amount")]
    pub price: Amount,
    /// How long it expects to take; half of what it may when absent.
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub estimated_duration_ms: Option<DurationMs>,
    /// The quality it offers.
    #[serde(default)]
    #[schemars(with = "schema::QualityLevel")]
    pub quality_level: QualityLevel,
}

/// A standing offer to publish. What is absent takes the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferDraft {
    /// DID, or the agent's name.
    pub agent: String,
    /// What is offered; everything the agent can do when empty.
    #[serde(default)]
    #[schemars(with = "Vec<schema::CapabilityName>")]
    pub capabilities: Vec<CapabilityName>,
    /// The price of one task, before discounts and surcharges.
    #[schemars(with = "schema::PositiveAmount")]
    pub base_price: Amount,
    /// Less for those who have bought before; ascending.
    #[serde(default)]
    #[schemars(with = "Vec<schema::VolumeDiscount>")]
    pub volume_discount: Vec<VolumeDiscount>,
    /// More at certain hours.
    #[serde(default)]
    #[schemars(with = "Vec<schema::PremiumHours>")]
    pub premium_hours: Vec<PremiumHours>,
    /// How much is done at once.
    #[schemars(with = "schema::OfferCapacity")]
    pub capacity: OfferCapacity,
    /// The quality offered.
    #[serde(default)]
    #[schemars(with = "schema::QualityLevel")]
    pub quality_level: QualityLevel,
    /// How long one task is expected to take; what the agent's contract says when absent.
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub estimated_duration_ms: Option<DurationMs>,
    /// Only buyers whose reserve is at least this.
    #[serde(default)]
    #[schemars(with = "schema::Amount")]
    pub minimum_budget: Amount,
    /// When the seller is paid.
    #[serde(default)]
    #[schemars(with = "schema::PaymentTerms")]
    pub payment: PaymentTerms,
    /// What ending a task early costs its buyer.
    #[serde(default)]
    #[schemars(with = "schema::CancellationPolicy")]
    pub cancellation: CancellationPolicy,
    /// For how long it can be taken.
    #[schemars(with = "schema::Milliseconds")]
    pub valid_ms: DurationMs,
}
