//! The deduplicated container: every distinct chunk once, and the order they stood in.
//!
//! ```text
//! "AINURDD1"
//! record*      0x00 length:varint bytes      a new chunk, numbered from 0 as they come
//!              0x01 number:varint            that chunk again
//! 0xff length:u64 digest:[u8; 32]            the whole: its length, little-endian, and its BLAKE3
//! ```
//! A varint is LEB128. A record only refers to chunks before it, so a reader can stream.
use std::collections::BTreeMap;

use crate::chunking::{CHUNK_BYTES_MAX, cut};

/// How a container begins.
pub const MAGIC: [u8; 8] = *b"AINURDD1";

const NEW: u8 = 0;
const AGAIN: u8 = 1;
const END: u8 = 0xff;

/// The most distinct chunks a container has.
pub const CHUNKS_MAX: usize = 4 << 20;

/// Why a container was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not begin with [`MAGIC`].
    #[error("not a deduplicated container")]
    NotAContainer,
    /// It ends before its end record, or a record is malformed.
    #[error("the container is damaged at byte {0}")]
    Damaged(u64),
    /// What was put together is not what was taken apart.
    #[error("the restored stream is not the one that was deduplicated")]
    WrongWhole,
    /// More than [`CHUNKS_MAX`] chunks.
    #[error("more than {CHUNKS_MAX} distinct chunks")]
    TooManyChunks,
    /// Whoever takes the stream wanted no more of it.
    #[error("stopped")]
    Stopped,
}

/// Makes a container out of a stream that is pushed piece by piece.
#[derive(Debug, Default)]
pub struct Deduplicator {
    pending: Vec<u8>,
    numbers: BTreeMap<[u8; 32], u32>,
    whole: blake3::Hasher,
    length: u64,
    started: bool,
}

impl Deduplicator {
    /// Continues the stream, and appends to `out` what can be said already.
    ///
    /// # Errors
    /// [`Error::TooManyChunks`].
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.whole.update(bytes);
        self.length += bytes.len() as u64;
        self.pending.extend_from_slice(bytes);
        let mut done = 0;
        while self.pending.len() - done >= CHUNK_BYTES_MAX {
            done = self.record(done, out)?;
        }
        self.pending.drain(..done);
        Ok(())
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// [`Error::TooManyChunks`].
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.start(out);
        let mut done = 0;
        while done < self.pending.len() {
            done = self.record(done, out)?;
        }
        out.push(END);
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(self.whole.finalize().as_bytes());
        Ok(())
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !self.started {
            out.extend_from_slice(&MAGIC);
            self.started = true;
        }
    }

    fn record(&mut self, from: usize, out: &mut Vec<u8>) -> Result<usize, Error> {
        self.start(out);
        let chunk = &self.pending[from..];
        let chunk = &chunk[..cut(chunk)];
        let number = self.numbers.len();
        let known = *self.numbers.entry(*blake3::hash(chunk).as_bytes()).or_insert(number as u32);
        if known as usize == number {
            if number >= CHUNKS_MAX {
                return Err(Error::TooManyChunks);
            }
            out.push(NEW);
            push_varint(out, chunk.len() as u64);
            out.extend_from_slice(chunk);
        } else {
            out.push(AGAIN);
            push_varint(out, u64::from(known));
        }
        Ok(from + chunk.len())
    }
}

