//! Everything that runs jobs: the workers of this machine, and the agents that live elsewhere.
use std::ops::Deref;
use std::sync::Arc;

use ainur_runtime::{Error, Executor, Job, JobId, Program, RemotePool, WorkerPool};

/// The executors, shared with those who ask how they are or kill a worker.
#[derive(Clone)]
pub struct Pool(Arc<Executors>);

struct Executors {
    workers: WorkerPool,
    remote: RemotePool,
}

impl Pool {
    /// Shares the executors.
    pub fn new(workers: WorkerPool, remote: RemotePool) -> Self {
        Self(Arc::new(Executors { workers, remote }))
    }

    /// The agents that live elsewhere.
    pub fn remote(&self) -> &RemotePool {
        &self.0.remote
    }
}

impl Deref for Pool {
    type Target = WorkerPool;

    fn deref(&self) -> &WorkerPool {
        &self.0.workers
    }
}

impl Executor for Pool {
    fn dispatch(&mut self, job: JobId, work: Job) -> Result<(), Error> {
        match work.program() {
            Program::Remote(_) => self.0.remote.dispatch(job, work),
            Program::Component { .. } | Program::Command { .. } => {
                self.0.workers.dispatch(job, work)
            }
        }
    }

    fn acknowledge(&mut self, job: JobId, index: u32) {
        // A job is in one of them; the other does not know its name and does nothing.
        self.0.remote.acknowledge(job, index);
        self.0.workers.acknowledge(job, index);
    }

    fn cancel(&mut self, job: JobId) {
        self.0.remote.cancel(job);
        self.0.workers.cancel(job);
    }
}
