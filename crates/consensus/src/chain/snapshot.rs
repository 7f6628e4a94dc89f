//! The snapshot: every record of the state and the signed header it belongs to, in one
//! transaction, so that it is of one block whatever happens.
use ainur_ledger::{Genesis, MemoryState, WriteState};
use ainur_primitives::Digest;
use ainur_storage::{Batch, Store};
use scale::{DecodeAll, Encode};

use super::journal::Dirty;
use crate::{Error, SignedHeader};

/// Records by key.
const STATE: &str = "state";
/// The head and the ledger's name.
const CHAIN: &str = "chain";
const HEAD: &[u8] = b"head";
const LEDGER: &[u8] = b"ledger";
/// Records loaded at a time.
const LOAD_RECORDS: usize = 65_536;

/// What the store holds.
pub(super) struct Snapshot {
    pub(super) state: MemoryState,
    pub(super) head: SignedHeader,
}

/// Notes which ledger this is, with the state of genesis; or checks it.
pub(super) fn begin(
    store: &Store,
    directory: &str,
    genesis: &Genesis,
    state: &MemoryState,
) -> Result<(), Error> {
    let expected = genesis.chain_id();
    match store.get(CHAIN, LEDGER)? {
        Some(found) if found == expected.0 => Ok(()),
        Some(found) => {
            let mut digest = [0; 32];
            let bytes = found.len().min(32);
            digest[..bytes].copy_from_slice(&found[..bytes]);
            let (directory, found) = (directory.into(), Digest(digest));
            Err(Error::AnotherLedger { directory, expected, found })
        }
        None => {
            let mut batch = Batch::new();
            batch.put(CHAIN, LEDGER, expected.0);
            for (key, value) in state.iter() {
                batch.put(STATE, key.clone(), value.clone());
            }
            Ok(store.commit(&batch)?)
        }
    }
}

/// The snapshot, when one was written since genesis.
pub(super) fn load(store: &Store) -> Result<Option<Snapshot>, Error> {
    let Some(head) = store.get(CHAIN, HEAD)? else { return Ok(None) };
    let Ok(head) = SignedHeader::decode_all(&mut head.as_slice()) else { return Ok(None) };
    let mut state = MemoryState::default();
    let mut from = Vec::new();
    loop {
        let records = store.range(STATE, &from, LOAD_RECORDS)?;
        let Some((last, _)) = records.last() else {
            return Ok(Some(Snapshot { state, head }));
        };
        from.clone_from(last);
        // The least key after this one.
        from.push(0);
        let records: Vec<_> = records.into_iter().map(|(key, value)| (key, Some(value))).collect();
        state.write(&records);
    }
}

/// Writes what changed since the last snapshot.
pub(super) fn write(store: &Store, dirty: &Dirty, head: &SignedHeader) -> Result<(), Error> {
    let mut batch = Batch::new();
    for (key, value) in dirty {
        match value {
            Some(value) => batch.put(STATE, key.clone(), value.clone()),
            None => batch.delete(STATE, key.clone()),
        }
    }
    batch.put(CHAIN, HEAD, head.encode());
    Ok(store.commit(&batch)?)
}
