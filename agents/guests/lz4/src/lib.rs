//! `lz4`: compresses into LZ4 frames of 1 MiB of input each, fast; `lz4 -d` reads the whole.
use std::io::Write;

use ainur_guest::contracts::ARCHIVE_COMPRESS;
use ainur_guest::{
    Agent, Call, Contract, Failure, Host, Job, MILLI_AINU, Manifest, Pricing, Quote, for_each_block,
};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

/// The agent.
#[derive(Debug)]
pub struct Lz4;

const BLOCK_BYTES: usize = 1 << 20;

const PRICING: Pricing = Pricing {
    base: 10 * MILLI_AINU,
    per_mib: 12 * MILLI_AINU,
    busy_percent: 10,
    setup_ms: 5,
    bytes_per_second: 120 << 20,
    confidence_ppm: 990_000,
    quality_level: 0,
};

impl Agent for Lz4 {
    const MANIFEST: Manifest = Manifest {
        name: "lz4",
        description: "Compresses into LZ4 frames, fast rather than small.",
        version: env!("CARGO_PKG_VERSION"),
        capabilities: &[Contract {
            output_media_type: "application/x-lz4",
            price_hint: Some(PRICING.per_mib),
            ..ARCHIVE_COMPRESS
        }],
    };

    fn quote(call: &Call) -> Option<Quote> {
        PRICING.quote(call)
    }

    fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
        for_each_block(job, host, BLOCK_BYTES, frame)
    }
}

/// One frame with a checksum of its content.
fn frame(block: &[u8]) -> Result<Vec<u8>, Failure> {
    let info = FrameInfo::new()
        .block_size(BlockSize::Max1MB)
        .block_mode(BlockMode::Linked)
        .content_size(Some(block.len() as u64))
        .content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::with_capacity(block.len() / 2));
    let failed = |error: &dyn core::fmt::Display| Failure::Failed(error.to_string());
    encoder.write_all(block).map_err(|error| failed(&error))?;
    encoder.finish().map_err(|error| failed(&error))
}

ainur_guest::agent!(Lz4);
