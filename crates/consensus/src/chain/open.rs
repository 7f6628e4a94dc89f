//! Opening a chain: lock, snapshot, replay; and checking all of its history.
use std::sync::Arc;

use ainur_crypto::HybridVerifier;
use ainur_ledger::execution::Signatures;
use ainur_ledger::identity::query::identity;
use ainur_ledger::{Executed, Genesis, Height, Ledger, ReadState};
use ainur_primitives::Did;
use ainur_storage::{Disk, Log, Sequence, Store, log};

use super::journal::{Dirty, Journal, SNAPSHOT_BLOCKS};
use super::view::{ChainView, Places, TRANSACTIONS_INDEXED_MAX};
use super::{Chain, StoredBlock, ValidatorKey, snapshot};
use crate::{Error, HeaderError, SignedHeader};

/// The log of blocks, below the chain's directory.
const BLOCKS: &str = "blocks";
/// The file of the snapshot, below the chain's directory.
const STATE_FILE: &str = "state.redb";

pub(super) fn open<D: Disk>(
    disk: D,
    directory: &str,
    genesis: &Genesis,
    validator: Option<ValidatorKey>,
) -> Result<Chain<D>, Error> {
    disk.create_dir_all(directory)?;
    let lock = disk.lock(directory)?;
    let store = Store::open(&disk, &format!("{directory}/{STATE_FILE}"))?;
    let beginning = Ledger::begin(genesis)?;
    snapshot::begin(&store, directory, genesis, beginning.state())?;
    let snapshot = snapshot::load(&store)?;
    let height = snapshot.as_ref().map_or(Height(0), |snapshot| snapshot.head.header.height);
    let options = log::Options { verify_from: Sequence(height.0), ..log::Options::default() };
    let (log, recovery) = Log::open(disk, &format!("{directory}/{BLOCKS}"), options)?;
    if let Some(truncated) = recovery.truncated {
        tracing::warn!(file = truncated.file, bytes = truncated.bytes, "a torn tail was cut off");
    }
    let mut journal = Journal {
        directory: directory.into(),
        log,
        store: Arc::new(store),
        validator,
        dirty: Dirty::new(),
        dirty_bytes: 0,
        blocks_since_snapshot: 0,
        snapshot_blocks: SNAPSHOT_BLOCKS,
        failed: false,
        writing: None,
        _lock: lock,
    };
    let mut view = match snapshot {
        Some(snapshot) => from_snapshot(&journal, snapshot)?,
        None => ChainView { ledger: beginning, head: None, places: Places::default() },
    };
    index_recent(&journal, &mut view)?;
    replay(&mut journal, &mut view)?;
    check_validator(journal.validator.as_ref(), &view.ledger)?;
    Ok(Chain { view, journal })
}

fn from_snapshot<D: Disk>(
    journal: &Journal<D>,
    snapshot: snapshot::Snapshot,
) -> Result<ChainView, Error> {
    let head = snapshot.head;
    let height = head.header.height;
    let stored = journal.block(height)?;
    if stored.is_none_or(|stored| stored.block.header != head.header) {
        let directory = journal.directory.clone();
        return Err(Error::SnapshotWithoutBlock { directory, snapshot: height });
    }
    let ledger = Ledger::open(snapshot.state, head.header).map_err(|source| Error::Replay {
        directory: journal.directory.clone(),
        height,
        source: Box::new(source),
    })?;
    Ok(ChainView { ledger, head: Some(head), places: Places::default() })
}

/// Finds the places of the last transactions up to the snapshot.
fn index_recent<D: Disk>(journal: &Journal<D>, view: &mut ChainView) -> Result<(), Error> {
    let mut blocks = Vec::new();
    let mut transactions = 0;
    let mut height = view.height();
    while height > Height(0) && transactions < TRANSACTIONS_INDEXED_MAX {
        let Some(stored) = journal.block(height)? else { break };
        transactions += stored.block.transactions.len();
        blocks.push(stored.block);
        height = Height(height.0 - 1);
    }
    for block in blocks.into_iter().rev() {
        view.places.add(block.header.height, &block.transactions);
    }
    Ok(())
}

