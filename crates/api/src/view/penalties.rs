//! What coalitions' clauses cost, and stake that was lost.
use ainur_primitives::{Amount, Did, PenaltyCause, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// Stake that an agent lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StakeLoss {
    /// When.
    #[schemars(with = "schema::Timestamp")]
    pub at: Timestamp,
    /// How much.
    #[schemars(with = "schema::Amount")]
    pub amount: Amount,
    /// For what: one line for people.
    pub why: String,
}

/// What the clauses of a coalition cost one of its members, to one payee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PenaltyRow {
    /// At which part of the task.
    pub part: String,
    /// Who pays.
    #[schemars(with = "schema::Did")]
    pub seller: Did,
    /// Its name here.
    pub seller_name: String,
    /// For what: `failed` or `late`.
    #[schemars(with = "schema::PenaltyCause")]
    pub cause: PenaltyCause,
    /// Who gets it.
    #[schemars(with = "schema::Did")]
    pub payee: Did,
    /// Its name here.
    pub payee_name: String,
    /// How much.
    #[schemars(with = "schema::Amount")]
    pub amount: Amount,
    /// It had waited for somebody to take over.
    pub waited: bool,
}

/// What a member of a coalition got back of what insurance withheld from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InsuranceRow {
    /// Who.
    #[schemars(with = "schema::Did")]
    pub payee: Did,
    /// Its name here.
    pub payee_name: String,
    /// How much.
    #[schemars(with = "schema::Amount")]
    pub amount: Amount,
}
