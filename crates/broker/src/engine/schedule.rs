//! How busy the agents are: work they have been awarded, when it is expected to be done, and so how
//! long more of it would wait for a place.
//!
//! Only agents whose contract says how much they do at once (`concurrency_max`) have anything to wait
//! for. What is kept here is an estimate, made again from the open tasks after a restart.
use std::collections::HashMap;

use ainur_consensus::ReplicatedLog;
use ainur_market::queue::PlaceSchedule;
use ainur_primitives::{CapabilityName, Did, DurationMs};
use ainur_runtime::Executor;
use ainur_runtime::job::Quote;
use ainur_storage::Disk;

use super::Broker;
use crate::task::Phase;

/// The work under way, by who does it.
#[derive(Default)]
pub(super) struct Schedules {
    by_agent: HashMap<Did, PlaceSchedule<u64>>,
    /// Who has a task's work in its schedule.
    at_work: HashMap<u64, Did>,
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Brings the schedules up to date with a task, after an event of it or a restart.
    pub(super) fn note_work(&mut self, number: u64) {
        let task = self.tasks.get(&number);
        let under_way = task.filter(|task| matches!(task.phase, Phase::Awarded | Phase::Running));
        let works = under_way.and_then(|task| {
            let seller = task.attempt()?.seller;
            let level = self.seats.get(seller)?.contract(&task.spec.capability)?.service_level;
            level.concurrency_max.map(|_| (seller, task, level.duration_ms))
        });
        if self.schedules.at_work.get(&number).copied() == works.map(|(seller, ..)| seller) {
            return;
        }
        let begun = works.map(|(seller, task, typical)| {
            let unknown = DurationMs(task.deadline.since(self.now).0 / 2);
            let wait = self.wait_ms(seller, &task.spec.capability);
            (seller, self.now.plus(wait).plus(typical.unwrap_or(unknown)))
        });
        if let Some(before) = self.schedules.at_work.remove(&number)
            && let Some(schedule) = self.schedules.by_agent.get_mut(&before)
        {
            schedule.end(&number);
            if schedule.work().next().is_none() {
                self.schedules.by_agent.remove(&before);
            }
        }
        if let Some((seller, end)) = begun {
            self.schedules.by_agent.entry(seller).or_default().take_on(number, end);
            self.schedules.at_work.insert(number, seller);
        }
    }

    /// How long one more task would wait until the agent has a place for it.
    fn wait_ms(&self, agent: Did, capability: &CapabilityName) -> DurationMs {
        let contract = self.seats.get(agent).and_then(|seat| seat.contract(capability));
        let places = contract.and_then(|contract| contract.service_level.concurrency_max);
        let schedule = self.schedules.by_agent.get(&agent);
        places
            .zip(schedule)
            .map_or(DurationMs(0), |(places, schedule)| schedule.wait_ms(places.max(1), self.now))
    }

    /// A quote that counts the time until the agent has a place.
    pub(super) fn when_free(&self, agent: Did, capability: &CapabilityName, quote: Quote) -> Quote {
        let wait = self.wait_ms(agent, capability);
        let estimated = quote.estimated_duration_ms.0.saturating_add(wait.0);
        Quote { estimated_duration_ms: DurationMs(estimated), ..quote }
    }
}
