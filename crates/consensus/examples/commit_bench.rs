//! How many transfers per second become durable, beside what the raw log takes: `cargo run
//! --release -p ainur-consensus --example commit_bench -- [FOLDER] [SECONDS]`.
#[path = "../tests/durability/fixture.rs"]
mod fixture;

use std::time::Instant;

use ainur_ledger::{Outcome, Submission};
use ainur_primitives::Timestamp;
use ainur_storage::{Log, RealDisk, log};

use figure::Figure;
use fixture::{BEGINNING, Fixture};

#[path = "../../../benches/figure.rs"]
mod figure;

/// Transfers under one signature.
const BATCH_TRANSFERS: usize = 256;
/// Blocks for each second asked for.
const BLOCKS_PER_SECOND: usize = 12;
/// Batches in one block, each of another sender.
const BLOCK_BATCHES: usize = 8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let parent = arguments.next().unwrap_or_else(|| ".".into());
    let seconds: usize = arguments.next().map_or(Ok(4), |text| text.parse())?;
    let blocks = seconds * BLOCKS_PER_SECOND;
    let directory = tempfile::tempdir_in(parent)?;
    let disk = RealDisk::open(directory.path())?;
    let fixture = Fixture::new(BLOCK_BATCHES as u8);
    let mut chain = fixture.open(&disk)?;
    let mut nonces = fixture.nonces(chain.state());
    let prepared: Vec<Vec<Submission>> = (0..blocks)
        .map(|block| {
            let batch = |from| {
                let transfers: Vec<_> = (0..BATCH_TRANSFERS)
                    .map(|index| {
                        ((from + 1 + (index + block) % (BLOCK_BATCHES - 1)) % BLOCK_BATCHES, 1)
                    })
                    .collect();
                fixture.transfers(from, &transfers, &mut nonces)
            };
            (0..BLOCK_BATCHES).map(batch).collect()
        })
        .collect();

    let begin = Instant::now();
    for (block, submissions) in (1..).zip(&prepared) {
        let committed = chain.commit(Timestamp(BEGINNING.0 + block), submissions)?;
        let applied = |(_, outcome): &(_, Outcome)| matches!(outcome, Outcome::Applied { .. });
        assert!(committed.outcomes.iter().all(applied), "every transfer is good");
    }
    let transfers = (blocks * BLOCK_BATCHES * BATCH_TRANSFERS) as f64;
    let rate = transfers / begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let head = chain.ledger().head().state_root;
    drop(chain);
    let chain = fixture.open(&disk)?;
    assert_eq!(chain.ledger().head().state_root, head, "the same state after opening again");
    let opened = begin.elapsed();

    let (mut raw, _) = Log::open(disk, "raw", log::Options::default())?;
    let stored = chain.blocks(ainur_ledger::Height(1), blocks)?;
    let stored: Vec<Vec<u8>> = stored.iter().map(scale::Encode::encode).collect();
    let begin = Instant::now();
    for block in &stored {
        raw.append(block)?;
        raw.sync()?;
    }
    let bound = transfers / begin.elapsed().as_secs_f64();
    let bench = "ledger-commit";
    let peer = Some(("raw log, same blocks", bound));
    Figure { bench, metric: "durable transfers", value: rate, unit: "transfers/s", peer }.print();
    let value = transfers / opened.as_secs_f64();
    let metric = "replayed at start";
    Figure { bench, metric, value, unit: "transfers/s", peer: None }.print();
    Ok(())
}
