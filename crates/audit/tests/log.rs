//! The transparency log over the simulator's disk: proofs, crashes, damage and rewritten history.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
use ainur_audit::checkpoint::CheckpointKey;
use ainur_audit::entry::ENTRY_BYTES_MAX;
use ainur_audit::log::{Error, TransparencyLog};
use ainur_audit::tiles::TILE_WIDTH;
use ainur_crypto::SigningKey;
use ainur_crypto::merkle::leaf_hash;
use ainur_primitives::Timestamp;
use ainur_storage::{Disk, DiskFile, Log, Sequence, SimDisk, disk::OpenMode, log};

const ORIGIN: &str = "node.example/audit";
const DIRECTORY: &str = "audit";
const NOW: Timestamp = Timestamp(1_795_254_600_000);

fn key(seed: u8) -> CheckpointKey {
    CheckpointKey::new(SigningKey::from_seed(&[seed; 32]).unwrap())
}

fn open(disk: &SimDisk) -> Result<TransparencyLog<SimDisk>, Error> {
    TransparencyLog::open(disk.clone(), DIRECTORY, ORIGIN, key(1))
}

fn entries(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    numbers.map(|number| format!("entry {number} {}", "x".repeat(40)).into_bytes()).collect()
}

/// Three batches of 7, 1 and 12 entries.
fn filled(disk: &SimDisk) -> TransparencyLog<SimDisk> {
    let mut log = open(disk).unwrap();
    for batch in [0..7, 7..8, 8..20] {
        assert_eq!(log.append_many(&entries(batch.clone())).unwrap(), batch);
        log.sync(NOW).unwrap();
    }
    log
}

fn segment(disk: &SimDisk) -> (String, u64) {
    let names = disk.list(DIRECTORY).unwrap();
    let name = names.iter().find(|name| name.starts_with("segment-")).unwrap();
    let path = format!("{DIRECTORY}/{name}");
    let len = disk.open(&path, OpenMode::Read).unwrap().len().unwrap();
    (path, len)
}

#[test]
fn every_entry_is_proved_under_the_checkpoint() {
    let log = filled(&SimDisk::new(1));
    let checkpoint = log.log_key().verify(&log.checkpoint().unwrap().note).unwrap();
    assert_eq!((checkpoint.size, checkpoint.at), (20, NOW));
    for (index, entry) in (0..).zip(entries(0..20)) {
        assert_eq!(log.entry(index).unwrap(), Some(entry.clone()));
        let proof = log.inclusion(index).unwrap();
        assert!(proof.verify(leaf_hash(&entry), checkpoint.root));
        assert!(!proof.verify(leaf_hash(b"another"), checkpoint.root));
    }
    assert_eq!(log.entry(20).unwrap(), None);
    assert_eq!(log.inclusion(20), None);
}

#[test]
fn every_checkpoint_is_consistent_with_every_later_one() {
    let mut log = open(&SimDisk::new(1)).unwrap();
    let mut checkpoints = Vec::new();
    for number in 0..40 {
        log.append_many(&entries(number * 3..number * 3 + 3)).unwrap();
        checkpoints.push(log.sync(NOW).unwrap());
    }
    for (position, old) in checkpoints.iter().enumerate() {
        for new in &checkpoints[position..] {
            let proof = log.consistency(old.size, new.size).unwrap();
            assert!(proof.verify(old.root, new.root), "{} {}", old.size, new.size);
            assert!(old.size == new.size || !proof.verify(new.root, old.root));
        }
    }
    assert_eq!(log.consistency(5, 121), None, "beyond the last checkpoint");
}

#[test]
fn nothing_is_proved_before_it_is_durable() {
    let mut log = open(&SimDisk::new(1)).unwrap();
    assert!(log.checkpoint().is_none());
    log.append_many(&entries(0..3)).unwrap();
    assert_eq!((log.size(), log.inclusion(0), log.entry(0).unwrap()), (3, None, None));
    assert!(matches!(log.export_tiles("unused".as_ref()), Err(Error::NoCheckpoint)));
    let first = log.sync(NOW).unwrap();
    assert!(log.inclusion(2).is_some());
    let again = log.sync(Timestamp(NOW.0 + 1)).unwrap();
    assert_eq!(first, again, "without new entries there is no new checkpoint");
}

