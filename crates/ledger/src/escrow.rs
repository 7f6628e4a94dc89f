//! Escrow: the buyer's money and the sellers' bonds behind one task, from agreement to payment or
//! refund, exactly once.
//!
//! An agreement locks the reserve, not the price, so that a failed attempt can be awarded again
//! (decision 17). It pays one seller or several, each on its own signed word ([`Consent`]) and in
//! one part or several ([`Part`]). The verifier it names settles or fails parts and attempts; after
//! the deadline anyone can end it. What remains is a tombstone that says how it ended and who was
//! paid what, and which outlives every bid for the task, so that nothing can be agreed or paid
//! twice.
mod accept;
mod action;
mod award;
mod close;
mod consent;
mod error;
mod event;
mod execute;
mod fail;
mod forfeit;
mod offer;
mod pact;
mod params;
mod pledge;
pub mod query;
mod state;
mod tombstone;

pub use action::{Action, task_id};
pub use consent::{Consent, SignedAward};
pub use error::{Error, Role};
pub use event::{Event, Hire};
pub use pact::{HeldPenalty, Insured, Pact, Penalty};
pub use params::Params;
pub use state::{Agreement, Engagement, Escrow, Part, PartState, Payout, ServiceTerms};
pub use tombstone::{Closing, Rating, Tombstone};

pub(crate) use execute::execute;
pub(crate) use tombstone::{settled, write_tombstone};

/// How many parts an agreement has at most in one attempt, those of sellers who failed included;
/// and how many sellers it remembers.
pub const PARTS_MAX: usize = 128;
