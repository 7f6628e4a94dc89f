//! One job inside a worker, as its thread, the reader of the node's messages and the watchdog share
//! it: its clock, its window of chunks, and whether anybody still wants it.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ainur_primitives::{DurationMs, FailureReason};

use crate::failure::Failure;
use crate::frame::{Outbox, Report};
use crate::job::JobId;
use crate::limits::{
    ACKNOWLEDGE_WAIT_MS_MAX, CHUNKS_UNACKNOWLEDGED_MAX, COMPILE_MS_MAX, WEDGE_GRACE_MS,
};

/// See the module.
pub(crate) struct Attempt {
    job: JobId,
    outbox: Arc<Outbox>,
    cancelled: AtomicBool,
    /// Milliseconds of [`now_ms`] at which the present phase has to be over; `u64::MAX` when the
    /// attempt is not running, or waits for the node.
    deadline_ms: AtomicU64,
    /// The program is being loaded: no guest code runs yet.
    loading: AtomicBool,
    /// The first chunk that is not acknowledged.
    unacknowledged: Mutex<u32>,
    changed: Condvar,
}

/// Milliseconds since this process first asked.
fn now_ms() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_millis() as u64
}

impl Attempt {
    pub(crate) fn new(job: JobId, first_chunk: u32, outbox: Arc<Outbox>) -> Self {
        Self {
            job,
            outbox,
            cancelled: AtomicBool::new(false),
            deadline_ms: AtomicU64::new(u64::MAX),
            loading: AtomicBool::new(false),
            unacknowledged: Mutex::new(first_chunk),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn job(&self) -> JobId {
        self.job
    }

    /// The program is being loaded.
    pub(crate) fn load(&self) {
        self.loading.store(true, Ordering::Relaxed);
        self.deadline_ms.store(now_ms().saturating_add(COMPILE_MS_MAX), Ordering::Relaxed);
    }

    /// The guest begins to run.
    pub(crate) fn begin(&self, duration_max: DurationMs) {
        self.loading.store(false, Ordering::Relaxed);
        self.deadline_ms.store(now_ms().saturating_add(duration_max.0), Ordering::Relaxed);
    }

    /// The attempt is over; the watchdog has nothing to watch any more.
    pub(crate) fn end(&self) {
        self.deadline_ms.store(u64::MAX, Ordering::Relaxed);
    }

    /// Time left in the present phase.
    pub(crate) fn left(&self) -> Duration {
        let deadline_ms = self.deadline_ms.load(Ordering::Relaxed);
        Duration::from_millis(deadline_ms.saturating_sub(now_ms()))
    }

    /// An error when nobody wants the result any more.
    pub(crate) fn check_wanted(&self) -> Result<(), Failure> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Failure::infrastructure("cancelled"));
        }
        Ok(())
    }

    /// An error when the guest has to stop: its time is over, or nobody wants the result.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.check_wanted()?;
        if self.left().is_zero() {
            return Err(Failure::new(FailureReason::TimedOut, "its time ran out"));
        }
        Ok(())
    }

    /// Why the worker has to die, when the attempt did not stop as it was told to.
    pub(crate) fn wedged(&self) -> Option<Failure> {
        let deadline_ms = self.deadline_ms.load(Ordering::Relaxed);
        if now_ms() <= deadline_ms.saturating_add(WEDGE_GRACE_MS) {
            return None;
        }
        Some(if self.loading.load(Ordering::Relaxed) {
            Failure::crashed(format!("it took more than {COMPILE_MS_MAX} ms to compile"))
        } else {
            Failure::new(FailureReason::TimedOut, "its time ran out, and it could not be stopped")
        })
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        // Through the lock, so that a waiter cannot miss it.
        drop(self.unacknowledged.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    pub(crate) fn acknowledge(&self, index: u32) {
        let mut unacknowledged = self.unacknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        *unacknowledged = (*unacknowledged).max(index.saturating_add(1));
        self.changed.notify_all();
    }

    /// Sends a chunk, after waiting for room in the window. Waiting is not the guest's time.
    pub(crate) fn emit(&self, index: u32, data: Vec<u8>) -> Result<(), Failure> {
        self.check()?;
        self.wait_for_window(index)?;
        self.outbox.send(&Report::Chunk { job: self.job, index, data });
        Ok(())
    }

    fn wait_for_window(&self, index: u32) -> Result<(), Failure> {
        let mut unacknowledged = self.unacknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |unacknowledged: u32| index - unacknowledged >= CHUNKS_UNACKNOWLEDGED_MAX;
        if !full(*unacknowledged) {
            return Ok(());
        }
        let left = self.left();
        self.deadline_ms.store(u64::MAX, Ordering::Relaxed);
        let give_up = Instant::now() + Duration::from_millis(ACKNOWLEDGE_WAIT_MS_MAX);
        let result = loop {
            let pause = give_up.saturating_duration_since(Instant::now());
            if let Err(cancelled) = self.check_wanted() {
                break Err(cancelled);
            }
            if !full(*unacknowledged) {
                break Ok(());
            }
            if pause.is_zero() {
                break Err(Failure::infrastructure("the node did not acknowledge a chunk in time"));
            }
            unacknowledged = self
                .changed
                .wait_timeout(unacknowledged, pause)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        };
        self.begin(DurationMs(left.as_millis() as u64));
        result
    }

    pub(crate) fn progress(&self, done: u64, total: u64) {
        self.outbox.send(&Report::Progress { job: self.job, done, total });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> Attempt {
        let attempt = Attempt::new(JobId(1), 0, Arc::default());
        attempt.begin(DurationMs(60_000));
        attempt
    }

    #[test]
    fn full_window_waits_for_acknowledgement() {
        let attempt = Arc::new(attempt());
        for index in 0..CHUNKS_UNACKNOWLEDGED_MAX {
            attempt.emit(index, vec![]).unwrap();
        }
        let waiting = Arc::clone(&attempt);
        let waiter =
            std::thread::spawn(move || waiting.emit(CHUNKS_UNACKNOWLEDGED_MAX, vec![]).is_ok());
        std::thread::sleep(Duration::from_millis(50));
        assert!(!waiter.is_finished());
        attempt.acknowledge(0);
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn cancelling_frees_a_waiting_guest() {
        let attempt = Arc::new(attempt());
        let waiting = Arc::clone(&attempt);
        let waiter =
            std::thread::spawn(move || waiting.emit(CHUNKS_UNACKNOWLEDGED_MAX, vec![]).is_err());
        std::thread::sleep(Duration::from_millis(50));
        attempt.cancel();
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn time_is_over_before_the_attempt_is_wedged() {
        let attempt = attempt();
        assert!(attempt.check().is_ok());
        attempt.begin(DurationMs(0));
        assert_eq!(attempt.check().unwrap_err().reason, FailureReason::TimedOut);
        assert_eq!(attempt.wedged(), None);
    }
}
