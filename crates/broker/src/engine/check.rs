//! Acceptance: running the check an agreement names, step by step.
use ainur_crypto::hash::ContentHasher;
use ainur_primitives::{ContentId, DurationMs, ExecutionLimits, FailureReason};
use ainur_runtime::input::Input;
use ainur_runtime::{Executor, Job, Program};
use ainur_storage::{Disk, crash_point};
use ainur_verification::acceptance::Step;
use ainur_verification::{Acceptance, Evidence, Plan};

use super::work::Errand;
use super::{Broker, one_line};
use crate::error::Error;
use crate::event::Event;
use crate::limits::SCHEMA_OUTPUT_BYTES_MAX;
use crate::task::{Phase, Task, TaskSpan};
use ainur_consensus::ReplicatedLog;

/// A check under way. It is only in memory: after a crash the whole check is run again.
pub(super) struct Checking {
    acceptance: Acceptance,
    /// What the re-run has delivered so far.
    rerun: ContentHasher,
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    pub(super) fn begin_check(&mut self, number: u64) -> Result<(), Error> {
        crash_point("broker.checking");
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let Some((output, _)) = task.output else { return Ok(()) };
        match Plan::new(&task.spec.check) {
            Ok(plan) => {
                let acceptance = Acceptance::new(plan, task.verifier, output);
                let rerun = ContentHasher::default();
                self.checks.insert(number, Checking { acceptance, rerun });
                self.continue_check(number)
            }
            Err(error) => self.check_unrunnable(number, &error.to_string()),
        }
    }

    /// Runs steps until one has to wait or there is a verdict.
    pub(super) fn continue_check(&mut self, number: u64) -> Result<(), Error> {
        loop {
            let Some(task) = self.tasks.get(&number) else { return Ok(()) };
            let Some(checking) = self.checks.get(&number) else { return Ok(()) };
            if task.phase != Phase::Delivered {
                return Ok(());
            }
            if let Some(verdict) = checking.acceptance.verdict().cloned() {
                self.checks.remove(&number);
                return self.record(number, Event::Checked(verdict));
            }
            let decided = match checking.acceptance.step() {
                Step::Schema => self.check_schema(number)?,
                Step::BuyerWord { window_ms } => self.ask_buyer(number, window_ms)?,
                Step::Verifier { component } => {
                    self.ask_verifier(number, component)?;
                    false
                }
                Step::Reexecution => {
                    self.run_again(number)?;
                    false
                }
                Step::Done => false,
            };
            if !decided {
                return Ok(());
            }
        }
    }

