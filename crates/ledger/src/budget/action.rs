//! What can be asked of budgets.
use ainur_primitives::{Amount, BudgetId, DurationMs, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// A call to this module; budgets belong to who opens them.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Opens a budget.
    Open {
        /// Its name, never used before.
        budget: BudgetId,
        /// The budget of the same owner it is inside.
        parent: Option<BudgetId>,
        /// The most that may be reserved and spent together.
        limit: Amount,
        /// When given, what is spent counts for this long, and then the limit is whole again.
        period: Option<DurationMs>,
        /// From then on nothing can be reserved.
        expires: Timestamp,
    },
    /// Closes a budget in which nothing is reserved, for good.
    Close {
        /// Which.
        budget: BudgetId,
    },
}