#[test]
fn an_entry_above_its_limit_is_refused_and_leaves_nothing() {
    let mut log = open(&SimDisk::new(1)).unwrap();
    let batch = [vec![0; 10], vec![0; ENTRY_BYTES_MAX + 1]];
    assert!(matches!(log.append_many(&batch), Err(Error::EntryTooLong { bytes: 65_536 })));
    assert_eq!(log.size(), 0);
    assert_eq!(log.append_many(&[vec![0; ENTRY_BYTES_MAX]]).unwrap(), 0..1);
}

#[test]
fn what_was_signed_survives_every_crash() {
    for seed in 0..60 {
        let disk = SimDisk::new(seed);
        let mut log = filled(&disk);
        let signed = log.checkpoint().unwrap().clone();
        log.append_many(&entries(20..400)).unwrap();
        disk.cut_power_after(seed % 4);
        // Whether this batch was signed or not, nobody was told so unless it succeeds.
        let signed = log.sync(NOW).unwrap_or(signed);
        drop(log);
        disk.crash();
        let mut log = open(&disk).unwrap();
        let recovered = log.checkpoint().unwrap();
        assert!(recovered.size >= signed.size, "seed {seed}");
        let size = log.size();
        log.append_many(&entries(size..size + 5)).unwrap();
        let later = log.sync(NOW).unwrap();
        let proof = log.consistency(signed.size, later.size).unwrap();
        assert!(proof.verify(signed.root, later.root), "seed {seed}");
        let intact = log.verify_all().unwrap();
        assert_eq!(intact.entries, later.size);
        for (index, entry) in (0..).zip(entries(0..size)) {
            assert_eq!(log.entry(index).unwrap(), Some(entry), "seed {seed}");
        }
    }
}

#[test]
fn every_changed_byte_of_a_segment_is_detected_on_open_and_named() {
    let disk = SimDisk::new(1);
    drop(filled(&disk));
    let (path, len) = segment(&disk);
    assert!(open(&disk.copy(2)).unwrap().verify_all().is_ok());
    for offset in 0..len {
        let damaged = disk.copy(offset);
        damaged.flip(&path, offset, 1 << (offset * 5 % 8)).unwrap();
        let error = open(&damaged).map(drop).unwrap_err();
        let Error::Storage(ainur_storage::Error::LogDamaged { file, offset: at, .. }) = &error
        else {
            panic!("byte {offset}: {error}");
        };
        assert_eq!(*file, path);
        assert!(*at <= offset, "the frame that holds byte {offset} is blamed, not one at {at}");
    }
}

#[test]
fn damage_under_an_open_log_is_named_by_entry() {
    let disk = SimDisk::new(1);
    let log = filled(&disk);
    let (path, len) = segment(&disk);
    let mut hit = [false; 20];
    for offset in (100..len).step_by(61) {
        for bit in 0..8 {
            disk.flip(&path, offset, 1 << bit).unwrap();
            let error = log.verify_all().unwrap_err();
            let Error::Damaged { file, offset: at, index, .. } = &error else {
                panic!("byte {offset}: {error}");
            };
            assert!(*file == path && *at <= offset && *index < 20, "{error}");
            hit[usize::try_from(*index).unwrap()] = true;
            // The damaged batch is not served.
            assert!(log.entry(*index).is_err(), "byte {offset}");
            disk.flip(&path, offset, 1 << bit).unwrap();
        }
    }
    assert!(hit[0] && hit[7] && hit[8], "damage begins at the first entry of each batch: {hit:?}");
    assert!(log.verify_all().is_ok());
}

