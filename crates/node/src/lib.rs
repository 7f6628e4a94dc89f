//! Configuration and wiring: the only crate that knows all the others.
//!
//! A [`Node`] is a data directory brought to life: the ledger's thread, the broker's thread, a pool
//! of worker processes, and a [`Service`](ainur_api::Service) in front of them. The same node runs
//! for the length of one command or for years behind an address.
mod a2a;
mod aacl;
pub mod agents;
pub mod config;
pub mod directory;
pub mod driver;
pub mod founding;
pub mod keys;
pub mod limits;
mod negotiations;
pub mod node;
pub mod pool;
pub mod problem;

pub mod trust;

mod audit;
mod exchange;
mod health;
mod join;
mod offers;
mod remote;
mod rentals;
mod serve;
mod strategies;
mod tasks;
mod telemetry;
mod tokens;
mod views;

pub use directory::DataDirectory;
pub use founding::{Founded, found};
pub use node::{Node, Options};

/// The time by the system's clock.
pub fn now() -> ainur_primitives::Timestamp {
    use ainur_storage::Clock as _;
    ainur_storage::SystemClock.now()
}

/// Places where `AINUR_CRASH_AT` can have the process die, to prove that nothing is lost.
pub fn crash_points() -> Vec<&'static str> {
    let stored = ainur_storage::crash_point::LABELS;
    stored.into_iter().chain(ainur_broker::limits::CRASH_POINTS).chain(join::CRASH_POINTS).collect()
}
