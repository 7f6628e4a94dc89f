//! Stake and reputation: what a party has at risk and how its work turned out.
//!
//! The verifier's word on each attempt moves the weights of success and failure; both halve with
//! every half-life, so that a reputation is about recent work. Failure probability, and from it
//! the bond of the next agreement, follow in integers: a Beta posterior with a governed prior. The
//! buyer's rating is for people and for queries; it moves no money.
mod action;
mod decay;
mod error;
mod event;
mod execute;
mod params;
pub mod query;
mod stake;
mod state;

pub use action::Action;
pub use error::Error;
pub use event::Event;
pub use params::Params;
pub use query::{failure_probability, required_bond};
pub use state::{Reputation, Violation, ViolationReason};

pub(crate) use execute::execute;
pub(crate) use stake::{
    Slash, count, dismiss, forfeit, lock, pay_penalty, punish, reclaim, release, unlock,
};

/// How many violations a record remembers; the oldest are forgotten first.
pub const VIOLATIONS_MAX: usize = 16;

/// The best rating; the worst is one.
pub const RATING_MAX: u8 = 5;
