//! Attempts: starting work, storing chunks, surviving workers.
use ainur_consensus::ReplicatedLog;
use ainur_crypto::hash;
use ainur_primitives::{CapabilityContract, ContentId, Did, FailureReason};
use ainur_runtime::executor::{self, Event as Happened};
use ainur_runtime::input::{Input, Piece};
use ainur_runtime::{Executor, Job, JobId};
use ainur_storage::{Disk, crash_point};

use super::parts::GIVEN_UP;
use super::{Broker, one_line};
use crate::error::Error;
use crate::event::{Chunk, Event};
use crate::limits::{
    BUSY_RETRY_MS, CHUNK_INLINE_BYTES_MAX, CHUNKS_MAX, RESUMES_MAX, TASK_INLINE_BYTES_MAX,
};
use crate::task::{Phase, Task, TaskSpan};

/// What a job is for.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// A bid.
    Quote { task: u64, bidder: Did },
    /// A price for a part of a task graph.
    QuotePart { task: u64, bidder: Did, subtask: u16 },
    /// What to say in a negotiation.
    Counter { task: u64, seller: Did },
    /// The attempt itself.
    Execute { task: u64 },
    /// Running the seller's program again, to compare.
    Rerun { task: u64 },
    /// A verifier's word.
    Verify { task: u64 },
}

impl Errand {
    pub(super) fn task(&self) -> u64 {
        match self {
            Self::Quote { task, .. }
            | Self::QuotePart { task, .. }
            | Self::Counter { task, .. }
            | Self::Execute { task }
            | Self::Rerun { task }
            | Self::Verify { task } => *task,
        }
    }
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Hands a job to the executor; when it is full, the step begins again a little later.
    pub(super) fn dispatch(&mut self, errand: Errand, job: Job) -> Result<(), Error> {
        self.last_job += 1;
        let (id, number) = (JobId(self.last_job), errand.task());
        match self.executor.dispatch(id, job) {
            Ok(()) => {
                if let Errand::Execute { .. } = errand {
                    self.unbegun.remove(&number);
                    let seller = self.tasks.get(&number).and_then(Task::attempt).map(|a| a.seller);
                    if let Some(seat) = seller.and_then(|seller| self.seats.get_mut(seller)) {
                        seat.active += 1;
                    }
                }
                self.errands.insert(id, errand);
                self.jobs.entry(number).or_default().push(id);
                Ok(())
            }
            Err(executor::Error::Busy) => {
                self.wake_at(self.now.plus(BUSY_RETRY_MS), number);
                Ok(())
            }
            Err(error) => {
                self.errand_failed(errand, FailureReason::Infrastructure, &error.to_string())
            }
        }
    }

    pub(super) fn has_errand(&self, number: u64) -> bool {
        self.jobs.get(&number).is_some_and(|jobs| !jobs.is_empty())
    }

    /// What is under way for a task.
    pub(super) fn errands_of(&self, number: u64) -> impl Iterator<Item = &Errand> {
        self.jobs.get(&number).into_iter().flatten().filter_map(|job| self.errands.get(job))
    }

    /// The job is over.
    fn take_errand(&mut self, job: JobId) -> Option<Errand> {
        let errand = self.errands.remove(&job)?;
        if let Some(jobs) = self.jobs.get_mut(&errand.task()) {
            jobs.retain(|other| *other != job);
        }
        Some(errand)
    }

    /// Nobody wants the results of these jobs any more.
    pub(super) fn cancel_errands(&mut self, number: u64) {
        for job in self.jobs.remove(&number).unwrap_or_default() {
            self.executor.cancel(job);
            self.errands.remove(&job);
        }
    }

