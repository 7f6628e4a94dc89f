//! `zstd`: compresses into Zstandard frames of 1 MiB of input each; `zstd -d` reads the whole.
//!
//! The frames and their entropy coding are ruzstd's; the matches are found by [`matcher`].
use ainur_guest::contracts::ARCHIVE_COMPRESS;
use ainur_guest::{
    Agent, Call, Contract, Failure, Host, Job, MILLI_AINU, Manifest, Pricing, Quote, for_each_block,
};
use ruzstd::encoding::{CompressionLevel, FrameCompressor};

pub mod matcher;

/// The agent.
#[derive(Debug)]
pub struct Zstd;

const BLOCK_BYTES: usize = 1 << 20;

const PRICING: Pricing = Pricing {
    base: 15 * MILLI_AINU,
    per_mib: 24 * MILLI_AINU,
    busy_percent: 20,
    setup_ms: 10,
    bytes_per_second: 10 << 20,
    confidence_ppm: 980_000,
    quality_level: 1,
};

impl Agent for Zstd {
    const MANIFEST: Manifest = Manifest {
        name: "zstd",
        description: "Compresses into Zstandard frames.",
        version: env!("CARGO_PKG_VERSION"),
        capabilities: &[Contract {
            output_media_type: "application/zstd",
            price_hint: Some(PRICING.per_mib),
            ..ARCHIVE_COMPRESS
        }],
    };

    fn quote(call: &Call) -> Option<Quote> {
        PRICING.quote(call)
    }

    fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
        for_each_block(job, host, BLOCK_BYTES, |block| Ok(frame(block)))
    }
}

fn frame(block: &[u8]) -> Vec<u8> {
    let matcher = matcher::ChainMatcher::new(BLOCK_BYTES);
    let mut compressor = FrameCompressor::new_with_matcher(matcher, CompressionLevel::Fastest);
    compressor.set_source(block);
    compressor.set_drain(Vec::with_capacity(block.len() / 2));
    compressor.compress();
    compressor.take_drain().unwrap_or_default()
}

ainur_guest::agent!(Zstd);
