//! Streams of bytes that are given to a guest: in the job itself, or in files of the node's store.
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use scale::{Decode, Encode};

use crate::program::PathBytes;

/// A stream of bytes: its pieces, one after the other.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Input {
    /// At most [`INPUT_PIECES_MAX`](crate::limits::INPUT_PIECES_MAX).
    pub pieces: Vec<Piece>,
}

/// A part of an [`Input`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Piece {
    /// These bytes.
    Inline(Vec<u8>),
    /// The bytes of a file, which must not change while the job runs.
    File {
        /// Where it is.
        #[codec(encoded_as = "PathBytes")]
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
}

impl Input {
    /// No bytes.
    pub const fn none() -> Self {
        Self { pieces: Vec::new() }
    }

    /// These bytes.
    pub fn inline(bytes: Vec<u8>) -> Self {
        Self { pieces: vec![Piece::Inline(bytes)] }
    }

    /// A file of this length.
    pub fn file(path: PathBuf, bytes: u64) -> Self {
        Self { pieces: vec![Piece::File { path, bytes }] }
    }

    /// Length of the stream.
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().fold(0, |sum, piece| sum.saturating_add(piece.bytes()))
    }

    /// Bytes that travel inside the job.
    pub fn bytes_inline(&self) -> u64 {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Inline(bytes) => bytes.len() as u64,
                Piece::File { .. } => 0,
            })
            .sum()
    }
}

impl Piece {
    /// Length of the piece.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::File { bytes, .. } => *bytes,
        }
    }
}

/// Reads an [`Input`] at any offset. Files are opened when they are first read and kept open.
pub(crate) struct Reader {
    pieces: Vec<OpenPiece>,
    bytes: u64,
}

struct OpenPiece {
    piece: Piece,
    /// Offset in the stream.
    start: u64,
    file: Option<File>,
}

impl Reader {
    pub(crate) fn new(input: Input) -> Self {
        let mut bytes: u64 = 0;
        let pieces = input.pieces.into_iter().map(|piece| {
            let start = bytes;
            bytes = bytes.saturating_add(piece.bytes());
            OpenPiece { piece, start, file: None }
        });
        let pieces = pieces.collect();
        Self { pieces, bytes }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// `length` bytes from `offset`, fewer only at the end of the stream.
    pub(crate) fn read(&mut self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let length = (self.bytes.saturating_sub(offset)).min(length as u64) as usize;
        let mut out = Vec::with_capacity(length);
        if length == 0 {
            return Ok(out);
        }
        let first = self.pieces.partition_point(|open| open.start + open.piece.bytes() <= offset);
        for open in &mut self.pieces[first..] {
            if out.len() == length {
                break;
            }
            let inside = (offset + out.len() as u64) - open.start;
            let wanted = (open.piece.bytes() - inside).min((length - out.len()) as u64) as usize;
            open.read_into(inside, wanted, &mut out)?;
        }
        Ok(out)
    }
}

impl OpenPiece {
    fn read_into(&mut self, offset: u64, length: usize, out: &mut Vec<u8>) -> io::Result<()> {
        match &self.piece {
            Piece::Inline(bytes) => {
                let from = offset as usize;
                out.extend_from_slice(&bytes[from..from + length]);
            }
            Piece::File { path, .. } => {
                let file = match &mut self.file {
                    Some(file) => file,
                    none => none.insert(File::open(path)?),
                };
                let from = out.len();
                out.resize(from + length, 0);
                file.read_exact_at(&mut out[from..], offset)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn any_range_across_pieces_reads_as_the_concatenation() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"defgh").unwrap();
        let input = Input {
            pieces: vec![
                Piece::Inline(b"abc".to_vec()),
                Piece::Inline(Vec::new()),
                Piece::File { path: file.path().to_owned(), bytes: 5 },
                Piece::Inline(b"ij".to_vec()),
            ],
        };
        let whole = b"abcdefghij";
        let mut reader = Reader::new(input);
        assert_eq!(reader.bytes(), 10);
        for offset in 0..12 {
            for length in 0..12 {
                let from = offset.min(10);
                let expected = &whole[from..(from + length).min(10)];
                assert_eq!(reader.read(offset as u64, length).unwrap(), expected);
            }
        }
        assert_eq!(reader.read(u64::MAX, 5).unwrap(), b"");
    }

    #[test]
    fn file_shorter_than_it_was_said_to_be_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut reader = Reader::new(Input::file(file.path().to_owned(), 5));
        assert!(reader.read(0, 5).is_err());
    }
}
