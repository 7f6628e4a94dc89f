//! `deflate`: compresses into gzip members of 512 KiB of input each; `gunzip` reads the whole.
use std::io::Write;

use ainur_guest::contracts::ARCHIVE_COMPRESS;
use ainur_guest::{
    Agent, Call, Contract, Failure, Host, Job, MILLI_AINU, Manifest, Pricing, Quote, for_each_block,
};
use flate2::write::GzEncoder;

/// The agent.
#[derive(Debug)]
pub struct Deflate;

const BLOCK_BYTES: usize = 512 << 10;
const LEVEL: u32 = 7;

const PRICING: Pricing = Pricing {
    base: 20 * MILLI_AINU,
    per_mib: 30 * MILLI_AINU,
    busy_percent: 20,
    setup_ms: 5,
    bytes_per_second: 12 << 20,
    confidence_ppm: 985_000,
    quality_level: 1,
};

impl Agent for Deflate {
    const MANIFEST: Manifest = Manifest {
        name: "deflate",
        description: "Compresses into gzip, which everything reads.",
        version: env!("CARGO_PKG_VERSION"),
        capabilities: &[Contract {
            output_media_type: "application/gzip",
            price_hint: Some(PRICING.per_mib),
            ..ARCHIVE_COMPRESS
        }],
    };

    fn quote(call: &Call) -> Option<Quote> {
        PRICING.quote(call)
    }

    fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
        for_each_block(job, host, BLOCK_BYTES, member)
    }
}

/// One gzip member, without a time.
fn member(block: &[u8]) -> Result<Vec<u8>, Failure> {
    let room = Vec::with_capacity(block.len() / 2);
    let mut encoder = GzEncoder::new(room, flate2::Compression::new(LEVEL));
    encoder
        .write_all(block)
        .and_then(|()| encoder.finish())
        .map_err(|error| Failure::Failed(error.to_string()))
}

ainur_guest::agent!(Deflate);
