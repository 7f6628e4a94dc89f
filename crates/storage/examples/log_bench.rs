//! How many records per second become durable, beside what the disk allows for the same bytes and
//! syncs: `cargo run --release -p ainur-storage --example log_bench -- [FOLDER] [SECONDS]`.
use std::io::Write as _;
use std::time::{Duration, Instant};

use ainur_storage::{Error, Log, RealDisk, log};

use figure::Figure;

#[path = "../../../benches/figure.rs"]
mod figure;

const RECORDS_PER_BATCH: usize = 2_000;
const RECORD_BYTES: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let parent = arguments.next().unwrap_or_else(|| ".".into());
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let span = Duration::from_secs(seconds);
    let directory = tempfile::tempdir_in(parent)?;
    let ours = log(RealDisk::open(directory.path())?, span)?;
    let bound = bare_file(&directory.path().join("bare"), span)?;
    Figure {
        bench: "log",
        metric: &format!("durable records of {RECORD_BYTES} B, {RECORDS_PER_BATCH} a sync"),
        value: ours,
        unit: "records/s",
        peer: Some(("bare file, same writes and syncs", bound)),
    }
    .print();
    Ok(())
}

fn log(disk: RealDisk, span: Duration) -> Result<f64, Error> {
    let (mut log, _) = Log::open(disk, "log", log::Options::default())?;
    let record = [7; RECORD_BYTES];
    let begin = Instant::now();
    let mut records = 0;
    while begin.elapsed() < span {
        for _ in 0..RECORDS_PER_BATCH {
            log.append(&record)?;
        }
        log.sync()?;
        records += RECORDS_PER_BATCH;
    }
    Ok(records as f64 / begin.elapsed().as_secs_f64())
}

fn bare_file(path: &std::path::Path, span: Duration) -> std::io::Result<f64> {
    let mut file = std::fs::File::create(path)?;
    let batch = vec![7; RECORDS_PER_BATCH * RECORD_BYTES];
    let begin = Instant::now();
    let mut records = 0;
    while begin.elapsed() < span {
        file.write_all(&batch)?;
        file.sync_data()?;
        records += RECORDS_PER_BATCH;
    }
    Ok(records as f64 / begin.elapsed().as_secs_f64())
}
