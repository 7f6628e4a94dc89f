//! A policy trained in simulation: a table of margins by situation, and the learner that fills it.
//!
//! Training is tabular Q-learning (Watkins 1989): `Q(s,a) += η (g + γ max Q(s′,·) − Q(s,a))`, with
//! `g` the gain in multiples of the cost and `s′` the situation at the next call, so that a place
//! given away cheaply costs what it keeps from the next task. The table is made by
//! `ainur market simulate train`, from seeds that no report uses, and kept in `data/policy.json`.
use std::sync::LazyLock;

use ainur_market::strategy::{BidOutcome, BidStrategy, BidderState, Opportunity, PaymentRule};
use ainur_primitives::{Amount, Ppm};
use scale::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::margin::{MARGIN_GRID, MARGINS, Pending, gain, margin_max, price};

/// Steps of utilisation that are told apart.
const LOADS: usize = 4;
/// Steps of competition that are told apart.
const CROWDS: usize = 4;
/// Steps of the bidder's own win rate that are told apart.
const WIN_RATES: usize = 4;

/// How many situations are told apart: those of calls with a second price, then those without.
pub const SITUATIONS: usize = 2 * LOADS * CROWDS * WIN_RATES;

/// The share of calls on which a learner tries any margin.
const TRIES_PPM: u64 = 100_000;
/// As how many tries what was learned in earlier rounds counts.
const TRIES_RESTED: u64 = 20;
/// The least weight η of one observation.
const STEP_MIN: f64 = 0.01;
/// The weight γ of what comes after.
const FUTURE: f64 = 0.8;

static TRAINED: LazyLock<TrainedPolicy> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/policy.json"))
        .expect("a test reads the table that is built in")
});

/// What training leaves behind.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedPolicy {
    /// The command that makes it.
    pub command: String,
    /// The seeds it was trained on.
    pub seeds: Vec<u64>,
    /// The scenarios it was trained in.
    pub scenarios: Vec<String>,
    /// The margin by situation, in parts per million of the cost.
    pub margins: Vec<Ppm>,
    /// How often each situation was met in training; none means that its margin is a guess.
    pub visits: Vec<u64>,
}

impl TrainedPolicy {
    /// The table that is built in.
    pub fn built_in() -> &'static Self {
        &TRAINED
    }

    fn margin(&self, situation: usize) -> usize {
        let margin = self.margins.get(situation).copied().unwrap_or(Ppm::ZERO);
        MARGIN_GRID.iter().rposition(|step| *step <= margin).unwrap_or(0)
    }
}

/// Asks what was learned in simulation, and learns nothing more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, Serialize, Deserialize)]
pub struct MarginPolicy;

impl BidStrategy for MarginPolicy {
    fn quote(&mut self, opportunity: &Opportunity<'_>, state: &BidderState) -> Option<Amount> {
        if state.free_capacity() == 0 {
            return None;
        }
        let largest = margin_max(opportunity.cost, opportunity.ceiling)?;
        let margin = TRAINED.margin(situation(opportunity, state)).min(largest);
        Some(price(opportunity.cost, margin))
    }

    fn learn(&mut self, _outcome: &BidOutcome) {}
}

/// Fills such a table while it bids.
#[derive(Clone, PartialEq, Debug, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarginLearner {
    /// By situation and margin: the value, and how often it was tried.
    table: Vec<Cell>,
    pending: Pending<u32>,
    /// What was tried last under either rule, with its gain, waiting for the situation after.
    last: [Option<(u32, f64)>; 2],
}

#[derive(Clone, Copy, PartialEq, Debug, Default, Encode, Decode, Serialize, Deserialize)]
struct Cell {
    value: f64,
    tries: u64,
}

impl Default for MarginLearner {
    fn default() -> Self {
        let table = vec![Cell::default(); SITUATIONS * MARGINS];
        Self { table, pending: Pending::default(), last: [None; 2] }
    }
}

impl MarginLearner {
    /// Joins what several learners found, each value weighed by how often it was tried.
    pub fn joined(learners: &[Self]) -> Self {
        let mut joined = Self::default();
        for (index, cell) in joined.table.iter_mut().enumerate() {
            let cells = || learners.iter().filter_map(|learner| learner.table.get(index));
            let tries: u64 = cells().map(|cell| cell.tries).sum();
            let sum: f64 = cells().map(|cell| cell.value * cell.tries as f64).sum();
            *cell = Cell { value: if tries == 0 { 0.0 } else { sum / tries as f64 }, tries };
        }
        joined
    }

