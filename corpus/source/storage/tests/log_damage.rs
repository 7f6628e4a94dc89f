//! Bytes that change on the disk: found and named below the acknowledged position, cut off above.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
use ainur_storage::log::{Log, Options, Sequence};
use ainur_storage::{Disk, DiskFile, Error, SimDisk, disk::OpenMode};

const OPTIONS: Options = Options { segment_bytes_max: 700, verify_from: Sequence(0) };

/// A settled log of several segments with batches of one to three records.
fn written(batches: u64) -> (SimDisk, Vec<Vec<u8>>) {
    let disk = SimDisk::new(7);
    let (mut log, _) = Log::open(disk.clone(), "log", OPTIONS).unwrap();
    let mut records = Vec::new();
    for batch in 0..batches {
        for record in 0..=batch % 3 {
            let payload = format!("batch {batch} record {record}").into_bytes();
            log.append(&payload).unwrap();
            records.push(payload);
        }
        log.sync().unwrap();
    }
    log.close().unwrap();
    (disk, records)
}

fn segments(disk: &SimDisk) -> Vec<(String, u64)> {
    let names = disk.list("log").unwrap();
    names
        .into_iter()
        .filter(|name| name.starts_with("segment-"))
        .map(|name| {
            let path = format!("log/{name}");
            let len = disk.open(&path, OpenMode::Read).unwrap().len().unwrap();
            (path, len)
        })
        .collect()
}

fn open(disk: &SimDisk) -> Result<Log<SimDisk>, Error> {
    Log::open(disk.clone(), "log", OPTIONS).map(|(log, _)| log)
}

