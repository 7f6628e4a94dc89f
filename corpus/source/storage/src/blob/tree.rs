//! The upper part of a blob's BLAKE3 tree: the chaining values of its groups up to its name.
use ainur_primitives::ContentId;
use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};

use super::digest_id;

/// Bytes that are verified together: 64 chunks of BLAKE3, a whole subtree.
pub const GROUP_BYTES: usize = 64 << 10;

/// The name of some bytes.
pub(super) fn content_id(bytes: &[u8]) -> ContentId {
    digest_id(blake3::hash(bytes))
}

/// How many groups a blob of that length has; an empty one has one.
pub(super) fn group_count(len: u64) -> u64 {
    len.div_ceil(GROUP_BYTES as u64).max(1)
}

/// The chaining value of a group that is not the whole blob.
pub(super) fn group_value(index: u64, group: &[u8]) -> ChainingValue {
    let offset = index * GROUP_BYTES as u64;
    Hasher::new().set_input_offset(offset).update(group).finalize_non_root()
}

/// The name of a blob of `len` bytes with these group values; there are at least two.
pub(super) fn root(len: u64, groups: &[ChainingValue]) -> ContentId {
    let (left, right) = halves(len, groups);
    digest_id(merge_subtrees_root(&left, &right, Mode::Hash))
}

fn subtree(len: u64, groups: &[ChainingValue]) -> ChainingValue {
    if let [group] = groups {
        return *group;
    }
    let (left, right) = halves(len, groups);
    merge_subtrees_non_root(&left, &right, Mode::Hash)
}

fn halves(len: u64, groups: &[ChainingValue]) -> (ChainingValue, ChainingValue) {
    let left_len = left_subtree_len(len);
    let split = usize::try_from(left_len / GROUP_BYTES as u64).unwrap_or(usize::MAX);
    let (left, right) = groups.split_at(split);
    (subtree(left_len, left), subtree(len - left_len, right))
}
