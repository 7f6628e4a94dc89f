//! Winner determination: of weighted sets, in groups of which one each may be taken, the disjoint
//! ones that weigh most. Exact, in integers, and the same on every machine.
//!
//! Few items are solved by dynamic programming over all sets of items, more by branch and bound:
//! prices for items, found by subgradient steps, bound what can still be reached, and the bound
//! holds for any prices (Lagrangian duality; Held, Wolfe & Crowder 1974, "Validation of
//! subgradient optimization"), so that the arithmetic that finds them certifies nothing and need
//! not be exact. Whoever needs the outcome to depend on nothing but the weights gives weights of
//! which no two selections have the same sum.
use alloc::vec;
use alloc::vec::Vec;

use super::subtasks::SubtaskSet;

mod bound;
mod dynamic;
mod instance;
mod search;

/// The largest weight there may be.
pub const WEIGHT_MAX: u128 = 1 << 104;

/// How many candidates an exact solution is tried for.
pub const EXACT_CANDIDATES_MAX: usize = 1_024;

/// The most steps (candidates × sets of items) for which dynamic programming is chosen.
pub const DYNAMIC_STEPS_MAX: usize = 1 << 22;

/// One thing that can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The items it takes up.
    pub items: SubtaskSet,
    /// At most one candidate of a group is taken.
    pub group: u32,
    /// What taking it is worth, at most [`WEIGHT_MAX`].
    pub weight: u128,
}

/// A selection that no other outweighs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    /// The places of what is taken, ascending.
    pub chosen: Vec<usize>,
    /// The sum of its weights.
    pub value: u128,
    /// How many nodes the search visited; none when none was needed.
    pub nodes: u64,
}

/// Finds the best selection, starting from one that is known to be possible (or from none).
///
/// `None` when it would take more than `nodes_max` nodes, or there are more than
/// [`EXACT_CANDIDATES_MAX`] candidates of which none makes another superfluous, or a weight above
/// [`WEIGHT_MAX`].
///
/// ```
/// use ainur_market::combinatorial::SubtaskSet;
/// use ainur_market::combinatorial::packing::{Candidate, solve};
/// let of = |items: &[usize], weight| Candidate {
///     items: items.iter().copied().collect(),
///     group: weight as u32,
///     weight,
/// };
/// let candidates = [of(&[0, 1], 10), of(&[0], 6), of(&[1], 5), of(&[1, 2], 7)];
/// let best = solve(&candidates, &[], 1_000).unwrap();
/// assert_eq!((best.chosen, best.value), (vec![1, 3], 13));
/// ```
pub fn solve(candidates: &[Candidate], start: &[usize], nodes_max: u64) -> Option<Packing> {
    let kept = undominated(candidates);
    let too_heavy = candidates.iter().any(|candidate| candidate.weight > WEIGHT_MAX);
    if kept.len() > EXACT_CANDIDATES_MAX || too_heavy {
        return None;
    }
    let (mut chosen, nodes) = match dynamic::solve(candidates, &kept) {
        Some(chosen) => (chosen, 0),
        None => search::solve(candidates, &kept, start, nodes_max)?,
    };
    chosen.sort_unstable();
    let value = chosen.iter().map(|place| candidates[*place].weight).sum();
    Some(Packing { chosen, value, nodes })
}

/// The places of the candidates worth looking at: of weight, and without another of the same
/// group that takes no more items and weighs at least as much.
fn undominated(candidates: &[Candidate]) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..candidates.len()).filter(|place| candidates[*place].weight > 0).collect();
    // Heavier and smaller ones first, so that only earlier ones can dominate.
    order.sort_by_key(|place| {
        let candidate = &candidates[*place];
        (candidate.group, u128::MAX - candidate.weight, candidate.items.count(), *place)
    });
    let mut kept: Vec<usize> = Vec::with_capacity(order.len());
    let mut group_begins = 0;
    for place in order {
        let candidate = &candidates[place];
        if kept.last().is_some_and(|last| candidates[*last].group != candidate.group) {
            group_begins = kept.len();
        }
        let dominates = |other: &usize| candidates[*other].items.is_subset(&candidate.items);
        if !kept[group_begins..].iter().any(dominates) {
            kept.push(place);
        }
    }
    kept
}

/// All items of some candidates.
fn items(candidates: &[Candidate], places: &[usize]) -> SubtaskSet {
    let union = |all: SubtaskSet, place: &usize| all.union(&candidates[*place].items);
    places.iter().fold(SubtaskSet::EMPTY, union)
}

/// A dense set of places, for the search.
#[derive(Clone)]
struct Places(Vec<u64>);

