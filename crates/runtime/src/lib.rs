//! Executors: WASM components and plain commands in worker processes, remote agents on a thread of
//! the node, all with hard limits.
//!
//! A [`Job`] is a call of a [`Program`]; the [`WorkerPool`] runs it in one of a few warm worker
//! processes and tells the outcome as an [`Event`]. Whatever a guest does (loop, crash, flood,
//! lie, wedge), its job ends within its limits and with a reason, other jobs go on, and the node
//! lives. What a component may see is `wit/agent.wit` and nothing else; what a command may see is in
//! [`command`].
//!
//! Agents that live elsewhere are called by the [`remote::RemotePool`].
//!
//! The broker talks to the [`Executor`] trait, which the simulator implements without processes.
#![cfg(target_os = "linux")]

pub mod command;
pub mod executor;
pub mod input;
pub mod inspect;
pub mod job;
pub mod limits;
pub mod manifest;
pub mod pool;
pub mod program;
pub mod remote;
pub mod worker;

mod attempt;
mod component;
mod detail;
mod failure;
mod frame;

pub use executor::{Error, Event, Executor};
pub use input::{Input, Piece};
pub use inspect::inspect;
pub use job::{CallView, GuestDecision, GuestProposal, Job, JobId, NegotiationTurnView, Quote};
pub use manifest::Manifest;
pub use pool::WorkerPool;
pub use program::Program;
pub use remote::RemotePool;
