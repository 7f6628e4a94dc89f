//! What the broker needs of whoever runs its jobs: the [`WorkerPool`](crate::WorkerPool) on a real
//! node, a deterministic executor inside the simulator.
use ainur_primitives::FailureReason;

use crate::job::{GuestDecision, Job, JobId, Quote};
use crate::limits::{
    INLINE_BYTES_MAX, INPUT_PIECES_MAX, JOBS_INLINE_BYTES_MAX, JOBS_MAX, PARAMETERS_BYTES_MAX,
};
use crate::manifest::Manifest;

/// Runs jobs. Answers arrive as [`Event`]s at the place the executor was started with.
///
/// Of a dispatched job there are any number of [`Event::Chunk`] and [`Event::Progress`], and then
/// exactly one last event: what [`Event::is_last`] says. A cancelled job may have none.
pub trait Executor {
    /// Takes a job.
    ///
    /// # Errors
    /// When it is larger than a job may be, its name is in use, or the executor holds as much as it
    /// can or is shut down. No event follows.
    fn dispatch(&mut self, job: JobId, work: Job) -> Result<(), Error>;

    /// Chunk `index` is durable. A guest with too many chunks on the way waits for this.
    fn acknowledge(&mut self, job: JobId, index: u32);

    /// Nobody wants the result any more. No event of the job follows this call's return, except
    /// those already on their way to the receiver.
    fn cancel(&mut self, job: JobId);
}

/// What happened to a job, or to the processes that run them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A chunk of output. Indices of a job run without gap from `first_chunk`, or from 0 when the
    /// program is not resumable.
    Chunk {
        /// The job.
        job: JobId,
        /// Its place in the output.
        index: u32,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// How far a job is, by its own account.
    Progress {
        /// The job.
        job: JobId,
        /// So much is done…
        done: u64,
        /// …of this.
        total: u64,
    },
    /// Last: the manifest, checked.
    Described {
        /// The job.
        job: JobId,
        /// What the program offers.
        manifest: Box<Manifest>,
    },
    /// Last: a bid, or none.
    Quoted {
        /// The job.
        job: JobId,
        /// The bid.
        quote: Option<Quote>,
    },
    /// Last: what a guest says in a negotiation; nothing when it has no strategy of its own.
    Countered {
        /// The job.
        job: JobId,
        /// What it says.
        decision: Option<GuestDecision>,
    },
    /// Last: all chunks were delivered.
    Executed {
        /// The job.
        job: JobId,
        /// Fuel used by this attempt; 0 for commands.
        fuel_used: u64,
        /// Chunks of the whole output, those before `first_chunk` included.
        chunks: u32,
        /// Bytes of the chunks of this attempt.
        output_bytes: u64,
        /// Wall-clock time of this attempt, compilation excluded.
        duration_ms: u64,
    },
    /// Last: the verifier's word.
    Verified {
        /// The job.
        job: JobId,
        /// The delivery is good.
        accepted: bool,
        /// One line for people.
        detail: String,
    },
    /// Last: no result.
    Failed {
        /// The job.
        job: JobId,
        /// Whose fault it is.
        reason: FailureReason,
        /// One line for people, without control characters.
        detail: String,
    },
    /// Last: the worker died, not through this job. Dispatch it again, from the last durable chunk.
    Lost {
        /// The job.
        job: JobId,
    },
    /// A worker process is up.
    WorkerStarted {
        /// Its seat in the pool.
        worker: u32,
        /// Its process.
        pid: u32,
    },
    /// A worker process is gone; its jobs are lost, and another one is started.
    WorkerStopped {
        /// Its seat in the pool.
        worker: u32,
        /// Its process.
        pid: u32,
        /// Why, as far as it is known.
        detail: String,
    },
}

impl Event {
    /// The job it is about.
    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::Chunk { job, .. }
            | Self::Progress { job, .. }
            | Self::Described { job, .. }
            | Self::Quoted { job, .. }
            | Self::Countered { job, .. }
            | Self::Executed { job, .. }
            | Self::Verified { job, .. }
            | Self::Failed { job, .. }
            | Self::Lost { job } => Some(*job),
            Self::WorkerStarted { .. } | Self::WorkerStopped { .. } => None,
        }
    }

    /// The job is finished with this event.
    pub fn is_last(&self) -> bool {
        !matches!(
            self,
            Self::Chunk { .. }
                | Self::Progress { .. }
                | Self::WorkerStarted { .. }
                | Self::WorkerStopped { .. }
        )
    }
}

/// Why a job was not taken, or an executor not started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too much is under way.
    #[error(
        "the executor holds {JOBS_MAX} jobs or {JOBS_INLINE_BYTES_MAX} bytes of their input \
         already: try again when some are finished"
    )]
    Busy,
    /// The job is larger than a job may be.
    #[error(
        "a job carries at most {INLINE_BYTES_MAX} bytes, {INPUT_PIECES_MAX} pieces and \
         {PARAMETERS_BYTES_MAX} bytes of parameters: put larger input into a file"
    )]
    TooLarge,
    /// The name of the job is in use.
    #[error("job {} is still running", .0.0)]
    Duplicate(JobId),
    /// The executor was shut down.
    #[error("the executor was shut down")]
    Stopped,
    /// A worker process could not be started.
    #[error("cannot start a worker process ({command})")]
    Spawn {
        /// The command line.
        command: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The configuration makes no sense.
    #[error("{0}")]
    Config(&'static str),
}

/// Refuses jobs larger than a job may be; for every implementation of [`Executor`].
///
/// # Errors
/// [`Error::TooLarge`].
pub fn check_size(work: &Job) -> Result<(), Error> {
    let good = work.bytes_inline() <= INLINE_BYTES_MAX
        && work.pieces() <= INPUT_PIECES_MAX
        && work.parameters_bytes() <= PARAMETERS_BYTES_MAX;
    if good { Ok(()) } else { Err(Error::TooLarge) }
}
