//! `xz`: compresses into xz streams of 1 MiB of input each, small and slowly; `xz -d` reads the
//! whole.
use std::io::Write;

use ainur_guest::contracts::ARCHIVE_COMPRESS;
use ainur_guest::{
    Agent, Call, Contract, Failure, Host, Job, MILLI_AINU, Manifest, Pricing, Quote, for_each_block,
};
use lzma_rust2::{XzOptions, XzWriter};

/// The agent.
#[derive(Debug)]
pub struct Xz;

const BLOCK_BYTES: usize = 1 << 20;
const PRESET: u32 = 6;

const PRICING: Pricing = Pricing {
    base: 50 * MILLI_AINU,
    per_mib: 110 * MILLI_AINU,
    busy_percent: 40,
    setup_ms: 20,
    bytes_per_second: 1 << 20,
    confidence_ppm: 960_000,
    quality_level: 2,
};

impl Agent for Xz {
    const MANIFEST: Manifest = Manifest {
        name: "xz",
        description: "Compresses into xz, small rather than fast.",
        version: env!("CARGO_PKG_VERSION"),
        capabilities: &[Contract {
            output_media_type: "application/x-xz",
            price_hint: Some(PRICING.per_mib),
            ..ARCHIVE_COMPRESS
        }],
    };

    fn quote(call: &Call) -> Option<Quote> {
        PRICING.quote(call)
    }

    fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
        for_each_block(job, host, BLOCK_BYTES, stream)
    }
}

/// One xz stream, whose dictionary is the block.
fn stream(block: &[u8]) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(error.to_string());
    let mut options = XzOptions::with_preset(PRESET);
    options.lzma_options.dict_size = BLOCK_BYTES as u32;
    let mut writer = XzWriter::new(Vec::with_capacity(block.len() / 3), options).map_err(failed)?;
    writer.write_all(block).map_err(failed)?;
    writer.finish().map_err(failed)
}

ainur_guest::agent!(Xz);
