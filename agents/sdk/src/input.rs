//! Reading the host's streams: whole, or a buffer at a time as [`Read`] and [`BufRead`].
use std::io::{BufRead, Read};

use crate::Failure;
use crate::host::{EMIT_BYTES_MAX, Host, READ_BYTES_MAX};

/// How much of a stream is held while it is read in order.
const BUFFER_BYTES: usize = 256 << 10;

/// A stream of the host in order, from some offset on. `fetch(offset, length)` answers fewer bytes
/// only at the end, such as [`Host::read_input`] does.
#[derive(Debug)]
pub struct StreamReader<F> {
    fetch: F,
    position: u64,
    buffer: Vec<u8>,
    taken: usize,
}

impl<F: FnMut(u64, usize) -> Vec<u8>> StreamReader<F> {
    /// The stream from `offset` on.
    pub const fn new(offset: u64, fetch: F) -> Self {
        Self { fetch, position: offset, buffer: Vec::new(), taken: 0 }
    }
}

impl<F: FnMut(u64, usize) -> Vec<u8>> BufRead for StreamReader<F> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.taken == self.buffer.len() {
            self.buffer = (self.fetch)(self.position, BUFFER_BYTES);
            self.position += self.buffer.len() as u64;
            self.taken = 0;
        }
        Ok(&self.buffer[self.taken..])
    }

    fn consume(&mut self, count: usize) {
        self.taken = self.taken.saturating_add(count).min(self.buffer.len());
    }
}

impl<F: FnMut(u64, usize) -> Vec<u8>> Read for StreamReader<F> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(into.len());
        into[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

/// The whole input, for agents that need it at once.
///
/// # Errors
/// [`Failure::Declined`] when it is longer than `bytes_max`.
pub fn read_all(
    host: &mut dyn Host,
    input_bytes: u64,
    bytes_max: usize,
) -> Result<Vec<u8>, Failure> {
    let length = usize::try_from(input_bytes).ok().filter(|length| *length <= bytes_max);
    let Some(length) = length else {
        return Err(Failure::Declined(format!(
            "an input of {input_bytes} bytes is more than this agent takes, {bytes_max}"
        )));
    };
    read_range(host, 0, length)
}

/// `length` bytes of the input from `offset`.
///
/// # Errors
/// [`Failure::BadInput`] when the input ends before that.
pub fn read_range(host: &mut dyn Host, offset: u64, length: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let wanted = READ_BYTES_MAX.min(length - bytes.len());
        let piece = host.read_input(offset + bytes.len() as u64, wanted);
        if piece.is_empty() {
            return Err(Failure::BadInput("the input ends early".into()));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Delivers `bytes` in chunks of at most `chunk_bytes`, from `first_chunk` on; at least one chunk.
pub fn emit_all(host: &mut dyn Host, bytes: &[u8], chunk_bytes: usize, first_chunk: u32) {
    let chunk_bytes = chunk_bytes.clamp(1, EMIT_BYTES_MAX);
    let count = bytes.len().div_ceil(chunk_bytes).max(1);
    for index in first_chunk as usize..count {
        let end = ((index + 1) * chunk_bytes).min(bytes.len());
        host.emit(bytes[index * chunk_bytes..end].to_vec());
        host.progress(end as u64, bytes.len() as u64);
    }
}

/// Delivers a stream as it is made, in chunks of one size, without those already delivered.
#[derive(Debug)]
pub struct ChunkWriter {
    chunk_bytes: usize,
    first_chunk: u32,
    index: u32,
    pending: Vec<u8>,
}

impl ChunkWriter {
    /// Chunks of `chunk_bytes`, the first `first_chunk` of them dropped.
    pub fn new(chunk_bytes: usize, first_chunk: u32) -> Self {
        let chunk_bytes = chunk_bytes.clamp(1, EMIT_BYTES_MAX);
        Self { chunk_bytes, first_chunk, index: 0, pending: Vec::with_capacity(chunk_bytes) }
    }

    /// Continues the stream, and answers the chunks that are now full.
    pub fn push(&mut self, mut bytes: &[u8], mut emit: impl FnMut(Vec<u8>)) {
        while !bytes.is_empty() {
            let count = bytes.len().min(self.chunk_bytes - self.pending.len());
            self.pending.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            if self.pending.len() == self.chunk_bytes {
                self.flush(&mut emit);
            }
        }
    }

    /// Ends the stream; one that was empty is one empty chunk.
    pub fn finish(mut self, mut emit: impl FnMut(Vec<u8>)) {
        if self.index == 0 || !self.pending.is_empty() {
            self.flush(&mut emit);
        }
    }

    fn flush(&mut self, emit: &mut impl FnMut(Vec<u8>)) {
        let chunk = core::mem::replace(&mut self.pending, Vec::with_capacity(self.chunk_bytes));
        if self.index >= self.first_chunk {
            emit(chunk);
        }
        self.index += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryHost;

    #[test]
    fn a_stream_is_read_in_order_across_buffers() {
        let input: Vec<u8> = (0..BUFFER_BYTES * 2 + 77).map(|i| (i % 253) as u8).collect();
        let mut host = MemoryHost::with_input(input.clone());
        let mut read = Vec::new();
        StreamReader::new(5, |offset, length| host.read_input(offset, length))
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, input[5..]);
    }

    #[test]
    fn an_input_over_the_limit_is_declined_and_a_short_one_is_bad() {
        let mut host = MemoryHost::with_input(vec![1; 10]);
        assert!(matches!(read_all(&mut host, 10, 9), Err(Failure::Declined(_))));
        assert!(matches!(read_all(&mut host, 11, 20), Err(Failure::BadInput(_))));
        assert_eq!(read_all(&mut host, 10, 10).unwrap().len(), 10);
    }

    #[test]
    fn chunks_of_a_stream_are_the_same_from_any_first_chunk() {
        let bytes: Vec<u8> = (0..1000u32).map(|i| (i % 251) as u8).collect();
        let run = |first_chunk| {
            let mut chunks = Vec::new();
            let mut writer = ChunkWriter::new(300, first_chunk);
            for piece in bytes.chunks(7) {
                writer.push(piece, |chunk| chunks.push(chunk));
            }
            writer.finish(|chunk| chunks.push(chunk));
            chunks
        };
        assert_eq!(run(0).concat(), bytes);
        assert_eq!(run(2), run(0)[2..]);
        let mut empty = Vec::new();
        ChunkWriter::new(300, 0).finish(|chunk| empty.push(chunk));
        assert_eq!(empty, vec![Vec::<u8>::new()]);
    }
}
