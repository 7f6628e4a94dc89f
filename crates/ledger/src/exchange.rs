//! The exchange: credits for work of one capability and quality, and their trade in an order book
//! and a pool.
//!
//! A credit is the right to one accepted task of its class. Like a written option it is issued by a
//! registered agent against collateral, is the same whoever issued it, and is redeemed by its holder
//! for a task: the unit is burned and one issuer's obligation becomes a claim, which ends with the
//! collateral back at the issuer (accepted) or with the holder (not). What is out in a class always
//! equals what its issuers owe, and all of it is behind collateral
//! (`docs/decisions/0015-capability-credits.md`).
//!
//! Orders are matched when the transaction is applied, by the engine of [`ainur_market::exchange`],
//! on records: one order, one record, in the order in which they trade. Buyers lock money and
//! sellers credits. The [`Event::Updated`] of a class are the feed of its book.
mod action;
mod claims;
mod classes;
mod error;
mod event;
mod execute;
pub(crate) mod invariants;
mod keyed;
mod orders;
mod params;
mod pools;
pub mod query;
mod records;
mod state;

pub use action::Action;
pub use error::Error;
pub use event::Event;
pub use keyed::{KeyedAction, KeyedOutcome};
pub use params::Params;
pub use state::{
    Claim, ClaimDelivery, ClaimEnding, ClaimRole, ClosedClaim, CreditClass, CreditClassId,
    IssuerObligation, OpenClaim,
};

pub(crate) use execute::execute;
pub(crate) use keyed::execute_keyed;

/// How many credits of one class can be out when more are issued.
pub const SUPPLY_MAX: u64 = 1 << 60;
