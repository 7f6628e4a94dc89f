//! What happens because time passes.
use ainur_consensus::ReplicatedLog;
use ainur_primitives::{FailureReason, Timestamp, Venue};
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::Broker;
use crate::error::Error;
use crate::event::Event;
use crate::task::{Phase, TaskStep};

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// When [`Broker::turn`] has to be called even if nothing arrives.
    pub fn next_timer(&self) -> Option<Timestamp> {
        let task = self.timers.first().map(|(at, _)| *at);
        task.into_iter().chain(self.rentals.next_look()).min()
    }

    /// Has a task looked at again at some time.
    pub(super) fn wake_at(&mut self, at: Timestamp, number: u64) {
        self.timers.insert((at, number));
    }

    pub(super) fn run_timers(&mut self) -> Result<(), Error> {
        while let Some((at, number)) = self.timers.first().copied() {
            if at > self.now {
                break;
            }
            self.timers.remove(&(at, number));
            self.wake(number)?;
        }
        Ok(())
    }

    fn wake(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        self.dirty.insert(number);
        let expired = self.now >= task.deadline;
        let phase = task.phase;
        match phase {
            // A part that was announced and no more when the node died is put to work.
            Phase::Announced if task.part_of.is_some() && !task.is_called_part() => {
                self.doing.remove(&number);
                Ok(())
            }
            Phase::Announced if task.venue == Venue::Negotiation => {
                self.wake_negotiation(number);
                Ok(())
            }
            Phase::Announced if self.now >= task.auction.terms().commit_until => {
                let is_graph = task.spec.graph.is_some();
                self.cancel_errands(number);
                if is_graph {
                    return self.decide_graph(number);
                }
                self.record(number, Event::CommitmentsClosed)
            }
            Phase::Running if task.graph.is_some() => {
                self.doing.remove(&number);
                Ok(())
            }
            Phase::Running if expired => {
                // Only an attempt that was really at work ran out of time.
                let reason = match self.has_errand(number) {
                    true => FailureReason::TimedOut,
                    false => FailureReason::Infrastructure,
                };
                self.cancel_errands(number);
                let detail = "the task's deadline passed".to_owned();
                self.record(number, Event::AttemptFailed { reason, detail })
            }
            Phase::Delivered if expired => self.check_expired(number),
            Phase::Delivered => self.continue_check(number),
            Phase::Running => {
                if !self.has_errand(number) {
                    self.doing.remove(&number);
                }
                Ok(())
            }
            _ => {
                // A step that was put off: let it begin again, unless it is on its way.
                if !self.doing.get(&number).is_some_and(|step| self.is_posted(number, *step)) {
                    self.doing.remove(&number);
                }
                Ok(())
            }
        }
    }

    /// Silence accepts to the last; a check that hangs is not the seller's fault.
    fn check_expired(&mut self, number: u64) -> Result<(), Error> {
        self.continue_check(number)?;
        if self.tasks.get(&number).is_some_and(|task| task.phase == Phase::Delivered) {
            self.cancel_errands(number);
            self.checks.remove(&number);
            let reason = FailureReason::Infrastructure;
            let detail = "the task's deadline passed".to_owned();
            self.record(number, Event::AttemptFailed { reason, detail })?;
        }
        Ok(())
    }

    fn is_posted(&self, number: u64, step: TaskStep) -> bool {
        let posted =
            |posting: &super::contract::Posting| posting.task == number && posting.step == step;
        self.outbox.iter().any(posted) || self.submitted.values().flatten().any(posted)
    }
}
