//! Sellers: what each can do at which cost, how it prices, and whether it keeps its word.
use ainur_crypto::hash::tagged;
use ainur_identity::KeyMaterial;
use ainur_learning::Strategist;
use ainur_market::queue::PlaceSchedule;
use ainur_market::strategy::{BidderState, StrategyChoice};
use ainur_primitives::{Amount, CapabilityName, Did, Digest, DurationMs, Ppm, TaskId, Timestamp};

use super::book::Writing;
use super::chance::Chance;
use super::offers::Posted;
use super::scenario::Scenario;

/// The slowest seller takes the median duration times this; the fastest, as much less.
const SPEED_SPREAD: f64 = 0.5;

/// How many tasks a seller takes on for each of its places at a posted price, so that some wait.
const TASKS_A_PLACE: u32 = 4;

/// How a seller behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conduct {
    /// Asks by its strategy and does the work.
    Honest,
    /// Asks half its cost and delivers something else.
    Cheat,
    /// Does the work, and stays out where a cheaper member of its ring bids.
    Colluder,
    /// A cheat that comes back under a new name when it is known.
    Whitewasher,
}

impl Conduct {
    /// Delivers what was asked for, luck permitting.
    pub(super) fn works(self) -> bool {
        matches!(self, Self::Honest | Self::Colluder)
    }
}

/// One seller.
pub(super) struct Seller {
    pub(super) did: Did,
    /// The capability it has, by number.
    pub(super) capability: usize,
    pub(super) conduct: Conduct,
    /// What a task costs it.
    pub(super) cost: Amount,
    /// How long a task takes it.
    pub(super) duration_ms: DurationMs,
    pub(super) choice: StrategyChoice,
    pub(super) strategist: Strategist,
    pub(super) state: BidderState,
    /// When what it has taken on ends, part by part of a task.
    pub(super) schedule: PlaceSchedule<(TaskId, u32)>,
    /// Keeps a standing offer.
    pub(super) offering: bool,
    pub(super) posted: Option<Posted>,
    /// Its credits and its order, when it sells credits.
    pub(super) writing: Option<Writing>,
    /// What it earned less what it spent and lost, in base units.
    pub(super) profit: i128,
    pub(super) settled: u64,
    /// Attempts in a row that failed.
    pub(super) failed: u32,
    /// The name it is about to take, and the keys behind it.
    pub(super) successor: Option<Did>,
    pub(super) material: Option<Box<KeyMaterial>>,
}

impl Seller {
    /// Draws a seller; `number` decides its capability and its strategy.
    pub(super) fn draw(
        scenario: &Scenario,
        (number, did): (usize, Did),
        cast: &dyn Fn(StrategyChoice) -> Strategist,
        chance: &mut Chance,
    ) -> Self {
        let supply = &scenario.supply;
        let median = scenario.cost_median().0 as f64;
        let duration = supply.duration_ms_median as f64;
        let capability = number % supply.capabilities as usize;
        let turn = number / supply.capabilities as usize;
        let choice = supply.strategies[(turn + capability) % supply.strategies.len()];
        let cost = Amount((chance.lognormal(median, supply.cost_sigma) as u128).max(1));
        let speed = chance.between(1.0 - SPEED_SPREAD, 1.0 + SPEED_SPREAD);
        Self {
            did,
            capability,
            conduct: conduct(supply.dishonest, chance),
            cost,
            duration_ms: DurationMs((duration * speed) as u64),
            choice,
            strategist: cast(choice),
            state: BidderState::new(supply.places_per_seller),
            schedule: PlaceSchedule::new(),
            offering: chance.happens(supply.offering),
            posted: None,
            writing: None,
            profit: 0,
            settled: 0,
            failed: 0,
            successor: None,
            material: None,
        }
    }

    /// How many tasks it takes on at once at a posted price, those that wait for a place included.
    pub(super) fn tasks_max(&self) -> u32 {
        self.state.capacity * TASKS_A_PLACE
    }

    /// How many more of them it would take on now.
    pub(super) fn room(&self) -> u32 {
        self.tasks_max().saturating_sub(self.state.active_tasks)
    }

    /// How long a task takes from now on, waiting for a place included.
    pub(super) fn done_in_ms(&self, now: Timestamp) -> DurationMs {
        let wait_ms = self.schedule.wait_ms(self.state.capacity, now);
        DurationMs(wait_ms.0 + self.duration_ms.0)
    }

    /// Takes on a part of a task that ends then.
    pub(super) fn take_on(&mut self, capability: &CapabilityName, task: TaskId, end: Timestamp) {
        self.state.won(capability);
        let others = self.schedule.work().filter(|(other, _)| *other == task);
        let part = others.map(|(_, part)| part + 1).max().unwrap_or(0);
        self.schedule.take_on((task, part), end);
    }

    /// A part of a task has ended, or will not be done.
    pub(super) fn let_go(&mut self, task: TaskId) {
        let part = self.schedule.work().find(|(other, _)| *other == task).copied();
        if let Some(part) = part {
            self.schedule.end(&part);
        }
    }

    /// The digest of its agent card.
    pub(super) fn card(&self) -> Digest {
        tagged("ainur/simulated-card/v1", &[&self.did.0.0])
    }
}

fn conduct(dishonest: Ppm, chance: &mut Chance) -> Conduct {
    match (chance.happens(dishonest), chance.below(3)) {
        (false, _) => Conduct::Honest,
        (true, 0) => Conduct::Cheat,
        (true, 1) => Conduct::Colluder,
        (true, _) => Conduct::Whitewasher,
    }
}
