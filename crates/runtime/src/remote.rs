//! Agents that live elsewhere and are reached over a protocol.
//!
//! The [`RemotePool`] runs jobs of [`Program::Remote`](crate::Program::Remote) as the
//! [`WorkerPool`](crate::WorkerPool) runs those of components and commands, with the same events and
//! the same promises. It does so in the node's process, on one thread of its own, because such a job
//! is mostly waiting. Everything a remote says is untrusted: its bytes, its messages and the time it
//! takes are limited, what it says to people is cleaned, and where it may be is checked.
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ainur_primitives::CapabilityName;
use tokio::sync::mpsc;

use crate::executor::{self, Error, Event, Executor};
use crate::job::{Job, JobId};
use crate::limits::{JOBS_MAX, REMOTE_IDLE_MS_MAX};
use crate::manifest::Manifest;

pub mod address;
pub mod http;
pub mod program;
pub mod secret;

mod a2a;
mod budget;
mod deliver;
mod jobs;
mod mcp;
mod naming;
mod openapi;
mod runner;
mod trace;
mod weight;

pub use program::{
    A2aProgram, AgentPeer, ApiDocument, McpProgram, OpenApiProgram, RemoteProgram, RemoteTool,
    ServerEndpoint, ToolServer,
};
pub use secret::Secret;

use jobs::Jobs;
use runner::Order;

/// What the pool needs of the node.
#[derive(Clone, Debug)]
pub struct Config {
    /// The command line of a worker, as in [`pool::Config`](crate::pool::Config): servers that are
    /// commands are confined by the same binary.
    pub command: Vec<OsString>,
    /// Where the folders of servers that are commands are made; the system's folder for temporary
    /// files when `None`.
    pub scratch: Option<PathBuf>,
    /// A connection that was not used for this long is closed; usually [`REMOTE_IDLE_MS_MAX`], which
    /// is the most.
    pub idle_ms_max: u64,
}

impl Config {
    /// Confines servers with this binary, by its hidden argument `worker`.
    pub fn this_binary() -> Self {
        Self {
            command: vec!["/proc/self/exe".into(), "worker".into()],
            scratch: None,
            idle_ms_max: REMOTE_IDLE_MS_MAX,
        }
    }
}

/// What a remote offers, as an agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    /// The manifest made of its tools, skills or operations.
    pub manifest: Manifest,
    /// Which of them stands behind which capability, for [`RemoteProgram::with_tools`].
    pub tools: BTreeMap<CapabilityName, RemoteTool>,
    /// What was left out or changed, and why; at most
    /// [`NOTES_MAX`](crate::limits::NOTES_MAX) lines for people.
    pub notes: Vec<String>,
}

/// Why a remote agent could not be asked what it offers.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// It answered wrongly, or could not be reached: what is wrong with it.
    #[error("{0}")]
    Remote(String),
    /// It was not asked, or not heard to the end, for want of something on this side.
    #[error("{0}")]
    Unasked(String),
    /// It did not answer in time.
    #[error("it did not answer within {0} ms")]
    TimedOut(u64),
    /// The pool could not be started, or was stopped.
    #[error(transparent)]
    Executor(#[from] Error),
}

/// The running pool. Dropping it ends the servers it started.
pub struct RemotePool {
    jobs: Arc<Jobs>,
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl RemotePool {
    /// Starts the pool's thread. `sink` is called from it, for one job always in order; while it
    /// blocks, all jobs wait.
    ///
    /// # Errors
    /// When the configuration makes no sense or the thread cannot be started.
    pub fn start(
        config: Config,
        sink: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        if config.command.is_empty() {
            return Err(Error::Config("the worker command is empty"));
        }
        if !(1..=REMOTE_IDLE_MS_MAX).contains(&config.idle_ms_max) {
            return Err(Error::Config("an unused connection is kept for 1 to 600000 ms"));
        }
        let jobs = Arc::new(Jobs::new(Box::new(sink)));
        let (orders, incoming) = mpsc::channel(JOBS_MAX);
        let thread = runner::start(config, Arc::clone(&jobs), incoming)?;
        Ok(Self { jobs, orders: Some(orders), thread: Some(thread) })
    }

    /// See [`Executor::dispatch`].
    ///
    /// # Errors
    /// See there.
    pub fn dispatch(&self, job: JobId, work: Job) -> Result<(), Error> {
        executor::check_size(&work)?;
        let attempt = self.jobs.admit(job, &work)?;
        self.order(Order::Run(attempt, work)).inspect_err(|_| self.jobs.cancel(job))
    }

    /// See [`Executor::acknowledge`].
    pub fn acknowledge(&self, job: JobId, index: u32) {
        self.jobs.acknowledge(job, index);
    }

    /// See [`Executor::cancel`].
    pub fn cancel(&self, job: JobId) {
        self.jobs.cancel(job);
    }

    /// Asks a remote what it offers, with the digests its tools have now; which ones were recorded
    /// does not matter. The answer is sent to the returned receiver. Any number of threads may ask
    /// for any number of remotes at once:
    /// [`REMOTE_DESCRIBES_MAX`](crate::limits::REMOTE_DESCRIBES_MAX) of them are asked at a time.
    ///
    /// # Errors
    /// When the pool has too much to do or was stopped.
    pub fn describe(
        &self,
        program: RemoteProgram,
    ) -> Result<Receiver<Result<Description, DescribeError>>, Error> {
        let (answer, receiver) = channel();
        self.order(Order::Describe(program, answer))?;
        Ok(receiver)
    }

    /// Jobs that are not finished.
    pub fn jobs(&self) -> usize {
        self.jobs.len()
    }

    /// Ends all connections and servers at once, and waits for that. Unfinished jobs get no event.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn order(&self, order: Order) -> Result<(), Error> {
        let orders = self.orders.as_ref().ok_or(Error::Stopped)?;
        orders.try_send(order).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy,
            mpsc::error::TrySendError::Closed(_) => Error::Stopped,
        })
    }

    fn stop(&mut self) {
        self.jobs.stop();
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of remote agents panicked");
        }
    }
}

impl Drop for RemotePool {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Executor for RemotePool {
    fn dispatch(&mut self, job: JobId, work: Job) -> Result<(), Error> {
        Self::dispatch(self, job, work)
    }

    fn acknowledge(&mut self, job: JobId, index: u32) {
        Self::acknowledge(self, job, index);
    }

    fn cancel(&mut self, job: JobId) {
        Self::cancel(self, job);
    }
}

/// Asks a remote what it offers, before it becomes an agent. Blocks for at most `patience`, and then
/// as long as it takes to end a server that was started for it.
///
/// # Errors
/// Says what is wrong with the remote, in words for whoever wants to add it.
pub fn describe(
    config: Config,
    program: RemoteProgram,
    patience: Duration,
) -> Result<Description, DescribeError> {
    let pool = RemotePool::start(config, |_| {})?;
    let answer = pool.describe(program)?;
    match answer.recv_timeout(patience) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => Err(DescribeError::TimedOut(patience.as_millis() as u64)),
        Err(RecvTimeoutError::Disconnected) => Err(Error::Stopped.into()),
    }
}
