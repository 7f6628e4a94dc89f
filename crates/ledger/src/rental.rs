//! Rentals: so many slots of one agent for so many periods, with a quota and a promised service.
//!
//! Whoever rents locks the price of all periods at once; what a use costs beyond the quota is locked
//! when the use begins. The [meter](RentalMeter) is the ledger's: a use begins and ends in blocks,
//! and of each period the ledger draws one [statement](PeriodStatement) that pays the seller and
//! compensates the buyer out of what is locked. Nobody hands in a sum
//! (`docs/decisions/0020-rentals-are-metered-by-the-ledger.md`).
//!
//! What is locked always equals the prices of the periods that have no statement yet and what was
//! used beyond their quotas; it is checked after every block of every test.
mod action;
mod error;
mod event;
mod execute;
pub(crate) mod invariants;
pub mod query;
mod state;
mod uses;

#[cfg(doc)]
use ainur_market::pricing::rental::{PeriodStatement, RentalMeter};

pub use action::Action;
pub use error::{Error, MeterRefusal, RentalRole};
pub use event::Event;
pub use state::{RentalAgreement, RentalUse, RentalUseEnd, StatedPeriod};

pub(crate) use execute::execute;

/// How many slots a rental on the ledger has at most: each use at work is part of its record.
pub const SLOTS_MAX: u32 = 256;
/// How many statements one call draws at most.
pub const STATEMENTS_PER_CALL_MAX: u32 = 16;
/// How many units one use takes at most.
pub const USE_UNITS_MAX: u64 = 1_000_000;
