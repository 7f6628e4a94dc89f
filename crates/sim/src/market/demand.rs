//! What is wanted: tasks as they arrive.
use ainur_primitives::{Amount, DurationMs, TaskId, Timestamp};

use super::chance::Chance;
use super::scenario::Scenario;

/// A buyer's wish.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) task: TaskId,
    /// Who wants it, by number.
    pub(super) buyer: usize,
    /// What is wanted, by number.
    pub(super) capability: usize,
    /// What it is worth to the buyer, who pays at most that.
    pub(super) value: Amount,
    /// What failed work costs the buyer.
    pub(super) loss: Amount,
    /// How long it may take.
    pub(super) duration_ms_max: DurationMs,
    pub(super) arrives: Timestamp,
    /// The buyer would rather have a seller that served it well.
    pub(super) loyal: bool,
    /// A commodity that is wanted at once.
    pub(super) urgent: bool,
    /// From 3 to 8 subtasks; none when it is one task.
    pub(super) parts: usize,
}

/// The next wish after `before`.
pub(super) fn next_wish(scenario: &Scenario, before: Timestamp, chance: &mut Chance) -> Wish {
    let (demand, supply) = (&scenario.demand, &scenario.supply);
    let wait_ms = chance.exponential(demand.arrival_ms_mean as f64) as u64;
    let worth = chance.between(demand.value_min, demand.value_max);
    let value = Amount((scenario.cost_median().0 as f64 * worth) as u128);
    let limit = chance.between(demand.deadline_min, demand.deadline_max);
    let graph = chance.happens(demand.graphs);
    let parts = 3 + chance.below(6);
    Wish {
        task: TaskId(chance.digest()),
        buyer: chance.below(scenario.buyers as usize),
        capability: chance.below(supply.capabilities as usize),
        value,
        loss: value.share_floor(demand.loss),
        duration_ms_max: DurationMs((supply.duration_ms_median as f64 * limit) as u64),
        arrives: before.plus(DurationMs(wait_ms)),
        loyal: chance.happens(demand.loyal),
        urgent: chance.happens(demand.urgent),
        parts: if graph { parts } else { 0 },
    }
}
