//! The bytes of a frame: one batch of records, its place in the chain and its digest.
//!
//! ```text
//! magic 4 | body length 4 | records 4 | first sequence 8 | acknowledged 8 | previous digest 32
//! digest of all this and the body 32 | body: (length 4, bytes) per record
//! ```
use super::{DiskFile, Error, FRAME_BYTES_TARGET, RECORD_BYTES_MAX, Sequence};

/// Marks the beginning of a frame.
pub(super) const MAGIC: [u8; 4] = *b"AWL1";
/// Bytes of a frame before its body.
pub(super) const HEADER_BYTES: usize = DIGEST_AT + 32;
const DIGEST_AT: usize = 60;
/// The largest body: one record of the largest size, or many small ones.
const BODY_BYTES_MAX: usize = RECORD_BYTES_MAX + FRAME_BYTES_TARGET;

/// A frame that is being filled.
#[derive(Debug, Default)]
pub(super) struct Frame {
    bytes: Vec<u8>,
    records: u32,
    first: Sequence,
}

impl Frame {
    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Bytes so far, with the header.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn first(&self) -> Sequence {
        self.first
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn begin(&mut self, first: Sequence) {
        self.clear();
        self.bytes.resize(HEADER_BYTES, 0);
        self.first = first;
    }

    pub(super) fn push(&mut self, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("a record is below RECORD_BYTES_MAX");
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(payload);
        self.records += 1;
    }

    /// Fills in the header and tells the digest.
    pub(super) fn seal(&mut self, acknowledged: Sequence, previous: &blake3::Hash) -> blake3::Hash {
        let body = u32::try_from(self.bytes.len() - HEADER_BYTES)
            .expect("a frame is below BODY_BYTES_MAX");
        let header = Header {
            body_bytes: body as usize,
            records: self.records,
            first: self.first,
            acknowledged,
            previous: *previous,
        };
        self.bytes[..DIGEST_AT].copy_from_slice(&header.encode());
        let digest = digest(&self.bytes[..DIGEST_AT], &self.bytes[HEADER_BYTES..]);
        self.bytes[DIGEST_AT..HEADER_BYTES].copy_from_slice(digest.as_bytes());
        digest
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.records = 0;
    }
}

/// What a frame says about itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) body_bytes: usize,
    pub(super) records: u32,
    pub(super) first: Sequence,
    pub(super) acknowledged: Sequence,
    pub(super) previous: blake3::Hash,
}

impl Header {
    fn encode(&self) -> [u8; DIGEST_AT] {
        let body = u32::try_from(self.body_bytes).expect("a frame is below BODY_BYTES_MAX");
        let mut bytes = [0; DIGEST_AT];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&body.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.records.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.acknowledged.0.to_le_bytes());
        bytes[28..60].copy_from_slice(self.previous.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let body_bytes = number(&bytes[4..8]) as usize;
        let records = u32::try_from(number(&bytes[8..12])).ok()?;
        let mut previous = [0; 32];
        previous.copy_from_slice(&bytes[28..60]);
        let fits = bytes[..4] == MAGIC
            && body_bytes <= BODY_BYTES_MAX
            && records > 0
            && body_bytes / 4 >= records as usize;
        fits.then(|| Self {
            body_bytes,
            records,
            first: Sequence(number(&bytes[12..20])),
            acknowledged: Sequence(number(&bytes[20..28])),
            previous: previous.into(),
        })
    }

    /// The record after the last of this frame.
    pub(super) fn next(&self) -> Sequence {
        Sequence(self.first.0.saturating_add(u64::from(self.records)))
    }

    /// Bytes on disk.
    pub(super) fn frame_bytes(&self) -> u64 {
        (HEADER_BYTES + self.body_bytes) as u64
    }
}

/// What is at an offset of a segment.
#[derive(Debug)]
pub(super) enum Found {
    /// The segment ends here.
    End,
    /// A frame whose digest fits.
    Frame(Header, blake3::Hash, Vec<u8>),
    /// Something else.
    Damage(&'static str),
}

/// Reads the header at `offset` without checking the digest; `None` when there is none.
pub(super) fn read_header(
    file: &impl DiskFile,
    len: u64,
    offset: u64,
) -> Result<Option<(Header, [u8; HEADER_BYTES])>, Error> {
    if offset + HEADER_BYTES as u64 > len {
        return Ok(None);
    }
    let mut bytes = [0; HEADER_BYTES];
    file.read_at(offset, &mut bytes)?;
    let header = Header::decode(&bytes).filter(|header| offset + header.frame_bytes() <= len);
    Ok(header.map(|header| (header, bytes)))
}

/// Reads and checks what is at `offset` of a segment of `len` bytes.
pub(super) fn read(file: &impl DiskFile, len: u64, offset: u64) -> Result<Found, Error> {
    if offset == len {
        return Ok(Found::End);
    }
    let Some((header, bytes)) = read_header(file, len, offset)? else {
        return Ok(Found::Damage("no frame begins here, or it is cut short"));
    };
    let mut body = vec![0; header.body_bytes];
    file.read_at(offset + HEADER_BYTES as u64, &mut body)?;
    let digest = digest(&bytes[..DIGEST_AT], &body);
    if digest.as_bytes() != &bytes[DIGEST_AT..] {
        return Ok(Found::Damage("the bytes do not fit their digest"));
    }
    Ok(Found::Frame(header, digest, body))
}

/// Splits the first record off a body.
pub(super) fn split_record(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = body.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

fn digest(header: &[u8], body: &[u8]) -> blake3::Hash {
    blake3::Hasher::new().update(header).update(body).finalize()
}

pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}
