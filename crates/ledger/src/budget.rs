//! Budgets: upper bounds on spending, perhaps inside another budget.
//!
//! A budget holds no money; it limits what its owner's escrows may lock. What an escrow locks is
//! reserved in its budget and in every budget above; what is paid becomes spent, what is refunded
//! is free again. A budget inside another can only narrow it. A budget with a period is whole again
//! after each: "at most one AINU a day, and ten in all" is a daily budget inside a plain one.
use ainur_primitives::DurationMs;

mod action;
mod error;
mod event;
mod execute;
pub mod query;
mod state;

pub use action::Action;
pub use error::Error;
pub use event::Event;
pub use state::{Budget, Period};

pub(crate) use execute::execute;
pub(crate) use state::{release, reserve};

/// How many budgets can be inside one another.
pub const BUDGET_DEPTH_MAX: usize = 8;
/// The shortest time after which a budget is whole again.
pub const BUDGET_PERIOD_MS_MIN: DurationMs = DurationMs::seconds(60);