    /// Tells the acceptance what came of its step; true when it goes on from there.
    fn feed(&mut self, number: u64, evidence: Evidence) -> bool {
        let Some(checking) = self.checks.get_mut(&number) else { return false };
        match checking.acceptance.feed(evidence) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(task = number, %error, "evidence for another step was dropped");
                false
            }
        }
    }

    fn check_schema(&mut self, number: u64) -> Result<bool, Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(false) };
        let contract = task
            .attempt()
            .and_then(|attempt| self.seats.get(attempt.seller))
            .and_then(|seat| seat.contract(&task.spec.capability));
        let Some(contract) = contract else {
            self.check_unrunnable(number, "the agent's contract is gone")?;
            return Ok(false);
        };
        let (output, bytes) = task.output.unwrap_or_default();
        if bytes > SCHEMA_OUTPUT_BYTES_MAX {
            self.check_unrunnable(number, "the output is too large for a schema")?;
            return Ok(false);
        }
        let content = match Self::inline_output(task) {
            Some(inline) => inline,
            None => match self.blobs.get(&output) {
                Ok(content) => content,
                Err(error) if error.is_damage() => {
                    self.check_unrunnable(number, &error.to_string())?;
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            },
        };
        let schema = match self.schemas.get(&contract.output_schema) {
            Ok(schema) => schema,
            Err(error) => {
                self.check_unrunnable(number, &error.to_string())?;
                return Ok(false);
            }
        };
        let Some(checking) = self.checks.get_mut(&number) else { return Ok(false) };
        match checking.acceptance.check_schema(&schema, &content) {
            Ok(()) => Ok(true),
            Err(error) => {
                self.check_unrunnable(number, &error.to_string())?;
                Ok(false)
            }
        }
    }

    fn ask_buyer(&mut self, number: u64, window_ms: DurationMs) -> Result<bool, Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(false) };
        let until = task.delivered.unwrap_or(self.now).plus(window_ms).min(task.deadline);
        let evidence = match &task.decision {
            Some((false, detail)) => Evidence::BuyerRefused { detail: detail.clone() },
            Some((true, _)) => Evidence::BuyerSilent,
            None if self.now >= until => Evidence::BuyerSilent,
            None => {
                self.wake_at(until, number);
                return Ok(false);
            }
        };
        Ok(self.feed(number, evidence))
    }

    fn ask_verifier(&mut self, number: u64, component: ContentId) -> Result<(), Error> {
        if self.has_errand(number) {
            return Ok(());
        }
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let Some(path) = self.blobs.real_path(&component) else {
            return self.check_unrunnable(number, "the verifier component is not stored here");
        };
        let job = Job::Verify {
            program: Program::Component { content: component, path },
            capability: task.spec.capability.clone(),
            parameters: task.spec.parameters.clone(),
            input: self.input_of(task),
            output: self.output_of(task),
            // The buyer's limits are for the work; a check that they stop would punish the seller.
            limits: ExecutionLimits::default(),
        };
        self.dispatch(Errand::Verify { task: number }, job)
    }

    /// Deterministic programs can be checked by running them again.
    fn run_again(&mut self, number: u64) -> Result<(), Error> {
        if self.has_errand(number) {
            return Ok(());
        }
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let Some(seat) = task.attempt().and_then(|attempt| self.seats.get(attempt.seller)) else {
            return self.check_unrunnable(number, "the agent was removed");
        };
        let job = Job::Execute {
            program: seat.program.clone(),
            capability: task.spec.capability.clone(),
            parameters: task.spec.parameters.clone(),
            input: self.input_of(task),
            first_chunk: 0,
            limits: task.spec.limits,
            trace: task.context_of(TaskSpan::Check(task.attempts.len() as u32)),
        };
        if let Some(checking) = self.checks.get_mut(&number) {
            checking.rerun = ContentHasher::default();
        }
        self.dispatch(Errand::Rerun { task: number }, job)
    }

    fn output_of(&self, task: &Task) -> Input {
        let (output, bytes) = task.output.unwrap_or_default();
        let inline = Self::inline_output(task);
        Input { pieces: self.piece(output, inline.as_ref(), bytes).into_iter().collect() }
    }

    pub(super) fn take_rerun_chunk(&mut self, number: u64, data: &[u8]) {
        if let Some(checking) = self.checks.get_mut(&number) {
            checking.rerun.update(data);
        }
    }

    pub(super) fn finish_rerun(&mut self, number: u64) -> Result<(), Error> {
        let Some(checking) = self.checks.get(&number) else { return Ok(()) };
        let again = checking.rerun.content_id();
        self.feed(number, Evidence::Reexecuted(again));
        self.continue_check(number)
    }

    pub(super) fn take_verdict(
        &mut self,
        number: u64,
        accepted: bool,
        detail: &str,
    ) -> Result<(), Error> {
        self.feed(number, Evidence::Verified { accepted, detail: detail.to_owned() });
        self.continue_check(number)
    }

    /// The worker of a check died: the check begins again.
    pub(super) fn restart_check(&mut self, number: u64) {
        self.doing.remove(&number);
        self.checks.remove(&number);
        self.dirty.insert(number);
    }

    /// The check could not be run. That is not the seller's fault, and no reason to pay.
    pub(super) fn check_unrunnable(&mut self, number: u64, detail: &str) -> Result<(), Error> {
        self.checks.remove(&number);
        if self.tasks.get(&number).is_some_and(|task| task.phase == Phase::Delivered) {
            let detail = one_line(&format!("the check could not be run: {detail}"));
            let reason = FailureReason::Infrastructure;
            self.record(number, Event::AttemptFailed { reason, detail })?;
        }
        Ok(())
    }

    /// Takes the buyer's word on a delivered result.
    ///
    /// # Errors
    /// When the task is not waiting for it.
    pub fn decide(&mut self, number: u64, accept: bool, reason: &str) -> Result<(), Error> {
        if self.tasks.get(&number).is_some_and(Task::is_chunked) {
            // A word that comes late, or twice, would be taken for the next chunk's.
            let why = "chunks are accepted by silence; cancel the task to stop after the last one";
            return Err(Error::Invalid(why.into()));
        }
        let asked = self
            .checks
            .get(&number)
            .is_some_and(|checking| matches!(checking.acceptance.step(), Step::BuyerWord { .. }));
        if !asked {
            return Err(Error::Invalid("the task does not wait for your word".into()));
        }
        let detail = one_line(reason);
        self.record(number, Event::Decided { accept, detail })?;
        self.continue_check(number)
    }

    /// Stops a task that has no accepted result.
    ///
    /// # Errors
    /// When it has ended or its result is accepted already.
    pub fn cancel(&mut self, number: u64) -> Result<(), Error> {
        let part_of = self.tasks.get(&number).and_then(|task| task.part_of);
        if let Some(part_of) = part_of {
            let whole = part_of.id;
            return Err(Error::Invalid(format!("it is a part of task {whole}: cancel that one")));
        }
        if self.is_accepted_graph(number) {
            return Err(Error::Invalid("its result is accepted already".into()));
        }
        self.record(number, Event::Cancelled)?;
        self.cancel_errands(number);
        Ok(())
    }
}
