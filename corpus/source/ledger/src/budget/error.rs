//! Why a budget refused.
use ainur_primitives::{Amount, BudgetId, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::BUDGET_DEPTH_MAX;

/// Why a budget refused.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Error {
    /// There is a budget of this name.
    #[error("budget {0} exists already")]
    AlreadyExists(BudgetId),
    /// There is none.
    #[error("there is no budget {0}")]
    Unknown(BudgetId),
    /// It belongs to someone else.
    #[error("budget {0} belongs to another party")]
    NotOwner(BudgetId),
    /// It was closed.
    #[error("budget {0} is closed")]
    Closed(BudgetId),
    /// Its time is over.
    #[error("budget {budget} ended at {expires}")]
    Expired {
        /// Which.
        budget: BudgetId,
        /// When it ended.
        expires: Timestamp,
    },
    /// The reservation would exceed its limit.
    #[error("budget {budget} is short of {} AINU", missing.to_ainu())]
    Exceeded {
        /// Which.
        budget: BudgetId,
        /// How much more it would have to allow.
        missing: Amount,
    },
    /// A limit or an end beyond those of the budget it is inside.
    #[error("a budget inside {0} cannot allow more or last longer than it")]
    WiderThanParent(BudgetId),
    /// Too many budgets inside one another.
    #[error("budgets are nested at most {BUDGET_DEPTH_MAX} deep")]
    TooDeep,
    /// Something is reserved in it.
    #[error("{} AINU are still reserved in budget {budget}", reserved.to_ainu())]
    InUse {
        /// Which.
        budget: BudgetId,
        /// How much.
        reserved: Amount,
    },
}