/// Replays the blocks after the snapshot.
fn replay<D: Disk>(journal: &mut Journal<D>, view: &mut ChainView) -> Result<(), Error> {
    let last = Height(journal.log.acknowledged().0);
    while view.height() < last {
        let height = view.height().next();
        let stored = journal.block(height)?.ok_or(Error::Missing(height))?;
        // Our own log: its bytes are checked and the validator checked these when it signed.
        let executed = step(&journal.directory, &view.ledger, &stored, Signatures::Trusted)?;
        journal.note(&executed.changes);
        view.places.add(height, &stored.block.transactions);
        view.ledger.commit(executed)?;
        view.head = Some(stored.signed_header());
    }
    Ok(())
}

/// Executes one stored block and checks its roots, its events and the signature of its header.
fn step(
    directory: &str,
    ledger: &Ledger,
    stored: &StoredBlock,
    signatures: Signatures<'_>,
) -> Result<Executed, Error> {
    let height = stored.block.header.height;
    check_signature(ledger, stored).map_err(|source| Error::Header {
        directory: directory.into(),
        height,
        source,
    })?;
    let executed = ledger.replay(&stored.block, signatures).map_err(|source| Error::Replay {
        directory: directory.into(),
        height,
        source: Box::new(source),
    })?;
    if executed.events == stored.events {
        Ok(executed)
    } else {
        Err(Error::NotABlock { directory: directory.into(), height })
    }
}

/// Whether a validator of the ledger, by its state before the block, signed the header.
fn check_signature(ledger: &Ledger, stored: &StoredBlock) -> Result<(), HeaderError> {
    let SignedHeader { header, signature } = stored.signed_header();
    let validator = signature.validator;
    if !ledger.validators().contains(&validator) {
        return Err(HeaderError::NotValidator(validator));
    }
    let key_version = signature.key_version;
    match identity(ledger.state(), &validator) {
        Some(registered) => match registered.identity.keys_for(validator, key_version) {
            Ok(keys) => Ok(signature.verify(header.digest(), keys, &HybridVerifier)?),
            Err(_) => Err(HeaderError::UnknownKey { validator, key_version }),
        },
        None => Err(HeaderError::NotValidator(validator)),
    }
}

fn check_validator(validator: Option<&ValidatorKey>, ledger: &Ledger) -> Result<(), Error> {
    let Some(ValidatorKey { did, key_version, key }) = validator else { return Ok(()) };
    let known = is_key_of(ledger.state(), did, *key_version, &key.public());
    if known && ledger.validators().contains(did) { Ok(()) } else { Err(Error::NotValidator(*did)) }
}

fn is_key_of(
    state: &impl ReadState,
    did: &Did,
    key_version: u32,
    key: &ainur_crypto::PublicKeys,
) -> bool {
    identity(state, did).is_some_and(|registered| {
        registered.identity.keys_for(*did, key_version).is_ok_and(|keys| keys == key)
    })
}

/// Executes the whole log from genesis with every signature checked and compares with the head.
pub(crate) fn verify<D: Disk>(
    journal: &Journal<D>,
    view: &ChainView,
    genesis: &Genesis,
) -> Result<u64, Error> {
    let blocks = journal.log.verify()?;
    let mut ledger = Ledger::begin(genesis)?;
    for record in journal.log.read_from(Sequence(1)) {
        let (sequence, record) = record?;
        let stored = journal.decode(Height(sequence.0), &record)?;
        let checked = Signatures::Check(&HybridVerifier);
        let executed = step(&journal.directory, &ledger, &stored, checked)?;
        ledger.commit(executed)?;
    }
    let (expected, found) = (ledger.head().state_root, view.ledger.head().state_root);
    if expected != found {
        let source = Box::new(ainur_ledger::Error::StateDiffers { expected, found });
        let (directory, height) = (journal.directory.clone(), view.height());
        return Err(Error::Replay { directory, height, source });
    }
    Ok(blocks)
}
