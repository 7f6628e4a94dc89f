//! Every way to agree on a price, as pure, replayable integer mechanisms.
//!
//! An [`auction`] takes commitments, then reveals, and closes into a transcript; who wins and what
//! is paid is a pure function of that transcript, so anyone can [`replay`] it (decision 9). A
//! [`combinatorial`] auction is the same over all subtasks of a task graph at once. [`bond`] says
//! what a bidder has at stake while it bids. In a [`coalition`] agents bid together and share what
//! they are paid. An [`exchange`] matches orders for capability credits in a book and trades them
//! with a pool. In a [`negotiation`] two parties make each other proposals. An [`offer`] is a price
//! that is there before anybody asks. [`pricing`] says what use costs, [`payment`] when agreed money
//! is paid, and a [`queue`] shares what is scarce. A [`strategy`] says what a seller asks. Nothing
//! here reads a clock, draws a random number or uses a float.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod auction;
pub mod bond;
pub mod coalition;
pub mod combinatorial;
pub mod exchange;
pub mod negotiation;
pub mod offer;
pub mod payment;
pub mod pricing;
pub mod queue;
pub mod replay;
pub mod strategy;
