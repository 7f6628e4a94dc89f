//! The file `acknowledged`: where the log begins and up to where it was acknowledged.
//!
//! Two slots in different pages are written in turn, so that a torn write spoils one and the other
//! still says something true, if older. Nothing is written here before the log itself is durable.
use super::{Disk, DiskFile, Error, OpenMode, Sequence, frame, join};

/// The name of the file in the log's directory.
pub(super) const FILE: &str = "acknowledged";
const MAGIC: [u8; 8] = *b"AINURACK";
const SLOT_BYTES: usize = 64;
const DIGEST_AT: usize = 32;
const SLOTS_AT: [u64; 2] = [0, 4096];

#[derive(Debug)]
pub(super) struct Marks<D: Disk> {
    file: D::File,
    path: String,
    /// How often a slot was written.
    writes: u64,
    first: Sequence,
    acknowledged: Sequence,
    /// A slot was damaged, which only a crash during its writing explains.
    pub(super) slots_unreadable: usize,
    pub(super) found: bool,
}

impl<D: Disk> Marks<D> {
    pub(super) fn open(disk: &D, directory: &str) -> Result<Self, Error> {
        let path = join(directory, FILE);
        let file = disk.open(&path, OpenMode::ReadWrite)?;
        let len = file.len()?;
        let mut marks = Self {
            file,
            path,
            writes: 0,
            first: Sequence(1),
            acknowledged: Sequence(0),
            slots_unreadable: 0,
            found: false,
        };
        for offset in SLOTS_AT {
            if offset + SLOT_BYTES as u64 > len {
                continue;
            }
            let mut bytes = [0; SLOT_BYTES];
            marks.file.read_at(offset, &mut bytes)?;
            match decode(&bytes) {
                Some((writes, first, acknowledged)) => {
                    marks.found = true;
                    if writes >= marks.writes {
                        (marks.writes, marks.first, marks.acknowledged) =
                            (writes, first, acknowledged);
                    }
                }
                None if bytes.iter().any(|byte| *byte != 0) => marks.slots_unreadable += 1,
                None => {}
            }
        }
        Ok(marks)
    }

    pub(super) fn first(&self) -> Sequence {
        self.first
    }

    pub(super) fn acknowledged(&self) -> Sequence {
        self.acknowledged
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Writes without a sync.
    pub(super) fn acknowledge(&mut self, acknowledged: Sequence) -> Result<(), Error> {
        self.acknowledged = acknowledged;
        self.write()
    }

    /// Writes with a sync.
    pub(super) fn begin_at(&mut self, first: Sequence) -> Result<(), Error> {
        self.first = first;
        self.write()?;
        self.sync()
    }

    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file.sync_data()
    }

    /// Writes both slots and makes them durable, so that later writes need no space.
    pub(super) fn settle(&mut self, acknowledged: Sequence) -> Result<(), Error> {
        self.acknowledge(acknowledged)?;
        self.write()?;
        self.sync()
    }

    fn write(&mut self) -> Result<(), Error> {
        self.writes += 1;
        let mut bytes = [0; SLOT_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.writes.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.acknowledged.0.to_le_bytes());
        let digest = blake3::hash(&bytes[..DIGEST_AT]);
        bytes[DIGEST_AT..].copy_from_slice(digest.as_bytes());
        let slot = SLOTS_AT[usize::from(self.writes.is_multiple_of(2))];
        self.file.write_at(slot, &bytes)
    }
}

fn decode(bytes: &[u8; SLOT_BYTES]) -> Option<(u64, Sequence, Sequence)> {
    let fits =
        bytes[..8] == MAGIC && blake3::hash(&bytes[..DIGEST_AT]).as_bytes() == &bytes[DIGEST_AT..];
    let at = |from: usize| frame::number(&bytes[from..from + 8]);
    fits.then(|| (at(8), Sequence(at(16)), Sequence(at(24))))
}
