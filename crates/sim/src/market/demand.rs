//! What is wanted: tasks as they arrive.
use ainur_primitives::{Amount, Digest, DurationMs, Ppm, Subtask, TaskGraph, TaskId, Timestamp};

use super::chance::Chance;
use super::scenario::Scenario;
use super::venue::capability_name;

/// A buyer's wish.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) task: TaskId,
    /// The buyer's number for it.
    pub(super) serial: u64,
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
    /// The parts, when it has any.
    pub(super) graph: Option<GraphWish>,
}

/// A wish in parts.
#[derive(Debug, Clone)]
pub(super) struct GraphWish {
    pub(super) task: TaskId,
    pub(super) graph: TaskGraph,
    /// What each part needs, by number.
    pub(super) capabilities: Vec<usize>,
    /// What each part is worth to the buyer.
    pub(super) unit_value: Amount,
    /// What decides what teams save; none where they save nothing.
    pub(super) savings: Option<Digest>,
}

const SUBTASKS_MIN: usize = 3;
const SUBTASKS_MAX: usize = 8;
/// Half of the graphs have parts that cost less in company.
const SYNERGETIC: Ppm = Ppm(500_000);
/// A part needs an earlier one that often.
const DEPENDENT: Ppm = Ppm(500_000);

/// The next wish after `before`.
pub(super) fn next_wish(scenario: &Scenario, before: Timestamp, chance: &mut Chance) -> Wish {
    let (demand, supply) = (&scenario.demand, &scenario.supply);
    let wait_ms = chance.exponential(demand.arrival_ms_mean as f64) as u64;
    let worth = chance.between(demand.value_min, demand.value_max);
    let value = Amount((scenario.cost_median().0 as f64 * worth) as u128);
    let limit = chance.between(demand.deadline_min, demand.deadline_max);
    let Digest([a, b, c, d, e, f, g, h, ..]) = chance.digest();
    let serial = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    // Its buyer names it.
    let task = TaskId(Digest::ZERO);
    let duration_ms_max = DurationMs((supply.duration_ms_median as f64 * limit) as u64);
    let graph = chance
        .happens(demand.graphs)
        .then(|| graph_wish(supply.capabilities, task, (value, duration_ms_max), chance));
    let parts = graph.as_ref().map_or(1, |graph| graph.capabilities.len() as u128);
    let value = Amount(value.0 * parts);
    Wish {
        task,
        serial,
        buyer: chance.below(scenario.buyers as usize),
        capability: chance.below(supply.capabilities as usize),
        value,
        loss: value.share_floor(demand.loss),
        duration_ms_max,
        arrives: before.plus(DurationMs(wait_ms)),
        loyal: chance.happens(demand.loyal),
        graph,
    }
}

fn graph_wish(
    capabilities: u32,
    task: TaskId,
    (unit_value, duration_ms_max): (Amount, DurationMs),
    chance: &mut Chance,
) -> GraphWish {
    let count = SUBTASKS_MIN + chance.below(SUBTASKS_MAX - SUBTASKS_MIN + 1);
    let mut numbers = Vec::with_capacity(count);
    let mut subtasks = Vec::with_capacity(count);
    for index in 0..count {
        let number = chance.below(capabilities as usize);
        let before = chance.below(index.max(1)) as u16;
        let needs = chance.happens(DEPENDENT) && index > 0;
        numbers.push(number);
        subtasks.push(Subtask {
            name: format!("part-{index}"),
            capability: capability_name(number as u32),
            parameters: "{}".into(),
            reserve: unit_value,
            duration_ms_max,
            needs: if needs { vec![before] } else { Vec::new() },
        });
    }
    let seed = chance.digest();
    let savings = chance.happens(SYNERGETIC).then_some(seed);
    GraphWish { task, graph: TaskGraph { subtasks }, capabilities: numbers, unit_value, savings }
}
