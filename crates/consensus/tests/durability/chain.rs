//! A chain over storage: commits, proofs, damage, and power cuts at any operation.
use std::collections::BTreeMap;

use ainur_consensus::{Chain, Error, HeaderError, StoredBlock, ValidatorKey};
use ainur_crypto::SigningKey;
use ainur_ledger::HeaderSignature;
use ainur_ledger::balances::query;
use ainur_ledger::state::key;
use ainur_ledger::{Genesis, Height, Ledger, Outcome, Submission, invariants};
use ainur_primitives::{Amount, Digest, Timestamp};
use ainur_storage::disk::sim::{Faults, Random};
use ainur_storage::{Disk, Log, RealDisk, Sequence, SimDisk, log};
use scale::{Decode, Encode};

use crate::fixture::{BEGINNING, Fixture};

fn at(ms: u64) -> Timestamp {
    Timestamp(BEGINNING.0 + ms)
}

#[test]
fn a_committed_transfer_is_there_after_opening_again_and_provable_to_a_stranger() {
    let fixture = Fixture::new(3);
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path()).unwrap();
    let mut chain = fixture.open(&disk).unwrap();
    let mut nonces = BTreeMap::new();
    let submissions = [
        fixture.transfers(1, &[(2, 5), (2, 7)], &mut nonces),
        fixture.transfers(2, &[(1, u128::MAX)], &mut nonces),
    ];
    let committed = chain.commit(at(10), &submissions).unwrap();
    let signed = committed.header.clone().unwrap();
    signed.verify(&fixture.genesis).unwrap();
    assert_eq!(signed.header.height, Height(1));
    assert!(matches!(committed.outcomes[0].1, Outcome::Applied { .. }));
    assert!(matches!(committed.outcomes[2].1, Outcome::Failed { .. }));
    assert_eq!(chain.view().transaction(&committed.outcomes[1].0), Some((Height(1), 1)));
    let root = chain.ledger().head().state_root;
    drop(chain);

    let chain = fixture.open(&disk).unwrap();
    assert_eq!(chain.ledger().head().state_root, root);
    assert_eq!(chain.view().transaction(&committed.outcomes[1].0), Some((Height(1), 1)));
    for (index, proof) in (0..).zip(committed.event_proofs()) {
        let (read, header) = chain.event_proof(Height(1), index).unwrap();
        assert_eq!((&read, &header), (&proof, &signed));
        read.verify().unwrap();
    }
    assert!(matches!(chain.event_proof(Height(1), 99), Err(Error::Missing(_))));
    assert!(matches!(chain.event_proof(Height(2), 0), Err(Error::Missing(_))));
    let account = key::account(&fixture.parties[2].did);
    let (proof, header) = chain.record_proof(&account).unwrap();
    assert_eq!(header, signed);
    assert!(proof.verify(&header.header.state_root).is_ok());
    assert_eq!(chain.header(Height(1)).unwrap(), Some(signed));
    assert_eq!(chain.header(Height(0)).unwrap(), None);
    assert_eq!(chain.verify(&fixture.genesis).unwrap(), 1);
}

#[test]
fn headers_that_are_not_the_ledgers_are_refused() {
    let fixture = Fixture::new(3);
    let mut chain = fixture.open(&SimDisk::new(1)).unwrap();
    let submission = fixture.transfers(1, &[(2, 5)], &mut BTreeMap::new());
    let good = chain.commit(at(1), &[submission]).unwrap().header.unwrap();
    good.verify(&fixture.genesis).unwrap();
    let another = Genesis { name: "another".into(), ..fixture.genesis.clone() };
    assert_eq!(good.verify(&another), Err(HeaderError::AnotherLedger));
    let mut forged = good.clone();
    forged.header.state_root = Digest([9; 32]);
    assert!(matches!(forged.verify(&fixture.genesis), Err(HeaderError::Signature(_))));
    let mut stranger = good.clone();
    stranger.signature.validator = fixture.parties[1].did;
    assert!(matches!(stranger.verify(&fixture.genesis), Err(HeaderError::NotValidator(_))));
    let mut rotated = good;
    rotated.signature.key_version = 1;
    assert!(matches!(rotated.verify(&fixture.genesis), Err(HeaderError::UnknownKey { .. })));
}

