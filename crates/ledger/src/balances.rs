//! Accounts, and the totals of all money: whatever moves, moves from one pot to another, so that
//! free + staked + escrowed + deposits + exchange + pools + treasury = issued − burned, always.
mod action;
mod error;
mod event;
mod execute;
pub mod query;
mod state;

pub use action::Action;
pub use error::Error;
pub use event::Event;
pub use state::{Account, Totals};

pub(crate) use execute::execute;
pub(crate) use state::{Pot, close_position, move_money, open_position, write_account};
