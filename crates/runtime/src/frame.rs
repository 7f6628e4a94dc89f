//! The language of node and worker: length-prefixed SCALE frames, with many small ones coalesced
//! into one write.
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ainur_primitives::FailureReason;
use scale::{Decode, DecodeAll, Encode};

use crate::job::{GuestDecision, Job, JobId, Quote};
use crate::limits::FRAME_BYTES_MAX;
use crate::program::PathBytes;

/// What the node and its workers have to agree on; both are the same binary, unless it was replaced
/// under a running node.
pub(crate) const VERSION: u32 = 2;

/// Node to worker.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Request {
    /// First frame.
    Hello(Setup),
    Dispatch {
        job: JobId,
        work: Job,
    },
    Acknowledge {
        job: JobId,
        index: u32,
    },
    Cancel {
        job: JobId,
    },
}

/// What a worker is told when it begins.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Setup {
    pub(crate) version: u32,
    pub(crate) threads_short: u32,
    pub(crate) threads_long: u32,
    /// For temporary files; the pool removes it with the worker.
    #[codec(encoded_as = "PathBytes")]
    pub(crate) scratch: PathBuf,
    pub(crate) cache: Option<CacheSetup>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CacheSetup {
    #[codec(encoded_as = "PathBytes")]
    pub(crate) folder: PathBuf,
    pub(crate) key: [u8; 32],
}

/// Worker to node.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Report {
    /// First frame.
    Hello {
        version: u32,
    },
    /// The worker lives.
    Alive,
    Chunk {
        job: JobId,
        index: u32,
        data: Vec<u8>,
    },
    Progress {
        job: JobId,
        done: u64,
        total: u64,
    },
    Described {
        job: JobId,
        manifest: Vec<u8>,
    },
    Quoted {
        job: JobId,
        quote: Option<Quote>,
    },
    Countered {
        job: JobId,
        decision: Option<GuestDecision>,
    },
    Executed {
        job: JobId,
        fuel_used: u64,
        chunks: u32,
        output_bytes: u64,
        duration_ms: u64,
    },
    Verified {
        job: JobId,
        accepted: bool,
        detail: String,
    },
    Failed {
        job: JobId,
        reason: FailureReason,
        detail: String,
    },
    /// The job does not end when told to: only killing the worker helps.
    Wedged {
        job: JobId,
        reason: FailureReason,
        detail: String,
    },
}

/// Reads one frame; `None` at the end of the stream.
pub(crate) fn read<T: Decode>(from: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<Option<T>> {
    let mut prefix = [0; 4];
    match from.read_exact(&mut prefix) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(prefix) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(broken("a frame longer than frames may be"));
    }
    buffer.resize(length, 0);
    from.read_exact(buffer)?;
    let frame = T::decode_all(&mut &buffer[..]).map_err(|_| broken("a frame that is none"))?;
    if buffer.capacity() > BUFFER_BYTES_KEPT {
        *buffer = Vec::new();
    }
    Ok(Some(frame))
}

/// A buffer that grew beyond this is given back.
const BUFFER_BYTES_KEPT: usize = 1 << 20;

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Frames waiting to be written. Senders never wait: what may be in here is bounded by the jobs
/// under way and their windows of chunks.
#[derive(Default)]
pub(crate) struct Outbox {
    state: Mutex<OutboxState>,
    changed: Condvar,
}

#[derive(Default)]
struct OutboxState {
    bytes: Vec<u8>,
    writing: bool,
    closed: bool,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, OutboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a frame at the end. After the end of the stream it goes nowhere.
    pub(crate) fn send<T: Encode>(&self, frame: &T) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let start = state.bytes.len();
        state.bytes.extend_from_slice(&[0; 4]);
        frame.encode_to(&mut state.bytes);
        let length = state.bytes.len() - start - 4;
        debug_assert!(length <= FRAME_BYTES_MAX, "jobs and chunks are limited");
        state.bytes[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
        if !state.writing {
            self.changed.notify_all();
        }
    }

    /// Ends [`Outbox::run`] once everything is written.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Writes frames as they come until closed or the other side is gone. While one write is under
    /// way, the next ones gather and become one.
    pub(crate) fn run(&self, mut to: impl Write) {
        let mut batch = Vec::new();
        loop {
            let mut state = self.lock();
            state.writing = false;
            while state.bytes.is_empty() && !state.closed {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.bytes.is_empty() {
                return;
            }
            std::mem::swap(&mut batch, &mut state.bytes);
            state.writing = true;
            drop(state);
            if to.write_all(&batch).and_then(|()| to.flush()).is_err() {
                self.close();
                self.lock().bytes = Vec::new();
                return;
            }
            batch.clear();
            batch.shrink_to(BUFFER_BYTES_KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_back_and_end_cleanly() {
        let outbox = Outbox::default();
        let first = Report::Alive;
        let second = Report::Chunk { job: JobId(7), index: 3, data: vec![9; 100] };
        outbox.send(&first);
        outbox.send(&second);
        outbox.close();
        let mut bytes = Vec::new();
        outbox.run(&mut bytes);
        let (mut from, mut buffer) = (&bytes[..], Vec::new());
        assert_eq!(read::<Report>(&mut from, &mut buffer).unwrap(), Some(first));
        assert_eq!(read::<Report>(&mut from, &mut buffer).unwrap(), Some(second));
        assert_eq!(read::<Report>(&mut from, &mut buffer).unwrap(), None);
    }

    #[test]
    fn lying_frames_are_errors_not_allocations() {
        let mut buffer = Vec::new();
        let huge = u32::MAX.to_le_bytes();
        assert!(read::<Report>(&mut &huge[..], &mut buffer).is_err());
        let cut = [5, 0, 0, 0, 1];
        assert!(read::<Report>(&mut &cut[..], &mut buffer).is_err());
        let garbage = [2, 0, 0, 0, 255, 255];
        assert!(read::<Report>(&mut &garbage[..], &mut buffer).is_err());
        let trailing = [2, 0, 0, 0, 1, 0];
        assert!(read::<Report>(&mut &trailing[..], &mut buffer).is_err());
    }
}
