//! The margins learned strategies choose among, and what each would have earned.
use std::collections::VecDeque;

use ainur_market::strategy::{BidOutcome, PaymentRule};
use ainur_primitives::{Amount, Ppm, TaskId};
use scale::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// How many margins there are.
pub const MARGINS: usize = 12;

/// The margins, as shares of the cost, ascending; the first is none.
pub const MARGIN_GRID: [Ppm; MARGINS] = [
    Ppm(0),
    Ppm(10_000),
    Ppm(20_000),
    Ppm(40_000),
    Ppm(70_000),
    Ppm(110_000),
    Ppm(160_000),
    Ppm(230_000),
    Ppm(320_000),
    Ppm(450_000),
    Ppm(650_000),
    Ppm(1_000_000),
];

/// For how many prices a strategy waits for the outcome at once; the oldest is forgotten.
pub const PENDING_MAX: usize = 64;

/// The price with a margin; rounded up.
pub fn price(cost: Amount, margin: usize) -> Amount {
    cost.saturating_add(cost.share_ceil(MARGIN_GRID[margin.min(MARGINS - 1)]))
}

/// The largest margin whose price is within a ceiling; `None` when not even the cost is.
pub fn margin_max(cost: Amount, ceiling: Option<Amount>) -> Option<usize> {
    let within = |margin: &usize| ceiling.is_none_or(|ceiling| price(cost, *margin) <= ceiling);
    (0..MARGINS).rev().find(within)
}

/// A gain or loss as a multiple of the cost, between −1 and 4: beyond, more would only drown
/// everything else a learner has seen.
pub fn gain(cost: Amount, paid: Option<Amount>) -> f64 {
    let Some(paid) = paid else { return 0.0 };
    let cost = (cost.0 as f64).max(1.0);
    ((paid.0 as f64 - cost) / cost).clamp(-1.0, 4.0)
}

/// What a price would have gained, given the highest price that would have won.
pub fn gain_of(rule: PaymentRule, cost: Amount, asked: Amount, critical: Amount) -> f64 {
    let paid = match rule {
        PaymentRule::SecondPrice => critical,
        PaymentRule::OwnPrice => asked,
    };
    gain(cost, (asked <= critical).then_some(paid))
}

/// Prices whose outcome is not known yet, oldest first, each with what its strategy saw.
#[derive(Clone, PartialEq, Debug, Encode, Decode, Serialize, Deserialize)]
pub struct Pending<T>(VecDeque<(TaskId, T)>);

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Pending<T> {
    /// Remembers what was seen; a second price for the same task replaces the first.
    pub fn remember(&mut self, task: TaskId, seen: T) {
        self.0.retain(|(other, _)| *other != task);
        if self.0.len() >= PENDING_MAX {
            self.0.pop_front();
        }
        self.0.push_back((task, seen));
    }

    /// Takes what was seen, when the outcome is of a price that is remembered.
    pub fn take(&mut self, outcome: &BidOutcome) -> Option<T> {
        let place = self.0.iter().position(|(task, _)| *task == outcome.task)?;
        self.0.remove(place).map(|(_, seen)| seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_margin_gains_depends_on_who_sets_the_price() {
        let (cost, critical) = (Amount(100), Amount(120));
        let of = |rule, margin| gain_of(rule, cost, price(cost, margin), critical);
        assert_eq!(of(PaymentRule::SecondPrice, 0), 0.2);
        assert_eq!(of(PaymentRule::SecondPrice, 6), 0.2);
        assert_eq!(of(PaymentRule::SecondPrice, 7), 0.0);
        assert_eq!(of(PaymentRule::OwnPrice, 0), 0.0);
        assert_eq!(of(PaymentRule::OwnPrice, 6), 0.16);
        assert_eq!(of(PaymentRule::OwnPrice, 7), 0.0);
    }

    #[test]
    fn a_ceiling_bounds_the_margin() {
        assert_eq!(margin_max(Amount(100), None), Some(MARGINS - 1));
        assert_eq!(margin_max(Amount(100), Some(Amount(101))), Some(1));
        assert_eq!(margin_max(Amount(100), Some(Amount(99))), None);
    }
}
