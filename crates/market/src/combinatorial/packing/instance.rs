//! A packing problem as the search sees it: rows, of which each is taken up once.
use alloc::vec;
use alloc::vec::Vec;

use super::{Candidate, Places, items};

/// Weights are scaled up to this many bits, so that prices have fractions.
const WEIGHT_BITS: u32 = 64;

/// Columns (candidates) over rows (items, and groups of several candidates). A row of one column
/// binds nothing and is left out.
pub(super) struct Instance {
    /// Scaled: multiples of [`Instance::unit`].
    pub(super) weights: Vec<i128>,
    /// The rows of each column.
    pub(super) rows: Vec<Vec<u16>>,
    /// The columns of each row.
    pub(super) columns: Vec<Vec<u16>>,
    /// The columns that share a row with each column, itself included.
    pub(super) conflicts: Vec<Places>,
    /// By how much the sums of two selections differ at least when they differ.
    pub(super) unit: i128,
}

impl Instance {
    pub(super) fn new(candidates: &[Candidate], kept: &[usize]) -> Self {
        let mut columns: Vec<Vec<u16>> = Vec::new();
        for item in items(candidates, kept).indices() {
            let has = |place: &usize| candidates[*place].items.contains(item);
            columns.push((0u16..).zip(kept).filter(|(_, p)| has(p)).map(|(c, _)| c).collect());
        }
        let numbered: Vec<(u16, u32)> =
            (0u16..).zip(kept.iter().map(|place| candidates[*place].group)).collect();
        let groups = numbered.chunk_by(|one, other| one.1 == other.1);
        columns.extend(groups.map(|group| group.iter().map(|(column, _)| *column).collect()));
        columns.retain(|row: &Vec<u16>| row.len() > 1);

        let mut rows: Vec<Vec<u16>> = vec![Vec::new(); kept.len()];
        let mut conflicts = vec![Places::none(kept.len()); kept.len()];
        for (row, members) in (0u16..).zip(&columns) {
            for column in members {
                rows[usize::from(*column)].push(row);
                let conflicts = &mut conflicts[usize::from(*column)];
                members.iter().for_each(|other| conflicts.insert(usize::from(*other)));
            }
        }
        let largest = kept.iter().map(|place| candidates[*place].weight).max().unwrap_or(0);
        let shift = WEIGHT_BITS.saturating_sub(u128::BITS - largest.leading_zeros());
        let scaled = |place: &usize| (candidates[*place].weight as i128) << shift;
        let weights = kept.iter().map(scaled).collect();
        Self { weights, rows, columns, conflicts, unit: 1 << shift }
    }

    /// Prices to begin with, at which no column is worth more than it costs.
    pub(super) fn prices(&self) -> Vec<i128> {
        let mut prices = vec![0; self.columns.len()];
        for (weight, rows) in self.weights.iter().zip(&self.rows) {
            for row in rows {
                let share = weight / rows.len() as i128 + 1;
                prices[usize::from(*row)] = share.max(prices[usize::from(*row)]);
            }
        }
        prices
    }

    /// What a column is worth beyond the prices of its rows.
    pub(super) fn reduced(&self, column: u16, prices: &[i128]) -> i128 {
        let rows = &self.rows[usize::from(column)];
        let cost: i128 = rows.iter().map(|row| prices[usize::from(*row)]).sum();
        self.weights[usize::from(column)] - cost
    }
}
