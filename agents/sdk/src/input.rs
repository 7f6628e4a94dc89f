//! Reading the host's streams: whole, or a buffer at a time as [`Read`].
use std::io::{Read, Result};

use crate::host::{EMIT_BYTES_MAX, Host, READ_BYTES_MAX};
use crate::Failure;

/// How much of a stream is held while it is read in order.
const BUFFER_BYTES: usize = 256 << 10;

macro_rules! reader {
    ($(#[$docs:meta])* $name:ident, $read:ident) => {
        $(#[$docs])*
        pub struct $name<'a> {
            host: &'a mut dyn Host,
            position: u64,
            buffer: Vec<u8>,
            taken: usize,
        }

        impl<'a> $name<'a> {
            /// The stream from `offset` on.
            pub fn new(host: &'a mut dyn Host, offset: u64) -> Self {
                Self { host, position: offset, buffer: Vec::new(), taken: 0 }
            }

            /// What is buffered, filled first when all of it was taken; empty at the end.
            pub fn fill(&mut self) -> &[u8] {
                if self.taken == self.buffer.len() {
                    self.buffer = self.host.$read(self.position, BUFFER_BYTES);
                    self.position += self.buffer.len() as u64;
                    self.taken = 0;
                }
                &self.buffer[self.taken..]
            }
        }

        impl core::fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name)).field("position", &self.position).finish()
            }
        }

        impl Read for $name<'_> {
            fn read(&mut self, into: &mut [u8]) -> Result<usize> {
                let available = self.fill();
                let count = available.len().min(into.len());
                into[..count].copy_from_slice(&available[..count]);
                self.taken += count;
                Ok(count)
            }
        }
    };
}

reader! {
    /// The input in order.
    InputReader, read_input
}
reader! {
    /// The delivered output in order, in `verify`.
    OutputReader, read_output
}

/// The whole input, for agents that need it at once.
///
/// # Errors
/// [`Failure::Declined`] when it is longer than `bytes_max`.
pub fn read_all(
    host: &mut dyn Host,
    input_bytes: u64,
    bytes_max: usize,
) -> core::result::Result<Vec<u8>, Failure> {
    let length = usize::try_from(input_bytes).ok().filter(|length| *length <= bytes_max);
    let Some(length) = length else {
        return Err(Failure::Declined(format!(
            "an input of {input_bytes} bytes is more than this agent takes, {bytes_max}"
        )));
    };
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let piece = host.read_input(bytes.len() as u64, READ_BYTES_MAX.min(length - bytes.len()));
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