    /// The same values, less sure of them, for another round of learning.
    #[must_use]
    pub fn rested(&self) -> Self {
        let rest = |cell: &Cell| Cell { value: cell.value, tries: cell.tries.min(TRIES_RESTED) };
        Self { table: self.table.iter().map(rest).collect(), ..Self::default() }
    }

    /// The margin and the number of visits by situation. A margin that was hardly tried in a
    /// situation does not count there; where none was, the lowest stands.
    pub fn policy(&self) -> (Vec<Ppm>, Vec<u64>) {
        let rows = self.table.chunks(MARGINS);
        rows.map(|row| {
            let visits: u64 = row.iter().map(|cell| cell.tries).sum();
            let known = |cell: &Cell| cell.tries * (4 * MARGINS as u64) >= visits && visits > 0;
            let mut best = (0, f64::NEG_INFINITY);
            for (margin, cell) in row.iter().enumerate().filter(|(_, cell)| known(cell)) {
                if cell.value > best.1 {
                    best = (margin, cell.value);
                }
            }
            (MARGIN_GRID[best.0], visits)
        })
        .unzip()
    }

    fn best(&self, situation: usize, largest: usize) -> (usize, f64) {
        let row = &self.table[situation * MARGINS..][..=largest];
        let mut best = (0, f64::NEG_INFINITY);
        for (margin, cell) in row.iter().enumerate() {
            // What was never tried is worth trying.
            let value = if cell.tries == 0 { 4.0 } else { cell.value };
            if value > best.1 {
                best = (margin, value);
            }
        }
        best
    }

    fn update(&mut self, index: u32, target: f64) {
        let Some(cell) = self.table.get_mut(index as usize) else { return };
        cell.tries += 1;
        let step = (1.0 / cell.tries as f64).max(STEP_MIN);
        cell.value += step * (target - cell.value);
    }
}

impl BidStrategy for MarginLearner {
    fn quote(&mut self, opportunity: &Opportunity<'_>, state: &BidderState) -> Option<Amount> {
        if state.free_capacity() == 0 {
            return None;
        }
        let largest = margin_max(opportunity.cost, opportunity.ceiling)?;
        let situation = situation(opportunity, state);
        let (best, _) = self.best(situation, largest);
        let rule = usize::from(opportunity.rule == PaymentRule::OwnPrice);
        if let Some((index, gained)) = self.last[rule].take() {
            let row = &self.table[situation * MARGINS..][..MARGINS];
            let ahead = row.iter().map(|cell| cell.value).fold(0.0, f64::max);
            self.update(index, gained + FUTURE * ahead);
        }
        let tries = opportunity.draw % 1_000_000 < TRIES_PPM;
        let any = (opportunity.draw / 1_000_000 % (largest as u64 + 1)) as usize;
        let margin = if tries { any } else { best };
        self.pending.remember(opportunity.task, (situation * MARGINS + margin) as u32);
        Some(price(opportunity.cost, margin))
    }

    fn learn(&mut self, outcome: &BidOutcome) {
        let Some(index) = self.pending.take(outcome) else { return };
        let rule = usize::from(index as usize >= SITUATIONS / 2 * MARGINS);
        // One that is still waiting never met a situation after: it counts for itself.
        if let Some((before, gained)) = self.last[rule].take() {
            self.update(before, gained);
        }
        self.last[rule] = Some((index, gain(outcome.cost, outcome.paid)));
    }
}

/// Which situation this is.
fn situation(opportunity: &Opportunity<'_>, state: &BidderState) -> usize {
    let step = |ppm: Ppm, limits: [u32; 3]| limits.iter().filter(|limit| ppm.0 >= **limit).count();
    let load = step(state.utilisation(), [1, 500_000, 750_000]);
    let crowd = [2, 5, 15].iter().filter(|limit| opportunity.competitors >= **limit).count();
    let wins = state.stats(opportunity.capability).win_rate();
    let wins = step(wins, [20_000, 100_000, 300_000]);
    let rule = usize::from(opportunity.rule == PaymentRule::OwnPrice);
    ((rule * LOADS + load) * CROWDS + crowd) * WIN_RATES + wins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_is_built_in_has_a_margin_for_every_situation() {
        let trained = TrainedPolicy::built_in();
        assert_eq!(trained.margins.len(), SITUATIONS);
        assert_eq!(trained.visits.len(), SITUATIONS);
        assert!(trained.margins.iter().all(|margin| MARGIN_GRID.contains(margin)));
        assert!(trained.visits.iter().sum::<u64>() > 0, "never trained");
    }
}
