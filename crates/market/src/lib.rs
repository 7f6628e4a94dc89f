//! Sealed-bid auctions as pure, replayable integer mechanisms.
//!
//! An [`auction`] takes commitments, then reveals, and closes into a transcript; who wins and what
//! is paid is a pure function of that transcript, so anyone can [`replay`] it (decision 9). A
//! [`combinatorial`] auction is the same over all subtasks of a task graph at once. [`bond`] says
//! what a bidder has at stake while it bids. Nothing here reads a clock, draws a random number or
//! uses a float.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod auction;
pub mod bond;
pub mod combinatorial;
pub mod replay;
