//! The broker's memory: a log of events, a store of tasks as they were at some entry of it, and an
//! archive of those that have ended.
//!
//! The archive is a log of its own, since what has ended never changes; the store knows where in it
//! a task is.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ainur_crypto::batch::RootSignature;
use ainur_primitives::{ContentId, Digest, TaskId};
use ainur_storage::log::{Log, Options, SEGMENT_BYTES_MAX, Sequence};
use ainur_storage::store::{Batch, Store};
use ainur_storage::{Disk, crash_point};
use scale::{Decode, Encode};

use crate::error::Error;
use crate::event::{Idempotency, JournalEntry, SignedOffer, SignedRental};
use crate::limits::SNAPSHOT_ENTRIES;
use crate::task::Task;

const LIVE: &str = "live";
const PLACES: &str = "places";
const NUMBERS: &str = "numbers";
const KEYS: &str = "idempotency-keys";
const SIGNATURES: &str = "signatures";
const OUTPUTS: &str = "outputs";
const OFFERS: &str = "offers";
const RENTALS: &str = "rentals";
const META: &str = "meta";
const META_KEY: &[u8] = b"snapshot";

/// How tasks and events are written; another number is another program's.
const FORMAT: u32 = 8;

/// The archive is checked when it is read and in audits, not at every start.
const ARCHIVE: Options =
    Options { segment_bytes_max: SEGMENT_BYTES_MAX, verify_from: Sequence(u64::MAX) };

/// The event log and the store of tasks.
pub struct Journal<D: Disk> {
    log: Log<D>,
    store: Arc<Store>,
    archive: Archive<D>,
    unsynced: bool,
    since_snapshot: u64,
    /// Tasks that had not ended at the last snapshot, which the store holds as they were.
    live: Vec<u64>,
    /// Standing offers that the store holds.
    offers: Vec<Digest>,
    /// Terms of rentals that the store holds.
    rentals: Vec<Digest>,
    /// Signatures not yet in a snapshot.
    fresh: BTreeMap<Digest, RootSignature>,
    /// The first entry after the snapshot that is being written, and the signatures in it.
    writing: Option<(Sequence, Signatures)>,
}

type Archive<D> = Arc<Mutex<Log<D>>>;
type Signatures = Arc<BTreeMap<Digest, RootSignature>>;

/// What a snapshot says of itself.
#[derive(Clone, Copy, Debug, Encode, Decode)]
struct Meta {
    /// [`FORMAT`] when it was written.
    format: u32,
    /// The first entry that is not in it.
    next: u64,
    /// The number of the last task announced.
    last_number: u64,
}

/// What was found at start.
pub struct Recovered {
    /// Tasks as the last snapshot had them, by number.
    pub live: BTreeMap<u64, Task>,
    /// Standing offers as the last snapshot had them.
    pub offers: Vec<SignedOffer>,
    /// Terms of rentals as the last snapshot had them.
    pub rentals: Vec<SignedRental>,
    /// What came after, in order.
    pub entries: Vec<JournalEntry>,
    /// The number of the last task in the snapshot.
    pub last_number: u64,
}

