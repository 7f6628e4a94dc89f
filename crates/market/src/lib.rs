//! Every way to agree on a price, as pure, replayable integer mechanisms.
//!
//! An [`auction`] takes commitments, then reveals, and closes into a transcript; who wins and what
//! is paid is a pure function of that transcript, so anyone can replay it (decision 9). [`bond`]
//! says what a bidder has at stake while it bids. An [`offer`] is a price that is there before
//! anybody asks. [`pricing`] says what use costs, [`payment`] when agreed money is paid, and a
//! [`queue`] shares what is scarce. Nothing here reads a clock, draws a random number or uses a
//! float.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod auction;
pub mod bond;
pub mod offer;
pub mod payment;
pub mod pricing;
pub mod queue;
