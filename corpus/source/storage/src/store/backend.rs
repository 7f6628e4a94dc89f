//! A file of a [`crate::Disk`] as the engine wants to see it.
use std::io;

use redb::StorageBackend;

use crate::Error;
use crate::disk::DiskFile;

#[derive(Debug)]
pub(super) struct Backend<F: DiskFile>(F);

impl<F: DiskFile> Backend<F> {
    pub(super) fn new(file: F) -> Self {
        Self(file)
    }
}

impl<F: DiskFile> StorageBackend for Backend<F> {
    fn len(&self) -> io::Result<u64> {
        self.0.len().map_err(cause)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, out).map_err(cause)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len).map_err(cause)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data().map_err(cause)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data).map_err(cause)
    }
}

/// The system's answer alone: the store names operation and path itself.
fn cause(error: Error) -> io::Error {
    match error {
        Error::Io { source, .. } => source,
        other => io::Error::other(other),
    }
}
