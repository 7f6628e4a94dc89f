//! Branch and bound: a row is chosen, and each of its columns tried in turn, then none.
use alloc::vec;
use alloc::vec::Vec;

use super::bound::{Bound, Effort, Open};
use super::instance::Instance;
use super::{Candidate, Places};

/// At the root prices are worth finding well; every node below starts from its parent's.
const ROOT: Effort = Effort { steps_max: 600, patience: 20, halvings_max: 12 };
const ROOT_ROUNDS: usize = 2;
const NODE: Effort = Effort { steps_max: 15, patience: 4, halvings_max: 8 };

struct Search<'a> {
    instance: &'a Instance,
    best: i128,
    best_columns: Vec<u16>,
    /// The columns taken on the way to the current node.
    taken: Vec<u16>,
    nodes: u64,
    nodes_max: u64,
}

/// The node limit is reached.
struct Exhausted;

/// The places taken and how many nodes that took; `None` when it would take more than `nodes_max`.
pub(super) fn solve(
    candidates: &[Candidate],
    kept: &[usize],
    start: &[usize],
    nodes_max: u64,
) -> Option<(Vec<usize>, u64)> {
    let instance = Instance::new(candidates, kept);
    let all = Places::all(kept.len());
    let mut search = Search {
        instance: &instance,
        best: 0,
        best_columns: Vec::new(),
        taken: Vec::new(),
        nodes: 0,
        nodes_max,
    };
    let begun: Vec<u16> =
        (0u16..).zip(kept).filter(|(_, place)| start.contains(place)).map(|(c, _)| c).collect();
    search.complete(&all, &begun, 0);
    let mut prices = instance.prices();
    search.complete(&all, &search.by_density(), 0);
    for _ in 0..ROOT_ROUNDS {
        let free = all.list();
        let rows: Vec<u16> = (0..instance.columns.len() as u16).collect();
        let open = Open { instance: &instance, free: &free, rows: &rows, value: 0 };
        let bound = open.bound(&prices, search.target(), ROOT);
        search.complete(&all, &by_worth(&free, &bound.reduced), 0);
        prices = bound.prices;
    }
    search.explore(all, &prices, 0).ok()?;
    let places = search.best_columns.iter().map(|column| kept[usize::from(*column)]).collect();
    Some((places, search.nodes))
}

/// Free columns, those worth most beyond their prices first.
fn by_worth(free: &[u16], reduced: &[i128]) -> Vec<u16> {
    let mut order: Vec<(i128, u16)> =
        reduced.iter().map(|worth| -worth).zip(free.iter().copied()).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, column)| column).collect()
}

impl Search<'_> {
    /// What a selection must reach to be better than the best known.
    fn target(&self) -> i128 {
        self.best + self.instance.unit
    }

    /// Columns by weight over the root of how many rows they take.
    fn by_density(&self) -> Vec<u16> {
        let mut order: Vec<u16> = (0..self.instance.weights.len() as u16).collect();
        order.sort_by_key(|column| {
            let column = usize::from(*column);
            let root = ((self.instance.rows[column].len() as u64) << 16).isqrt().max(1);
            (-self.instance.weights[column] / i128::from(root), column)
        });
        order
    }

    /// Takes columns in some order as long as they fit, and keeps the selection if it is better.
    fn complete(&mut self, free: &Places, order: &[u16], value: i128) {
        let (mut free, mut value) = (free.clone(), value);
        let before = self.taken.len();
        for column in order {
            let index = usize::from(*column);
            if free.contains(index) {
                value += self.instance.weights[index];
                free.remove(index);
                free.remove_all(&self.instance.conflicts[index]);
                self.taken.push(*column);
            }
        }
        if value > self.best {
            self.best = value;
            self.best_columns.clone_from(&self.taken);
        }
        self.taken.truncate(before);
    }

    /// Looks at every selection of the free columns that could be better than the best known. At
    /// most as deep as there are rows, because each level decides one.
    fn explore(&mut self, mut free: Places, prices: &[i128], value: i128) -> Result<(), Exhausted> {
        if self.nodes >= self.nodes_max {
            return Err(Exhausted);
        }
        self.nodes += 1;
        let columns = free.list();
        let mut count = vec![0u16; self.instance.columns.len()];
        for row in columns.iter().flat_map(|column| &self.instance.rows[usize::from(*column)]) {
            count[usize::from(*row)] += 1;
        }
        let rows: Vec<u16> =
            (0..count.len() as u16).filter(|row| count[usize::from(*row)] > 0).collect();
        let open = Open { instance: self.instance, free: &columns, rows: &rows, value };
        let bound = open.bound(prices, self.target(), NODE);
        if bound.value < self.target() {
            return Ok(());
        }
        self.complete(&free, &by_worth(&columns, &bound.reduced), value);
        let remaining = self.filter(&columns, &bound);
        for column in columns
            .iter()
            .filter(|column| remaining.binary_search_by_key(column, |r| &r.1).is_err())
        {
            free.remove(usize::from(*column));
            for row in &self.instance.rows[usize::from(*column)] {
                count[usize::from(*row)] -= 1;
            }
        }
        let Some((row, none_can_be_better)) = self.branching_row(&rows, &count, &bound) else {
            // What is left binds nothing, and `complete` has taken all of it.
            return Ok(());
        };
        let mut children: Vec<(i128, u16)> = remaining;
        children.retain(|(_, column)| self.instance.columns[usize::from(row)].contains(column));
        children.sort_unstable_by_key(|(worth, column)| (-worth, *column));
        for (worth, column) in &children {
            let index = usize::from(*column);
            if bound.value + worth.min(&0) >= self.target() {
                let mut rest = free.clone();
                rest.remove_all(&self.instance.conflicts[index]);
                self.taken.push(*column);
                let weight = self.instance.weights[index];
                let explored = self.explore(rest, &bound.prices, value + weight);
                self.taken.pop();
                explored?;
            }
        }
        if none_can_be_better && bound.value - bound.prices[usize::from(row)] >= self.target() {
            children.iter().for_each(|(_, column)| free.remove(usize::from(*column)));
            self.explore(free, &bound.prices, value)?;
        }
        Ok(())
    }

    /// The columns, ascending, that can be part of a better selection, with their worth: taking
    /// one costs what it lacks to its price and what the columns it excludes are worth beyond.
    fn filter(&self, columns: &[u16], bound: &Bound) -> Vec<(i128, u16)> {
        let worth = || bound.reduced.iter().copied().zip(columns.iter().copied());
        let above: Vec<(i128, u16)> = worth().filter(|(worth, _)| *worth > 0).collect();
        let possible = |(worth, column): &(i128, u16)| {
            let conflicts = &self.instance.conflicts[usize::from(*column)];
            let excluded = |(_, other): &&(i128, u16)| {
                other != column && conflicts.contains(usize::from(*other))
            };
            let lost: i128 = above.iter().filter(excluded).map(|(worth, _)| worth).sum();
            bound.value + worth.min(&0) - lost >= self.target()
        };
        worth().filter(possible).collect()
    }

    /// The row with the fewest ways to go on, and whether leaving it empty is one.
    fn branching_row(&self, rows: &[u16], count: &[u16], bound: &Bound) -> Option<(u16, bool)> {
        let ways = |row: &u16| {
            let price = bound.prices[usize::from(*row)];
            let none = bound.value - price >= self.target();
            (count[usize::from(*row)] + u16::from(none), -price, *row, none)
        };
        let open = rows.iter().filter(|row| count[usize::from(**row)] > 0);
        open.map(ways).min().map(|(_, _, row, none)| (row, none))
    }
}
