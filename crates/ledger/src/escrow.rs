//! Escrow: the buyer's money and the seller's bond behind one task, from agreement to payment or
//! refund, exactly once.
//!
//! An agreement locks the reserve, not the price, so that a failed attempt can be awarded again
//! from the same auction (decision 17). The verifier it names settles or fails each attempt;
//! after the deadline anyone can end it. What remains is a tombstone that says how it ended, and
//! which outlives every bid for the task, so that nothing can be agreed or paid twice.
mod action;
mod award;
mod close;
mod consent;
mod error;
mod event;
mod execute;
mod forfeit;
mod offer;
mod params;
pub mod query;
mod state;

pub use action::Action;
pub use consent::{Consent, SignedAward};
pub use error::{Error, Role};
pub use event::Event;
pub use params::Params;
pub use state::{Agreement, Closing, Engagement, Escrow, Rating, Stage, Tombstone};

pub(crate) use execute::execute;
pub(crate) use state::{settled, write_tombstone};
