//! A policy trained in simulation: a table of margins by situation, and the learner that fills it.
//!
//! Training is fictitious play over a table (Brown 1951): in each situation the learner asks the
//! margin that would have earned most on average, and after the outcome the average of *every*
//! margin is updated by what it would have gained, since the outcome tells which price would just
//! have won. Where it does not tell, only the margin asked is updated, and now and then any margin
//! is tried. The table that is built in is made by the example `train_policy` of `ainur-sim`, from
//! seeds that no report uses, and kept in `data/policy.json`.
use std::sync::LazyLock;

use ainur_market::strategy::{BidOutcome, BidStrategy, BidderState, Opportunity, PaymentRule};
use ainur_primitives::{Amount, Ppm};
use scale::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::margin::{MARGIN_GRID, MARGINS, Pending, gain, gain_of, margin_max, price};

/// Steps of utilisation that are told apart.
const LOADS: usize = 4;
/// Steps of competition that are told apart.
const CROWDS: usize = 4;
/// Steps of the bidder's own win rate that are told apart.
const WIN_RATES: usize = 4;

/// How many situations are told apart: those of calls with a second price, then those without.
pub const SITUATIONS: usize = 2 * LOADS * CROWDS * WIN_RATES;

/// The share of calls on which a learner tries any margin.
const TRIES_PPM: u64 = 50_000;
/// As how many tries what was learned in earlier rounds counts.
const TRIES_RESTED: u64 = 5;
/// The least weight of one observation, so that what competitors did before they learned fades.
const STEP_MIN: f64 = 0.002;

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
        if state.capacity == 0 {
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
}

#[derive(Clone, Copy, PartialEq, Debug, Default, Encode, Decode, Serialize, Deserialize)]
struct Cell {
    value: f64,
    tries: u64,
}

impl Default for MarginLearner {
    fn default() -> Self {
        let table = vec![Cell::default(); SITUATIONS * MARGINS];
        Self { table, pending: Pending::default() }
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

    /// The margin and the number of visits by situation. Where nothing was met, the margin that
    /// did best under the same rule stands in.
    pub fn policy(&self) -> (Vec<Ppm>, Vec<u64>) {
        let of_rule = SITUATIONS / 2 * MARGINS;
        let usual: Vec<usize> = self
            .table
            .chunks(of_rule)
            .map(|cells| {
                let mut row = [Cell::default(); MARGINS];
                for (index, cell) in cells.iter().enumerate() {
                    let sum = &mut row[index % MARGINS];
                    sum.value += cell.value * cell.tries as f64;
                    sum.tries += cell.tries;
                }
                row.iter_mut().for_each(|sum| sum.value /= (sum.tries as f64).max(1.0));
                best(&row)
            })
            .collect();
        let rows = self.table.chunks(MARGINS).enumerate();
        rows.map(|(situation, row)| {
            let visits = row.iter().map(|cell| cell.tries).max().unwrap_or_default();
            let margin = if visits == 0 { usual[situation * 2 / SITUATIONS] } else { best(row) };
            (MARGIN_GRID[margin], visits)
        })
        .unzip()
    }

    fn row(&self, situation: usize) -> &[Cell] {
        &self.table[situation * MARGINS..][..MARGINS]
    }

    fn update(&mut self, index: usize, gained: f64) {
        let Some(cell) = self.table.get_mut(index) else { return };
        cell.tries += 1;
        let step = (1.0 / cell.tries as f64).max(STEP_MIN);
        cell.value += step * (gained - cell.value);
    }
}

/// The margin with the highest value, the lowest of equals.
fn best(row: &[Cell]) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (margin, cell) in row.iter().enumerate() {
        if cell.value > best.1 {
            best = (margin, cell.value);
        }
    }
    best.0
}

impl BidStrategy for MarginLearner {
    fn quote(&mut self, opportunity: &Opportunity<'_>, state: &BidderState) -> Option<Amount> {
        if state.capacity == 0 {
            return None;
        }
        let largest = margin_max(opportunity.cost, opportunity.ceiling)?;
        let situation = situation(opportunity, state);
        let tries = opportunity.draw % 1_000_000 < TRIES_PPM;
        let any = (opportunity.draw / 1_000_000 % MARGINS as u64) as usize;
        let margin = if tries { any } else { best(self.row(situation)) }.min(largest);
        self.pending.remember(opportunity.task, (situation * MARGINS + margin) as u32);
        Some(price(opportunity.cost, margin))
    }

    fn learn(&mut self, outcome: &BidOutcome) {
        let Some(index) = self.pending.take(outcome) else { return };
        let (situation, asked) = (index as usize / MARGINS, index as usize % MARGINS);
        let rule = match situation * 2 / SITUATIONS {
            0 => PaymentRule::SecondPrice,
            _ => PaymentRule::OwnPrice,
        };
        let cost = outcome.cost;
        let Some(critical) = outcome.critical else {
            self.update(situation * MARGINS + asked, gain(cost, outcome.paid));
            return;
        };
        for margin in 0..MARGINS {
            let gained = gain_of(rule, cost, price(cost, margin), critical);
            self.update(situation * MARGINS + margin, gained);
        }
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
