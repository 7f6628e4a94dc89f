//! Fair turns at agents whose contracts say how many calls they take at once.
use std::num::NonZeroU16;

use ainur_consensus::ReplicatedLog;
use ainur_ledger::budget::BUDGET_DEPTH_MAX;
use ainur_ledger::{budget, rental};
use ainur_primitives::BudgetId;
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::Broker;
use crate::places::WorkFlow;
use crate::task::{Phase, Task};

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Says how much the work of a token's holder weighs where an agent's places are scarce; 1
    /// counts for one who was never named.
    pub fn weigh_tenant(&mut self, tenant: BudgetId, weight: NonZeroU16) {
        self.places.weigh(tenant, weight);
    }

    /// True when the agent of a task takes one more call, or any number.
    pub(super) fn has_place(&mut self, number: u64) -> bool {
        let Some(task) = self.tasks.get(&number) else { return true };
        let Some(attempt) = task.attempt() else { return true };
        let capability = &task.spec.capability;
        let contract = self.seats.get(attempt.seller).and_then(|seat| seat.contract(capability));
        let declared = contract.and_then(|contract| contract.service_level.concurrency_max);
        let Some(places_max) = declared else { return true };
        let agent = (attempt.seller, capability.clone());
        let flow = self.flow_of(task);
        // None at once would mean that it never works.
        self.places.enter(number, agent, places_max.max(1), flow)
    }

    /// Whose work it is, and how much that weighs. A budget inside a token's is the token's: who
    /// opens many gains nothing.
    fn flow_of(&self, task: &Task) -> (WorkFlow, NonZeroU16) {
        if let Some(take) = task.rented() {
            let rental = take.rental;
            let found = self.ledger.read(|state| rental::query::rental(state, &rental));
            let slots = found.map_or(1, |found| found.meter.terms().slots);
            let weight = u16::try_from(slots).ok().and_then(NonZeroU16::new);
            return (WorkFlow::Rental(rental), weight.unwrap_or(NonZeroU16::MAX));
        }
        let mut next = task.spec.budget;
        for _ in 0..=BUDGET_DEPTH_MAX {
            let Some(id) = next else { break };
            if let Some(weight) = self.places.weight(&id) {
                return (WorkFlow::Tenant(id), weight);
            }
            let found = self.ledger.read(|state| budget::query::budget(state, &id));
            next = found.and_then(|found| found.parent);
        }
        (WorkFlow::Owner, NonZeroU16::MIN)
    }

    /// Gives tasks that were at work when the node died their places before those that waited.
    pub(super) fn resume_places(&mut self) {
        let at_work = |task: &&Task| {
            let has_begun =
                |task: &Task| task.attempt().is_some_and(|last| last.begun || last.resumed > 0);
            task.phase == Phase::Running && (!task.chunks.is_empty() || has_begun(task))
        };
        for task in self.tasks.values().filter(at_work) {
            if let Some(attempt) = task.attempt() {
                let agent = (attempt.seller, task.spec.capability.clone());
                self.places.resume(task.number, agent);
            }
        }
    }
}
