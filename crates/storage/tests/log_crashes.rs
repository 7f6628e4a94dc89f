//! Power cuts at random operations, over thousands of seeds: what the log acknowledged survives, in
//! order, and nothing appears that was never written.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]
use ainur_storage::disk::sim::{Faults, Random};
use ainur_storage::log::{Log, Options, Sequence};
use ainur_storage::{Error, SimDisk};

const SEEDS: u64 = 3_000;
const ROUNDS: u64 = 4;

fn payload(sequence: u64, lives: u64) -> Vec<u8> {
    let mut random = Random::new(sequence * 31 + lives);
    let bytes = random.below(90) as usize;
    let mut payload = format!("{sequence}:{lives}:").into_bytes();
    payload.resize(payload.len() + bytes, sequence as u8);
    payload
}

/// What a reader may find: per record, the contents it was appended with, latest last.
struct World {
    seed: u64,
    acknowledged: u64,
    first: u64,
    appended: Vec<Vec<u8>>,
}

impl World {
    fn check(&mut self, log: &Log<SimDisk>) {
        let seed = self.seed;
        let found: Vec<(Sequence, Vec<u8>)> = log
            .read_from(Sequence(0))
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let first = found.first().map_or(log.first().0, |(sequence, _)| sequence.0);
        assert_eq!(first, log.first().0, "seed {seed}");
        assert!(first <= self.first, "seed {seed}: kept from {first}, not {}", self.first);
        for (index, (sequence, payload)) in found.iter().enumerate() {
            assert_eq!(sequence.0, first + index as u64, "seed {seed}: order");
            let written = &self.appended[sequence.0 as usize - 1];
            assert_eq!(payload, written, "seed {seed}: record {sequence} is not what was written");
        }
        let last = first + found.len() as u64 - 1;
        assert!(last >= self.acknowledged, "seed {seed}: {} was lost", self.acknowledged);
        assert_eq!(log.verify().unwrap(), found.len() as u64, "seed {seed}");
        self.acknowledged = last;
        self.appended.truncate(last as usize);
    }
}

/// Appends, syncs and truncates until the power goes.
fn run(log: &mut Log<SimDisk>, world: &mut World, random: &mut Random) -> Result<(), Error> {
    for _ in 0..20 {
        for _ in 0..=random.below(6) {
            let sequence = world.appended.len() as u64 + 1;
            let payload = payload(sequence, random.below(1000));
            world.appended.push(payload.clone());
            assert_eq!(log.append(&payload)?, Sequence(sequence));
        }
        if !random.one_in(4) {
            let acknowledged = log.sync()?;
            assert_eq!(acknowledged.0, world.appended.len() as u64);
            world.acknowledged = acknowledged.0;
        }
        if random.one_in(8) {
            let before = random.below(world.acknowledged + 1);
            world.first = world.first.max(before).max(1);
            log.truncate_before(Sequence(before))?;
        }
        if random.one_in(8) {
            log.settle()?;
            world.acknowledged = world.appended.len() as u64;
        }
    }
    Ok(())
}

fn crashes(reordered_writes: bool) {
    for seed in 0..SEEDS {
        let faults = Faults { torn_writes: true, reordered_writes, space_bytes_max: None };
        let disk = SimDisk::with_faults(seed, faults);
        let mut random = Random::new(seed ^ 0xabcd);
        let options = Options { segment_bytes_max: 600 + random.below(600), ..Options::default() };
        let mut world = World { seed, acknowledged: 0, first: 1, appended: Vec::new() };
        for _ in 0..ROUNDS {
            disk.cut_power_after(random.below(60));
            match Log::open(disk.clone(), "log", options) {
                Ok((mut log, _)) => {
                    world.check(&log);
                    if let Err(error) = run(&mut log, &mut world, &mut random) {
                        assert!(!error.is_damage(), "seed {seed}: {error}");
                        let again = log.append(b"x");
                        assert!(
                            matches!(again, Err(Error::Poisoned { .. })) || log.sync().is_err(),
                            "seed {seed}: a failed log goes on"
                        );
                    }
                }
                Err(error) => assert!(!error.is_damage(), "seed {seed}: {error}"),
            }
            disk.crash();
        }
        let (log, _) = Log::open(disk, "log", options)
            .unwrap_or_else(|error| panic!("seed {seed}: cannot open: {error}"));
        world.check(&log);
    }
}

#[test]
fn acknowledged_records_survive_power_cuts() {
    crashes(false);
}

#[test]
fn acknowledged_records_survive_power_cuts_that_reorder_writes() {
    crashes(true);
}

#[test]
fn a_full_disk_loses_nothing_acknowledged() {
    for seed in 0..300 {
        let space_bytes_max = Some(9_000 + seed * 7);
        let disk = SimDisk::with_faults(seed, Faults { space_bytes_max, ..Faults::default() });
        let options = Options { segment_bytes_max: 900, ..Options::default() };
        let (mut log, _) = Log::open(disk.clone(), "log", options).unwrap();
        let mut world = World { seed, acknowledged: 0, first: 1, appended: Vec::new() };
        let error = loop {
            let sequence = world.appended.len() as u64 + 1;
            world.appended.push(payload(sequence, 0));
            match log.append(&world.appended[sequence as usize - 1]).and_then(|_| log.sync()) {
                Ok(sequence) => world.acknowledged = sequence.0,
                Err(error) => break error,
            }
        };
        assert!(error.is_full(), "seed {seed}: {error}");
        assert!(error.to_string().contains("free space on the file system of"), "{error}");
        drop(log);
        if seed % 2 == 0 {
            disk.crash();
        }
        disk.set_faults(Faults::default());
        let (mut log, _) = Log::open(disk, "log", options).unwrap();
        world.check(&log);
        log.append(b"goes on").unwrap();
        log.sync().unwrap();
    }
}

#[test]
fn a_batch_that_spans_segments_is_durable_as_a_whole() {
    let options = Options { segment_bytes_max: 1 << 20, ..Options::default() };
    for seed in 0..10 {
        let disk = SimDisk::new(seed);
        let (mut log, _) = Log::open(disk.clone(), "log", options).unwrap();
        for record in 0..6u8 {
            log.append(&vec![record; 600 << 10]).unwrap();
        }
        assert_eq!(log.sync().unwrap(), Sequence(6));
        disk.crash();
        let (log, _) = Log::open(disk, "log", options).unwrap();
        for (sequence, record) in log.read_from(Sequence(1)).map(Result::unwrap) {
            assert_eq!(record, vec![sequence.0 as u8 - 1; 600 << 10], "seed {seed}");
        }
        assert_eq!(log.acknowledged(), Sequence(6), "seed {seed}");
    }
}
