//! Merkle trees as RFC 6962 defines them (SHA-256; leaf `H(0x00‖d)`, node `H(0x01‖l‖r)`), with
//! proofs that a leaf is in a tree and that a tree only grew.
//!
//! A proof has exactly one valid form: anything missing, added or reordered is refused.
use ainur_primitives::Digest;

use crate::hash::sha256;

mod proof;
mod tree;

pub use proof::{ConsistencyProof, InclusionProof};
pub use tree::{Tree, inclusion_proofs_all};

/// The hash of a leaf with this content.
pub fn leaf_hash(data: &[u8]) -> Digest {
    sha256(&[&[0x00], data])
}

/// The hash of a node above two others.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    sha256(&[&[0x01], &left.0, &right.0])
}

/// The root over leaf hashes in order; SHA-256 of nothing when there are none.
///
/// ```
/// use ainur_crypto::merkle::{leaf_hash, node_hash, root};
/// let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
/// assert_eq!(root(&[a]), a);
/// assert_eq!(root(&[a, b]), node_hash(&a, &b));
/// ```
pub fn root(leaf_hashes: &[Digest]) -> Digest {
    let mut level = leaf_hashes.to_vec();
    while level.len() > 1 {
        level = tree::level_above(&level);
    }
    level.first().copied().unwrap_or_else(empty_root)
}

/// The root of the empty tree.
pub fn empty_root() -> Digest {
    sha256(&[])
}
