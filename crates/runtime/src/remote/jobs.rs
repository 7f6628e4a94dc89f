//! Which jobs are under way. A job that was cancelled is not in here any more, and so is silent.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::executor::{Error, Event};
use crate::job::{Job, JobId};
use crate::limits::{JOBS_INLINE_BYTES_MAX, JOBS_MAX};

/// The table, and where events go.
pub(super) struct Jobs {
    state: Mutex<State>,
    events: Box<dyn Fn(Event) + Send + Sync>,
}

#[derive(Default)]
struct State {
    stopped: bool,
    entries: HashMap<JobId, Entry>,
    next_ticket: u64,
    bytes_held: u64,
}

struct Entry {
    ticket: u64,
    bytes: u64,
    wishes: watch::Sender<Wishes>,
}

/// What the node wants of a job that is under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    /// The first chunk that is not acknowledged.
    pub(super) unacknowledged: u32,
    /// Nobody wants the result any more.
    pub(super) cancelled: bool,
}

/// A job, as its task knows it. The ticket is never used twice, so that a task whose job was
/// cancelled does not speak for the next one of that name.
pub(super) struct Attempt {
    pub(super) job: JobId,
    ticket: u64,
    pub(super) wishes: watch::Receiver<Wishes>,
}

impl Attempt {
    /// Waits until nobody wants the result any more.
    pub(super) async fn cancelled(&self) {
        let mut wishes = self.wishes.clone();
        // The sender goes when the job is finished or cancelled; either way it is over.
        drop(wishes.wait_for(|wishes| wishes.cancelled).await);
    }
}

impl Jobs {
    pub(super) fn new(events: Box<dyn Fn(Event) + Send + Sync>) -> Self {
        Self { state: Mutex::default(), events }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a job into the table.
    pub(super) fn admit(&self, job: JobId, work: &Job) -> Result<Attempt, Error> {
        let bytes = work.bytes_inline().saturating_add(work.parameters_bytes() as u64);
        let mut state = self.lock();
        if state.stopped {
            return Err(Error::Stopped);
        }
        if state.entries.contains_key(&job) {
            return Err(Error::Duplicate(job));
        }
        let bytes_after = state.bytes_held.saturating_add(bytes);
        if state.entries.len() >= JOBS_MAX || bytes_after > JOBS_INLINE_BYTES_MAX {
            return Err(Error::Busy);
        }
        state.bytes_held = bytes_after;
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let (sender, wishes) = watch::channel(Wishes::default());
        state.entries.insert(job, Entry { ticket, bytes, wishes: sender });
        Ok(Attempt { job, ticket, wishes })
    }

    pub(super) fn acknowledge(&self, job: JobId, index: u32) {
        if let Some(entry) = self.lock().entries.get(&job) {
            entry.wishes.send_modify(|wishes| {
                wishes.unacknowledged = wishes.unacknowledged.max(index.saturating_add(1));
            });
        }
    }

    pub(super) fn cancel(&self, job: JobId) {
        let mut state = self.lock();
        if let Some(entry) = state.entries.remove(&job) {
            state.bytes_held -= entry.bytes;
            entry.wishes.send_modify(|wishes| wishes.cancelled = true);
        }
    }

    /// Tells something that is not the last thing about a job.
    pub(super) fn tell(&self, attempt: &Attempt, event: Event) {
        let live =
            self.lock().entries.get(&attempt.job).is_some_and(|e| e.ticket == attempt.ticket);
        if live {
            (self.events)(event);
        }
    }

    /// Tells the last thing about a job, once.
    pub(super) fn finish(&self, attempt: &Attempt, event: Event) {
        let mut state = self.lock();
        let Some(entry) = state.entries.get(&attempt.job).filter(|e| e.ticket == attempt.ticket)
        else {
            return;
        };
        state.bytes_held -= entry.bytes;
        state.entries.remove(&attempt.job);
        drop(state);
        (self.events)(event);
    }

    /// Takes nothing more, and forgets everything without a word.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.entries.clear();
        state.bytes_held = 0;
    }

    pub(super) fn len(&self) -> usize {
        self.lock().entries.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::program::{RemoteProgram, ServerEndpoint, ToolServer};
    use super::*;
    use crate::program::Program;

    fn work() -> Job {
        let endpoint = ServerEndpoint::Url { url: "https://x".into(), allow_private: false };
        let program = RemoteProgram::mcp(ToolServer::new(endpoint));
        Job::Describe { program: Program::Remote(Arc::new(program)) }
    }

    #[test]
    fn cancelled_job_is_silent_and_its_name_is_free() {
        let told = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&told);
        let jobs = Jobs::new(Box::new(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        let first = jobs.admit(JobId(1), &work()).unwrap();
        assert!(matches!(jobs.admit(JobId(1), &work()), Err(Error::Duplicate(_))));
        jobs.cancel(JobId(1));
        let second = jobs.admit(JobId(1), &work()).unwrap();
        jobs.finish(&first, Event::Lost { job: JobId(1) });
        assert_eq!(told.load(Ordering::Relaxed), 0);
        jobs.finish(&second, Event::Lost { job: JobId(1) });
        jobs.finish(&second, Event::Lost { job: JobId(1) });
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}