#[test]
fn nothing_admissible_makes_no_block_and_time_never_goes_back() {
    let fixture = Fixture::new(2);
    let mut chain = fixture.open(&SimDisk::new(1)).unwrap();
    let mut nonces = BTreeMap::new();
    assert!(chain.commit(at(1), &[]).unwrap().header.is_none());
    assert!(chain.commit(at(1), &[Submission::default()]).unwrap().header.is_none());
    let first = fixture.transfers(1, &[(0, 1)], &mut nonces);
    chain.commit(at(50), std::slice::from_ref(&first)).unwrap();
    let repeated = chain.commit(at(60), &[first]).unwrap();
    assert!(matches!(repeated.outcomes[0].1, Outcome::Rejected(_)));
    assert!(repeated.header.is_none() && repeated.events.is_empty());
    assert_eq!(chain.view().height(), Height(1));
    let second = fixture.transfers(1, &[(0, 1)], &mut nonces);
    let header = chain.commit(at(3), &[second]).unwrap().header.unwrap().header;
    assert_eq!(header.timestamp, at(50));
}

#[test]
fn only_one_opener_and_only_validators_commit() {
    let fixture = Fixture::new(2);
    let disk = SimDisk::new(1);
    let chain = fixture.open(&disk).unwrap();
    let error = fixture.open(&disk).unwrap_err();
    assert!(matches!(error, Error::Storage(ainur_storage::Error::Held { .. })), "{error}");
    drop(chain);
    fixture.open(&disk).unwrap();

    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path()).unwrap();
    let chain = fixture.open(&disk).unwrap();
    let error = fixture.open(&disk).unwrap_err();
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    drop(chain);

    let mut reading = Chain::open(disk.clone(), "chain", &fixture.genesis, None).unwrap();
    let submission = fixture.transfers(1, &[(0, 1)], &mut BTreeMap::new());
    assert!(matches!(reading.commit(at(1), &[submission]), Err(Error::ReadOnly)));
    drop(reading);
    let key = SigningKey::from_seed(&[99; 32]).unwrap();
    for (did, key_version) in [(fixture.parties[0].did, 0), (fixture.parties[1].did, 0)] {
        let key = SigningKey::from_bytes(key.to_bytes().as_slice()).unwrap();
        let wrong = Some(ValidatorKey { did, key_version, key });
        let error = Chain::open(disk.clone(), "chain", &fixture.genesis, wrong).unwrap_err();
        assert!(matches!(error, Error::NotValidator(_)), "{error}");
    }
    let another = Genesis { name: "another".into(), ..fixture.genesis.clone() };
    let error = Chain::open(disk, "chain", &another, None).unwrap_err();
    assert!(matches!(error, Error::AnotherLedger { .. }), "{error}");
}

/// Random transfers between parties, from the chain's own state.
fn random_submissions<D: Disk>(
    fixture: &Fixture,
    chain: &Chain<D>,
    random: &mut Random,
) -> Vec<Submission> {
    let mut nonces = fixture.nonces(chain.state());
    (0..=random.below(2))
        .map(|_| {
            let parties = fixture.parties.len() as u64;
            let from = random.below(parties) as usize;
            let amounts: Vec<_> = (0..=random.below(2))
                .map(|_| (random.below(parties) as usize, u128::from(random.next_u64())))
                .collect();
            fixture.transfers(from, &amounts, &mut nonces)
        })
        .collect()
}

