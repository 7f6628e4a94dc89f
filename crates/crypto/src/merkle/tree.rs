//! Trees that are kept: the hashes of every complete subtree, from which any root or proof is
//! assembled in a logarithmic number of steps.
use alloc::vec::Vec;

use ainur_primitives::Digest;

use super::{ConsistencyProof, InclusionProof, empty_root, node_hash};

/// An append-only tree that can answer for every size it ever had.
///
/// ```
/// use ainur_crypto::merkle::{Tree, leaf_hash};
/// let mut tree = Tree::default();
/// for word in ["one", "two", "three"] {
///     tree.append(leaf_hash(word.as_bytes()));
/// }
/// let proof = tree.inclusion(1, 3).unwrap();
/// assert!(proof.verify(leaf_hash(b"two"), tree.root()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// `levels[k][i]` is the hash over leaves `i·2ᵏ .. (i+1)·2ᵏ`; only complete ones are kept.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Adds a leaf and returns its index.
    pub fn append(&mut self, leaf_hash: Digest) -> u64 {
        let index = self.size();
        let mut hash = leaf_hash;
        for height in 0.. {
            if height == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let level = &mut self.levels[height];
            level.push(hash);
            match level.as_slice() {
                [.., left, right] if level.len().is_multiple_of(2) => hash = node_hash(left, right),
                _ => break,
            }
        }
        index
    }

    /// The leaf hash at an index.
    pub fn leaf(&self, index: u64) -> Option<Digest> {
        self.complete(0, index)
    }

    /// The root over all leaves.
    pub fn root(&self) -> Digest {
        self.range(0, self.size()).unwrap_or_else(empty_root)
    }

    /// The root when there were `size` leaves; `None` when there never were so many.
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        if size == 0 { Some(empty_root()) } else { self.range(0, size) }
    }

    /// The proof that the leaf at `index` was in the tree of `size` leaves.
    pub fn inclusion(&self, index: u64, size: u64) -> Option<InclusionProof> {
        if index >= size || size > self.size() {
            return None;
        }
        let (mut start, mut end) = (0, size);
        let mut path = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(start, middle)?);
                start = middle;
            }
        }
        path.reverse();
        Some(InclusionProof { index, size, path })
    }

    /// The proof that the tree of `old_size` leaves is the beginning of that of `new_size`. From
    /// size zero there is nothing to prove.
    pub fn consistency(&self, old_size: u64, new_size: u64) -> Option<ConsistencyProof> {
        if old_size > new_size || new_size > self.size() || (old_size == 0 && new_size > 0) {
            return None;
        }
        let mut path = Vec::new();
        if old_size < new_size {
            let (mut start, mut end) = (0, new_size);
            // Down to the subtree in which the old tree ends; its hash opens the proof unless the
            // verifier knows it already, being the old root itself.
            while end != old_size {
                let middle = start + split(end - start);
                if old_size <= middle {
                    path.push(self.range(middle, end)?);
                    end = middle;
                } else {
                    path.push(self.range(start, middle)?);
                    start = middle;
                }
            }
            if start > 0 {
                path.push(self.range(start, end)?);
            }
            path.reverse();
        }
        Some(ConsistencyProof { old_size, new_size, path })
    }

    fn complete(&self, height: u32, position: u64) -> Option<Digest> {
        let level = self.levels.get(usize::try_from(height).ok()?)?;
        level.get(usize::try_from(position).ok()?).copied()
    }

    /// The hash over leaves `start..end`, where `start` is a multiple of the largest power of two
    /// not above the length, as it is for every subtree of the RFC's recursion.
    fn range(&self, start: u64, end: u64) -> Option<Digest> {
        let mut start = start;
        let mut complete = Vec::new();
        while start < end {
            let height = (end - start).ilog2();
            complete.push(self.complete(height, start >> height)?);
            start += 1 << height;
        }
        complete.into_iter().rev().reduce(|right, left| node_hash(&left, &right))
    }
}

/// The largest power of two below `length`, which is at least two.
fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

/// The level above: pairs hashed, a last node without a partner carried up unchanged.
pub(super) fn level_above(level: &[Digest]) -> Vec<Digest> {
    level
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => node_hash(left, right),
            [.., alone] => *alone,
            [] => unreachable!("chunks are never empty"),
        })
        .collect()
}

/// The root over a batch and the proof of every leaf: hashes the tree once, O(log n) per proof.
pub fn inclusion_proofs_all(leaf_hashes: &[Digest]) -> (Digest, Vec<InclusionProof>) {
    let mut levels = alloc::vec![leaf_hashes.to_vec()];
    while let Some(level) = levels.last().filter(|level| level.len() > 1) {
        let above = level_above(level);
        levels.push(above);
    }
    let root = levels.last().and_then(|level| level.first()).copied().unwrap_or_else(empty_root);
    let size = leaf_hashes.len() as u64;
    let proofs = (0..leaf_hashes.len())
        .map(|index| {
            let sibling =
                |(height, level): (usize, &Vec<Digest>)| level.get((index >> height) ^ 1).copied();
            let path = levels.iter().enumerate().filter_map(sibling).collect();
            InclusionProof { index: index as u64, size, path }
        })
        .collect();
    (root, proofs)
}
