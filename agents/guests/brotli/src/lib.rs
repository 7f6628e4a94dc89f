//! `brotli`: compresses into framed brotli streams of 1 MiB of input each.
//!
//! The frame is that of [`archive_formats::brotli_frame`].
use ainur_guest::contracts::ARCHIVE_COMPRESS;
use ainur_guest::{
    Agent, Call, Contract, Failure, Host, Job, MILLI_AINU, Manifest, Pricing, Quote, for_each_block,
};
use archive_formats::brotli_frame;
use brotli::enc::BrotliEncoderParams;

/// The agent.
#[derive(Debug)]
pub struct Brotli;

const BLOCK_BYTES: usize = 1 << 20;
const QUALITY: i32 = 9;
const WINDOW_BITS: i32 = 20;

const PRICING: Pricing = Pricing {
    base: 30 * MILLI_AINU,
    per_mib: 70 * MILLI_AINU,
    busy_percent: 30,
    setup_ms: 10,
    bytes_per_second: 4 << 20,
    confidence_ppm: 975_000,
    quality_level: 2,
};

impl Agent for Brotli {
    const MANIFEST: Manifest = Manifest {
        name: "brotli",
        description: "Compresses into framed brotli, which is good at text.",
        version: env!("CARGO_PKG_VERSION"),
        capabilities: &[Contract {
            output_media_type: "application/vnd.ainur.brotli-frames",
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

fn frame(block: &[u8]) -> Result<Vec<u8>, Failure> {
    let parameters = BrotliEncoderParams {
        quality: QUALITY,
        lgwin: WINDOW_BITS,
        size_hint: block.len(),
        ..BrotliEncoderParams::default()
    };
    let mut stream = Vec::with_capacity(block.len() / 3);
    brotli::BrotliCompress(&mut &block[..], &mut stream, &parameters)
        .map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(brotli_frame::wrap(block.len() as u32, &stream))
}

ainur_guest::agent!(Brotli);
