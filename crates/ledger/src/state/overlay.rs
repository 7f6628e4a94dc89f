//! Writes on top of a state that is only read: those of the block so far, and those of the
//! transaction at work, which can be dropped together.
use alloc::collections::BTreeMap;
use core::ops::Bound;

use scale::{Decode, Encode};

use super::{Changes, Key, ReadState, Value, read};

/// A state with writes on top of it. The state below is never written to.
pub struct Overlay<'a> {
    base: &'a dyn ReadState,
    kept: BTreeMap<Key, Option<Value>>,
    pending: BTreeMap<Key, Option<Value>>,
}

impl<'a> Overlay<'a> {
    /// No write yet.
    pub fn new(base: &'a dyn ReadState) -> Self {
        Self { base, kept: BTreeMap::new(), pending: BTreeMap::new() }
    }

    /// The record at a key, decoded.
    pub(crate) fn read<T: Decode>(&self, key: &[u8]) -> Option<T> {
        read(self, key)
    }

    /// Writes a record, to be [kept](Self::keep) or [dropped](Self::discard).
    pub(crate) fn write<T: Encode>(&mut self, key: Key, record: &T) {
        self.pending.insert(key, Some(record.encode()));
    }

    /// Removes a record, to be [kept](Self::keep) or [dropped](Self::discard).
    pub(crate) fn remove(&mut self, key: Key) {
        self.pending.insert(key, None);
    }

    /// Keeps what was written since the last call of this or [`Self::discard`].
    pub fn keep(&mut self) {
        // One by one: appending rebuilds the whole map, for every transaction.
        self.kept.extend(core::mem::take(&mut self.pending));
    }

    /// Drops what was written since the last call of this or [`Self::keep`].
    pub fn discard(&mut self) {
        self.pending.clear();
    }

    /// What was kept, ascending by key; records that ended as they began are left out.
    pub fn into_changes(self) -> Changes {
        let base = self.base;
        self.kept.into_iter().filter(|(key, value)| base.get(key) != *value).collect()
    }
}

impl ReadState for Overlay<'_> {
    fn get(&self, key: &[u8]) -> Option<Value> {
        match self.pending.get(key).or_else(|| self.kept.get(key)) {
            Some(written) => written.clone(),
            None => self.base.get(key),
        }
    }

    fn next(&self, from: &[u8]) -> Option<(Key, Value)> {
        let range = (Bound::Included(from), Bound::Unbounded);
        let mut kept = self.kept.range::<[u8], _>(range).peekable();
        let mut pending = self.pending.range::<[u8], _>(range).peekable();
        let mut below = self.base.next(from);
        // A merge of all three, so that passing over what is removed costs a step, not a search.
        loop {
            let of_kept = kept.peek().map(|(key, _)| key.as_slice());
            let of_pending = pending.peek().map(|(key, _)| key.as_slice());
            let of_below = below.as_ref().map(|(key, _)| key.as_slice());
            let first = [of_kept, of_pending, of_below].into_iter().flatten().min()?;
            let (is_kept, is_pending) = (of_kept == Some(first), of_pending == Some(first));
            let is_below = of_below == Some(first);
            let newest = match (is_pending, is_kept) {
                (true, _) => pending.peek(),
                (false, true) => kept.peek(),
                (false, false) => return below,
            };
            if let Some((key, Some(value))) = newest {
                return Some(((*key).clone(), value.clone()));
            }
            if is_kept {
                kept.next();
            }
            if is_pending {
                pending.next();
            }
            if is_below {
                let (mut key, _) = below.take()?;
                key.push(0);
                below = self.base.next(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::state::{MemoryState, prefixed};

    #[test]
    fn discarded_writes_are_gone_and_kept_ones_stay() {
        let base = MemoryState::from_records([(vec![1], 1u8.encode()), (vec![2], 2u8.encode())]);
        let mut overlay = Overlay::new(&base);
        overlay.write(vec![3], &3u8);
        overlay.remove(vec![1]);
        overlay.keep();
        overlay.write(vec![2], &9u8);
        overlay.remove(vec![3]);
        assert_eq!(prefixed(&overlay, &[]).collect::<Vec<_>>(), [(vec![2], vec![9])]);
        overlay.discard();
        assert_eq!(overlay.read::<u8>(&[2]), Some(2));
        assert_eq!(overlay.into_changes(), [(vec![1], None), (vec![3], Some(vec![3]))]);
    }

    #[test]
    fn a_record_that_ends_as_it_began_is_no_change() {
        let base = MemoryState::from_records([(vec![1], 1u8.encode())]);
        let mut overlay = Overlay::new(&base);
        overlay.write(vec![1], &2u8);
        overlay.keep();
        overlay.write(vec![1], &1u8);
        overlay.remove(vec![5]);
        overlay.keep();
        assert_eq!(overlay.into_changes(), []);
    }
}
