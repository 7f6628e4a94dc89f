//! The task lifecycle: one durable state machine from wish to receipt.
//!
//! A [`task::Task`] is a state machine without I/O. The [`Broker`] owns all of them and works in
//! turns: what came in becomes events, the events become durable together, and only then follow
//! their effects (asking agents, opening bids, signing transactions, starting work). Whatever is
//! killed between two turns finds the same question waiting when it starts again, and every effect
//! is named by task, attempt and step, so doing it twice is doing it once.
//!
//! The broker reads no clock and opens no socket. The ledger, the executor and the disk are given
//! to it; the simulator gives it others.
pub mod aacl;
pub mod bidder;
pub mod engine;
pub mod error;
pub mod event;
pub mod journal;
pub mod limits;
pub mod offers;
pub mod places;
pub mod rentals;
pub mod seat;
pub mod settlement;
pub mod task;

pub use bidder::{Bidder, BidderMemory};
pub use engine::{Arrival, Broker, Parts};
pub use error::Error;
pub use event::Event;
pub use seat::Seat;
pub use settlement::Settlement;
pub use task::Task;
