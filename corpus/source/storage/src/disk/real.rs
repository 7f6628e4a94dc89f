//! A directory of the operating system as a [`Disk`].
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{DirectoryLock, Disk, DiskFile, OpenMode};
use crate::{DiskOperation, Error};

/// The files below one directory.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: Arc<PathBuf>,
}

impl RealDisk {
    /// The disk whose root is `root`, created when missing.
    ///
    /// # Errors
    /// When the directory cannot be created.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let disk = Self { root: Arc::new(root.into()) };
        disk.create_dir_all("")?;
        Ok(disk)
    }

    /// The directory all paths are relative to.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn at(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.to_path_buf() } else { self.root.join(path) }
    }

    fn on<T>(
        &self,
        operation: DiskOperation,
        path: &str,
        act: impl FnOnce(&Path) -> io::Result<T>,
    ) -> Result<T, Error> {
        let path = self.at(path);
        act(&path).map_err(|source| Error::Io {
            operation,
            path: path.to_string_lossy().into_owned(),
            source,
        })
    }
}

impl Disk for RealDisk {
    type File = RealFile;
    type Lock = DirectoryLock;

    fn create_dir_all(&self, path: &str) -> Result<(), Error> {
        self.on(DiskOperation::CreateDirectory, path, |path| {
            if path.is_dir() {
                return Ok(());
            }
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
                _ => File::open(".")?.sync_all(),
            }
        })
    }

    fn open(&self, path: &str, mode: OpenMode) -> Result<RealFile, Error> {
        let write = mode != OpenMode::Read;
        let file = self.on(DiskOperation::Open, path, |path| {
            OpenOptions::new()
                .read(true)
                .write(write)
                .create(write)
                .truncate(mode == OpenMode::Truncate)
                .mode(0o600)
                .open(path)
        })?;
        Ok(RealFile { file, path: self.at(path).to_string_lossy().into() })
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let to = self.at(to);
        self.on(DiskOperation::Rename, from, |from| fs::rename(from, &to))
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        self.on(DiskOperation::Remove, path, |path| fs::remove_file(path))
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Error> {
        self.on(DiskOperation::List, path, |path| {
            let mut names = Vec::new();
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    names.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
            names.sort();
            Ok(names)
        })
    }

    fn exists(&self, path: &str) -> Result<bool, Error> {
        self.on(DiskOperation::Open, path, |path| path.try_exists())
    }

    fn sync_dir(&self, path: &str) -> Result<(), Error> {
        self.on(DiskOperation::Sync, path, |path| File::open(path)?.sync_all())
    }

    fn sync_all(&self, path: &str) -> Result<(), Error> {
        self.on(DiskOperation::Sync, path, |path| {
            rustix::fs::syncfs(File::open(path)?).map_err(io::Error::from)
        })
    }

    fn lock(&self, path: &str) -> Result<DirectoryLock, Error> {
        DirectoryLock::acquire(&self.at(path))
    }

    fn real_path(&self, path: &str) -> Option<PathBuf> {
        Some(self.at(path))
    }
}

/// An open file of the operating system.
#[derive(Debug)]
pub struct RealFile {
    file: File,
    path: Box<str>,
}

impl DiskFile for RealFile {
    fn len(&self) -> Result<u64, Error> {
        let metadata =
            self.file.metadata().map_err(Error::io(DiskOperation::Resize, &self.path))?;
        Ok(metadata.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.file.read_exact_at(out, offset).map_err(Error::io(DiskOperation::Read, &self.path))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all_at(bytes, offset).map_err(Error::io(DiskOperation::Write, &self.path))
    }

    fn set_len(&self, bytes: u64) -> Result<(), Error> {
        self.file.set_len(bytes).map_err(Error::io(DiskOperation::Resize, &self.path))
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(Error::io(DiskOperation::Sync, &self.path))
    }
}
