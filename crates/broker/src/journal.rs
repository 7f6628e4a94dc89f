//! The broker's memory: a log of events, and a store of tasks as they were at some entry of it.
use std::collections::BTreeMap;

use ainur_crypto::batch::RootSignature;
use ainur_primitives::{ContentId, Digest, TaskId};
use ainur_storage::log::{Log, Options, Sequence};
use ainur_storage::store::{Batch, Store};
use ainur_storage::{Disk, crash_point};
use scale::{Decode, Encode};

use crate::error::Error;
use crate::event::JournalEntry;
use crate::limits::SNAPSHOT_ENTRIES;
use crate::task::Task;

const LIVE: &str = "live";
const ENDED: &str = "ended";
const NUMBERS: &str = "numbers";
const KEYS: &str = "idempotency-keys";
const SIGNATURES: &str = "signatures";
const OUTPUTS: &str = "outputs";
const META: &str = "meta";
const META_KEY: &[u8] = b"snapshot";

/// The event log and the store of tasks.
pub struct Journal<D: Disk> {
    log: Log<D>,
    store: Store,
    unsynced: bool,
    since_snapshot: u64,
    /// Signatures not yet in the store.
    fresh: BTreeMap<Digest, RootSignature>,
}

/// What a snapshot says of itself.
#[derive(Clone, Copy, Debug, Encode, Decode)]
struct Meta {
    /// The first entry that is not in it.
    next: u64,
    /// The number of the last task announced.
    last_number: u64,
}

/// What was found at start.
pub struct Recovered {
    /// Tasks as the last snapshot had them, by number.
    pub live: BTreeMap<u64, Task>,
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
        let store = Store::open(disk, &format!("{folder}/tasks.redb"))?;
        let (log, recovery) =
            Log::open(disk.clone(), &format!("{folder}/log"), Options::default())?;
        if let Some(torn) = recovery.truncated {
            tracing::info!(
                ?torn,
                "the journal ended in a torn entry, which was never acknowledged"
            );
        }
        let meta = match store.get(META, META_KEY)? {
            Some(bytes) => decode::<Meta>(&bytes)?,
            None => Meta { next: 0, last_number: 0 },
        };
        let mut live = BTreeMap::new();
        for (_, value) in store.range(LIVE, &[], usize::MAX)? {
            let task: Task = decode(&value)?;
            live.insert(task.number, task);
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
        let journal = Self { log, store, unsynced: false, since_snapshot, fresh };
        Ok((journal, Recovered { live, entries, last_number: meta.last_number }))
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

    /// Writes all live tasks and those that ended since the last snapshot, then drops the part of
    /// the log they make superfluous.
    ///
    /// # Errors
    /// When the disk refuses; the last snapshot and the log are then as before.
    pub fn snapshot<'a>(
        &mut self,
        live: impl Iterator<Item = &'a Task>,
        ended: impl Iterator<Item = &'a Task>,
        last_number: u64,
    ) -> Result<(), Error> {
        self.sync()?;
        let next = self.log.acknowledged().next();
        let mut batch = Batch::new();
        for (key, _) in self.store.range(LIVE, &[], usize::MAX)? {
            batch.delete(LIVE, key);
        }
        for task in live {
            batch.put(LIVE, task.number.to_be_bytes(), task.encode());
            index(&mut batch, task);
        }
        for task in ended {
            batch.put(ENDED, task.number.to_be_bytes(), task.encode());
            index(&mut batch, task);
        }
        for (root, signature) in &self.fresh {
            batch.put(SIGNATURES, root.0, signature.encode());
        }
        batch.put(META, META_KEY, Meta { next: next.0, last_number }.encode());
        self.store.commit(&batch)?;
        crash_point("broker.snapshot");
        self.fresh.clear();
        self.since_snapshot = 0;
        self.log.truncate_before(next)?;
        Ok(())
    }

    /// A task that has ended.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn ended(&self, number: u64) -> Result<Option<Task>, Error> {
        self.store.get(ENDED, &number.to_be_bytes())?.map(|bytes| decode(&bytes)).transpose()
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
        if let Some(signature) = self.fresh.get(&root) {
            return Ok(Some(signature.clone()));
        }
        self.store.get(SIGNATURES, &root.0)?.map(|bytes| decode(&bytes)).transpose()
    }

    /// Reads every entry of the log again and checks it; returns how many.
    ///
    /// # Errors
    /// What is damaged, and where.
    pub fn verify(&self) -> Result<u64, Error> {
        Ok(self.log.verify()?)
    }
}

fn index(batch: &mut Batch, task: &Task) {
    batch.put(NUMBERS, task.id.0.0, task.number.encode());
    if let (Some((content, _)), [only]) = (task.output, task.chunks.as_slice())
        && only.inline.is_some()
    {
        batch.put(OUTPUTS, content.0.0, task.number.encode());
    }
    if let Some(key) = &task.idempotency_key {
        batch.put(KEYS, key.as_bytes(), task.number.encode());
    }
}

fn decode<T: Decode>(mut bytes: &[u8]) -> Result<T, Error> {
    let value = T::decode(&mut bytes).map_err(Error::Undecodable)?;
    if bytes.is_empty() { Ok(value) } else { Err(Error::Undecodable("bytes left over".into())) }
}
