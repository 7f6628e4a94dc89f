//! The ledger from outside: every action and every refusal, with all invariants checked and every
//! block replayed after each step.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod balances;
mod blocks;
mod budget;
mod escrow;
mod exchange;
mod failover;
mod identity;
mod properties;
mod registry;
mod reputation;
mod tree;
mod world;