fn assert_conserved<D: Disk>(chain: &Chain<D>, issued: Amount, seed: u64) {
    let totals = query::totals(chain.state());
    assert!(totals.conserved() && totals.issued == issued, "seed {seed}: {totals:?}");
    invariants::check(chain.state()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
}

/// The state root after each block, from executing the log alone.
fn roots_by_full_replay<D: Disk>(fixture: &Fixture, chain: &Chain<D>) -> Vec<Digest> {
    let mut ledger = Ledger::begin(&fixture.genesis).unwrap();
    let mut roots = vec![ledger.head().state_root];
    for stored in chain.blocks(Height(1), usize::MAX).unwrap() {
        let trusted = ainur_ledger::execution::Signatures::Trusted;
        let executed = ledger.replay(&stored.block, trusted).unwrap();
        ledger.commit(executed).unwrap();
        roots.push(ledger.head().state_root);
    }
    roots
}

#[test]
fn acknowledged_blocks_survive_power_cuts_under_the_same_roots() {
    let fixture = Fixture::new(4);
    let beginning = Ledger::begin(&fixture.genesis).unwrap();
    let issued = query::totals(beginning.state()).issued;
    for seed in 0..60 {
        let faults = Faults { reordered_writes: seed % 2 == 1, ..Faults::default() };
        let disk = SimDisk::with_faults(seed, faults);
        let mut random = Random::new(seed);
        let mut acknowledged = vec![beginning.head().state_root];
        for _ in 0..4 {
            disk.cut_power_after(random.below(120));
            if let Ok(mut chain) = fixture.open(&disk) {
                let height = chain.view().height().0 as usize;
                assert!(height + 1 >= acknowledged.len(), "seed {seed}: a block was lost");
                let roots = roots_by_full_replay(&fixture, &chain);
                assert_eq!(roots[..acknowledged.len()], acknowledged, "seed {seed}");
                assert_eq!(*roots.last().unwrap(), chain.ledger().head().state_root);
                acknowledged = roots;
                loop {
                    let submissions = random_submissions(&fixture, &chain, &mut random);
                    let now = at(random.below(10_000));
                    match chain.commit(now, &submissions) {
                        Ok(committed) if committed.header.is_some() => {
                            acknowledged.push(chain.ledger().head().state_root);
                        }
                        Ok(_) => {}
                        Err(_) => {
                            let again = chain.commit(now, &submissions);
                            assert!(matches!(again, Err(Error::Poisoned)), "seed {seed}");
                            break;
                        }
                    }
                    assert_conserved(&chain, issued, seed);
                    if random.one_in(3) && chain.snapshot().is_err() {
                        break;
                    }
                }
            }
            disk.crash();
        }
        let chain = fixture.open(&disk).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let roots = roots_by_full_replay(&fixture, &chain);
        assert_eq!(roots[..acknowledged.len()], acknowledged, "seed {seed}");
        assert_eq!(*roots.last().unwrap(), chain.ledger().head().state_root, "seed {seed}");
        assert_conserved(&chain, issued, seed);
        chain.close().unwrap();
        let chain = fixture.open(&disk).unwrap();
        assert_eq!(*roots.last().unwrap(), chain.ledger().head().state_root, "seed {seed}");
    }
}

/// A closed chain of ten blocks with a snapshot at the fifth, or without one.
fn ten_blocks(fixture: &Fixture, snapshot: bool) -> SimDisk {
    let disk = SimDisk::new(3);
    let mut chain = fixture.open(&disk).unwrap();
    let mut random = Random::new(11);
    for block in 0..10 {
        let submissions = random_submissions(fixture, &chain, &mut random);
        assert!(chain.commit(at(block), &submissions).unwrap().header.is_some());
        if snapshot && block == 4 {
            chain.snapshot().unwrap();
        }
    }
    drop(chain);
    disk
}

#[test]
fn snapshot_and_replay_give_what_full_replay_gives() {
    let fixture = Fixture::new(3);
    let [with, without] = [true, false].map(|snapshot| {
        let chain = fixture.open(&ten_blocks(&fixture, snapshot)).unwrap();
        assert_eq!(chain.verify(&fixture.genesis).unwrap(), 10);
        (chain.ledger().head().state_root, chain.state().clone())
    });
    assert_eq!(with, without);
    let disk = ten_blocks(&fixture, true);
    disk.remove("chain/state.redb").unwrap();
    let chain = fixture.open(&disk).unwrap();
    assert_eq!(chain.ledger().head().state_root, with.0, "rebuilt from the log alone");
}

#[test]
fn a_damaged_block_is_named_wherever_it_is() {
    let fixture = Fixture::new(3);
    let disk = ten_blocks(&fixture, false);
    let chain = fixture.open(&disk).unwrap();
    let path = "chain/blocks/segment-00000000000000000001.log";
    let len = {
        use ainur_storage::{DiskFile, disk::OpenMode};
        disk.open(path, OpenMode::Read).unwrap().len().unwrap()
    };
    drop(chain);
    for offset in (0..len).step_by(len as usize / 150) {
        let copy = disk.copy(0);
        copy.flip(path, offset, 0x08).unwrap();
        match fixture.open(&copy) {
            Err(Error::Storage(ainur_storage::Error::LogDamaged { file, .. })) => {
                assert_eq!(file, path);
            }
            other => panic!("byte {offset}: {:?}", other.err()),
        }
    }
}

#[test]
fn a_changed_state_record_is_found_against_the_signed_root() {
    let fixture = Fixture::new(3);
    let disk = ten_blocks(&fixture, true);
    {
        let store = ainur_storage::Store::open(&disk, "chain/state.redb").unwrap();
        let mut batch = ainur_storage::Batch::new();
        let account = key::account(&fixture.parties[1].did);
        let mut value = store.get("state", &account).unwrap().unwrap();
        value[0] ^= 1;
        batch.put("state", account, value);
        store.commit(&batch).unwrap();
    }
    let error = fixture.open(&disk).unwrap_err();
    assert!(matches!(error, Error::Replay { height: Height(5), .. }), "{error}");
}

#[test]
fn a_full_disk_stops_the_chain_and_opening_again_goes_on() {
    let fixture = Fixture::new(3);
    let disk = SimDisk::new(5);
    let mut chain = fixture.open(&disk).unwrap();
    let mut random = Random::new(2);
    let submissions = random_submissions(&fixture, &chain, &mut random);
    chain.commit(at(1), &submissions).unwrap();
    let root = chain.ledger().head().state_root;
    disk.set_faults(Faults { space_bytes_max: Some(1), ..Faults::default() });
    let submissions = random_submissions(&fixture, &chain, &mut random);
    let error = chain.commit(at(2), &submissions).unwrap_err();
    assert!(error.to_string().contains("free space"), "{error}");
    assert_eq!(chain.ledger().head().state_root, root);
    assert!(matches!(chain.commit(at(2), &submissions), Err(Error::Poisoned)));
    drop(chain);
    disk.set_faults(Faults::default());
    let mut chain = fixture.open(&disk).unwrap();
    assert_eq!(chain.ledger().head().state_root, root);
    assert!(chain.commit(at(3), &submissions).unwrap().header.is_some());
}

/// A disk whose chain has the blocks of `disk`, changed on the way.
fn rewritten(disk: &SimDisk, change: impl Fn(&mut StoredBlock)) -> SimDisk {
    let (from, _) = Log::open(disk.copy(0), "chain/blocks", log::Options::default()).unwrap();
    let forged = SimDisk::new(8);
    let (mut to, _) = Log::open(forged.clone(), "chain/blocks", log::Options::default()).unwrap();
    for record in from.read_from(Sequence(1)) {
        let mut stored = StoredBlock::decode(&mut record.unwrap().1.as_slice()).unwrap();
        change(&mut stored);
        to.append(&stored.encode()).unwrap();
    }
    to.close().unwrap();
    forged
}

#[test]
fn a_log_written_by_someone_without_the_validators_key_is_refused() {
    let fixture = Fixture::new(3);
    let disk = ten_blocks(&fixture, false);
    fixture.open(&rewritten(&disk, |_| {})).unwrap();

    let forged = rewritten(&disk, |stored| {
        if stored.block.header.height == Height(7) {
            let key = &fixture.parties[1].key;
            let did = fixture.parties[0].did;
            stored.signature = HeaderSignature::sign(&stored.block.header, did, 0, key);
        }
    });
    let error = fixture.open(&forged).unwrap_err();
    assert!(matches!(error, Error::Header { height: Height(7), .. }), "{error}");

    let embellished = rewritten(&disk, |stored| {
        if stored.block.header.height == Height(4) {
            stored.events.pop();
        }
    });
    let error = fixture.open(&embellished).unwrap_err();
    assert!(matches!(error, Error::NotABlock { height: Height(4), .. }), "{error}");

    let reordered = rewritten(&disk, |stored| {
        if stored.block.header.height == Height(5) {
            stored.block.header.height = Height(6);
        }
    });
    let error = fixture.open(&reordered).unwrap_err();
    assert!(matches!(error, Error::NotABlock { height: Height(5), .. }), "{error}");
}
