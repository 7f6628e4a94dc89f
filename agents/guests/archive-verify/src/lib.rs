//! `archive-verify`: decompresses, or reassembles, what another agent delivered and compares it with
//! the input byte for byte; and restores streams as a service of its own.
//!
//! It streams both sides, so the size of an archive does not matter to it.
use std::cell::RefCell;

use ainur_guest::contracts::{
    ARCHIVE_COMPRESS, ARCHIVE_DEDUPLICATE, ARCHIVE_REASSEMBLE, ARCHIVE_RESTORE,
};
use ainur_guest::{
    Agent, Call, ChunkWriter, Contract, Delivery, Failure, Host, Job, MILLI_AINU, Manifest,
    Pricing, Quote, READ_BYTES_MAX, StreamReader, Verdict, accepted, refused,
};
use archive_formats::{compressed, deduplicated};

/// The agent.
#[derive(Debug)]
pub struct ArchiveVerify;

const CHUNK_BYTES: usize = 1 << 20;

const PRICING: Pricing = Pricing {
    base: 5 * MILLI_AINU,
    per_mib: 10 * MILLI_AINU,
    busy_percent: 10,
    setup_ms: 5,
    bytes_per_second: 20 << 20,
    confidence_ppm: 990_000,
    quality_level: 1,
};

impl Agent for ArchiveVerify {
    const MANIFEST: Manifest = Manifest {
        name: "archive-verify",
        description: "Verifies compressed and deduplicated archives, and restores compressed ones.",
        version: env!("CARGO_PKG_VERSION"),
        capabilities: &[Contract { price_hint: Some(PRICING.per_mib), ..ARCHIVE_RESTORE }],
    };

    fn quote(call: &Call) -> Option<Quote> {
        PRICING.quote(call)
    }

    fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
        let host = RefCell::new(host);
        let mut chunks = ChunkWriter::new(CHUNK_BYTES, job.first_chunk);
        let mut input = StreamReader::new(0, |at, length| host.borrow_mut().read_input(at, length));
        compressed::decompress(&mut input, &mut |piece| {
            chunks.push(piece, |chunk| host.borrow_mut().emit(chunk));
            true
        })
        .map_err(|error| Failure::BadInput(error.to_string()))?;
        chunks.finish(|chunk| host.borrow_mut().emit(chunk));
        Ok(())
    }

    fn verify(delivery: &Delivery, host: &mut dyn Host) -> Verdict {
        let host = RefCell::new(host);
        let read_input = |at, length| host.borrow_mut().read_input(at, length);
        let read_output = |at, length| host.borrow_mut().read_output(at, length);
        let capability = delivery.capability.as_str();
        // The packed side and the plain side, whichever way the work went.
        if capability == ARCHIVE_COMPRESS.name {
            let comparison = Comparison::new(read_input, delivery.input_bytes);
            let packed = StreamReader::new(0, read_output);
            compare_compressed(packed, comparison, delivery)
        } else if capability == ARCHIVE_RESTORE.name {
            let comparison = Comparison::new(read_output, delivery.output_bytes);
            let packed = StreamReader::new(0, read_input);
            compare_compressed(packed, comparison, delivery)
        } else if capability == ARCHIVE_DEDUPLICATE.name {
            let comparison = Comparison::new(read_input, delivery.input_bytes);
            compare_deduplicated(buffered(read_output), comparison, delivery)
        } else if capability == ARCHIVE_REASSEMBLE.name {
            let comparison = Comparison::new(read_output, delivery.output_bytes);
            compare_deduplicated(buffered(read_input), comparison, delivery)
        } else {
            refused(format!("this agent does not verify '{capability}'"))
        }
    }
}

/// Compares a stream that comes in pieces with a plain one that can be read anywhere.
struct Comparison<R> {
    read: R,
    length: u64,
    equal: u64,
    difference: Option<String>,
}