impl<D: Disk> Journal<D> {
    /// Opens the journal in a folder and reads what has to be applied.
    ///
    /// # Errors
    /// When the disk refuses or what is on it is damaged.
    pub fn open(disk: &D, folder: &str) -> Result<(Self, Recovered), Error> {
        disk.create_dir_all(folder)?;
        let store = Arc::new(Store::open(disk, &format!("{folder}/tasks.redb"))?);
        let (log, recovery) =
            Log::open(disk.clone(), &format!("{folder}/log"), Options::default())?;
        if let Some(torn) = recovery.truncated {
            tracing::info!(
                ?torn,
                "the journal ended in a torn entry, which was never acknowledged"
            );
        }
        let (archive, _) = Log::open(disk.clone(), &format!("{folder}/archive"), ARCHIVE)?;
        let archive = Arc::new(Mutex::new(archive));
        let meta = match store.get(META, META_KEY)? {
            Some(bytes) => decode::<Meta>(&bytes)?,
            None => Meta { format: FORMAT, next: 0, last_number: 0 },
        };
        if meta.format != FORMAT {
            return Err(Error::Format { found: meta.format, expected: FORMAT });
        }
        let mut live = BTreeMap::new();
        for (_, value) in store.range(LIVE, &[], usize::MAX)? {
            let task: Task = decode(&value)?;
            live.insert(task.number, task);
        }
        let mut offers: Vec<SignedOffer> = Vec::new();
        for (_, value) in store.range(OFFERS, &[], usize::MAX)? {
            offers.push(decode(&value)?);
        }
        let mut rentals: Vec<SignedRental> = Vec::new();
        for (_, value) in store.range(RENTALS, &[], usize::MAX)? {
            rentals.push(decode(&value)?);
        }
        let mut entries = Vec::new();
        let mut fresh = BTreeMap::new();
        for record in log.read_from(Sequence(meta.next).max(log.first())) {
            let (_, bytes) = record?;
            let entry = decode::<JournalEntry>(&bytes)?;
            if let JournalEntry::Signature(signature) = &entry {
                fresh.insert(signature.root, signature.clone());
            }
            entries.push(entry);
        }
        let since_snapshot = entries.len() as u64;
        let numbers = live.keys().copied().collect();
        let kept = offers.iter().map(|offer| offer.terms.digest()).collect();
        let kept_rentals = rentals.iter().map(|rental| rental.terms.digest()).collect();
        let journal = Self {
            log,
            store,
            archive,
            unsynced: false,
            since_snapshot,
            live: numbers,
            offers: kept,
            rentals: kept_rentals,
            fresh,
            writing: None,
        };
        let last_number = meta.last_number;
        Ok((journal, Recovered { live, offers, rentals, entries, last_number }))
    }

    /// Adds an entry; it is durable after the next [`Journal::sync`].
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, entry: &JournalEntry) -> Result<(), Error> {
        self.log.append(&entry.encode())?;
        if let JournalEntry::Signature(signature) = entry {
            self.fresh.insert(signature.root, signature.clone());
        }
        self.unsynced = true;
        self.since_snapshot += 1;
        Ok(())
    }

    /// Makes everything appended durable, with one sync.
    ///
    /// # Errors
    /// When the disk refuses; nothing appended since the last sync may then be relied on.
    pub fn sync(&mut self) -> Result<(), Error> {
        if self.unsynced {
            crash_point("broker.appended");
            self.log.sync()?;
            self.unsynced = false;
            crash_point("broker.synced");
        }
        Ok(())
    }

    /// A snapshot is due.
    pub fn wants_snapshot(&self) -> bool {
        self.since_snapshot >= SNAPSHOT_ENTRIES
    }

    /// Gathers a snapshot: live tasks, standing offers and terms of rentals as they are now. Entries that follow are
    /// not in it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin_snapshot<'a>(
        &mut self,
        live: impl Iterator<Item = &'a Task>,
        offers: impl Iterator<Item = &'a SignedOffer>,
        rentals: impl Iterator<Item = &'a SignedRental>,
        last_number: u64,
    ) -> Result<Snapshot<D>, Error> {
        self.sync()?;
        let next = self.log.acknowledged().next();
        let mut batch = Batch::new();
        for number in std::mem::take(&mut self.live) {
            batch.delete(LIVE, number.to_be_bytes());
        }
        for task in live {
            self.live.push(task.number);
            batch.put(LIVE, task.number.to_be_bytes(), task.encode());
            index(&mut batch, task);
        }
        for offer in std::mem::take(&mut self.offers) {
            batch.delete(OFFERS, offer.0);
        }
        for offer in offers {
            let digest = offer.terms.digest();
            self.offers.push(digest);
            batch.put(OFFERS, digest.0, offer.encode());
        }
        for rental in std::mem::take(&mut self.rentals) {
            batch.delete(RENTALS, rental.0);
        }
        for rental in rentals {
            let digest = rental.terms.digest();
            self.rentals.push(digest);
            batch.put(RENTALS, digest.0, rental.encode());
        }
        batch.put(META, META_KEY, Meta { format: FORMAT, next: next.0, last_number }.encode());
        let signatures = Arc::new(std::mem::take(&mut self.fresh));
        self.writing = Some((next, Arc::clone(&signatures)));
        self.since_snapshot = 0;
        let (store, archive) = (Arc::clone(&self.store), Arc::clone(&self.archive));
        Ok(Snapshot { store, archive, batch, signatures })
    }

    /// Drops the part of the log that the snapshot, now written, makes superfluous.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn end_snapshot(&mut self) -> Result<(), Error> {
        if let Some((next, _)) = self.writing.take() {
            self.log.truncate_before(next)?;
        }
        Ok(())
    }

    /// A task that has ended.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn ended(&self, number: u64) -> Result<Option<Task>, Error> {
        let Some(place) = self.number(PLACES, &number.to_be_bytes())? else { return Ok(None) };
        let archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
        archive.read(Sequence(place))?.map(|bytes| decode(&bytes)).transpose()
    }

    /// The number of an archived task.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn number_of(&self, task: TaskId) -> Result<Option<u64>, Error> {
        self.number(NUMBERS, &task.0.0)
    }

    /// Archived tasks whose ids begin with these bytes, at most `limit`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn numbers_beginning(
        &self,
        beginning: &[u8],
        limit: usize,
    ) -> Result<Vec<(TaskId, u64)>, Error> {
        let mut found = Vec::new();
        for (key, value) in self.store.range(NUMBERS, beginning, limit)? {
            if let (true, Ok(id)) = (key.starts_with(beginning), <[u8; 32]>::try_from(&key[..])) {
                found.push((TaskId(Digest(id)), decode::<u64>(&value)?));
            }
        }
        Ok(found)
    }

    /// The number of the archived task announced under an idempotency key.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn number_of_key(&self, key: &str) -> Result<Option<u64>, Error> {
        self.number(KEYS, key.as_bytes())
    }

    fn number(&self, table: &str, key: &[u8]) -> Result<Option<u64>, Error> {
        self.store.get(table, key)?.map(|bytes| decode(&bytes)).transpose()
    }

    /// The number of the task whose small output this is.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn number_of_output(&self, content: ContentId) -> Result<Option<u64>, Error> {
        self.number(OUTPUTS, &content.0.0)
    }

    /// The signature with this root.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn signature(&self, root: Digest) -> Result<Option<RootSignature>, Error> {
        let writing = || self.writing.as_ref().and_then(|(_, signatures)| signatures.get(&root));
        if let Some(signature) = self.fresh.get(&root).or_else(writing) {
            return Ok(Some(signature.clone()));
        }
        self.store.get(SIGNATURES, &root.0)?.map(|bytes| decode(&bytes)).transpose()
    }

    /// Reads every entry of log and archive again and checks it; returns how many.
    ///
    /// # Errors
    /// What is damaged, and where.
    pub fn verify(&self) -> Result<u64, Error> {
        let archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.log.verify()? + archive.verify()?)
    }
}