    /// Starts the attempt, or continues it after its last stored chunk.
    pub(super) fn execute(&mut self, number: u64) -> Result<(), Error> {
        if self.has_errand(number) {
            return Ok(());
        }
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.graph.is_some() {
            return self.drive_graph(number);
        }
        let whole = task.part_of.map(|part_of| self.tasks.get(&part_of.number));
        if whole.is_some_and(|whole| whole.is_none_or(|whole| whole.phase != Phase::Running)) {
            let (reason, detail) = (FailureReason::Infrastructure, GIVEN_UP.to_owned());
            return self.record(number, Event::AttemptFailed { reason, detail });
        }
        if self.now >= task.deadline {
            let reason = FailureReason::Infrastructure;
            let detail = "the task's deadline passed".to_owned();
            return self.record(number, Event::AttemptFailed { reason, detail });
        }
        if !self.offers.may_work(task) {
            // Its turn comes when another task under the offer ends.
            self.doing.remove(&number);
            return Ok(());
        }
        // Whatever became of the agent and its contract since.
        if task.attempt().is_some_and(|attempt| attempt.begun) && !self.unbegun.contains(&number) {
            return self.lose_outcome(number);
        }
        let Some(seat) = task.attempt().and_then(|attempt| self.seats.get(attempt.seller)) else {
            let detail = "the agent was removed".to_owned();
            let reason = FailureReason::Declined;
            return self.record(number, Event::AttemptFailed { reason, detail });
        };
        let program = seat.program.clone();
        if !self.has_place(number) {
            // Its turn comes when another task of this agent ends.
            self.doing.remove(&number);
            return Ok(());
        }
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let Some(seat) = task.attempt().and_then(|attempt| self.seats.get(attempt.seller)) else {
            return Ok(());
        };
        let repeatable =
            seat.contract(&task.spec.capability).is_some_and(CapabilityContract::is_repeatable);
        if !repeatable && !self.unbegun.contains(&number) {
            return self.begin_once(number);
        }
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if !program.resumable() && !task.chunks.is_empty() {
            self.record(number, Event::WorkerLost { resumable: false })?;
        }
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let job = Job::Execute {
            program,
            capability: task.spec.capability.clone(),
            parameters: task.spec.parameters.clone(),
            input: self.input_of(task),
            first_chunk: task.chunks.len() as u32,
            limits: task.spec.limits,
            trace: task.context_of(TaskSpan::Work(task.attempts.len() as u32)),
        };
        crash_point("broker.executing");
        self.dispatch(Errand::Execute { task: number }, job)
    }

    /// Makes durable that work is about to begin that must not be done twice.
    fn begin_once(&mut self, number: u64) -> Result<(), Error> {
        self.record(number, Event::Begun)?;
        self.unbegun.insert(number);
        self.doing.remove(&number);
        Ok(())
    }

    /// Whoever began the work did not live to tell how far it came.
    fn lose_outcome(&mut self, number: u64) -> Result<(), Error> {
        let reason = FailureReason::Infrastructure;
        let detail = "the call was under way when its connection to this node was lost: it may \
                      or may not have been done, and must not be done twice"
            .to_owned();
        self.record(number, Event::AttemptFailed { reason, detail })
    }

    /// The task's input stream: that of its chunk at hand, when it has any.
    pub(super) fn input_of(&self, task: &Task) -> Input {
        let (input, bytes) = task.work_input();
        let piece = input.and_then(|content| self.piece(content, None, bytes));
        Input { pieces: piece.into_iter().collect() }
    }

    /// Stored bytes as a worker reads them.
    pub(super) fn piece(
        &self,
        content: ContentId,
        inline: Option<&Vec<u8>>,
        bytes: u64,
    ) -> Option<Piece> {
        if let Some(data) = inline {
            return Some(Piece::Inline(data.clone()));
        }
        match self.blobs.real_path(&content) {
            Some(path) => Some(Piece::File { path, bytes }),
            None => self.blobs.get(&content).ok().map(Piece::Inline),
        }
    }

