//! Work cut into independent blocks of the input, one chunk each, so that another worker can
//! continue after any of them.
use crate::host::{Host, READ_BYTES_MAX};
use crate::{Failure, Job};

/// How many blocks of `block_bytes` an input has; an empty one still has one block.
pub const fn block_count(input_bytes: u64, block_bytes: usize) -> u64 {
    let count = input_bytes.div_ceil(block_bytes as u64);
    if count == 0 { 1 } else { count }
}

/// Delivers `work(block)` for every block of the input from the job's first chunk on.
///
/// # Errors
/// Whatever `work` answers, or [`Failure::BadInput`] when the input ends before its stated length.
pub fn for_each_block(
    job: &Job,
    host: &mut dyn Host,
    block_bytes: usize,
    mut work: impl FnMut(&[u8]) -> Result<Vec<u8>, Failure>,
) -> Result<(), Failure> {
    let block_bytes = block_bytes.clamp(1, READ_BYTES_MAX);
    for index in u64::from(job.first_chunk)..block_count(job.input_bytes, block_bytes) {
        let offset = index * block_bytes as u64;
        let length = (job.input_bytes - offset).min(block_bytes as u64);
        let block = host.read_input(offset, length as usize);
        if block.len() as u64 != length {
            return Err(Failure::BadInput("the input ends early".into()));
        }
        let chunk = work(&block)?;
        host.emit(chunk);
        host.progress(offset + length, job.input_bytes);
    }
    Ok(())
}
