//! The pool of workers as the broker and others share it.
use std::ops::Deref;
use std::sync::Arc;

use ainur_runtime::{Error, Executor, Job, JobId, WorkerPool};

/// The pool, shared with those who ask how it is or kill one of its workers.
#[derive(Clone)]
pub struct Pool(Arc<WorkerPool>);

impl Pool {
    /// Shares a pool.
    pub fn new(pool: WorkerPool) -> Self {
        Self(Arc::new(pool))
    }
}

impl Deref for Pool {
    type Target = WorkerPool;

    fn deref(&self) -> &WorkerPool {
        &self.0
    }
}

impl Executor for Pool {
    fn dispatch(&mut self, job: JobId, work: Job) -> Result<(), Error> {
        self.0.dispatch(job, work)
    }

    fn acknowledge(&mut self, job: JobId, index: u32) {
        self.0.acknowledge(job, index);
    }

    fn cancel(&mut self, job: JobId) {
        self.0.cancel(job);
    }
}
