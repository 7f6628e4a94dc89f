//! Identities: who may sign for a party, and with which keys. The rules are those of
//! [`ainur_identity`]; here they meet money: creating an identity takes a deposit, giving it up
//! returns it.
mod action;
mod error;
mod event;
mod execute;
mod params;
pub mod query;
mod state;

pub use action::Action;
pub use error::Error;
pub use event::Event;
pub use params::Params;
pub use state::Registered;

pub(crate) use execute::execute;