    pub(super) fn handle_executor(&mut self, happened: Happened) -> Result<(), Error> {
        let Some(job) = happened.job() else { return Ok(()) };
        let last = happened.is_last();
        let errand = match last {
            true => self.take_errand(job),
            false => self.errands.get(&job).cloned(),
        };
        let Some(errand) = errand else { return Ok(()) };
        match happened {
            Happened::Chunk { index, data, .. } => self.take_chunk(job, &errand, index, data),
            Happened::Progress { done, total, .. } => {
                self.progress.insert(errand.task(), (done, total));
                Ok(())
            }
            Happened::Quoted { quote, .. } => match errand {
                Errand::Quote { task, bidder } => self.bid_by_strategy(task, bidder, quote),
                Errand::QuotePart { task, bidder, subtask } => {
                    self.take_part_quote(task, (bidder, subtask), quote)?;
                    self.decide_when_answered(task)
                }
                _ => Ok(()),
            },
            Happened::Countered { decision, .. } => {
                if let Errand::Counter { task, seller } = errand {
                    self.take_counter(task, seller, decision);
                }
                Ok(())
            }
            Happened::Executed { .. } => match errand {
                Errand::Execute { task } => {
                    self.deliver(task)?;
                    self.continue_check(task)
                }
                Errand::Rerun { task } => self.finish_rerun(task),
                _ => Ok(()),
            },
            Happened::Verified { accepted, detail, .. } => match errand {
                Errand::Verify { task } => self.take_verdict(task, accepted, &detail),
                _ => Ok(()),
            },
            Happened::Failed { reason, detail, .. } => self.errand_failed(errand, reason, &detail),
            Happened::Lost { .. } => self.errand_lost(errand),
            Happened::Described { .. }
            | Happened::WorkerStarted { .. }
            | Happened::WorkerStopped { .. } => Ok(()),
        }
    }

    fn take_chunk(
        &mut self,
        job: JobId,
        errand: &Errand,
        index: u32,
        data: Vec<u8>,
    ) -> Result<(), Error> {
        let number = errand.task();
        match errand {
            Errand::Rerun { .. } => self.take_rerun_chunk(number, &data),
            Errand::Execute { .. } => self.store_chunk(number, job, index, data)?,
            _ => {}
        }
        self.acknowledgements.push((job, index));
        Ok(())
    }

