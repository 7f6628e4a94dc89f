//! Why a budget refused.
use alloc::format;
use alloc::string::String;

use ainur_primitives::{Amount, BudgetId, DurationMs, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{BUDGET_DEPTH_MAX, BUDGET_PERIOD_MS_MIN};

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
    #[error(
        "budget {budget} allows {} AINU{} and is short of {} AINU",
        limit.to_ainu(), each(period), missing.to_ainu()
    )]
    Exceeded {
        /// Which.
        budget: BudgetId,
        /// The most that may be reserved and spent in it.
        limit: Amount,
        /// In which time, when it renews.
        period: Option<DurationMs>,
        /// How much more it would have to allow.
        missing: Amount,
    },
    /// A limit or an end beyond those of the budget it is inside.
    #[error("a budget inside {0} cannot allow more or last longer than it")]
    WiderThanParent(BudgetId),
    /// A period in which nothing could be counted.
    #[error("a budget renews after {} ms at least", BUDGET_PERIOD_MS_MIN.0)]
    PeriodTooShort,
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

/// ` each 86400 s`, or nothing.
fn each(period: &Option<DurationMs>) -> String {
    match period {
        Some(period) => format!(" each {} s", period.0.div_ceil(1_000)),
        None => String::new(),
    }
}
