//! One file of the log: a header, then frames.
use super::{Disk, DiskFile, Error, OpenMode, Sequence, frame, join};

const MAGIC: [u8; 8] = *b"AINURWAL";
/// Bytes of a segment before its first frame.
pub(super) const HEADER_BYTES: u64 = 80;
const DIGEST_AT: usize = 48;
const PREFIX: &str = "segment-";
const SUFFIX: &str = ".log";
/// The offsets of frames are remembered about this far apart.
const INDEX_SPACING_BYTES: u64 = 64 << 10;

/// What is known of a segment.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) path: String,
    pub(super) first: Sequence,
    pub(super) len: u64,
    /// Some frames: their first record and their offset, ascending.
    index: Vec<(Sequence, u64)>,
}

impl Segment {
    /// A segment that has its header and nothing else.
    pub(super) fn new(directory: &str, first: Sequence) -> Self {
        let path = join(directory, &format!("{PREFIX}{:020}{SUFFIX}", first.0));
        Self { path, first, len: HEADER_BYTES, index: Vec::new() }
    }

    /// The first record of the segment of that file name.
    pub(super) fn parse(name: &str) -> Option<Sequence> {
        name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok().map(Sequence)
    }

    /// True when it holds no frame.
    pub(super) fn is_empty(&self) -> bool {
        self.len <= HEADER_BYTES
    }

    /// Forgets the frames, to learn them again by [`Segment::grown`].
    pub(super) fn restart(&mut self) {
        self.len = HEADER_BYTES;
        self.index.clear();
    }

    /// Notes a frame at the end.
    pub(super) fn grown(&mut self, first: Sequence, frame_bytes: u64) {
        let indexed = self.index.last().map_or(0, |(_, offset)| *offset);
        if self.len >= indexed + INDEX_SPACING_BYTES {
            self.index.push((first, self.len));
        }
        self.len += frame_bytes;
    }

    /// The last known frame at or before `sequence`.
    pub(super) fn seek(&self, sequence: Sequence) -> (Sequence, u64) {
        let after = self.index.partition_point(|(first, _)| *first <= sequence);
        match after.checked_sub(1).and_then(|index| self.index.get(index)) {
            Some(known) => *known,
            None => (self.first, HEADER_BYTES),
        }
    }

    /// Writes the header, durably, and tells the digest its first frame names.
    pub(super) fn create<D: Disk>(
        &self,
        disk: &D,
        previous: &blake3::Hash,
    ) -> Result<(D::File, blake3::Hash), Error> {
        let file = disk.open(&self.path, OpenMode::Truncate)?;
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[16..48].copy_from_slice(previous.as_bytes());
        let digest = blake3::hash(&bytes[..DIGEST_AT]);
        bytes[DIGEST_AT..].copy_from_slice(digest.as_bytes());
        file.write_at(0, &bytes)?;
        file.sync_data()?;
        Ok((file, digest))
    }

    /// Reads the header: the digest before this segment and the one its first frame names. `None`
    /// when it is not what was written.
    pub(super) fn read_header(
        &self,
        file: &impl DiskFile,
    ) -> Result<Option<(blake3::Hash, blake3::Hash)>, Error> {
        if self.len < HEADER_BYTES {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_BYTES as usize];
        file.read_at(0, &mut bytes)?;
        let digest = blake3::hash(&bytes[..DIGEST_AT]);
        let fits = bytes[..8] == MAGIC
            && frame::number(&bytes[8..16]) == self.first.0
            && digest.as_bytes() == &bytes[DIGEST_AT..];
        let mut previous = [0; 32];
        previous.copy_from_slice(&bytes[16..48]);
        Ok(fits.then(|| (previous.into(), digest)))
    }
}
