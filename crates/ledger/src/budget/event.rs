//! What happened to budgets.
use ainur_primitives::{Amount, BudgetId, Did, DurationMs, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// What happened in this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A budget was opened.
    Opened {
        /// Which.
        budget: BudgetId,
        /// Whose.
        owner: Did,
        /// Inside which.
        parent: Option<BudgetId>,
        /// Its limit.
        limit: Amount,
        /// For how long what is spent counts; for ever when absent.
        period: Option<DurationMs>,
        /// When it ends.
        expires: Timestamp,
    },
    /// A budget was closed.
    Closed {
        /// Which.
        budget: BudgetId,
        /// What was spent of it.
        spent: Amount,
    },
}
