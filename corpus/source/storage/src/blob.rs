//! Content-addressed blobs: bytes under the name of their BLAKE3 digest.
//!
//! A blob is there whole after [`Blobs::put`] returns, through any crash, or not at all. Reading
//! verifies each group of [`GROUP_BYTES`] before a byte of it is handed out: beside a blob of more
//! than one group lies a `.groups` table of the groups' chaining values, which is itself checked
//! against the name. So a flipped byte is found in the group it is in, without reading the rest.
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ainur_primitives::{ContentId, Digest};

use crate::Error;
use crate::crash_point::crash_point;
use crate::disk::{Disk, DiskFile, OpenMode, join};

mod read;
mod tree;
mod write;

pub use read::BlobReader;
pub use tree::GROUP_BYTES;
use tree::content_id;
pub use write::BlobWriter;

/// The largest blob.
pub const BLOB_BYTES_MAX: u64 = 1 << 40;
/// From so many new files on, one sync of the whole file system is cheaper than one each.
const FILES_SYNCED_SINGLY_MAX: usize = 4;
const TEMPORARY_SUFFIX: &str = ".tmp";
const GROUPS_SUFFIX: &str = ".groups";

/// A directory of blobs. Clones are the same directory; all methods may run beside each other.
///
/// ```
/// use ainur_storage::{Blobs, SimDisk};
///
/// let blobs = Blobs::open(SimDisk::new(1), "blobs")?;
/// let id = blobs.put(b"four bytes and more")?;
/// assert_eq!(blobs.get(&id)?, b"four bytes and more");
/// # Ok::<(), ainur_storage::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Blobs<D: Disk> {
    disk: D,
    directory: Arc<str>,
    /// Numbers temporary files.
    temporary_next: Arc<AtomicU64>,
}

impl<D: Disk> Blobs<D> {
    /// Opens or creates the directory and removes what interrupted writers left there.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn open(disk: D, directory: &str) -> Result<Self, Error> {
        disk.create_dir_all(directory)?;
        for name in disk.list(directory)? {
            if name.ends_with(TEMPORARY_SUFFIX) {
                disk.remove(&join(directory, &name))?;
            }
        }
        let temporary_next = Arc::default();
        Ok(Self { disk, directory: directory.into(), temporary_next })
    }

    /// Stores bytes, durably, and tells their name.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn put(&self, bytes: &[u8]) -> Result<ContentId, Error> {
        let id = content_id(bytes);
        if self.holds_intact(&id)? {
            return Ok(id);
        }
        let mut writer = self.writer()?;
        writer.write(bytes)?;
        writer.finish()
    }

    /// Stores many blobs with one sync, durably, and tells their names in order.
    ///
    /// # Errors
    /// When the disk refuses; some may then be there.
    pub fn put_many<B: AsRef<[u8]>>(&self, blobs: &[B]) -> Result<Vec<ContentId>, Error> {
        let mut ids = Vec::with_capacity(blobs.len());
        let mut written = Vec::new();
        for bytes in blobs {
            let bytes = bytes.as_ref();
            let id = content_id(bytes);
            if !ids.contains(&id) && !self.holds_intact(&id)? {
                let mut writer = self.writer()?;
                writer.write(bytes)?;
                written.push(writer.complete()?);
            }
            ids.push(id);
        }
        if written.len() > FILES_SYNCED_SINGLY_MAX {
            self.disk.sync_all(&self.directory)?;
        } else {
            written.iter().try_for_each(write::Complete::sync)?;
        }
        crash_point("blob.written");
        for complete in written {
            complete.rename()?;
        }
        self.disk.sync_dir(&self.directory)?;
        crash_point("blob.renamed");
        Ok(ids)
    }

    /// A writer for bytes that come in pieces.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn writer(&self) -> Result<BlobWriter<D>, Error> {
        let number = self.temporary_next.fetch_add(1, Ordering::Relaxed);
        BlobWriter::new(
            self.clone(),
            &join(&self.directory, &format!("{number}{TEMPORARY_SUFFIX}")),
        )
    }

    /// All bytes of a blob, verified.
    ///
    /// # Errors
    /// [`Error::BlobMissing`], or [`Error::BlobDamaged`] with the first damaged group.
    pub fn get(&self, id: &ContentId) -> Result<Vec<u8>, Error> {
        let mut reader = self.reader(id)?;
        let mut bytes = Vec::with_capacity(usize::try_from(reader.len()).unwrap_or(0));
        while let Some(group) = reader.next_group()? {
            bytes.extend_from_slice(group);
        }
        Ok(bytes)
    }

    /// Reads a blob group by group, each verified before it is handed out.
    ///
    /// # Errors
    /// [`Error::BlobMissing`], or [`Error::BlobDamaged`] when its length or its table is damaged.
    pub fn reader(&self, id: &ContentId) -> Result<BlobReader<D>, Error> {
        BlobReader::open(self, id)
    }

    /// The length of a blob; `None` when it is not here.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn len(&self, id: &ContentId) -> Result<Option<u64>, Error> {
        let path = self.path(id);
        if !self.disk.exists(&path)? {
            return Ok(None);
        }
        self.disk.open(&path, OpenMode::Read)?.len().map(Some)
    }

    /// The path of a blob on the disk.
    pub fn path(&self, id: &ContentId) -> String {
        join(&self.directory, &id.to_string())
    }

    /// Where other programs find the blob; `None` on a simulated disk.
    pub fn real_path(&self, id: &ContentId) -> Option<PathBuf> {
        self.disk.real_path(&self.path(id))
    }

    /// The blobs that are here, sorted by their text.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn list(&self) -> Result<Vec<ContentId>, Error> {
        let names = self.disk.list(&self.directory)?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Removes a blob, durably; no error when it is not here.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(&self, id: &ContentId) -> Result<(), Error> {
        for path in [self.path(id), self.groups_path(id)] {
            if self.disk.exists(&path)? {
                self.disk.remove(&path)?;
            }
        }
        self.disk.sync_dir(&self.directory)
    }

    /// Bytes of all blobs and their tables.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn bytes(&self) -> Result<u64, Error> {
        let mut bytes = 0;
        for name in self.disk.list(&self.directory)? {
            bytes += self.disk.open(&join(&self.directory, &name), OpenMode::Read)?.len()?;
        }
        Ok(bytes)
    }

    fn groups_path(&self, id: &ContentId) -> String {
        join(&self.directory, &format!("{id}{GROUPS_SUFFIX}"))
    }

    /// True when the blob is here and whole; a damaged one is written again by whoever puts it.
    fn holds_intact(&self, id: &ContentId) -> Result<bool, Error> {
        match self.get(id) {
            Ok(_) => {
                // It may be here only since another thread's rename, not yet durable.
                self.disk.sync_dir(&self.directory)?;
                Ok(true)
            }
            Err(Error::BlobMissing(_) | Error::BlobDamaged { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn digest_id(hash: blake3::Hash) -> ContentId {
    ContentId(Digest(hash.into()))
}
