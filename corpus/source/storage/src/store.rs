//! A key–value store of named tables, committed batch by batch.
//!
//! A batch is there whole or not at all after any crash. The engine is redb, over the same
//! [`Disk`] as everything else, so the simulator runs this code too. The engine checks its pages
//! when it repairs and in [`Store::verify`], not at each read: an owner that must not trust a
//! flipped bit compares what it read with a digest it holds.
use std::collections::BTreeMap;

use redb::{Database, ReadableDatabase, TableDefinition, TableError};

use crate::crash_point::crash_point;
use crate::disk::{Disk, DiskFile, OpenMode, parent};
use crate::{DiskOperation, Error};

mod backend;

use backend::Backend;

/// The largest key.
pub const KEY_BYTES_MAX: usize = 4 << 10;
/// The largest value.
pub const VALUE_BYTES_MAX: usize = 64 << 20;
/// Memory for pages that were read or wait to be written.
pub const CACHE_BYTES: usize = 64 << 20;

/// Keys with their values, in the order of keys.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Changes that are committed together; the last of several to one key counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    tables: BTreeMap<String, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl Batch {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of a key.
    pub fn put(&mut self, table: &str, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.change(table, key.into(), Some(value.into()));
    }

    /// Removes a key.
    pub fn delete(&mut self, table: &str, key: impl Into<Vec<u8>>) {
        self.change(table, key.into(), None);
    }

    /// How many keys are changed.
    pub fn len(&self) -> usize {
        self.tables.values().map(BTreeMap::len).sum()
    }

    /// True when nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    fn change(&mut self, table: &str, key: Vec<u8>, value: Option<Vec<u8>>) {
        match self.tables.get_mut(table) {
            Some(changes) => {
                changes.insert(key, value);
            }
            None => {
                self.tables.insert(table.into(), BTreeMap::from([(key, value)]));
            }
        }
    }

    fn check(&self) -> Result<(), Error> {
        let limited = |what, bytes: usize, bytes_max: usize| {
            if bytes > bytes_max {
                let (bytes, bytes_max) = (bytes as u64, bytes_max as u64);
                return Err(Error::TooLarge { what, bytes, bytes_max });
            }
            Ok(())
        };
        for (key, value) in self.tables.values().flatten() {
            limited("a key", key.len(), KEY_BYTES_MAX)?;
            limited("a value", value.as_ref().map_or(0, Vec::len), VALUE_BYTES_MAX)?;
        }
        Ok(())
    }
}

/// An open key–value store. Reads may run beside one commit.
#[derive(Debug)]
pub struct Store {
    database: Database,
    path: String,
}

impl Store {
    /// Opens or creates the store in the file `path`.
    ///
    /// # Errors
    /// When the file cannot be used or is damaged.
    pub fn open<D: Disk>(disk: &D, path: &str) -> Result<Self, Error> {
        disk.create_dir_all(parent(path))?;
        if !disk.exists(path)? {
            create(disk, path)?;
        }
        let database = database(disk.open(path, OpenMode::ReadWrite)?, path)?;
        Ok(Self { database, path: path.into() })
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.reading(table, |table| Ok(table.get(key)?.map(|value| value.value().to_vec())))
            .map(Option::flatten)
    }

    /// Up to `limit` keys and values from `from` on, in the order of keys.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn range(&self, table: &str, from: &[u8], limit: usize) -> Result<Entries, Error> {
        let found = self.reading(table, |table| {
            let entries = table.range(from..)?.take(limit);
            entries
                .map(|entry| {
                    entry.map(|(key, value)| (key.value().to_vec(), value.value().to_vec()))
                })
                .collect()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Applies a batch, durably, all or nothing.
    ///
    /// # Errors
    /// When a key or value is too large or the disk refuses. After the latter the batch may or may
    /// not be there when the store is opened again.
    pub fn commit(&self, batch: &Batch) -> Result<(), Error> {
        batch.check()?;
        self.write(batch).map_err(Error::database(DiskOperation::Commit, &self.path))?;
        crash_point("store.committed");
        Ok(())
    }

    /// Reads every page and checks it; true when the store needed no repair.
    ///
    /// # Errors
    /// When a page is damaged beyond repair.
    pub fn verify(&mut self) -> Result<bool, Error> {
        self.database.check_integrity().map_err(Error::database(DiskOperation::Read, &self.path))
    }

    fn write(&self, batch: &Batch) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        // Costs a little at each commit and saves reading the whole file after a crash.
        transaction.set_quick_repair(true);
        for (name, changes) in &batch.tables {
            let mut table = transaction.open_table(definition(name))?;
            for (key, value) in changes {
                match value {
                    Some(value) => table.insert(key.as_slice(), value.as_slice())?,
                    None => table.remove(key.as_slice())?,
                };
            }
        }
        Ok(transaction.commit()?)
    }

    fn reading<T>(
        &self,
        name: &str,
        read: impl FnOnce(
            &redb::ReadOnlyTable<&'static [u8], &'static [u8]>,
        ) -> Result<T, redb::StorageError>,
    ) -> Result<Option<T>, Error> {
        let read = || -> Result<Option<T>, redb::Error> {
            let transaction = self.database.begin_read()?;
            match transaction.open_table(definition(name)) {
                Ok(table) => Ok(Some(read(&table)?)),
                Err(TableError::TableDoesNotExist(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        read().map_err(Error::database(DiskOperation::Read, &self.path))
    }
}

/// Makes an empty store under another name first: the engine does not open a file whose making was
/// interrupted.
fn create<D: Disk>(disk: &D, path: &str) -> Result<(), Error> {
    let unfinished = format!("{path}.new");
    let file = disk.open(&unfinished, OpenMode::Truncate)?;
    database(file, &unfinished)?
        .close()
        .map_err(Error::database(DiskOperation::Open, &unfinished))?;
    disk.open(&unfinished, OpenMode::ReadWrite)?.sync_data()?;
    disk.rename(&unfinished, path)?;
    disk.sync_dir(parent(path))
}

fn database(file: impl DiskFile, path: &str) -> Result<Database, Error> {
    redb::Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(Backend::new(file))
        .map_err(Error::database(DiskOperation::Open, path))
}

fn definition(name: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(name)
}
