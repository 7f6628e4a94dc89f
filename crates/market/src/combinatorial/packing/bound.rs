//! What can still be reached: an upper bound from prices of rows.
//!
//! For any prices `y ≥ 0`, no selection of the free columns is worth more than
//! `Σ y + Σ max(0, w − y(rows of the column))`. Subgradient steps with momentum (Polyak 1969;
//! Camerini, Fratta & Maffioli 1975) lower it.
use alloc::vec;
use alloc::vec::Vec;

use super::instance::Instance;

/// How long prices are improved.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    /// At most so many steps.
    pub(super) steps_max: u32,
    /// Steps without improvement before they are halved.
    pub(super) patience: u32,
    /// How often they are halved.
    pub(super) halvings_max: u32,
}

/// The best prices found, and what follows from them.
pub(super) struct Bound {
    pub(super) prices: Vec<i128>,
    /// For each free column, what it is worth beyond its prices.
    pub(super) reduced: Vec<i128>,
    /// No selection reaches more, what is taken already included.
    pub(super) value: i128,
}

/// The part of an instance a node still decides about.
pub(super) struct Open<'a> {
    pub(super) instance: &'a Instance,
    /// The free columns.
    pub(super) free: &'a [u16],
    /// Their rows.
    pub(super) rows: &'a [u16],
    /// What is taken already.
    pub(super) value: i128,
}

const STEP_BITS: u32 = 10;
const DIRECTION_BITS: u32 = 4;

impl Open<'_> {
    /// Improves prices until the bound is below `target`, or patience is over.
    pub(super) fn bound(&self, start: &[i128], target: i128, effort: Effort) -> Bound {
        let mut prices = start.to_vec();
        let price_max = self.instance.weights.iter().copied().max().unwrap_or(0);
        let mut supply = vec![0i32; prices.len()];
        let mut direction = vec![0i128; prices.len()];
        let mut reduced = Vec::with_capacity(self.free.len());
        let value = self.evaluate(&prices, &mut reduced, &mut supply);
        let mut best = Bound { prices: prices.clone(), reduced: reduced.clone(), value };
        let (mut current, mut step, mut stalled) = (value, 1i128 << STEP_BITS, 0);
        let mut halvings = 0;
        for _ in 0..effort.steps_max {
            if best.value < target {
                break;
            }
            if stalled >= effort.patience {
                halvings += 1;
                if halvings > effort.halvings_max {
                    break;
                }
                (step, stalled) = (step / 2, 0);
                direction.fill(0);
                prices.copy_from_slice(&best.prices);
                current = self.evaluate(&prices, &mut reduced, &mut supply);
            }
            let gap = current - target + self.instance.unit;
            if !self.advance(gap * step, price_max, &supply, &mut direction, &mut prices) {
                break;
            }
            current = self.evaluate(&prices, &mut reduced, &mut supply);
            stalled += 1;
            if current < best.value {
                // A crumb of the remaining gap is no reason to go on.
                if (best.value - current) * 200 > current - target {
                    stalled = 0;
                }
                best.value = current;
                best.prices.copy_from_slice(&prices);
                best.reduced.clone_from(&reduced);
            }
        }
        best
    }

    /// The bound at some prices; `supply` becomes one per row, less one for each column that is
    /// worth its price there.
    fn evaluate(&self, prices: &[i128], reduced: &mut Vec<i128>, supply: &mut [i32]) -> i128 {
        let mut value = self.value;
        for row in self.rows {
            value += prices[usize::from(*row)];
            supply[usize::from(*row)] = 1;
        }
        reduced.clear();
        for column in self.free {
            let worth = self.instance.reduced(*column, prices);
            reduced.push(worth);
            if worth > 0 {
                value += worth;
                for row in &self.instance.rows[usize::from(*column)] {
                    supply[usize::from(*row)] -= 1;
                }
            }
        }
        value
    }

    /// One step against the subgradient, of the length at which the bound would close the gap if
    /// it were linear; false when there is nowhere to go.
    fn advance(
        &self,
        gap_scaled: i128,
        price_max: i128,
        supply: &[i32],
        direction: &mut [i128],
        prices: &mut [i128],
    ) -> bool {
        let mut square = 0;
        for row in self.rows {
            let row = usize::from(*row);
            direction[row] = direction[row] * 7 / 10 + (i128::from(supply[row]) << DIRECTION_BITS);
            if prices[row] > 0 || direction[row] < 0 {
                square += direction[row] * direction[row];
            }
        }
        if square == 0 {
            return false;
        }
        let length = (gap_scaled / square) >> (STEP_BITS - DIRECTION_BITS);
        for row in self.rows {
            let row = usize::from(*row);
            prices[row] = (prices[row] - length * direction[row]).clamp(0, price_max);
        }
        true
    }
}
