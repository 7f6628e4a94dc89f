//! The node's side: a few warm worker processes that each serve many attempts (decision 18).
//!
//! A job goes to the worker with the least to do; short calls and long ones are counted and served
//! apart, so that a bid never waits behind an execution. When a worker dies, by its own fault, by
//! [`WorkerPool::kill`], or because it fell silent, its jobs are reported
//! [lost](Event::Lost) and another process takes its seat.
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::executor::{self, Error, Event, Executor};
use crate::job::{Job, JobId};
use crate::limits::{THREADS_MAX, WORKERS_MAX};

mod process;
mod reports;
mod state;
mod supervisor;

use state::Shared;

/// How many processes of what kind.
#[derive(Clone, Debug)]
pub struct Config {
    /// The command line of a worker: a binary that calls [`worker::main`](crate::worker::main).
    /// Commands are started through the same binary.
    pub command: Vec<OsString>,
    /// Worker processes, 1 to [`WORKERS_MAX`].
    pub workers: usize,
    /// Threads of each worker for `describe` and `quote`.
    pub threads_short: usize,
    /// Threads of each worker for `execute` and `verify`: attempts one worker runs at once.
    pub threads_long: usize,
    /// Where compiled components are kept between runs; nowhere when `None`.
    pub cache: Option<Cache>,
}

/// A folder of compiled components.
#[derive(Clone, PartialEq, Eq)]
pub struct Cache {
    /// Only this node's user needs access to it.
    pub folder: PathBuf,
    /// A secret of the node: files that were not written with it are not trusted.
    pub key: [u8; 32],
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Config {
    /// Workers that run this binary with the hidden argument `worker`: one for each processor, and
    /// at least two, so that work goes on while one is started again.
    ///
    /// # Errors
    /// When the path of this binary is not known.
    pub fn this_binary() -> Result<Self, std::io::Error> {
        let binary = std::env::current_exe()?;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            command: vec![binary.into_os_string(), "worker".into()],
            workers: processors.clamp(2, WORKERS_MAX),
            threads_short: 2,
            threads_long: 8,
            cache: None,
        })
    }

    fn check(&self) -> Result<(), Error> {
        if self.command.is_empty() {
            return Err(Error::Config("the worker command is empty"));
        }
        if !(1..=WORKERS_MAX).contains(&self.workers) {
            return Err(Error::Config("a pool has 1 to 64 workers"));
        }
        let threads = 1..=THREADS_MAX;
        if !threads.contains(&self.threads_short) || !threads.contains(&self.threads_long) {
            return Err(Error::Config("each lane of a worker has 1 to 64 threads"));
        }
        Ok(())
    }
}

/// A worker process, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerStatus {
    /// Its seat, which the next process inherits.
    pub id: u32,
    /// Its process; `None` while there is none.
    pub pid: Option<u32>,
    /// Jobs it holds, running or waiting.
    pub jobs: usize,
    /// Processes that died on this seat.
    pub deaths: u64,
}

/// The running pool. Dropping it ends the workers.
pub struct WorkerPool {
    shared: Arc<Shared>,
    supervisor: Option<JoinHandle<()>>,
}

impl WorkerPool {
    /// Starts the workers. `events` is called from the pool's threads, for one job always in order;
    /// while it blocks, one worker's events wait.
    ///
    /// # Errors
    /// When the configuration makes no sense or a worker cannot be started.
    pub fn start(
        config: Config,
        events: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        config.check()?;
        let shared = Arc::new(Shared::new(config, Box::new(events)));
        let supervisor = supervisor::start(&shared)?;
        Ok(Self { shared, supervisor: Some(supervisor) })
    }

    /// See [`Executor::dispatch`].
    ///
    /// # Errors
    /// See there.
    pub fn dispatch(&self, job: JobId, work: Job) -> Result<(), Error> {
        executor::check_size(&work)?;
        self.shared.lock().dispatch(job, work)
    }

    /// See [`Executor::acknowledge`].
    pub fn acknowledge(&self, job: JobId, index: u32) {
        self.shared.lock().acknowledge(job, index);
    }

    /// See [`Executor::cancel`].
    pub fn cancel(&self, job: JobId) {
        self.shared.lock().cancel(job);
    }

    /// The workers, by seat.
    pub fn workers(&self) -> Vec<WorkerStatus> {
        self.shared.lock().statuses()
    }

    /// Kills a worker with SIGKILL, as a crash would. `false` when there is none on that seat.
    pub fn kill(&self, worker: u32) -> bool {
        self.shared.lock().kill(worker, "killed on request")
    }

    /// Jobs that are not finished.
    pub fn jobs(&self) -> usize {
        self.shared.lock().jobs_live()
    }

    /// Ends all workers at once and waits until they are gone. Unfinished jobs get no event.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.shared.stop();
        if let Some(supervisor) = self.supervisor.take()
            && supervisor.join().is_err()
        {
            tracing::error!("the worker supervisor panicked");
        }
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Executor for WorkerPool {
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
