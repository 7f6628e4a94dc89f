//! Measures the log against its bound: durable entries per second, each batch under one signed
//! checkpoint, beside the raw write-ahead log with the same batches on the same disk.
//!
//! `cargo run --release -p ainur-audit --example durable_appends -- [FOLDER] [SECONDS]`
use std::path::PathBuf;
use std::time::Instant;

use ainur_audit::checkpoint::CheckpointKey;
use ainur_audit::log::TransparencyLog;
use ainur_crypto::SigningKey;
use ainur_primitives::Timestamp;
use ainur_storage::{Log, RealDisk, log};

use figure::Figure;

#[path = "../../../benches/figure.rs"]
mod figure;

const BATCH: usize = 1_000;
const ENTRY_BYTES: usize = 200;
/// Batches for each second asked for.
const BATCHES_PER_SECOND: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parent = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds: usize = std::env::args().nth(2).map_or(Ok(4), |text| text.parse())?;
    let batches = seconds * BATCHES_PER_SECOND;
    let directory = tempfile::tempdir_in(parent)?;
    let disk = RealDisk::open(directory.path())?;
    let batch: Vec<Vec<u8>> =
        (0..BATCH).map(|n| vec![b'a' + (n % 26) as u8; ENTRY_BYTES]).collect();

    let (mut raw, _) = Log::open(disk.clone(), "raw", log::Options::default())?;
    let raw_rate = rate(batches, |_| {
        raw.append_many(&batch)?;
        raw.sync().map(drop)
    })?;

    let open = || -> Result<_, Box<dyn std::error::Error>> {
        let key = CheckpointKey::new(SigningKey::from_seed(&[7; 32])?);
        Ok(TransparencyLog::open(disk.clone(), "audit", "bench.example/log", key)?)
    };
    let mut audit = open()?;
    let audit_rate = rate(batches, |number| {
        audit.append_many(&batch)?;
        audit.sync(Timestamp(1_795_254_600_000 + number as u64)).map(drop)
    })?;
    let raw = Some(("raw write-ahead log", raw_rate));
    report("durable appends", audit_rate, "entries/s", raw);

    drop(audit);
    let started = Instant::now();
    let audit = open()?;
    let entries = audit.size() as f64;
    let open_seconds = started.elapsed().as_secs_f64();
    report("open", entries / open_seconds, "entries/s", None);

    let started = Instant::now();
    let intact = audit.verify_all()?;
    let verify_rate = intact.entries as f64 / started.elapsed().as_secs_f64();
    report("verify everything", verify_rate, "entries/s", None);

    let proofs = 20_000;
    let started = Instant::now();
    for number in 0..proofs {
        let index = number * 7_919 % audit.size();
        std::hint::black_box(audit.inclusion(index));
    }
    let microseconds = started.elapsed().as_secs_f64() * 1e6 / proofs as f64;
    report("inclusion proof", microseconds, "us", None);
    Ok(())
}

/// Entries per second over `batches` batches.
fn rate<E>(batches: usize, mut write: impl FnMut(usize) -> Result<(), E>) -> Result<f64, E> {
    let started = Instant::now();
    for number in 0..batches {
        write(number)?;
    }
    Ok((batches * BATCH) as f64 / started.elapsed().as_secs_f64())
}

fn report(metric: &str, value: f64, unit: &str, peer: Option<(&str, f64)>) {
    Figure { bench: "transparency-log", metric, value, unit, peer }.print();
}