#[test]
fn every_flipped_byte_is_found_and_named() {
    let (disk, _) = written(14);
    let segments = segments(&disk);
    assert!(segments.len() >= 3, "{segments:?}");
    for (path, len) in &segments {
        for offset in 0..*len {
            let copy = disk.copy(0);
            copy.flip(path, offset, 1 << (offset % 8)).unwrap();
            match open(&copy) {
                Err(Error::LogDamaged { file, offset: at, .. }) => {
                    assert_eq!(&file, path, "byte {offset}");
                    assert!(at <= offset, "byte {offset} of {path} was reported at {at}");
                }
                other => panic!("byte {offset} of {path}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_byte_that_flips_under_an_open_log_is_found_by_reading_and_by_verify() {
    let (disk, _) = written(14);
    for (path, len) in segments(&disk) {
        for offset in (0..len).step_by(3) {
            let copy = disk.copy(0);
            let log = open(&copy).unwrap();
            copy.flip(&path, offset, 0x40).unwrap();
            let read: Result<Vec<_>, _> = log.read_from(Sequence(1)).collect();
            for error in [read.unwrap_err(), log.verify().unwrap_err()] {
                let Error::LogDamaged { file, offset: at, .. } = error else { panic!("{error}") };
                assert_eq!(file, path);
                assert!(at <= offset, "byte {offset} of {path} was reported at {at}");
            }
        }
    }
}

#[test]
fn a_flipped_byte_of_the_acknowledged_file_changes_no_record() {
    let (disk, records) = written(6);
    for offset in (0..64).chain(4096..4160) {
        let copy = disk.copy(0);
        copy.flip("log/acknowledged", offset, 0x10).unwrap();
        let log = open(&copy).unwrap();
        let read: Vec<Vec<u8>> =
            log.read_from(Sequence(1)).map(|record| record.unwrap().1).collect();
        assert_eq!(read, records);
    }
    disk.flip("log/acknowledged", 9, 1).unwrap();
    disk.flip("log/acknowledged", 4100, 1).unwrap();
    let error = open(&disk).unwrap_err();
    assert!(error.to_string().contains("log/acknowledged is damaged"), "{error}");
}

#[test]
fn missing_segments_are_reported() {
    let (disk, _) = written(14);
    for (path, _) in segments(&disk) {
        let copy = disk.copy(0);
        copy.remove(&path).unwrap();
        let error = open(&copy).unwrap_err();
        assert!(error.is_damage(), "{path}: {error}");
    }
}

#[test]
fn a_segment_cut_short_anywhere_is_reported() {
    let (disk, _) = written(14);
    for (path, len) in segments(&disk) {
        for kept in 0..len {
            let copy = disk.copy(0);
            copy.open(&path, OpenMode::ReadWrite).unwrap().set_len(kept).unwrap();
            let Err(error) = open(&copy) else { panic!("{path} cut to {kept} was accepted") };
            assert!(error.is_damage(), "{path} cut to {kept}: {error}");
        }
    }
}

#[test]
fn an_unacknowledged_tail_is_cut_off_and_told_of() {
    let (disk, records) = written(5);
    let (path, len) = segments(&disk).pop().unwrap();
    let tail = disk.open(&path, OpenMode::ReadWrite).unwrap();
    tail.write_at(len, b"AWL1 half of a frame that nobody was promised").unwrap();
    let (log, recovery) = Log::open(disk.clone(), "log", OPTIONS).unwrap();
    let truncated = recovery.truncated.unwrap();
    assert_eq!((truncated.file, truncated.offset, truncated.bytes), (path, len, 45));
    assert_eq!(log.read_from(Sequence(1)).count(), records.len());
}

#[test]
fn later_frames_prove_damage_when_the_acknowledged_file_was_not_written_back() {
    let disk = SimDisk::new(3);
    let options = Options::default();
    let (mut log, _) = Log::open(disk.clone(), "log", options).unwrap();
    let path = "log/segment-00000000000000000001.log";
    let mut ends = Vec::new();
    for record in 0..4 {
        log.append(format!("record {record}").as_bytes()).unwrap();
        log.sync().unwrap();
        ends.push(disk.open(path, OpenMode::Read).unwrap().len().unwrap());
    }
    drop(log);
    // As if nothing of the file had reached the platter since the log was opened.
    let stale = |disk: &SimDisk| {
        let copy = disk.copy(0);
        let (fresh, _) = Log::open(SimDisk::new(9), "log", options).unwrap();
        drop(fresh);
        let donor = SimDisk::new(9);
        drop(Log::open(donor.clone(), "log", options).unwrap());
        let from = donor.open("log/acknowledged", OpenMode::Read).unwrap();
        let mut bytes = vec![0; from.len().unwrap() as usize];
        from.read_at(0, &mut bytes).unwrap();
        let to = copy.open("log/acknowledged", OpenMode::ReadWrite).unwrap();
        to.write_at(0, &bytes).unwrap();
        copy
    };
    let damaged = stale(&disk);
    damaged.flip(path, ends[1] + 5, 0xff).unwrap();
    let error = open(&damaged).unwrap_err();
    let Error::LogDamaged { offset, sequence, .. } = error else { panic!("{error}") };
    assert_eq!((offset, sequence), (ends[1], Sequence(3)));

    // The window the documentation tells of: the very last batch looks like a torn tail.
    let window = stale(&disk);
    window.flip(path, ends[2] + 5, 0xff).unwrap();
    let (log, recovery) = Log::open(window, "log", options).unwrap();
    assert!(recovery.truncated.is_some());
    assert_eq!(log.acknowledged(), Sequence(3));
}

#[test]
fn old_segments_are_skipped_on_request_and_still_checked_when_read() {
    let (disk, records) = written(14);
    let (path, _) = segments(&disk).swap_remove(0);
    disk.flip(&path, 120, 1).unwrap();
    let options = Options { verify_from: Sequence(records.len() as u64), ..OPTIONS };
    let (log, _) = Log::open(disk, "log", options).unwrap();
    assert_eq!(log.read(Sequence(records.len() as u64)).unwrap().as_ref(), records.last());
    assert!(log.read(Sequence(1)).unwrap_err().is_damage());
    assert!(log.verify().unwrap_err().is_damage());
}

#[test]
fn any_record_is_found_and_truncation_removes_whole_segments_only() {
    let (disk, records) = written(30);
    let mut log = open(&disk).unwrap();
    for (index, record) in records.iter().enumerate() {
        let sequence = Sequence(index as u64 + 1);
        assert_eq!(log.read(sequence).unwrap().as_ref(), Some(record));
    }
    assert_eq!(log.read(Sequence(records.len() as u64 + 1)).unwrap(), None);
    let middle = Sequence(records.len() as u64 / 2);
    log.truncate_before(middle).unwrap();
    assert!(log.first() > Sequence(1) && log.first() <= middle);
    let first = log.first();
    drop(log);
    disk.crash();
    let log = open(&disk).unwrap();
    assert_eq!(log.first(), first);
    assert_eq!(log.read(middle).unwrap().as_ref(), Some(&records[middle.0 as usize - 1]));
    assert_eq!(log.read(Sequence(1)).unwrap(), None);
}

#[test]
fn a_record_above_the_limit_is_refused_before_anything_is_written() {
    let (mut log, _) = Log::open(SimDisk::new(1), "log", Options::default()).unwrap();
    let large = vec![0; ainur_storage::log::RECORD_BYTES_MAX + 1];
    assert!(matches!(log.append(&large), Err(Error::TooLarge { .. })));
    assert_eq!(log.append(b"small").unwrap(), Sequence(1));
}