impl Places {
    fn none(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    fn all(count: usize) -> Self {
        let mut all = Self::none(count);
        (0..count).for_each(|place| all.insert(place));
        all
    }

    fn insert(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    fn remove(&mut self, place: usize) {
        self.0[place / 64] &= !(1 << (place % 64));
    }

    fn contains(&self, place: usize) -> bool {
        self.0[place / 64] >> (place % 64) & 1 == 1
    }

    fn remove_all(&mut self, others: &Self) {
        for (word, other) in self.0.iter_mut().zip(&others.0) {
            *word &= !other;
        }
    }

    fn list(&self) -> Vec<u16> {
        let mut list = Vec::new();
        for (index, word) in self.0.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                list.push((index * 64) as u16 + rest.trailing_zeros() as u16);
                rest &= rest - 1;
            }
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64 (Steele, Lea, Flood 2014), below some end.
    fn below(state: &mut u64, end: u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn random(state: &mut u64) -> Vec<Candidate> {
        let (items, groups) = (1 + below(state, 9), 1 + below(state, 8) as u32);
        let heaviest = match below(state, 8) {
            0 => WEIGHT_MAX,
            1 => 1 << 70,
            _ => 1 + u128::from(below(state, 30)),
        };
        (0..1 + below(state, 12))
            .map(|_| {
                let some: Vec<u64> = (0..items).filter(|_| below(state, 3) == 0).collect();
                let less = heaviest / 1_000 * u128::from(below(state, 1_000));
                Candidate {
                    items: some.iter().map(|item| *item as usize * 17).collect(),
                    group: below(state, u64::from(groups)) as u32,
                    weight: heaviest - less - u128::from(below(state, 2)),
                }
            })
            .collect()
    }

    fn by_trying_all(candidates: &[Candidate], used: SubtaskSet, groups: &mut Vec<u32>) -> u128 {
        let Some((first, rest)) = candidates.split_first() else { return 0 };
        let without = by_trying_all(rest, used, groups);
        if !used.is_disjoint(&first.items) || groups.contains(&first.group) {
            return without;
        }
        groups.push(first.group);
        let with = first.weight + by_trying_all(rest, used.union(&first.items), groups);
        groups.pop();
        with.max(without)
    }

    fn value(candidates: &[Candidate], chosen: &[usize]) -> u128 {
        for (place, one) in chosen.iter().enumerate() {
            for other in &chosen[..place] {
                let (one, other) = (&candidates[*one], &candidates[*other]);
                assert!(one.items.is_disjoint(&other.items) && one.group != other.group);
            }
        }
        chosen.iter().map(|place| candidates[*place].weight).sum()
    }

    #[test]
    fn both_ways_find_what_trying_all_finds() {
        let (mut state, mut branched) = (9, 0);
        for case in 0..10_000 {
            let candidates = random(&mut state);
            let best = by_trying_all(&candidates, SubtaskSet::EMPTY, &mut Vec::new());
            let kept = undominated(&candidates);
            let dynamic = dynamic::solve(&candidates, &kept).expect("few items");
            assert_eq!(value(&candidates, &dynamic), best, "case {case}: {candidates:?}");
            let (found, nodes) =
                search::solve(&candidates, &kept, &[], 10_000).expect("few candidates");
            assert_eq!(value(&candidates, &found), best, "case {case}: {candidates:?}");
            let solved = solve(&candidates, &found, 0).expect("few items");
            assert_eq!(value(&candidates, &solved.chosen), solved.value);
            branched += u32::from(nodes > 1);
        }
        assert!(branched > 100, "only {branched} searches had to branch");
    }

    /// Overlapping pairs and triples of 30 items: too many for dynamic programming.
    fn overlapping() -> Vec<Candidate> {
        let mut state = 5;
        let triple = |state: &mut u64| (0..3).map(|_| below(state, 30) as usize).collect();
        // No two selections are likely to have the same sum.
        (0..120)
            .map(|place| Candidate {
                items: triple(&mut state),
                group: place / 2,
                weight: 90_000_000 + u128::from(below(&mut state, 9_000_000)),
            })
            .collect()
    }

    #[test]
    fn a_search_that_takes_too_long_gives_nothing() {
        let candidates = overlapping();
        let best = solve(&candidates, &[], 100_000).expect("a small problem");
        assert!(best.nodes > 2, "{}", best.nodes);
        assert_eq!(solve(&candidates, &[], best.nodes - 1), None);
        assert_eq!(solve(&candidates, &[], best.nodes), Some(best));
    }

    #[test]
    fn where_a_search_starts_changes_nothing() {
        let candidates = overlapping();
        let best = solve(&candidates, &[], 100_000).expect("a small problem");
        let conflicting: Vec<usize> = (0..candidates.len()).collect();
        for start in [&best.chosen[..], &best.chosen[..1], &conflicting] {
            let again = solve(&candidates, start, 100_000).expect("a small problem");
            assert_eq!((again.value, &again.chosen), (best.value, &best.chosen));
        }
    }

    #[test]
    fn what_is_too_much_is_not_tried() {
        let one = Candidate { items: SubtaskSet::first(1), group: 0, weight: 1 };
        let heavy = Candidate { weight: WEIGHT_MAX + 1, ..one };
        assert_eq!(solve(&[heavy], &[], 10), None);
        let many: Vec<Candidate> =
            (0..1 + EXACT_CANDIDATES_MAX as u32).map(|group| Candidate { group, ..one }).collect();
        assert_eq!(solve(&many, &[], 10), None);
        assert!(solve(&many[1..], &[], 10).is_some());
        let same: Vec<Candidate> =
            many.iter().map(|many| Candidate { group: 0, ..*many }).collect();
        assert!(solve(&same, &[], 10).is_some(), "one of them makes the others superfluous");
    }
}
