//! A set of subtasks of one call, by their index.
use alloc::vec::Vec;

use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

/// How many subtasks one call has at most.
pub const SUBTASKS_MAX: usize = 256;

const WORD: usize = u64::BITS as usize;

/// Which subtasks, at most [`SUBTASKS_MAX`]; in JSON the ascending list of their indices.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(try_from = "Vec<u16>", into = "Vec<u16>")]
pub struct SubtaskSet([u64; SUBTASKS_MAX / WORD]);

/// A list of indices that names no set in its one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("subtasks are listed in ascending order, each once, below {SUBTASKS_MAX}")]
pub struct SubtaskSetError;

impl SubtaskSet {
    /// No subtask.
    pub const EMPTY: Self = Self([0; SUBTASKS_MAX / WORD]);

    /// The first `count` subtasks.
    pub fn first(count: usize) -> Self {
        (0..count.min(SUBTASKS_MAX)).collect()
    }

    /// Adds a subtask; false for an index that is too large.
    pub fn insert(&mut self, index: usize) -> bool {
        match self.0.get_mut(index / WORD) {
            Some(word) => {
                *word |= 1 << (index % WORD);
                true
            }
            None => false,
        }
    }

    /// True when the subtask is one of them.
    pub fn contains(&self, index: usize) -> bool {
        self.0.get(index / WORD).is_some_and(|word| word >> (index % WORD) & 1 == 1)
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// True for none.
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// True when no subtask is in both.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(one, other)| one & other == 0)
    }

    /// True when all of these are in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(one, other)| one & !other == 0)
    }

    /// The subtasks of either.
    pub fn union(&self, other: &Self) -> Self {
        Self(core::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    /// These without those of `other`.
    pub fn minus(&self, other: &Self) -> Self {
        Self(core::array::from_fn(|word| self.0[word] & !other.0[word]))
    }

    /// Their indices, ascending.
    pub fn indices(&self) -> impl Iterator<Item = usize> + use<> {
        self.0.into_iter().enumerate().flat_map(|(place, word)| {
            let next = |rest: &u64| Some(rest & (rest - 1)).filter(|rest| *rest != 0);
            core::iter::successors(Some(word).filter(|word| *word != 0), next)
                .map(move |rest| place * WORD + rest.trailing_zeros() as usize)
        })
    }
}

impl FromIterator<usize> for SubtaskSet {
    /// The set of these indices; those of [`SUBTASKS_MAX`] and above are left out.
    fn from_iter<I: IntoIterator<Item = usize>>(indices: I) -> Self {
        let mut set = Self::EMPTY;
        for index in indices {
            set.insert(index);
        }
        set
    }
}

impl TryFrom<Vec<u16>> for SubtaskSet {
    type Error = SubtaskSetError;

    fn try_from(indices: Vec<u16>) -> Result<Self, SubtaskSetError> {
        let ascending = indices.windows(2).all(|pair| pair[0] < pair[1]);
        let mut set = Self::EMPTY;
        let fits = indices.iter().all(|index| set.insert(usize::from(*index)));
        if ascending && fits { Ok(set) } else { Err(SubtaskSetError) }
    }
}

impl From<SubtaskSet> for Vec<u16> {
    fn from(set: SubtaskSet) -> Self {
        set.indices().map(|index| index as u16).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_what_was_put_in() {
        let mut set: SubtaskSet = [0, 63, 64, 200, 255].into_iter().collect();
        assert_eq!(set.indices().collect::<Vec<_>>(), [0, 63, 64, 200, 255]);
        assert_eq!((set.count(), set.contains(200), set.contains(201)), (5, true, false));
        assert!(!set.contains(256) && !set.insert(256));
        let some: SubtaskSet = [63, 200].into_iter().collect();
        assert!(some.is_subset(&set) && !set.is_subset(&some) && !set.is_disjoint(&some));
        assert_eq!(set.minus(&some).indices().collect::<Vec<_>>(), [0, 64, 255]);
        assert_eq!(set.minus(&some).union(&some), set);
        assert_eq!(SubtaskSet::first(256).count(), 256);
    }

    #[test]
    fn a_list_out_of_order_or_range_is_refused() {
        assert_eq!(SubtaskSet::try_from(alloc::vec![2, 1]), Err(SubtaskSetError));
        assert_eq!(SubtaskSet::try_from(alloc::vec![1, 1]), Err(SubtaskSetError));
        assert_eq!(SubtaskSet::try_from(alloc::vec![256]), Err(SubtaskSetError));
        let set = SubtaskSet::try_from(alloc::vec![1, 70]).unwrap();
        assert_eq!(Vec::<u16>::from(set), [1, 70]);
    }
}
