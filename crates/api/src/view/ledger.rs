//! What the ledger says of accounts and of itself, and what checking it comes to.
use ainur_primitives::{Amount, Did, Digest, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// An account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountView {
    /// Whose.
    #[schemars(with = "schema::Did")]
    pub did: Did,
    /// Name on this node, when it is one of its agents.
    pub name: Option<String>,
    /// Can be spent.
    #[schemars(with = "schema::Amount")]
    pub free: Amount,
    /// Bonded as stake (including what agreements lock).
    #[schemars(with = "schema::Amount")]
    pub staked: Amount,
    /// Part of the stake that running agreements lock.
    #[schemars(with = "schema::Amount")]
    pub locked: Amount,
    /// In escrow as a buyer.
    #[schemars(with = "schema::Amount")]
    pub in_escrow: Amount,
    /// Next transaction number.
    pub nonce: u64,
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerStatus {
    /// Its id.
    #[schemars(with = "schema::Digest")]
    pub chain_id: Digest,
    /// Blocks so far.
    pub height: u64,
    /// Root of the state after the last block.
    #[schemars(with = "schema::Digest")]
    pub state_root: Digest,
    /// Time of the last block.
    #[schemars(with = "schema::Timestamp")]
    pub timestamp: Timestamp,
    /// Where all money is: (place, amount), and `issued - burned` last.
    #[schemars(with = "Vec<(String, schema::Amount)>")]
    pub totals: Vec<(String, Amount)>,
    /// The places add up.
    pub balanced: bool,
    /// Entries in the transparency log.
    pub audit_entries: u64,
    /// The least that a transaction pays.
    #[schemars(with = "schema::Amount")]
    pub fee_min: Amount,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditReport {
    /// Every check with its result.
    pub checks: Vec<Check>,
    /// All passed.
    pub ok: bool,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// It passed.
    pub ok: bool,
    /// Counts when it passed, what is wrong when not.
    pub detail: String,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// Every check with its result.
    pub checks: Vec<Check>,
    /// All passed and the issuer is trusted.
    pub ok: bool,
    /// The facts: (label, value).
    pub facts: Vec<(String, String)>,
}
