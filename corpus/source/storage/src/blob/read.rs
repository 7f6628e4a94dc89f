//! Reading a blob group by group, nothing handed out unverified.
use ainur_primitives::ContentId;
use blake3::hazmat::ChainingValue;

use super::{Blobs, GROUP_BYTES, content_id, tree};
use crate::Error;
use crate::disk::{Disk, DiskFile, OpenMode};

/// Reads one blob from its beginning; made by [`Blobs::reader`].
#[derive(Debug)]
pub struct BlobReader<D: Disk> {
    id: ContentId,
    path: String,
    file: D::File,
    len: u64,
    /// One value per group; empty when the blob is one group.
    groups: Vec<ChainingValue>,
    next: u64,
    group: Vec<u8>,
}

impl<D: Disk> BlobReader<D> {
    pub(super) fn open(blobs: &Blobs<D>, id: &ContentId) -> Result<Self, Error> {
        let path = blobs.path(id);
        if !blobs.disk.exists(&path)? {
            return Err(Error::BlobMissing(*id));
        }
        let file = blobs.disk.open(&path, OpenMode::Read)?;
        let len = file.len()?;
        let groups = match tree::group_count(len) {
            1 => Vec::new(),
            count => read_table(blobs, id, len, count)?,
        };
        let group = Vec::new();
        Ok(Self { id: *id, path, file, len, groups, next: 0, group })
    }

    /// The length of the blob.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True when the blob has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Goes on at the group that holds `offset`.
    pub fn seek(&mut self, offset: u64) {
        self.next = offset / GROUP_BYTES as u64;
    }

    /// The next [`GROUP_BYTES`] (fewer at the end), verified; `None` after the last.
    ///
    /// # Errors
    /// [`Error::BlobDamaged`] with the offset of the group.
    pub fn next_group(&mut self) -> Result<Option<&[u8]>, Error> {
        if self.next >= tree::group_count(self.len) {
            return Ok(None);
        }
        let offset = self.next * GROUP_BYTES as u64;
        let bytes = (self.len - offset).min(GROUP_BYTES as u64);
        self.group.resize(usize::try_from(bytes).unwrap_or(GROUP_BYTES), 0);
        self.file.read_at(offset, &mut self.group)?;
        let fits = match usize::try_from(self.next).ok().and_then(|next| self.groups.get(next)) {
            Some(value) => tree::group_value(self.next, &self.group) == *value,
            None => content_id(&self.group) == self.id,
        };
        if !fits {
            return Err(Error::BlobDamaged {
                blob: self.id,
                file: self.path.clone(),
                offset,
                reason: "the bytes do not fit the blob's name",
            });
        }
        self.next += 1;
        Ok(Some(&self.group))
    }
}

/// Reads the table of group values and checks it against the blob's name.
fn read_table<D: Disk>(
    blobs: &Blobs<D>,
    id: &ContentId,
    len: u64,
    count: u64,
) -> Result<Vec<ChainingValue>, Error> {
    let path = blobs.groups_path(id);
    let damaged = |reason| Error::BlobDamaged { blob: *id, file: path.clone(), offset: 0, reason };
    if !blobs.disk.exists(&path)? {
        return Err(damaged("the table of groups is missing"));
    }
    let file = blobs.disk.open(&path, OpenMode::Read)?;
    if file.len()? != count * size_of::<ChainingValue>() as u64 {
        return Err(damaged("the table of groups is not as long as the blob's length asks"));
    }
    let count = usize::try_from(count).map_err(|_| damaged("the blob is too long"))?;
    let mut groups = vec![ChainingValue::default(); count];
    file.read_at(0, groups.as_flattened_mut())?;
    if tree::root(len, &groups) != *id {
        return Err(damaged("the table of groups does not fit the blob's name"));
    }
    Ok(groups)
}
