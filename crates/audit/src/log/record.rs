//! What a record of the log's segments holds: a tag, then an entry or a checkpoint.

const ENTRY: u8 = 0;
const CHECKPOINT: u8 = 1;

/// A record that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// The bytes of an entry.
    Entry(&'a [u8]),
    /// A signed note over all entries before it.
    Checkpoint(&'a str),
}

impl<'a> Record<'a> {
    /// Reads a record; `None` when it is neither.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&ENTRY, entry) => Some(Self::Entry(entry)),
            (&CHECKPOINT, note) => Some(Self::Checkpoint(std::str::from_utf8(note).ok()?)),
            _ => None,
        }
    }
}

/// The record of an entry, in a buffer that is used again.
pub(super) fn entry<'a>(entry: &[u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    buffer.clear();
    buffer.push(ENTRY);
    buffer.extend_from_slice(entry);
    buffer
}

/// The record of a checkpoint.
pub(super) fn checkpoint(note: &str) -> Vec<u8> {
    [&[CHECKPOINT], note.as_bytes()].concat()
}
