//! The authenticated tree over the state: one root for all records, and short proofs that a record
//! has a value or does not exist.
//!
//! A record lives at the BLAKE3 digest of its key. An empty subtree has the zero digest, a subtree
//! of one record is that record's leaf, and anything larger is a branch by the next bit; so the
//! root depends on the records alone, not on the order they came in, and proofs are about
//! log₂(records) long. The same construction is known from the Jellyfish Merkle tree.
//!
//! Nodes are shared between copies: a clone costs nothing, and changing it copies only the paths
//! that change. All records of a batch go in together, and each node on their way is hashed once.
use alloc::sync::Arc;
use alloc::vec::Vec;

use ainur_primitives::Digest;

use crate::state::{Key, ReadState, Value, prefixed};

mod proof;

pub use proof::{Neighbour, ProofError, RecordProof};

/// The authenticated tree over a state.
#[derive(Clone, Debug, Default)]
pub struct StateTree {
    root: Node,
}

#[derive(Clone, Debug, Default)]
enum Node {
    #[default]
    Empty,
    Leaf(Arc<Leaf>),
    Branch(Arc<Branch>),
}

#[derive(Debug)]
struct Leaf {
    path: Path,
    value: Digest,
    digest: Digest,
}

#[derive(Clone, Debug)]
struct Branch {
    children: [Node; 2],
    digest: Digest,
}

/// The digest of a key, read bit by bit from the root down.
type Path = [u8; 32];

/// Levels of the tree: one for each bit of a path.
const DEPTH_MAX: usize = 256;

/// Keys of the hash: a digest of one use is never one of another.
const LEAF_KEY: &[u8; 32] = b"ainur state tree, leaf, v1......";
const BRANCH_KEY: &[u8; 32] = b"ainur state tree, branch, v1....";

impl StateTree {
    /// The tree over all records of a state.
    pub fn of(state: &impl ReadState) -> Self {
        let mut tree = Self::default();
        let mut records = prefixed(state, &[]).map(|(key, value)| (key, Some(value)));
        loop {
            let batch: Vec<_> = records.by_ref().take(REBUILD_BATCH_RECORDS).collect();
            if batch.is_empty() {
                return tree;
            }
            tree.update(&batch);
        }
    }

    /// The digest of all records; zero when there is none.
    pub fn root(&self) -> Digest {
        self.root.digest()
    }

    /// Takes in the changes of a block (each key once) and hashes every touched node once.
    pub fn update(&mut self, changes: &[(Key, Option<Value>)]) -> Digest {
        let mut leaves: Vec<(Path, Option<Digest>)> = changes
            .iter()
            .map(|(key, value)| (path_of(key), value.as_deref().map(value_digest)))
            .collect();
        leaves.sort_unstable_by_key(|leaf| leaf.0);
        self.root = core::mem::take(&mut self.root).updated(0, &leaves);
        self.root()
    }

    /// The proof that a record has this value, or with `None` that it does not exist.
    ///
    /// The proof fails to verify when the state says otherwise.
    pub fn prove(&self, key: &[u8], value: Option<Value>) -> RecordProof {
        let path = path_of(key);
        let mut siblings = Vec::new();
        let mut node = &self.root;
        while let Node::Branch(branch) = node {
            let side = bit(&path, siblings.len());
            siblings.push(branch.children[1 - side].digest());
            node = &branch.children[side];
        }
        let neighbour = match node {
            Node::Leaf(leaf) if leaf.path != path => {
                Some(Neighbour { path: Digest(leaf.path), value: leaf.value })
            }
            _ => None,
        };
        RecordProof { key: key.to_vec(), value, siblings, neighbour }
    }
}

/// Records hashed at a time when a tree is built anew.
const REBUILD_BATCH_RECORDS: usize = 65_536;

impl Node {
    fn digest(&self) -> Digest {
        match self {
            Self::Empty => Digest::ZERO,
            Self::Leaf(leaf) => leaf.digest,
            Self::Branch(branch) => branch.digest,
        }
    }

    /// The node with changes made to it; `changes` ascend by path and agree in `depth` bits.
    fn updated(self, depth: usize, changes: &[(Path, Option<Digest>)]) -> Self {
        if changes.is_empty() {
            return self;
        }
        match self {
            Self::Empty => Self::built(depth, changes),
            Self::Leaf(leaf) => match changes.binary_search_by_key(&leaf.path, |change| change.0) {
                Ok(_) => Self::built(depth, changes),
                Err(at) => {
                    let mut all = changes.to_vec();
                    all.insert(at, (leaf.path, Some(leaf.value)));
                    Self::built(depth, &all)
                }
            },
            Self::Branch(branch) => {
                let [left, right] = match Arc::try_unwrap(branch) {
                    Ok(branch) => branch.children,
                    Err(shared) => shared.children.clone(),
                };
                let (to_left, to_right) = split(changes, depth);
                let left = left.updated(depth + 1, to_left);
                Self::joined(left, right.updated(depth + 1, to_right))
            }
        }
    }

    /// The node of these records alone.
    fn built(depth: usize, records: &[(Path, Option<Digest>)]) -> Self {
        match records {
            [] | [(_, None)] => Self::Empty,
            [(path, Some(value))] => Self::Leaf(Arc::new(Leaf {
                path: *path,
                value: *value,
                digest: leaf_digest(path, value),
            })),
            _ if depth >= DEPTH_MAX => unreachable!("two keys of one batch have one digest"),
            _ => {
                let (left, right) = split(records, depth);
                Self::joined(Self::built(depth + 1, left), Self::built(depth + 1, right))
            }
        }
    }

    /// The parent of two nodes: a lone record moves up, so that its place depends on others only.
    fn joined(left: Self, right: Self) -> Self {
        match (left, right) {
            (Self::Empty, Self::Empty) => Self::Empty,
            (Self::Empty, Self::Leaf(leaf)) | (Self::Leaf(leaf), Self::Empty) => Self::Leaf(leaf),
            (left, right) => {
                let digest = branch_digest(&left.digest(), &right.digest());
                Self::Branch(Arc::new(Branch { children: [left, right], digest }))
            }
        }
    }
}

/// Changes that go left and those that go right at a depth.
#[expect(clippy::type_complexity, reason = "a pair of the argument's type")]
fn split(
    changes: &[(Path, Option<Digest>)],
    depth: usize,
) -> (&[(Path, Option<Digest>)], &[(Path, Option<Digest>)]) {
    changes.split_at(changes.partition_point(|(path, _)| bit(path, depth) == 0))
}

fn bit(path: &Path, depth: usize) -> usize {
    usize::from(path[depth / 8] >> (7 - depth % 8) & 1)
}

fn path_of(key: &[u8]) -> Path {
    blake3::hash(key).into()
}

fn value_digest(value: &[u8]) -> Digest {
    Digest(blake3::hash(value).into())
}

fn leaf_digest(path: &Path, value: &Digest) -> Digest {
    keyed(LEAF_KEY, path, &value.0)
}

fn branch_digest(left: &Digest, right: &Digest) -> Digest {
    keyed(BRANCH_KEY, &left.0, &right.0)
}

fn keyed(key: &[u8; 32], first: &[u8; 32], second: &[u8; 32]) -> Digest {
    let mut input = [0; 64];
    input[..32].copy_from_slice(first);
    input[32..].copy_from_slice(second);
    Digest(blake3::keyed_hash(key, &input).into())
}
