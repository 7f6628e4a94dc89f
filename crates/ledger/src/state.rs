//! What the ledger remembers: an ordered map from keys to encoded records, read through one trait.
//!
//! Execution reads through an [`Overlay`] and never writes below it; the changes of a block come
//! out of it sorted by key, so that whoever stores the state writes once per block (decision 15).
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound;

use scale::Decode;

pub mod key;
mod overlay;

pub use overlay::Overlay;

/// Where a record is.
pub type Key = Vec<u8>;

/// The SCALE encoding of a record.
pub type Value = Vec<u8>;

/// What a block changed, ascending by key; `None` removes the record.
pub type Changes = Vec<(Key, Option<Value>)>;

/// A state that can be read.
pub trait ReadState {
    /// The record at a key.
    fn get(&self, key: &[u8]) -> Option<Value>;

    /// The first record at or after a key, with its key.
    fn next(&self, from: &[u8]) -> Option<(Key, Value)>;
}

/// A state that the changes of a block can be written to.
pub trait WriteState: ReadState {
    /// Writes all changes of one block.
    fn write(&mut self, changes: &[(Key, Option<Value>)]);
}

impl<S: ReadState + ?Sized> ReadState for &S {
    fn get(&self, key: &[u8]) -> Option<Value> {
        (**self).get(key)
    }

    fn next(&self, from: &[u8]) -> Option<(Key, Value)> {
        (**self).next(from)
    }
}

/// A state in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState {
    records: BTreeMap<Key, Value>,
}

impl MemoryState {
    /// A state of these records.
    pub fn from_records(records: impl IntoIterator<Item = (Key, Value)>) -> Self {
        Self { records: records.into_iter().collect() }
    }

    /// All records, ascending by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Value)> {
        self.records.iter()
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True without any record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

impl ReadState for MemoryState {
    fn get(&self, key: &[u8]) -> Option<Value> {
        self.records.get(key).cloned()
    }

    fn next(&self, from: &[u8]) -> Option<(Key, Value)> {
        let mut rest = self.records.range::<[u8], _>((Bound::Included(from), Bound::Unbounded));
        rest.next().map(|(key, value)| (key.clone(), value.clone()))
    }
}

impl WriteState for MemoryState {
    fn write(&mut self, changes: &[(Key, Option<Value>)]) {
        for (key, value) in changes {
            match value {
                Some(value) => self.records.insert(key.clone(), value.clone()),
                None => self.records.remove(key),
            };
        }
    }
}

/// The record at a key, decoded.
///
/// Only the ledger writes records, and whoever stores them checks their bytes; a record of another
/// type is therefore our own bug.
pub(crate) fn read<T: Decode>(state: &(impl ReadState + ?Sized), key: &[u8]) -> Option<T> {
    state.get(key).map(|value| decoded(&value))
}

/// A record, or a part of its key, decoded.
pub(crate) fn decoded<T: Decode>(mut bytes: &[u8]) -> T {
    T::decode(&mut bytes).expect("only the ledger writes records, each of one type")
}

/// The records under a prefix, ascending by key.
pub fn prefixed<'a, S: ReadState + ?Sized>(
    state: &'a S,
    prefix: &'a [u8],
) -> impl Iterator<Item = (Key, Value)> + 'a {
    let mut from = prefix.to_vec();
    core::iter::from_fn(move || {
        let (key, value) = state.next(&from)?;
        if !key.starts_with(prefix) {
            return None;
        }
        from.clone_from(&key);
        // The least key after this one.
        from.push(0);
        Some((key, value))
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_prefix_ends_where_the_next_begins() {
        let records = [vec![1], vec![1, 0], vec![1, 255], vec![2], vec![2, 7]];
        let state = MemoryState::from_records(records.map(|key| (key.clone(), key)));
        let keys: Vec<Key> = prefixed(&state, &[1]).map(|(key, _)| key).collect();
        assert_eq!(keys, [vec![1], vec![1, 0], vec![1, 255]]);
        assert_eq!(prefixed(&state, &[3]).count(), 0);
    }
}
