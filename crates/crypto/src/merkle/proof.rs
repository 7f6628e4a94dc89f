//! Proofs about Merkle trees and their verification, which needs no tree.
//!
//! The path is cut as in RFC 9162, section 2.1: below, the nodes beside the way to the leaf (left
//! or right as the bits of its index say); above, nodes that are all to the left.
use alloc::vec::Vec;

use ainur_primitives::Digest;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{empty_root, node_hash};

/// That a leaf is in a tree of a given size.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// Which leaf, counted from zero.
    pub index: u64,
    /// How many leaves the tree has.
    pub size: u64,
    /// The nodes beside the way from the leaf to the root.
    pub path: Vec<Digest>,
}

/// That one tree is the beginning of another.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyProof {
    /// Leaves of the earlier tree.
    pub old_size: u64,
    /// Leaves of the later tree.
    pub new_size: u64,
    /// The nodes from which both roots follow.
    pub path: Vec<Digest>,
}

impl InclusionProof {
    /// The root the tree must have if the leaf is where this says; `None` when the proof does not
    /// fit its own index and size.
    pub fn root_from(&self, leaf_hash: Digest) -> Option<Digest> {
        if self.index >= self.size {
            return None;
        }
        let (beside, left) = cut(self.index, self.size);
        if self.path.len() != beside + left {
            return None;
        }
        let (beside, left) = self.path.split_at(beside);
        Some(chain_left(chain(leaf_hash, beside, self.index), left))
    }

    /// True when the leaf is in the tree with this root.
    pub fn verify(&self, leaf_hash: Digest, root: Digest) -> bool {
        self.root_from(leaf_hash) == Some(root)
    }
}

impl ConsistencyProof {
    /// True when the tree with the new root begins with the tree with the old root.
    ///
    /// From size zero nothing is proved, as every tree begins with the empty one, so such a proof
    /// is refused unless both trees are empty.
    pub fn verify(&self, old_root: Digest, new_root: Digest) -> bool {
        if self.old_size == self.new_size {
            let empty_fits = self.old_size > 0 || old_root == empty_root();
            return self.path.is_empty() && old_root == new_root && empty_fits;
        }
        if self.old_size == 0 || self.old_size > self.new_size {
            return false;
        }
        self.roots(old_root) == Some((old_root, new_root))
    }

    /// Both roots as they follow from the path, for `0 < old_size < new_size`.
    fn roots(&self, old_root: Digest) -> Option<(Digest, Digest)> {
        let (beside, left) = cut(self.old_size - 1, self.new_size);
        let shift = self.old_size.trailing_zeros();
        let beside = beside - shift as usize;
        // A complete old tree is itself the first node; any other sends its last complete subtree.
        let (first, path) = if self.old_size.is_power_of_two() {
            (old_root, self.path.as_slice())
        } else {
            let (first, rest) = self.path.split_first()?;
            (*first, rest)
        };
        if path.len() != beside + left {
            return None;
        }
        let (beside, left) = path.split_at(beside);
        let directions = (self.old_size - 1) >> shift;
        let old = chain_left(chain_only_left(first, beside, directions), left);
        let new = chain_left(chain(first, beside, directions), left);
        Some((old, new))
    }
}

/// How many nodes of the path to `index` are beside it below the point where the way to the last
/// leaf parts from it, and how many are to its left above.
fn cut(index: u64, size: u64) -> (usize, usize) {
    let beside = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let left = index.checked_shr(beside).unwrap_or(0).count_ones();
    (beside as usize, left as usize)
}

fn chain(start: Digest, path: &[Digest], directions: u64) -> Digest {
    path.iter().enumerate().fold(start, |hash, (height, node)| {
        if directions >> height & 1 == 0 { node_hash(&hash, node) } else { node_hash(node, &hash) }
    })
}

fn chain_only_left(start: Digest, path: &[Digest], directions: u64) -> Digest {
    path.iter()
        .enumerate()
        .filter(|(height, _)| directions >> height & 1 == 1)
        .fold(start, |hash, (_, node)| node_hash(node, &hash))
}

fn chain_left(start: Digest, path: &[Digest]) -> Digest {
    path.iter().fold(start, |hash, node| node_hash(node, &hash))
}
