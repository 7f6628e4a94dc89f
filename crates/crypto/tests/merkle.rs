//! Merkle trees against the published vectors, and every proof of every small tree against the
//! recursive definition of RFC 6962.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use ainur_crypto::merkle::{
    ConsistencyProof, InclusionProof, Tree, empty_root, inclusion_proofs_all, leaf_hash, node_hash,
    root,
};
use ainur_primitives::Digest;
use data_encoding::BASE64;
use serde_json::Value;

fn vectors(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

/// A hash; none when the vector gives something that is not 32 bytes, which no type of ours holds.
fn hash(value: &Value) -> Option<Digest> {
    let bytes = BASE64.decode(value.as_str().unwrap_or_default().as_bytes()).unwrap();
    bytes.try_into().ok().map(Digest)
}

fn path(value: &Value) -> Option<Vec<Digest>> {
    value.as_array().map_or_else(|| Some(Vec::new()), |path| path.iter().map(hash).collect())
}

#[test]
fn published_inclusion_proofs() {
    let vectors = vectors(include_str!("data/tlog-merkle/inclusion.json"));
    for vector in &vectors {
        let accepted = || {
            let (root, leaf) = (hash(&vector["root"])?, hash(&vector["leafHash"])?);
            let (index, size) = (vector["leafIdx"].as_u64()?, vector["treeSize"].as_u64()?);
            let proof = InclusionProof { index, size, path: path(&vector["proof"])? };
            Some(proof.verify(leaf, root))
        };
        let expected = !vector["wantErr"].as_bool().unwrap();
        assert_eq!(accepted().unwrap_or(false), expected, "{vector}");
    }
    assert_eq!(vectors.len(), 46);
}

#[test]
fn published_consistency_proofs() {
    let vectors = vectors(include_str!("data/tlog-merkle/consistency.json"));
    let mut without_hashes = 0;
    for vector in &vectors {
        let (old, new) = (hash(&vector["root1"]), hash(&vector["root2"]));
        let (Some(old), Some(new), Some(path)) = (old, new, path(&vector["proof"])) else {
            without_hashes += usize::from(vector["wantErr"] == false);
            continue;
        };
        let old_size = vector["size1"].as_u64().unwrap();
        let new_size = vector["size2"].as_u64().unwrap();
        let accepted = ConsistencyProof { old_size, new_size, path }.verify(old, new);
        assert_eq!(accepted, !vector["wantErr"].as_bool().unwrap(), "{vector}");
    }
    // One vector is to be accepted with twelve-byte roots; a digest of ours has 32.
    assert_eq!((vectors.len(), without_hashes), (56, 1));
}

fn leaves(count: usize) -> Vec<Digest> {
    (0..count).map(|number| leaf_hash(&number.to_le_bytes())).collect()
}

/// RFC 6962, section 2.1, word for word.
fn defined_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        more => {
            let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
            node_hash(&defined_root(left), &defined_root(right))
        }
    }
}

/// RFC 6962, section 2.1.1.
fn defined_path(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let split = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(split);
    let (mut path, beside) = if index < split {
        (defined_path(index, left), right)
    } else {
        (defined_path(index - split, right), left)
    };
    path.push(defined_root(beside));
    path
}

/// RFC 6962, section 2.1.2; `whole` while the subtree is the old tree's own.
fn defined_consistency(old_size: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    if old_size == leaves.len() {
        return if whole { Vec::new() } else { vec![defined_root(leaves)] };
    }
    let split = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(split);
    let (mut path, beside) = if old_size <= split {
        (defined_consistency(old_size, left, whole), right)
    } else {
        (defined_consistency(old_size - split, right, false), left)
    };
    path.push(defined_root(beside));
    path
}

