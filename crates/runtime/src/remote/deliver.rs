//! Output on its way to the node: in chunks, no more of them at once than may be.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use super::jobs::{Attempt, Jobs};
use crate::executor::Event;
use crate::failure::Failure;
use crate::limits::{
    ACKNOWLEDGE_WAIT_MS_MAX, CHUNKS_UNACKNOWLEDGED_MAX, COMMAND_CHUNK_BYTES,
    REMOTE_OUTPUT_BYTES_MAX,
};

/// Sends the output of a job, which begins with chunk 0, and says how many chunks it was. Waiting
/// for acknowledgements is not the seller's time.
pub(super) async fn deliver(jobs: &Jobs, attempt: &Attempt, output: &[u8]) -> Result<u32, Failure> {
    let mut wishes = attempt.wishes.clone();
    let mut chunks = 0u32;
    for data in output.chunks(COMMAND_CHUNK_BYTES) {
        let room = wishes.wait_for(|wishes| {
            wishes.cancelled
                || chunks.saturating_sub(wishes.unacknowledged) < CHUNKS_UNACKNOWLEDGED_MAX
        });
        match timeout(Duration::from_millis(ACKNOWLEDGE_WAIT_MS_MAX), room).await {
            Ok(Ok(wishes)) if !wishes.cancelled => {}
            Ok(_) => return Err(Failure::infrastructure("cancelled")),
            Err(_) => {
                return Err(Failure::infrastructure(
                    "the node did not acknowledge a chunk in time",
                ));
            }
        }
        jobs.tell(attempt, Event::Chunk { job: attempt.job, index: chunks, data: data.to_vec() });
        chunks = chunks.checked_add(1).ok_or_else(|| Failure::limit("too many chunks"))?;
    }
    Ok(chunks)
}

/// How many bytes of output all jobs hold that were not delivered yet.
#[derive(Clone, Default)]
pub(super) struct Holding(Arc<AtomicU64>);

/// A part of what is held, given back when it is dropped.
pub(super) struct Held {
    holding: Holding,
    bytes: u64,
}

impl Holding {
    /// Makes room for an output, or says that there is none.
    pub(super) fn take(&self, bytes: u64) -> Result<Held, Failure> {
        let held = Held { holding: self.clone(), bytes };
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > REMOTE_OUTPUT_BYTES_MAX {
            let detail = "the node holds too much output of remote agents that was not stored yet";
            return Err(Failure::infrastructure(detail));
        }
        Ok(held)
    }
}

impl Held {
    /// Makes room for more of the output, or says that there is none.
    pub(super) fn grow(&mut self, bytes: u64) -> Result<(), Failure> {
        let mut more = self.holding.take(bytes)?;
        // Given back with the rest.
        self.bytes += std::mem::take(&mut more.bytes);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.holding.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_beyond_what_may_be_held_is_refused_until_some_is_given_back() {
        let holding = Holding::default();
        let held = holding.take(REMOTE_OUTPUT_BYTES_MAX).ok().unwrap();
        assert!(holding.take(1).is_err());
        drop(held);
        assert!(holding.take(1).is_ok());
    }
}
