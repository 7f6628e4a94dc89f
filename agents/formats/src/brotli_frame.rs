//! A frame around a brotli stream, because brotli has no magic of its own.
//!
//! `"ABR1"`, then the length of the original and of the stream as little-endian `u32`, then the
//! stream. A file is a concatenation of frames.
use std::io::{Error, ErrorKind, Read, Result};

/// How a frame begins.
pub const MAGIC: [u8; 4] = *b"ABR1";

/// The longest original and the longest stream one frame holds.
pub const FRAME_BYTES_MAX: u32 = 4 << 20;

const BUFFER_BYTES: usize = 64 << 10;

/// A frame of `stream`, which decompresses to `original_bytes` bytes.
pub fn wrap(original_bytes: u32, stream: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(stream.len() + 12);
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&original_bytes.to_le_bytes());
    frame.extend_from_slice(&(stream.len() as u32).to_le_bytes());
    frame.extend_from_slice(stream);
    frame
}

/// The original of the next frame.
///
/// # Errors
/// When it is not a whole frame, or not of its stated length.
pub fn read(reader: &mut dyn Read) -> Result<Vec<u8>> {
    let mut header = [0u8; 12];
    reader.read_exact(&mut header)?;
    let number = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let (original_bytes, stream_bytes) = (number(4), number(8));
    if header[..4] != MAGIC || original_bytes > FRAME_BYTES_MAX || stream_bytes > FRAME_BYTES_MAX {
        return Err(Error::new(ErrorKind::InvalidData, "not a frame of brotli"));
    }
    let mut stream = vec![0; stream_bytes as usize];
    reader.read_exact(&mut stream)?;
    let mut original = Vec::with_capacity(original_bytes as usize);
    // One byte more than stated is enough to see that the stream is too long.
    brotli_decompressor::Decompressor::new(&stream[..], BUFFER_BYTES)
        .take(u64::from(original_bytes) + 1)
        .read_to_end(&mut original)?;
    if original.len() != original_bytes as usize {
        return Err(Error::new(ErrorKind::InvalidData, "a frame is not of its stated length"));
    }
    Ok(original)
}
