//! What is asked of a node about rentals: offering slots, and looking for some.
use ainur_market::pricing::rental::ServiceLevelAgreement;
use ainur_primitives::{Amount, CapabilityName, DurationMs, QualityLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// Slots of an agent to rent out. What is absent takes the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RentalDraft {
    /// DID, or the agent's name.
    pub agent: String,
    /// What is rented out.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// The quality of every use.
    #[serde(default)]
    #[schemars(with = "schema::QualityLevel")]
    pub quality_level: QualityLevel,
    /// Uses at once.
    #[schemars(with = "schema::RentalSlots")]
    pub slots: u32,
    /// How long a period is.
    #[schemars(with = "schema::Milliseconds")]
    pub period_ms: DurationMs,
    /// What a period costs.
    #[schemars(with = "schema::PositiveAmount")]
    pub price: Amount,
    /// Uses that the price of a period covers.
    pub included_units: u64,
    /// What each use beyond them costs; there is none when absent.
    #[schemars(with = "Option<schema::PositiveAmount>")]
    pub overage_price: Option<Amount>,
    /// How many periods it lasts.
    #[schemars(with = "schema::RentalPeriods")]
    pub periods: u32,
    /// The service promised.
    #[schemars(with = "schema::ServiceLevelAgreement")]
    pub service: ServiceLevelAgreement,
    /// For how long it can be rented.
    #[schemars(with = "schema::Milliseconds")]
    pub valid_ms: DurationMs,
}