/// Passes the stream that a container holds to `sink`, until it ends or `sink` answers `false`.
/// `read(offset, length)` reads the container, and answers fewer bytes only at its end.
///
/// # Errors
/// See [`Error`]. The whole is checked last: only after `Ok` is what was passed to be believed.
pub fn reassemble(
    mut read: impl FnMut(u64, usize) -> Vec<u8>,
    sink: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<(), Error> {
    if read(0, MAGIC.len()) != MAGIC {
        return Err(Error::NotAContainer);
    }
    let mut at = MAGIC.len() as u64;
    let mut chunks: Vec<(u64, u32)> = Vec::new();
    let mut whole = blake3::Hasher::new();
    let mut total: u64 = 0;
    loop {
        // The longest record without its bytes is an end record of 41.
        let head = read(at, 41);
        let damaged = Error::Damaged(at);
        let (tag, fields) = head.split_first().ok_or(damaged)?;
        let (offset, length) = match *tag {
            END => {
                let stated = fields.get(..8).and_then(|bytes| bytes.try_into().ok());
                let digest: Option<[u8; 32]> =
                    fields.get(8..40).and_then(|bytes| bytes.try_into().ok());
                let ended = read(at + 41, 1).is_empty();
                let (Some(stated), Some(digest), true) = (stated, digest, ended) else {
                    return Err(damaged);
                };
                let right = u64::from_le_bytes(stated) == total && whole.finalize() == digest;
                return if right { Ok(()) } else { Err(Error::WrongWhole) };
            }
            NEW => {
                let (length, width) = varint(fields).ok_or(damaged)?;
                let length = u32::try_from(length).ok().filter(|l| *l as usize <= CHUNK_BYTES_MAX);
                let place = (at + 1 + width as u64, length.ok_or(damaged)?);
                if chunks.len() >= CHUNKS_MAX {
                    return Err(Error::TooManyChunks);
                }
                chunks.push(place);
                at = place.0 + u64::from(place.1);
                place
            }
            AGAIN => {
                let (number, width) = varint(fields).ok_or(damaged)?;
                let known = usize::try_from(number).ok().and_then(|number| chunks.get(number));
                at += 1 + width as u64;
                *known.ok_or(damaged)?
            }
            _ => return Err(damaged),
        };
        let chunk = read(offset, length as usize);
        if chunk.len() != length as usize {
            return Err(damaged);
        }
        whole.update(&chunk);
        total += u64::from(length);
        if !sink(&chunk) {
            return Err(Error::Stopped);
        }
    }
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The number and how many bytes it took.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(stream: &[u8], piece_bytes: usize) -> Vec<u8> {
        let mut deduplicator = Deduplicator::default();
        let mut out = Vec::new();
        for piece in stream.chunks(piece_bytes) {
            deduplicator.push(piece, &mut out).unwrap();
        }
        deduplicator.finish(&mut out).unwrap();
        out
    }

    fn unpack(container: &[u8]) -> Result<Vec<u8>, Error> {
        let mut stream = Vec::new();
        let read = |offset: u64, length: usize| {
            let from = (offset as usize).min(container.len());
            container[from..(from + length).min(container.len())].to_vec()
        };
        reassemble(read, &mut |piece| {
            stream.extend_from_slice(piece);
            true
        })?;
        Ok(stream)
    }

    fn sample() -> Vec<u8> {
        let once: Vec<u8> =
            (0..200_000u32).flat_map(|i| (i.wrapping_mul(i) >> 3).to_le_bytes()).collect();
        [&once[..], b"between", &once, &once[1000..]].concat()
    }

    #[test]
    fn a_stream_comes_back_and_repeats_cost_little() {
        let stream = sample();
        let container = pack(&stream, 100_000);
        assert!(container.len() < stream.len() / 2, "{} of {}", container.len(), stream.len());
        assert_eq!(unpack(&container).unwrap(), stream);
        assert_eq!(container, pack(&stream, 777), "pieces do not matter");
        assert_eq!(unpack(&pack(b"", 1)).unwrap(), b"");
    }

    #[test]
    fn every_damage_is_seen() {
        let container = pack(&sample(), 100_000);
        assert_eq!(unpack(b"AINURDD2"), Err(Error::NotAContainer));
        for cut in [8, 9, 100, container.len() - 41, container.len() - 1] {
            assert!(unpack(&container[..cut]).is_err(), "cut to {cut}");
        }
        for at in (0..container.len()).step_by(container.len() / 97) {
            let mut damaged = container.clone();
            damaged[at] ^= 0x41;
            assert!(unpack(&damaged).is_err(), "damaged at {at}");
        }
        assert!(unpack(&[&container[..], b"x"].concat()).is_err());
    }
}
