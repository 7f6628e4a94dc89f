//! Dynamic programming over all sets of items, group by group: exact whatever the weights are, in
//! time candidates × 2^items (Rothkopf, Pekeč & Harstad 1998, with groups).
use alloc::vec;
use alloc::vec::Vec;

use super::{Candidate, DYNAMIC_STEPS_MAX, items};

/// The places taken; `None` when there are too many items for this way.
///
/// `kept` has the candidates of one group side by side.
pub(super) fn solve(candidates: &[Candidate], kept: &[usize]) -> Option<Vec<usize>> {
    let all: Vec<usize> = items(candidates, kept).indices().collect();
    let sets = 1usize.checked_shl(all.len() as u32).filter(|sets| *sets <= DYNAMIC_STEPS_MAX)?;
    if sets.checked_mul(kept.len())? > DYNAMIC_STEPS_MAX {
        return None;
    }
    let mask = |place: usize| -> usize {
        let has = |(bit, item): (usize, &usize)| {
            usize::from(candidates[place].items.contains(*item)) << bit
        };
        all.iter().enumerate().map(has).sum()
    };
    // The best with the items of each set, from the groups so far; and what the group took there.
    let mut best = vec![0u128; sets];
    let mut taken: Vec<(Vec<u16>, &[usize])> = Vec::new();
    for group in kept.chunk_by(|one, other| candidates[*one].group == candidates[*other].group) {
        let mut choices = vec![0u16; sets];
        let options: Vec<(usize, u128)> =
            group.iter().map(|place| (mask(*place), candidates[*place].weight)).collect();
        // Downwards, so that what a smaller set reads here is still without this group.
        for set in (0..sets).rev() {
            let mut value = best[set];
            for (choice, (needed, weight)) in (1..).zip(&options) {
                if set & needed == *needed && best[set ^ needed] + weight > value {
                    value = best[set ^ needed] + weight;
                    choices[set] = choice;
                }
            }
            best[set] = value;
        }
        taken.push((choices, group));
    }
    let mut set = sets - 1;
    let mut chosen = Vec::new();
    for (choices, group) in taken.iter().rev() {
        if let Some(choice) = usize::from(choices[set]).checked_sub(1) {
            chosen.push(group[choice]);
            set ^= mask(group[choice]);
        }
    }
    Some(chosen)
}
