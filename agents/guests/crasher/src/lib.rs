//! `crasher`: delivers two good gzip members, and then traps, whoever starts it again.
//!
//! It is there so that a worker's crash, and what follows it, can be watched.
use std::io::Write;

use ainur_guest::contracts::ARCHIVE_COMPRESS;
use ainur_guest::{
    Agent, Call, Contract, Failure, Host, Job, MILLI_AINU, Manifest, Pricing, Quote, for_each_block,
};
use flate2::write::GzEncoder;

/// The agent.
#[derive(Debug)]
pub struct Crasher;

/// Small, so that nearly every input has a third.
const BLOCK_BYTES: usize = 256 << 10;
const GOOD_CHUNKS: u32 = 2;

const PRICING: Pricing = Pricing {
    base: 4 * MILLI_AINU,
    per_mib: 6 * MILLI_AINU,
    busy_percent: 0,
    setup_ms: 5,
    bytes_per_second: 40 << 20,
    confidence_ppm: 970_000,
    quality_level: 1,
};

impl Agent for Crasher {
    const MANIFEST: Manifest = Manifest {
        name: "crasher",
        description: "Compresses into gzip, until it crashes.",
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
        let mut chunk = job.first_chunk;
        for_each_block(job, host, BLOCK_BYTES, |block| {
            assert!(chunk < GOOD_CHUNKS, "this is the crash");
            chunk += 1;
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder
                .write_all(block)
                .and_then(|()| encoder.finish())
                .map_err(|error| Failure::Failed(error.to_string()))
        })
    }
}

ainur_guest::agent!(Crasher);

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use ainur_guest::MemoryHost;

    use super::*;

    #[test]
    fn two_chunks_are_delivered_before_the_crash_and_none_after_it() {
        let mut host = MemoryHost::with_input(vec![7; BLOCK_BYTES * 4]);
        for first_chunk in [0, 2] {
            let job = host.job_from("archive.compress", "{}", first_chunk);
            let run = AssertUnwindSafe(|| Crasher::execute(&job, &mut host));
            assert!(catch_unwind(run).is_err());
            assert_eq!(host.chunks.len(), 2);
        }
    }
}
