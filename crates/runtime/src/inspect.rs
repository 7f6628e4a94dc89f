//! Asking a program what it offers, before it becomes an agent.
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::executor::{Error, Event};
use crate::job::{Job, JobId};
use crate::limits::{COMPILE_MS_MAX, DESCRIBE_MS_MAX, WEDGE_GRACE_MS};
use crate::manifest::Manifest;
use crate::pool::{Config, WorkerPool};
use crate::program::Program;

/// Why a program could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It answered wrongly or not at all: what is wrong with it.
    #[error("{0}")]
    Program(String),
    /// No worker could be started.
    #[error(transparent)]
    Executor(#[from] Error),
    /// The worker died more than once over this program.
    #[error("the worker process did not survive this program")]
    Lost,
}

/// Asks a program for its manifest, in a worker process of its own.
///
/// # Errors
/// Says what is wrong with the program, in words for whoever built it.
pub fn inspect(config: Config, program: Program) -> Result<Manifest, InspectError> {
    let (sender, events) = channel();
    let config = Config { workers: 1, threads_short: 1, threads_long: 1, ..config };
    let pool = WorkerPool::start(config, move |event| {
        // Nobody listens once the answer is there.
        drop(sender.send(event));
    })?;
    let patience = Duration::from_millis(COMPILE_MS_MAX + DESCRIBE_MS_MAX + 2 * WEDGE_GRACE_MS);
    let mut name = JobId(0);
    pool.dispatch(name, Job::Describe { program: program.clone() })?;
    loop {
        match events.recv_timeout(patience) {
            Ok(Event::Described { manifest, .. }) => return Ok(*manifest),
            Ok(Event::Failed { detail, .. }) => return Err(InspectError::Program(detail)),
            Ok(Event::Lost { .. }) if name == JobId(0) => {
                name = JobId(1);
                pool.dispatch(name, Job::Describe { program: program.clone() })?;
            }
            Ok(Event::Lost { .. }) | Err(_) => return Err(InspectError::Lost),
            Ok(_) => {}
        }
    }
}