    fn store_chunk(
        &mut self,
        number: u64,
        job: JobId,
        index: u32,
        data: Vec<u8>,
    ) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.phase != Phase::Running || (index as usize) < task.chunks.len() {
            return Ok(());
        }
        let written: u64 = task.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum();
        let output_bytes = written + data.len() as u64;
        if task.chunks.len() >= CHUNKS_MAX || output_bytes > task.spec.limits.output_bytes_max {
            let detail = format!("more than {} bytes of output", task.spec.limits.output_bytes_max);
            self.executor.cancel(job);
            self.take_errand(job);
            let reason = FailureReason::LimitExceeded;
            return self.record(number, Event::AttemptFailed { reason, detail });
        }
        let inline =
            data.len() <= CHUNK_INLINE_BYTES_MAX && output_bytes <= TASK_INLINE_BYTES_MAX as u64;
        let bytes = data.len() as u32;
        let chunk = if inline {
            Chunk { index, content: hash::content_id(&data), bytes, inline: Some(data) }
        } else {
            Chunk { index, content: self.blobs.put(&data)?, bytes, inline: None }
        };
        crash_point("broker.chunk");
        self.record(number, Event::ChunkStored(chunk))
    }

    /// Puts the chunks together.
    fn deliver(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.phase != Phase::Running {
            return Ok(());
        }
        let bytes = task.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum();
        let output = match task.chunks.as_slice() {
            [only] => only.content,
            chunks => {
                let mut writer = self.blobs.writer()?;
                for chunk in chunks {
                    match &chunk.inline {
                        Some(data) => writer.write(data)?,
                        None => match self.blobs.get(&chunk.content) {
                            Ok(data) => writer.write(&data)?,
                            Err(error) if error.is_damage() => {
                                return self.lost_chunk(number, &error.to_string());
                            }
                            Err(error) => return Err(error.into()),
                        },
                    }
                }
                writer.finish()?
            }
        };
        self.record(number, Event::Delivered { output, bytes })
    }

    /// A stored chunk is damaged: not the seller's fault, and no reason for the node to stop.
    fn lost_chunk(&mut self, number: u64, detail: &str) -> Result<(), Error> {
        let (reason, detail) = (FailureReason::Infrastructure, one_line(detail));
        self.record(number, Event::AttemptFailed { reason, detail })
    }

    fn errand_lost(&mut self, errand: Errand) -> Result<(), Error> {
        let number = errand.task();
        match errand {
            Errand::Execute { .. } => {
                let Some(task) = self.tasks.get(&number) else { return Ok(()) };
                if task.phase != Phase::Running {
                    return Ok(());
                }
                if task.attempt().is_some_and(|attempt| attempt.begun) {
                    return self.lose_outcome(number);
                }
                let resumed = task.attempt().map_or(0, |attempt| attempt.resumed);
                if resumed >= RESUMES_MAX {
                    let detail = format!("lost its worker {resumed} times (RESUMES_MAX)");
                    let reason = FailureReason::Infrastructure;
                    return self.record(number, Event::AttemptFailed { reason, detail });
                }
                let seat = task.attempt().and_then(|attempt| self.seats.get_mut(attempt.seller));
                let resumable = seat.is_none_or(|seat| {
                    seat.active = seat.active.saturating_sub(1);
                    seat.program.resumable()
                });
                self.doing.remove(&number);
                self.record(number, Event::WorkerLost { resumable })
            }
            Errand::Quote { .. } | Errand::QuotePart { .. } => {
                self.doing.remove(&number);
                self.dirty.insert(number);
                Ok(())
            }
            Errand::Counter { .. } => {
                self.negotiate_now(number);
                Ok(())
            }
            Errand::Rerun { .. } | Errand::Verify { .. } => {
                self.restart_check(number);
                Ok(())
            }
        }
    }

    fn errand_failed(
        &mut self,
        errand: Errand,
        reason: FailureReason,
        detail: &str,
    ) -> Result<(), Error> {
        let detail = one_line(detail);
        match errand {
            Errand::Quote { task, bidder } => {
                let open = self.tasks.get(&task).is_some_and(|t| t.phase == Phase::Announced);
                if open {
                    let detail = format!("{reason}: {detail}");
                    self.record(task, Event::Passed { bidder, detail: one_line(&detail) })?;
                    self.doing.remove(&task);
                }
                Ok(())
            }
            Errand::QuotePart { task, bidder, subtask } => {
                tracing::debug!(task, %bidder, subtask, %reason, detail, "no price for a part");
                self.take_part_quote(task, (bidder, subtask), None)?;
                self.decide_when_answered(task)
            }
            Errand::Counter { task, seller } => {
                tracing::warn!(task, %seller, %reason, detail, "its strategy failed");
                self.take_counter(task, seller, None);
                Ok(())
            }
            Errand::Execute { task } => {
                if self.tasks.get(&task).is_some_and(|t| t.phase == Phase::Running) {
                    self.record(task, Event::AttemptFailed { reason, detail })?;
                }
                Ok(())
            }
            Errand::Rerun { task } if reason != FailureReason::Infrastructure => {
                // It delivered once and cannot again: that is another result.
                self.finish_rerun(task)
            }
            Errand::Rerun { task } => self.check_unrunnable(task, &detail),
            // The seller agreed to this verifier: what it cannot say yes to is not accepted.
            Errand::Verify { task } if reason != FailureReason::Infrastructure => {
                self.take_verdict(task, false, &format!("the verifier {reason}: {detail}"))
            }
            Errand::Verify { task } => self.check_unrunnable(task, &detail),
        }
    }
}