impl<R: FnMut(u64, usize) -> Vec<u8>> Comparison<R> {
    fn new(read: R, length: u64) -> Self {
        Self { read, length, equal: 0, difference: None }
    }

    /// Whether everything is equal so far.
    fn push(&mut self, mut piece: &[u8]) -> bool {
        while !piece.is_empty() {
            let plain = (self.read)(self.equal, piece.len().min(READ_BYTES_MAX));
            let equal = plain.iter().zip(piece).take_while(|(a, b)| a == b).count();
            self.equal += equal as u64;
            if equal < plain.len() {
                self.difference = Some(format!("byte {} differs", self.equal));
                return false;
            }
            if plain.is_empty() {
                self.difference = Some(format!("it goes on after {} bytes", self.length));
                return false;
            }
            piece = &piece[equal..];
        }
        true
    }

    /// What differs, once the stream has ended.
    fn conclude(self) -> Result<u64, String> {
        match self.difference {
            Some(difference) => Err(difference),
            None if self.equal != self.length => {
                Err(format!("it holds {} of {} bytes", self.equal, self.length))
            }
            None => Ok(self.equal),
        }
    }
}

fn compare_compressed<P, R>(
    mut packed: StreamReader<P>,
    mut comparison: Comparison<R>,
    delivery: &Delivery,
) -> Verdict
where
    P: FnMut(u64, usize) -> Vec<u8>,
    R: FnMut(u64, usize) -> Vec<u8>,
{
    let result = compressed::decompress(&mut packed, &mut |piece| comparison.push(piece));
    match (result, comparison.conclude()) {
        (Ok(format), Ok(equal)) => {
            accepted(format!("{format}: all {equal} bytes are equal, at {}", ratio(delivery)))
        }
        (Ok(_) | Err(compressed::Error::Stopped), Err(difference)) => {
            refused(format!("not the original: {difference}"))
        }
        (Err(error), _) => refused(error.to_string()),
    }
}

fn compare_deduplicated<R: FnMut(u64, usize) -> Vec<u8>>(
    packed: impl FnMut(u64, usize) -> Vec<u8>,
    mut comparison: Comparison<R>,
    delivery: &Delivery,
) -> Verdict {
    let result = deduplicated::reassemble(packed, &mut |piece| comparison.push(piece));
    match (result, comparison.conclude()) {
        (Ok(()), Ok(equal)) => {
            accepted(format!("all {equal} bytes are equal, at {}", ratio(delivery)))
        }
        (Ok(()) | Err(deduplicated::Error::Stopped), Err(difference)) => {
            refused(format!("not the original: {difference}"))
        }
        (Err(error), _) => refused(error.to_string()),
    }
}

/// The output's size as a share of the input's, with one decimal.
fn ratio(delivery: &Delivery) -> String {
    let permille =
        u128::from(delivery.output_bytes) * 1000 / u128::from(delivery.input_bytes.max(1));
    format!("{}.{} % of its size", permille / 10, permille % 10)
}

/// Reads ahead, because records are short and every call of the host costs.
fn buffered(mut fetch: impl FnMut(u64, usize) -> Vec<u8>) -> impl FnMut(u64, usize) -> Vec<u8> {
    const AHEAD_BYTES: usize = 256 << 10;
    let mut start = 0;
    let mut held: Vec<u8> = Vec::new();
    move |at, length| {
        let inside = at.checked_sub(start).and_then(|from| usize::try_from(from).ok());
        if let Some(piece) = inside.and_then(|from| held.get(from..from + length)) {
            return piece.to_vec();
        }
        // A look back at an earlier chunk must not throw away what was read ahead.
        if at < start {
            return fetch(at, length);
        }
        held = fetch(at, AHEAD_BYTES.max(length));
        start = at;
        held[..length.min(held.len())].to_vec()
    }
}

ainur_guest::agent!(ArchiveVerify);

#[cfg(test)]
mod tests;
