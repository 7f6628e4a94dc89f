//! Writing a blob whose bytes come in pieces: temporary file, sync, rename, sync of the directory.
use ainur_primitives::ContentId;
use blake3::hazmat::ChainingValue;

use super::{
    BLOB_BYTES_MAX, Blobs, GROUP_BYTES, GROUPS_SUFFIX, TEMPORARY_SUFFIX, content_id, tree,
};
use crate::Error;
use crate::crash_point::crash_point;
use crate::disk::{Disk, DiskFile, OpenMode};

/// Takes the bytes of one blob. Dropped before [`BlobWriter::finish`], it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter<D: Disk> {
    blobs: Blobs<D>,
    path: String,
    file: D::File,
    /// The current group, held back until it is known whether it is the last.
    group: Vec<u8>,
    groups: Vec<ChainingValue>,
    finished: bool,
}

impl<D: Disk> BlobWriter<D> {
    pub(super) fn new(blobs: Blobs<D>, path: &str) -> Result<Self, Error> {
        let file = blobs.disk.open(path, OpenMode::Truncate)?;
        let path = path.into();
        Ok(Self { blobs, path, file, group: Vec::new(), groups: Vec::new(), finished: false })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// When the disk refuses or the blob grows above [`BLOB_BYTES_MAX`].
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let total = self.len().saturating_add(bytes.len() as u64);
        if total > BLOB_BYTES_MAX {
            return Err(Error::TooLarge {
                what: "a blob",
                bytes: total,
                bytes_max: BLOB_BYTES_MAX,
            });
        }
        while !bytes.is_empty() {
            if self.group.len() == GROUP_BYTES {
                self.write_group()?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(GROUP_BYTES - self.group.len()));
            self.group.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        (self.groups.len() * GROUP_BYTES + self.group.len()) as u64
    }

    /// True before the first byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes the blob durable and tells its name.
    ///
    /// # Errors
    /// When the disk refuses; the blob is then not there, or whole.
    pub fn finish(self) -> Result<ContentId, Error> {
        let complete = self.complete()?;
        complete.sync()?;
        crash_point("blob.written");
        let (id, blobs) = (complete.id, complete.writer.blobs.clone());
        complete.rename()?;
        blobs.disk.sync_dir(&blobs.directory)?;
        crash_point("blob.renamed");
        Ok(id)
    }

    /// Writes what is left, without a sync.
    pub(super) fn complete(mut self) -> Result<Complete<D>, Error> {
        let len = self.len();
        if self.groups.is_empty() {
            let id = content_id(&self.group);
            self.file.write_at(0, &self.group)?;
            return Ok(Complete { id, table: None, writer: self });
        }
        self.write_group()?;
        let id = tree::root(len, &self.groups);
        let table = self.blobs.disk.open(&self.table_path(), OpenMode::Truncate)?;
        table.write_at(0, self.groups.as_flattened())?;
        Ok(Complete { id, table: Some(table), writer: self })
    }

    fn write_group(&mut self) -> Result<(), Error> {
        let index = self.groups.len() as u64;
        self.file.write_at(index * GROUP_BYTES as u64, &self.group)?;
        self.groups.push(tree::group_value(index, &self.group));
        self.group.clear();
        Ok(())
    }

    fn table_path(&self) -> String {
        let stem = self.path.strip_suffix(TEMPORARY_SUFFIX).unwrap_or(&self.path);
        format!("{stem}{GROUPS_SUFFIX}{TEMPORARY_SUFFIX}")
    }
}

impl<D: Disk> Drop for BlobWriter<D> {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        for path in [self.path.clone(), self.table_path()] {
            if let Err(error) = self.blobs.disk.remove(&path)
                && self.blobs.disk.exists(&path).unwrap_or(false)
            {
                tracing::warn!(%error, "an unfinished blob is left until the next start");
            }
        }
    }
}

/// A blob whose bytes are all written, if not yet durable or under its name.
#[derive(Debug)]
pub(super) struct Complete<D: Disk> {
    id: ContentId,
    table: Option<D::File>,
    writer: BlobWriter<D>,
}

impl<D: Disk> Complete<D> {
    pub(super) fn sync(&self) -> Result<(), Error> {
        if let Some(table) = &self.table {
            table.sync_data()?;
        }
        self.writer.file.sync_data()
    }

    /// Gives the files their names, the table first, so that a blob is never without it.
    pub(super) fn rename(mut self) -> Result<(), Error> {
        let blobs = &self.writer.blobs;
        if self.table.is_some() {
            blobs.disk.rename(&self.writer.table_path(), &blobs.groups_path(&self.id))?;
        }
        blobs.disk.rename(&self.writer.path, &blobs.path(&self.id))?;
        self.writer.finished = true;
        Ok(())
    }
}
