//! The ledger from outside: every action and every refusal, with all invariants checked and every
//! block replayed after each step.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod advances;
mod balances;
mod blocks;
mod budget;
mod calls;
mod consents;
mod escrow;
mod exchange;
mod failover;
mod histories;
mod identity;
mod offers;
mod parts;
mod penalties;
mod properties;
mod registry;
mod rentals;
mod reputation;
mod service;
mod tree;
mod world;
