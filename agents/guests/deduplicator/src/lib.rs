//! `deduplicator`: content-defined chunking of a stream, each distinct chunk kept once, and back.
//!
//! The container is that of [`archive_formats::deduplicated`]. Which chunks are distinct depends on
//! all that came before, so a worker that continues reads from the beginning, and delivers from its
//! first chunk on.
use std::cell::RefCell;
use std::io::BufRead;

use ainur_guest::contracts::{ARCHIVE_DEDUPLICATE, ARCHIVE_REASSEMBLE};
use ainur_guest::{
    Agent, Call, ChunkWriter, Contract, Delivery, Failure, Host, Job, MILLI_AINU, Manifest,
    Pricing, Quote, READ_BYTES_MAX, StreamReader, Verdict, accepted, refused,
};
use archive_formats::deduplicated::{Deduplicator, reassemble};

/// The agent.
#[derive(Debug)]
pub struct DeduplicatingAgent;

const CHUNK_BYTES: usize = 512 << 10;

const PRICING: Pricing = Pricing {
    base: 10 * MILLI_AINU,
    per_mib: 8 * MILLI_AINU,
    busy_percent: 10,
    setup_ms: 5,
    bytes_per_second: 100 << 20,
    confidence_ppm: 990_000,
    quality_level: 1,
};

impl Agent for DeduplicatingAgent {
    const MANIFEST: Manifest = Manifest {
        name: "deduplicator",
        description: "Keeps repeated content once, and restores what was deduplicated.",
        version: env!("CARGO_PKG_VERSION"),
        capabilities: &[
            Contract { price_hint: Some(PRICING.per_mib), ..ARCHIVE_DEDUPLICATE },
            Contract { price_hint: Some(PRICING.per_mib), ..ARCHIVE_REASSEMBLE },
        ],
    };

    fn quote(call: &Call) -> Option<Quote> {
        PRICING.quote(call)
    }

    fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
        if job.capability == ARCHIVE_REASSEMBLE.name {
            restore(job, host)
        } else {
            deduplicate(job, host)
        }
    }

    /// Deduplicates again and compares: the container of a stream is always the same.
    fn verify(delivery: &Delivery, host: &mut dyn Host) -> Verdict {
        if delivery.capability != ARCHIVE_DEDUPLICATE.name {
            return refused(format!("this agent does not verify '{}'", delivery.capability));
        }
        let host = RefCell::new(host);
        let mut at: u64 = 0;
        let mut equal = true;
        let result = containers(&host, |bytes| {
            equal = equal && host.borrow_mut().read_output(at, bytes.len()) == bytes;
            at += bytes.len() as u64;
        });
        match result {
            Ok(()) if equal && at == delivery.output_bytes => {
                accepted(format!("all {at} bytes of the container are equal"))
            }
            Ok(()) => refused("not the container of this input"),
            Err(failure) => refused(format!("{failure:?}")),
        }
    }
}

/// Passes the container of the input on, in pieces of at most [`READ_BYTES_MAX`].
fn containers(host: &RefCell<&mut dyn Host>, mut pass: impl FnMut(&[u8])) -> Result<(), Failure> {
    let failed = |error: &dyn core::fmt::Display| Failure::Failed(error.to_string());
    let mut input = StreamReader::new(0, |at, length| host.borrow_mut().read_input(at, length));
    let mut deduplicator = Deduplicator::default();
    let mut out = Vec::new();
    loop {
        let bytes = input.fill_buf().map_err(|error| failed(&error))?;
        let count = bytes.len();
        if count == 0 {
            break;
        }
        deduplicator.push(bytes, &mut out).map_err(|error| failed(&error))?;
        input.consume(count);
        out.chunks(READ_BYTES_MAX).for_each(&mut pass);
        out.clear();
    }
    deduplicator.finish(&mut out).map_err(|error| failed(&error))?;
    out.chunks(READ_BYTES_MAX).for_each(&mut pass);
    Ok(())
}

fn deduplicate(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
    let host = RefCell::new(host);
    let mut chunks = ChunkWriter::new(CHUNK_BYTES, job.first_chunk);
    containers(&host, |bytes| chunks.push(bytes, |chunk| host.borrow_mut().emit(chunk)))?;
    chunks.finish(|chunk| host.borrow_mut().emit(chunk));
    Ok(())
}

fn restore(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
    let host = RefCell::new(host);
    let mut chunks = ChunkWriter::new(CHUNK_BYTES, job.first_chunk);
    let read = |at, length| host.borrow_mut().read_input(at, length);
    reassemble(read, &mut |piece| {
        chunks.push(piece, |chunk| host.borrow_mut().emit(chunk));
        true
    })
    .map_err(|error| Failure::BadInput(error.to_string()))?;
    chunks.finish(|chunk| host.borrow_mut().emit(chunk));
    Ok(())
}

ainur_guest::agent!(DeduplicatingAgent);

#[cfg(test)]
mod tests {
    use ainur_guest::MemoryHost;

    use super::*;

    fn run(capability: &str, input: &[u8], first_chunk: u32) -> Vec<Vec<u8>> {
        let mut host = MemoryHost::with_input(input.to_vec());
        let job = host.job_from(capability, "{}", first_chunk);
        DeduplicatingAgent::execute(&job, &mut host).unwrap();
        host.chunks
    }

    fn sample() -> Vec<u8> {
        let once: Vec<u8> = (0..400_000u32).flat_map(|i| i.wrapping_mul(i).to_le_bytes()).collect();
        [&once[..], &once[..1_000_000], b"end"].concat()
    }

    #[test]
    fn both_ways_resume_after_any_chunk() {
        let input = sample();
        let packed = run("archive.deduplicate", &input, 0);
        let container = packed.concat();
        assert!(container.len() < 1_700_000, "{}", container.len());
        assert_eq!(run("archive.deduplicate", &input, 2), packed[2..]);
        let plain = run("archive.reassemble", &container, 0);
        assert_eq!(plain.concat(), input);
        assert_eq!(run("archive.reassemble", &container, 3), plain[3..]);
    }

    #[test]
    fn only_the_container_of_the_input_is_accepted() {
        let input = sample();
        let mut host = MemoryHost::with_input(input.clone());
        host.output = run("archive.deduplicate", &input, 0).concat();
        let delivery = host.delivery("archive.deduplicate");
        assert!(DeduplicatingAgent::verify(&delivery, &mut host).accepted);
        host.output[1000] ^= 1;
        assert!(!DeduplicatingAgent::verify(&delivery, &mut host).accepted);
    }

    #[test]
    fn what_is_no_container_is_bad_input() {
        let mut host = MemoryHost::with_input(b"something else".to_vec());
        let job = host.job("archive.reassemble", "{}");
        let answer = DeduplicatingAgent::execute(&job, &mut host);
        assert!(matches!(answer, Err(Failure::BadInput(_))));
    }
}