/// Writes records as a liar with access to the disk would: every frame intact.
fn forge(records: &[Vec<u8>]) -> SimDisk {
    let disk = SimDisk::new(3);
    let (mut log, _) = Log::open(disk.clone(), DIRECTORY, log::Options::default()).unwrap();
    log.append_many(records).unwrap();
    log.sync().unwrap();
    log.close().unwrap();
    disk
}

fn records(disk: &SimDisk) -> Vec<Vec<u8>> {
    let (log, _) = Log::open(disk.clone(), DIRECTORY, log::Options::default()).unwrap();
    log.read_from(Sequence(1)).map(|record| record.unwrap().1).collect()
}

#[test]
fn rewritten_history_does_not_fit_the_signed_checkpoint() {
    let disk = SimDisk::new(1);
    drop(filled(&disk));
    let honest = records(&disk);
    assert_eq!(honest.len(), 23, "twenty entries and three checkpoints");
    assert_eq!(open(&forge(&honest)).unwrap().size(), 20);

    let mut changed = honest.clone();
    changed[3][10] ^= 1;
    let error = open(&forge(&changed)).unwrap_err();
    assert!(matches!(error, Error::RootMismatch { size: 20 }), "{error}");

    let mut swapped = honest.clone();
    swapped.swap(1, 2);
    assert!(matches!(open(&forge(&swapped)), Err(Error::RootMismatch { .. })));

    let mut removed = honest.clone();
    removed.remove(4);
    assert!(matches!(open(&forge(&removed)), Err(Error::RootMismatch { .. })));

    let mut unknown = honest.clone();
    unknown[5][0] = 9;
    assert!(matches!(open(&forge(&unknown)), Err(Error::UnknownRecord { .. })));

    // An older checkpoint that was tampered with is found by reading everything.
    let mut older = honest;
    let last = older[7].len() - 20;
    older[7][last] ^= 1;
    let log = open(&forge(&older)).unwrap();
    assert!(matches!(log.verify_all(), Err(Error::CheckpointRefused { .. })));
}

#[test]
fn a_log_of_another_key_or_name_is_refused() {
    let disk = SimDisk::new(1);
    drop(filled(&disk));
    let other_key = TransparencyLog::open(disk.clone(), DIRECTORY, ORIGIN, key(2));
    assert!(matches!(other_key, Err(Error::CheckpointRefused { .. })));
    let other_name = TransparencyLog::open(disk.clone(), DIRECTORY, "other.example", key(1));
    assert!(matches!(other_name, Err(Error::CheckpointRefused { .. })));
    let bad_name = TransparencyLog::open(disk, DIRECTORY, "no spaces", key(1));
    assert!(matches!(bad_name, Err(Error::Origin(_))));
}

#[test]
fn exported_tiles_hold_what_the_checkpoint_signs() {
    let disk = SimDisk::new(1);
    let mut log = open(&disk).unwrap();
    log.append_many(&entries(0..600)).unwrap();
    let checkpoint = log.sync(NOW).unwrap();
    log.append_many(&entries(600..700)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let exported = log.export_tiles(directory.path()).unwrap();
    assert_eq!((exported.entries, exported.files), (600, 3 + 3 + 1));
    let read = |path: &str| std::fs::read(directory.path().join(path)).unwrap();
    assert_eq!(read("checkpoint"), checkpoint.note.as_bytes());
    // Every entry of every bundle hashes to its place in the tiles.
    let mut index = 0;
    for (name, width) in [("000", TILE_WIDTH), ("001", TILE_WIDTH), ("002.p/88", 88)] {
        let (tile, bundle) =
            (read(&format!("tile/0/{name}")), read(&format!("tile/entries/{name}")));
        let mut rest = bundle.as_slice();
        for hash in tile.chunks(32) {
            let (length, after) = rest.split_at(2);
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let (entry, after) = after.split_at(length);
            assert_eq!(leaf_hash(entry).0, hash);
            assert_eq!(log.entry(index).unwrap().unwrap(), entry);
            rest = after;
            index += 1;
        }
        assert_eq!((tile.len(), rest.len()), (width * 32, 0));
    }
}
