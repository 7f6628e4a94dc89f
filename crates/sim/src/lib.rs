//! Seeded worlds: production code over a fake clock, disk and executor.
//!
//! A [`World`] runs the real broker, ledger, journal and transparency log on a disk that loses
//! unsynced writes when the power is cut, under a clock that only the world moves, with agents that
//! do what a seed says: honest, cheating, crashing, losing their workers. The same seed gives the
//! same world, down to the state root. A [`market`] is a world of many buyers and sellers who agree
//! on prices in every way there is.
mod agents;
mod jobs;
pub mod market;
mod random;
mod world;

pub use agents::Character;
pub use world::{World, WorldOutcome, run};
