//! Decompressing a stream of any format, known by how it begins, a piece at a time.
use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;

use crate::brotli_frame;

/// A compressed format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Members of RFC 1952.
    Gzip,
    /// Streams of the .xz file format.
    Xz,
    /// Frames of RFC 8878.
    Zstandard,
    /// Frames of the LZ4 frame format.
    Lz4,
    /// Frames of [`brotli_frame`].
    Brotli,
}

/// Why a stream was not decompressed to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It begins like none of them.
    #[error("neither gzip, xz, zstd, lz4 nor framed brotli")]
    UnknownFormat,
    /// It breaks its format's rules, or ends early.
    #[error("damaged {0}: {1}")]
    Damaged(Format, #[source] io::Error),
    /// Whoever takes the original wanted no more of it.
    #[error("stopped")]
    Stopped,
}

/// How much of the original is passed on at once.
const PIECE_BYTES: usize = 64 << 10;

/// The largest dictionary an xz stream may ask for.
const XZ_MEMORY_KIB_MAX: u32 = 64 << 10;

impl core::fmt::Display for Format {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstandard => "zstd",
            Self::Lz4 => "lz4",
            Self::Brotli => "brotli",
        })
    }
}

impl Format {
    /// The format of a stream that begins with `bytes`.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        const MAGICS: [(&[u8], Format); 5] = [
            (&[0x1f, 0x8b, 0x08], Format::Gzip),
            (&[0xfd, b'7', b'z', b'X', b'Z', 0], Format::Xz),
            (&[0x28, 0xb5, 0x2f, 0xfd], Format::Zstandard),
            (&[0x04, 0x22, 0x4d, 0x18], Format::Lz4),
            (&brotli_frame::MAGIC, Format::Brotli),
        ];
        MAGICS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, format)| *format)
    }
}

/// Passes the original of `stream` to `sink`, piece by piece, until it ends or `sink` answers
/// `false`.
///
/// # Errors
/// See [`Error`]. What was passed before an error is not worth anything.
pub fn decompress(
    stream: &mut dyn BufRead,
    sink: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<Format, Error> {
    let start = stream.fill_buf().map_err(|_| Error::UnknownFormat)?;
    let format = Format::of(start).ok_or(Error::UnknownFormat)?;
    let damaged = |error| Error::Damaged(format, error);
    match format {
        Format::Gzip => copy(&mut MultiGzDecoder::new(stream), sink, format)?,
        Format::Xz => {
            copy(&mut XzReader::new_mem_limit(stream, true, XZ_MEMORY_KIB_MAX), sink, format)?;
        }
        Format::Lz4 => {
            while !ended(stream, format)? {
                copy(&mut FrameDecoder::new(&mut *stream), sink, format)?;
            }
        }
        Format::Zstandard => {
            while !ended(stream, format)? {
                let mut frame = StreamingDecoder::new(&mut *stream)
                    .map_err(|e| damaged(io::Error::other(e)))?;
                copy(&mut frame, sink, format)?;
                let decoder = frame.into_frame_decoder();
                if decoder.get_checksum_from_data() != decoder.get_calculated_checksum() {
                    return Err(damaged(io::Error::new(ErrorKind::InvalidData, "checksum")));
                }
            }
        }
        Format::Brotli => {
            while !ended(stream, format)? {
                let original = brotli_frame::read(&mut &mut *stream).map_err(damaged)?;
                if !sink(&original) {
                    return Err(Error::Stopped);
                }
            }
        }
    }
    Ok(format)
}

/// Whether no further member follows; one of another format is damage.
fn ended(stream: &mut dyn BufRead, format: Format) -> Result<bool, Error> {
    let rest = stream.fill_buf().map_err(|error| Error::Damaged(format, error))?;
    Ok(rest.is_empty())
}

fn copy(
    reader: &mut dyn Read,
    sink: &mut dyn FnMut(&[u8]) -> bool,
    format: Format,
) -> Result<(), Error> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) if !sink(&piece[..count]) => return Err(Error::Stopped),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Damaged(format, error)),
        }
    }
}
