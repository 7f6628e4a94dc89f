//! Output on its way to the node: in chunks, no more of them at once than may be.
use std::time::Duration;

use tokio::time::timeout;

use super::jobs::{Attempt, Jobs};
use crate::executor::Event;
use crate::failure::Failure;
use crate::limits::{ACKNOWLEDGE_WAIT_MS_MAX, CHUNKS_UNACKNOWLEDGED_MAX, COMMAND_CHUNK_BYTES};

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
