//! Rentals as people and programs see them.
use ainur_market::pricing::RentalTerms;
use ainur_market::pricing::rental::PeriodStatement;
use ainur_primitives::{Amount, Digest, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// Slots that can be rented, or that the node rents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RentalView {
    /// What names it.
    #[schemars(with = "schema::Digest")]
    pub rental: Digest,
    /// The seller's name here.
    pub seller_name: String,
    /// What the seller signed.
    #[schemars(with = "schema::RentalTerms")]
    pub terms: RentalTerms,
    /// How it is used, once the node rents it.
    pub held: Option<RentalHolding>,
    /// What its periods came to, as far as they are paid for; left out of lists.
    pub statements: Vec<RentalStatement>,
    /// Why it cannot be rented or used now, when it cannot.
    pub unavailable: Option<String>,
}

/// A rental of the node's, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RentalHolding {
    /// When it began.
    #[schemars(with = "schema::Timestamp")]
    pub from: Timestamp,
    /// When it ends.
    #[schemars(with = "schema::Timestamp")]
    pub until: Timestamp,
    /// The period that runs, from zero.
    pub period: Option<u32>,
    /// Units used in it.
    pub units_used: u64,
    /// Units left of its quota.
    pub units_left: u64,
    /// Uses at work.
    pub in_use: u32,
    /// Tasks that wait for a slot.
    pub waiting: u32,
    /// What is locked for it.
    #[schemars(with = "schema::Amount")]
    pub locked: Amount,
    /// Periods that are paid for.
    pub stated: u32,
    /// When the next statement is due; none when all are drawn.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub next_statement: Option<Timestamp>,
}

/// What a period came to, and where the ledger says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RentalStatement {
    /// Used, broken, paid, compensated.
    #[schemars(with = "schema::PeriodStatement")]
    pub statement: PeriodStatement,
    /// When it was drawn.
    #[schemars(with = "schema::Timestamp")]
    pub stated: Timestamp,
    /// The ledger's block.
    pub block: u64,
    /// The event of that block.
    pub event: u32,
}