#[test]
fn every_proof_of_every_small_tree_is_as_defined() {
    let all = leaves(70);
    let mut tree = Tree::default();
    for leaf in &all {
        tree.append(*leaf);
    }
    for size in 0..=all.len() {
        let expected = defined_root(&all[..size]);
        assert_eq!(root(&all[..size]), expected, "{size}");
        assert_eq!(tree.root_at(size as u64), Some(expected), "{size}");
        let (batch_root, batch) = inclusion_proofs_all(&all[..size]);
        assert_eq!((batch_root, batch.len()), (expected, size));
        for (index, proof) in batch.into_iter().enumerate() {
            assert_eq!(proof.path, defined_path(index, &all[..size]), "{index} in {size}");
            assert!(proof.verify(all[index], expected), "{index} in {size}");
            assert_eq!(tree.inclusion(index as u64, size as u64), Some(proof));
        }
        for old_size in 1..=size {
            let proof = tree.consistency(old_size as u64, size as u64).unwrap();
            assert_eq!(proof.path, defined_consistency(old_size, &all[..size], true));
            assert!(proof.verify(defined_root(&all[..old_size]), expected), "{old_size} to {size}");
        }
    }
    assert_eq!(tree.root(), tree.root_at(70).unwrap());
    assert_eq!((tree.leaf(69), tree.leaf(70)), (Some(all[69]), None));
}

#[test]
fn a_tree_does_not_answer_for_what_it_never_was() {
    let mut tree = Tree::default();
    assert_eq!(tree.root(), empty_root());
    tree.append(leaf_hash(b"only"));
    assert_eq!(tree.root_at(2), None);
    assert_eq!(tree.inclusion(1, 1), None);
    assert_eq!(tree.inclusion(0, 2), None);
    assert_eq!(tree.consistency(1, 2), None);
    assert_eq!(tree.consistency(2, 1), None);
    assert_eq!(tree.consistency(0, 1), None);
}

#[test]
fn a_proof_altered_anywhere_is_refused() {
    let all = leaves(13);
    let (root, proofs) = inclusion_proofs_all(&all);
    for (index, proof) in proofs.iter().enumerate() {
        let leaf = all[index];
        for place in 0..proof.path.len() {
            let mut altered = proof.clone();
            altered.path[place].0[31] ^= 1;
            assert!(!altered.verify(leaf, root), "{index}: node {place}");
            let mut shorter = proof.clone();
            shorter.path.remove(place);
            assert!(!shorter.verify(leaf, root), "{index}: without node {place}");
            let mut longer = proof.clone();
            longer.path.insert(place, proof.path[place]);
            assert!(!longer.verify(leaf, root), "{index}: node {place} twice");
        }
        let elsewhere = InclusionProof { index: (proof.index + 1) % 13, ..proof.clone() };
        assert!(!elsewhere.verify(leaf, root), "{index}: at another index");
        assert!(!proof.verify(node_hash(&leaf, &leaf), root), "{index}: another leaf");
    }
}

#[test]
fn sizes_at_the_edge_of_the_number_range_do_not_overflow() {
    let leaf = leaf_hash(b"leaf");
    for (index, size) in [(u64::MAX, u64::MAX), (0, 0), (u64::MAX - 1, u64::MAX), (0, u64::MAX)] {
        for length in [0, 1, 63, 64, 65] {
            let proof = InclusionProof { index, size, path: vec![leaf; length] };
            assert!(!proof.verify(leaf, leaf));
            let path = proof.path;
            let proof = ConsistencyProof { old_size: index, new_size: size, path };
            assert_eq!(proof.verify(leaf, leaf), index == size && index > 0 && length == 0);
        }
    }
}

#[test]
fn a_proof_is_not_taken_for_one_about_a_smaller_tree() {
    let all = leaves(8);
    let (root_of_two, proofs) = inclusion_proofs_all(&all[..2]);
    let alone = InclusionProof { index: 0, size: 1, ..proofs[1].clone() };
    assert!(proofs[1].verify(all[1], root_of_two));
    assert!(!alone.verify(all[1], root_of_two));

    let mut tree = Tree::default();
    for leaf in &all {
        tree.append(*leaf);
    }
    let from_seven = tree.consistency(7, 8).unwrap();
    assert!(from_seven.verify(root(&all[..7]), root(&all)));
    let from_three = ConsistencyProof { old_size: 3, new_size: 4, ..from_seven };
    assert!(!from_three.verify(root(&all[..7]), root(&all)));
}
