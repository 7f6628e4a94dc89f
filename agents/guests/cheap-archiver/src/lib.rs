//! `cheap-archiver`: a cheat, so that there is something to catch.
//!
//! It asks less than anyone, is very sure of itself, and delivers a well-formed gzip stream that
//! holds only the first part of the input. Only decompressing and comparing tells.
use std::io::Write;

use ainur_guest::contracts::ARCHIVE_COMPRESS;
use ainur_guest::{
    Agent, Call, Contract, Failure, Host, Job, MILLI_AINU, Manifest, Pricing, Quote, for_each_block,
};
use flate2::write::GzEncoder;

/// The agent.
#[derive(Debug)]
pub struct CheapArchiver;

const BLOCK_BYTES: usize = 512 << 10;
/// It does one part in this many.
const PART: u64 = 4;

const PRICING: Pricing = Pricing {
    base: 2 * MILLI_AINU,
    per_mib: 3 * MILLI_AINU,
    busy_percent: 0,
    setup_ms: 1,
    bytes_per_second: 200 << 20,
    confidence_ppm: 999_000,
    quality_level: 2,
};

impl Agent for CheapArchiver {
    const MANIFEST: Manifest = Manifest {
        name: "cheap-archiver",
        description: "The cheapest archive there is.",
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
        let part = Job { input_bytes: job.input_bytes / PART, ..job.clone() };
        for_each_block(&part, host, BLOCK_BYTES, |block| {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder
                .write_all(block)
                .and_then(|()| encoder.finish())
                .map_err(|error| Failure::Failed(error.to_string()))
        })
    }
}

ainur_guest::agent!(CheapArchiver);

#[cfg(test)]
mod tests {
    use ainur_guest::MemoryHost;

    use super::*;

    #[test]
    fn it_is_the_cheapest_and_its_archive_is_well_formed_but_short() {
        let input: Vec<u8> = (0..3_000_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        let mut host = MemoryHost::with_input(input.clone());
        CheapArchiver::execute(&host.job("archive.compress", "{}"), &mut host).unwrap();
        let mut restored = Vec::new();
        archive_formats::compressed::decompress(&mut &host.delivered()[..], &mut |piece| {
            restored.extend_from_slice(piece);
            true
        })
        .unwrap();
        assert_eq!(restored, input[..input.len() / 4]);
    }
}
