//! The key–value store: batches whole or not at all, through crashes and full disks.
use std::collections::BTreeMap;

use ainur_storage::disk::sim::{Faults, Random};
use ainur_storage::{Batch, RealDisk, SimDisk, Store};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn contents(store: &Store) -> Model {
    store.range("state", &[], usize::MAX).expect("the store is readable").into_iter().collect()
}

fn change(random: &mut Random, model: &mut Model) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..=random.below(8) {
        let key = format!("key {}", random.below(40)).into_bytes();
        if random.one_in(4) {
            batch.delete("state", key.clone());
            model.remove(&key);
        } else {
            let value = vec![random.next_u64() as u8; random.below(300) as usize];
            batch.put("state", key.clone(), value.clone());
            model.insert(key, value);
        }
    }
    batch
}

#[test]
fn a_power_cut_leaves_the_last_committed_batch_or_the_one_after_it() {
    for seed in 0..150 {
        let faults = Faults { reordered_writes: true, ..Faults::default() };
        let disk = SimDisk::with_faults(seed, faults);
        let mut random = Random::new(seed);
        disk.cut_power_after(random.below(40));
        drop(Store::open(&disk, "state"));
        disk.crash();
        let mut committed = Model::new();
        for _ in 0..3 {
            let Ok(store) = Store::open(&disk, "state") else {
                panic!("seed {seed}: the store does not open")
            };
            assert_eq!(contents(&store), committed, "seed {seed}");
            disk.cut_power_after(random.below(60));
            let attempted = loop {
                let mut after = committed.clone();
                let batch = change(&mut random, &mut after);
                match store.commit(&batch) {
                    Ok(()) => committed = after,
                    Err(_) => break after,
                }
            };
            drop(store);
            disk.crash();
            let store = Store::open(&disk, "state").unwrap();
            let found = contents(&store);
            assert!(found == committed || found == attempted, "seed {seed}: half a batch");
            committed = found;
        }
    }
}

#[test]
fn a_full_disk_is_named_and_the_store_stays_whole() {
    let disk = SimDisk::new(1);
    let store = Store::open(&disk, "state").unwrap();
    let mut batch = Batch::new();
    batch.put("state", b"kept", b"value");
    store.commit(&batch).unwrap();
    let used = 6 << 20;
    disk.set_faults(Faults { space_bytes_max: Some(used), ..Faults::default() });
    let mut batch = Batch::new();
    for key in 0..40u32 {
        batch.put("state", key.to_le_bytes(), vec![1; 1 << 18]);
    }
    let error = store.commit(&batch).unwrap_err();
    assert!(error.is_full(), "{error}");
    assert!(error.to_string().contains("free space"), "{error}");
    drop(store);
    disk.set_faults(Faults::default());
    let mut store = Store::open(&disk, "state").unwrap();
    assert_eq!(contents(&store).len(), 1);
    store.verify().unwrap();
}

#[test]
fn ranges_are_in_order_and_limited_on_a_real_disk() {
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path()).unwrap();
    let store = Store::open(&disk, "node/state.redb").unwrap();
    let mut batch = Batch::new();
    for key in (0..100u8).rev() {
        batch.put("numbers", [key], [key, key]);
    }
    batch.put("numbers", [7], b"last one counts");
    store.commit(&batch).unwrap();
    assert_eq!(store.get("numbers", &[7]).unwrap().as_deref(), Some(&b"last one counts"[..]));
    assert_eq!(store.get("numbers", &[200]).unwrap(), None);
    assert_eq!(store.get("no such table", &[7]).unwrap(), None);
    let keys: Vec<Vec<u8>> =
        store.range("numbers", &[90], 3).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [[90], [91], [92]]);
    drop(store);
    let store = Store::open(&disk, "node/state.redb").unwrap();
    assert_eq!(store.range("numbers", &[], 1_000).unwrap().len(), 100);
}