/// A snapshot that is gathered and not written.
pub struct Snapshot<D: Disk> {
    store: Arc<Store>,
    archive: Archive<D>,
    batch: Batch,
    signatures: Signatures,
}

impl<D: Disk> Snapshot<D> {
    /// Writes it, with the tasks that have ended since the last one.
    ///
    /// # Errors
    /// When the disk refuses; the last snapshot and the log are then as before.
    pub fn write(mut self, ended: &BTreeMap<u64, Task>) -> Result<(), Error> {
        let mut archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
        for task in ended.values() {
            // After a crash it may be there already; the store names one of the two.
            let place = archive.append(&task.encode())?;
            self.batch.put(PLACES, task.number.to_be_bytes(), place.0.encode());
            index(&mut self.batch, task);
        }
        archive.sync()?;
        drop(archive);
        for (root, signature) in &*self.signatures {
            self.batch.put(SIGNATURES, root.0, signature.encode());
        }
        self.store.commit(&self.batch)?;
        crash_point("broker.snapshot");
        Ok(())
    }
}

fn index(batch: &mut Batch, task: &Task) {
    batch.put(NUMBERS, task.id.0.0, task.number.encode());
    if let (Some((content, _)), [only]) = (task.output, task.chunks.as_slice())
        && only.inline.is_some()
    {
        batch.put(OUTPUTS, content.0.0, task.number.encode());
    }
    if let Some(Idempotency { key, .. }) = &task.idempotency {
        batch.put(KEYS, key.as_bytes(), task.number.encode());
    }
}

fn decode<T: Decode>(mut bytes: &[u8]) -> Result<T, Error> {
    let value = T::decode(&mut bytes).map_err(Error::Undecodable)?;
    if bytes.is_empty() { Ok(value) } else { Err(Error::Undecodable("bytes left over".into())) }
}
