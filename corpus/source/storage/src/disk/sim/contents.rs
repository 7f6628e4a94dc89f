//! One simulated file: what programs see, what the platter has, and the writes between the two.
use super::{Faults, Random};

#[derive(Debug, Default)]
pub(super) struct Contents {
    seen: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Resize(u64),
}

impl Contents {
    pub(super) fn len(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Fills `out`; false when the file ends before.
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> bool {
        let Ok(from) = usize::try_from(offset) else { return false };
        let Some(to) = from.checked_add(out.len()) else { return false };
        let Some(bytes) = self.seen.get(from..to) else { return false };
        out.copy_from_slice(bytes);
        true
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        write(&mut self.seen, offset, bytes);
        self.pending.push(Change::Write(offset, bytes.to_vec()));
    }

    pub(super) fn set_len(&mut self, bytes: u64) {
        resize(&mut self.seen, bytes);
        self.pending.push(Change::Resize(bytes));
    }

    pub(super) fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            change.apply(&mut self.durable);
        }
    }

    pub(super) fn flip(&mut self, offset: u64, mask: u8) -> bool {
        let Ok(offset) = usize::try_from(offset) else { return false };
        let Some(byte) = self.seen.get_mut(offset) else { return false };
        *byte ^= mask;
        if let Some(byte) = self.durable.get_mut(offset) {
            *byte ^= mask;
        }
        true
    }

    /// The same bytes, all durable.
    pub(super) fn settled(&self) -> Self {
        Self { seen: self.seen.clone(), durable: self.seen.clone(), pending: Vec::new() }
    }

    /// Keeps a random part of what was not synced and forgets the rest.
    pub(super) fn crash(&mut self, random: &mut Random, faults: &Faults) {
        let pending = std::mem::take(&mut self.pending);
        let kept = random.below(pending.len() as u64 + 1) as usize;
        for (index, change) in pending.into_iter().enumerate() {
            if index < kept {
                change.apply(&mut self.durable);
            } else if index == kept && faults.torn_writes {
                change.torn(random).apply(&mut self.durable);
            } else if faults.reordered_writes && random.one_in(2) {
                change.apply(&mut self.durable);
            }
        }
        self.seen = self.durable.clone();
    }
}

impl Change {
    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, written) => write(bytes, offset, &written),
            Self::Resize(len) => resize(bytes, len),
        }
    }

    /// The beginning of a write; a change of length is done or not.
    fn torn(self, random: &mut Random) -> Self {
        match self {
            Self::Write(offset, mut written) => {
                let kept = random.below(written.len() as u64 + 1) as usize;
                written.truncate(kept);
                Self::Write(offset, written)
            }
            Self::Resize(len) => Self::Resize(len),
        }
    }
}

fn write(bytes: &mut Vec<u8>, offset: u64, written: &[u8]) {
    // A simulated file is in memory, so its offsets fit.
    let Ok(offset) = usize::try_from(offset) else { return };
    let end = offset.saturating_add(written.len());
    if written.is_empty() {
        return;
    }
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(written);
}

fn resize(bytes: &mut Vec<u8>, len: u64) {
    if let Ok(len) = usize::try_from(len) {
        bytes.resize(len, 0);
    }
}
