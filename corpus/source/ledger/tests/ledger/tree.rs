//! The authenticated tree: the same root however it was built, and proofs that cannot be bent.
use std::collections::BTreeMap;

use ainur_ledger::state::{Changes, Key, MemoryState, Value, WriteState, key};
use ainur_ledger::tree::{Neighbour, ProofError};
use ainur_ledger::{Ledger, ReadState, RecordProof, StateTree};
use ainur_primitives::Digest;
use proptest::prelude::*;

use crate::world::*;

fn records(count: u16) -> Vec<(Key, Value)> {
    (0..count).map(|n| (n.to_be_bytes().to_vec(), vec![n as u8; 3])).collect()
}

fn tree_of(records: &[(Key, Value)]) -> (MemoryState, StateTree) {
    let state = MemoryState::from_records(records.iter().cloned());
    let tree = StateTree::of(&state);
    (state, tree)
}

#[test]
fn every_record_is_proved_and_every_missing_one_too() {
    for count in [0u16, 1, 2, 3, 100] {
        let (state, tree) = tree_of(&records(count));
        for n in 0..count + 50 {
            let key = n.to_be_bytes().to_vec();
            let proof = tree.prove(&key, state.get(&key));
            assert_eq!(proof.value.is_some(), n < count);
            proof.verify(&tree.root()).unwrap();
        }
    }
}

#[test]
fn a_proof_that_says_something_else_is_refused() {
    let (state, tree) = tree_of(&records(50));
    let root = tree.root();
    let (present, missing) = (7u16.to_be_bytes(), 77u16.to_be_bytes());
    let good = tree.prove(&present, state.get(&present));
    let bent: Vec<Box<dyn Fn(&mut RecordProof)>> = vec![
        Box::new(|proof| proof.value = Some(vec![9])),
        Box::new(|proof| proof.value = None),
        Box::new(|proof| proof.key = vec![1, 2, 3]),
        Box::new(|proof| proof.siblings[0].0[0] ^= 1),
        Box::new(|proof| proof.siblings.swap(0, 1)),
        Box::new(|proof| proof.siblings.truncate(1)),
        Box::new(|proof| proof.siblings.push(Digest::ZERO)),
        Box::new(|proof| proof.siblings = vec![Digest::ZERO; 257]),
        Box::new(|proof| {
            proof.neighbour = Some(Neighbour { path: Digest::ZERO, value: Digest::ZERO });
        }),
    ];
    for (which, bend) in bent.iter().enumerate() {
        let mut proof = good.clone();
        bend(&mut proof);
        assert!(proof.verify(&root).is_err(), "change {which} was accepted");
    }
    // A record cannot be denied by showing itself as the neighbour.
    let mut denial = good.clone();
    denial.value = None;
    let path = Digest(blake3_of(&denial.key));
    denial.neighbour = Some(Neighbour { path, value: Digest(blake3_of(&[7; 3])) });
    assert_eq!(denial.verify(&root), Err(ProofError::NeighbourElsewhere));
    // Nor can a missing one be denied by a record that stands elsewhere.
    let mut elsewhere = tree.prove(&missing, None);
    elsewhere.verify(&root).unwrap();
    let far = (0..50u16).map(|n| Digest(blake3_of(&n.to_be_bytes())));
    let mine = blake3_of(&missing);
    let far = far.max_by_key(|path| path.0[0] ^ mine[0]).unwrap();
    elsewhere.neighbour = Some(Neighbour { path: far, value: Digest::ZERO });
    assert_eq!(elsewhere.verify(&root), Err(ProofError::NeighbourElsewhere));
}

fn blake3_of(bytes: &[u8]) -> [u8; 32] {
    ainur_crypto::hash::content_id(bytes).0.0
}

#[test]
fn accounts_are_proved_under_the_head_and_survive_json() {
    let world = World::new();
    let root = world.ledger.head().state_root;
    for party in [BUYER, PAUPER] {
        let proof = world.ledger.prove(&key::account(&did(party)));
        assert_eq!(proof.value.is_some(), party == BUYER);
        let json = serde_json::to_string(&proof).unwrap();
        let read: RecordProof = serde_json::from_str(&json).unwrap();
        assert_eq!(read, proof);
        read.verify(&root).unwrap();
    }
}

#[test]
fn a_ledger_opens_only_at_the_state_of_its_header() {
    let world = World::new();
    let state = world.ledger.state().clone();
    let opened = Ledger::open(state.clone(), *world.ledger.head()).unwrap();
    assert_eq!(opened.head(), world.ledger.head());
    let mut damaged = state;
    damaged.write(&[(key::totals(), None)]);
    assert!(Ledger::open(damaged, *world.ledger.head()).is_err());
}

proptest! {
    /// Inserting, overwriting and removing in any batches leads to the tree built at once.
    #[test]
    fn the_root_depends_on_the_records_alone(
        batches in prop::collection::vec(
            prop::collection::btree_map(0u8..60, prop::option::of(0u8..4), 0..30),
            0..8,
        ),
    ) {
        let mut tree = StateTree::default();
        let mut records = BTreeMap::new();
        let mut past = Vec::new();
        for batch in batches {
            let changes: Changes = batch
                .into_iter()
                .map(|(key, value)| (vec![key], value.map(|value| vec![value])))
                .collect();
            for (key, value) in &changes {
                match value {
                    Some(value) => records.insert(key.clone(), value.clone()),
                    None => records.remove(key),
                };
            }
            past.push((tree.clone(), tree.root()));
            tree.update(&changes);
            let state = MemoryState::from_records(records.clone());
            prop_assert_eq!(StateTree::of(&state).root(), tree.root());
        }
        for key in 0u8..70 {
            let proof = tree.prove(&[key], records.get(&vec![key]).cloned());
            prop_assert_eq!(proof.verify(&tree.root()), Ok(()));
        }
        for (tree, root) in past {
            prop_assert_eq!(tree.root(), root, "an earlier tree changed");
        }
    }
}
