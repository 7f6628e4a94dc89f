//! Threads that take jobs from one queue.
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use ainur_primitives::FailureReason;

use super::{Attempts, lock};
use crate::attempt::Attempt;
use crate::command;
use crate::component::Components;
use crate::component::call::{Caller, Work};
use crate::failure::Failure;
use crate::frame::{Outbox, Report};
use crate::job::Job;
use crate::program::Program;

/// A queue and its threads. How much the queue holds is limited by the pool, which keeps what a
/// worker has no room for.
pub(super) struct Lane {
    queue: Mutex<VecDeque<(Arc<Attempt>, Job)>>,
    changed: Condvar,
}

/// Guests run on the threads' own stacks: theirs, and what the host needs on top.
const THREAD_STACK_BYTES: usize = 4 << 20;

impl Lane {
    pub(super) fn start(
        name: &str,
        threads: u32,
        components: &Arc<Components>,
        attempts: &Arc<Attempts>,
        outbox: &Arc<Outbox>,
    ) -> io::Result<Arc<Self>> {
        let lane = Arc::new(Self { queue: Mutex::default(), changed: Condvar::new() });
        for index in 0..threads {
            let (lane, components) = (Arc::clone(&lane), Arc::clone(components));
            let (attempts, outbox) = (Arc::clone(attempts), Arc::clone(outbox));
            thread::Builder::new()
                .name(format!("{name}-{index}"))
                .stack_size(THREAD_STACK_BYTES)
                .spawn(move || lane.run(&components, &attempts, &outbox))?;
        }
        Ok(lane)
    }

    pub(super) fn push(&self, attempt: Arc<Attempt>, work: Job) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back((attempt, work));
        self.changed.notify_one();
    }

    fn next(&self) -> (Arc<Attempt>, Job) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match queue.pop_front() {
                Some(next) => return next,
                None => {
                    queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn run(&self, components: &Components, attempts: &Attempts, outbox: &Outbox) {
        loop {
            let (attempt, work) = self.next();
            let job = attempt.job();
            // A panic is our bug, not the guest's: the attempt is not its fault, the worker goes on.
            let result = catch_unwind(AssertUnwindSafe(|| call(components, &attempt, work)))
                .unwrap_or_else(|_| Err(Failure::infrastructure("the worker has a bug")));
            attempt.end();
            lock(attempts).remove(&job);
            outbox.send(&result.unwrap_or_else(|failure| Report::Failed {
                job,
                reason: failure.reason,
                detail: crate::detail::clean(&failure.detail),
            }));
        }
    }
}

fn call(components: &Components, attempt: &Arc<Attempt>, work: Job) -> Result<Report, Failure> {
    attempt.check_wanted()?;
    let program = work.program().clone();
    let trace = work.trace().cloned();
    match &program {
        Program::Component { content, path } => {
            let caller = Caller { components, attempt, content: *content, path };
            match work {
                Job::Describe { .. } => caller.describe(),
                Job::Quote { call, .. } => caller.quote(call),
                Job::Counter { turn, .. } => caller.counter(&turn),
                Job::Execute { capability, parameters, input, first_chunk, limits, .. } => {
                    caller.execute(Work { capability, parameters, input, limits }, first_chunk)
                }
                Job::Verify { capability, parameters, input, output, limits, .. } => {
                    caller.verify(Work { capability, parameters, input, limits }, output)
                }
            }
        }
        Program::Command { argv, network, readable } => {
            let trace = trace.as_ref();
            let command = command::Command { argv, network: *network, readable, trace };
            match work {
                Job::Describe { .. } => command.describe(attempt),
                Job::Execute { capability, parameters, input, limits, .. } => {
                    command.execute(attempt, capability.as_str(), &parameters, input, &limits)
                }
                Job::Quote { .. } | Job::Counter { .. } | Job::Verify { .. } => Err(Failure::new(
                    FailureReason::Declined,
                    "a command neither bids nor verifies: its price is configured",
                )),
            }
        }
        Program::Remote(_) => Err(Failure::infrastructure("a worker was given a remote agent")),
    }
}
