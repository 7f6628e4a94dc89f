//! The data directory: what is in it, and how it begins.
//!
//! ```text
//! config.toml        settings a person may change
//! genesis.json       what the ledger began with; its digest is the ledger's id
//! key-document.json  the node's public keys, signed by themselves
//! keys/              private keys, mode 600
//! agents/            one file for each agent on this node
//! parties/           one file for each outside party whose keys were introduced
//! ledger/ broker/ audit/ blobs/ cache/
//! lock               held by the process that uses the directory
//! ```
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ainur_api::problem::{Code, Problem};

/// A data directory, made or not.
#[derive(Clone, Debug)]
pub struct DataDirectory {
    root: PathBuf,
}

const SECRET_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

impl DataDirectory {
    /// The directory at `root`, or the platform's own when none is given.
    ///
    /// # Errors
    /// When none is given and neither `XDG_DATA_HOME` nor `HOME` is set.
    pub fn new(root: Option<PathBuf>) -> Result<Self, Problem> {
        let root = match root {
            Some(root) => root,
            None => default_root()?,
        };
        let root = std::path::absolute(&root).map_err(|error| refused("find", &root, &error))?;
        Ok(Self { root })
    }

    /// Its path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside it.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// It was made before.
    pub fn exists(&self) -> bool {
        self.path("genesis.json").exists()
    }

    /// Makes it and the folders in it.
    ///
    /// # Errors
    /// When the system refuses, or something else is there.
    pub fn create(&self) -> Result<(), Problem> {
        if self.root.is_file() {
            return Err(Problem::new(
                Code::Storage,
                format!("{} is a file, not a folder", self.root.display()),
            )
            .next("name another folder with --data-dir"));
        }
        for folder in ["", "keys", "agents", "parties", "cache"] {
            let path = if folder.is_empty() { self.root.clone() } else { self.path(folder) };
            DirBuilder::new()
                .recursive(true)
                .mode(FOLDER_MODE)
                .create(&path)
                .map_err(|error| refused("make", &path, &error))?;
        }
        Ok(())
    }

    /// Reads a file in it; `None` when there is none.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn read(&self, inside: &str) -> Result<Option<Vec<u8>>, Problem> {
        let path = self.path(inside);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused("read", &path, &error)),
        }
    }

    /// Writes a file in it: whole and durable, or not at all; for its owner's eyes only.
    ///
    /// # Errors
    /// When the system refuses; what was there before is still there.
    pub fn write(&self, inside: &str, bytes: &[u8]) -> Result<(), Problem> {
        let path = self.path(inside);
        let partial = self.path(&format!("{inside}.part"));
        write_durably(&partial, &path, bytes).map_err(|error| refused("write", &path, &error))
    }

    /// Removes a file in it, if it is there.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(&self, inside: &str) -> Result<(), Problem> {
        let path = self.path(inside);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(refused("remove", &path, &error)),
        }
    }

    /// The names of the files in one of its folders, ascending.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn list(&self, folder: &str) -> Result<Vec<String>, Problem> {
        let path = self.path(folder);
        let entries = fs::read_dir(&path).map_err(|error| refused("list", &path, &error))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| refused("list", &path, &error))?;
            names.extend(entry.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }
}

fn write_durably(partial: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(SECRET_MODE)
        .open(partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(partial, path)?;
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

fn default_root() -> Result<PathBuf, Problem> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(data) = set("XDG_DATA_HOME") {
        return Ok(PathBuf::from(data).join("ainur"));
    }
    let home = set("HOME").ok_or_else(|| {
        Problem::new(Code::InvalidRequest, "no home folder is set, so there is no data directory")
            .next("name one with --data-dir FOLDER")
    })?;
    let inside = match std::env::consts::OS {
        "macos" => "Library/Application Support/ainur",
        _ => ".local/share/ainur",
    };
    Ok(PathBuf::from(home).join(inside))
}

/// A problem for something the system refused in the data directory.
pub(crate) fn refused(doing: &str, path: &Path, error: &std::io::Error) -> Problem {
    let message = format!("cannot {doing} {}: {error}", path.display());
    let next = match error.kind() {
        ErrorKind::PermissionDenied => "name a folder you may write with --data-dir FOLDER",
        ErrorKind::NotFound => "name a folder that can be made with --data-dir FOLDER",
        ErrorKind::StorageFull => "free some space; nothing was lost, the same command goes on",
        ErrorKind::ReadOnlyFilesystem => "name a folder on another disk with --data-dir FOLDER",
        _ => "",
    };
    Problem::new(Code::Storage, message).next(next)
}
