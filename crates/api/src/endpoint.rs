//! Where a running node is found: a small file in its data directory, readable by its owner alone.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::http::Token;

/// The file's name in the data directory.
pub const ENDPOINT_FILE: &str = "node.json";
/// Bytes in the file.
pub const ENDPOINT_BYTES_MAX: u64 = 4096;

/// The address, the secret and the process of a running node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it wants to be shown.
    pub token: Token,
    /// Its process.
    pub pid: u32,
}

/// Why the file cannot be written, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk or the operating system refused.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} does not describe a running node; remove it when none runs", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    address: SocketAddr,
    token: String,
    pid: u32,
}

impl Endpoint {
    /// The endpoint of this process.
    pub fn of_this_process(address: SocketAddr, token: Token) -> Self {
        Self { address, token, pid: std::process::id() }
    }

    /// Puts the file in place, whole or not at all, over one that is there.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, data_dir: &Path) -> Result<(), Error> {
        let (address, token, pid) = (self.address, self.token.to_text(), self.pid);
        let text = serde_json::to_string_pretty(&Stored { address, token, pid })
            .expect("strings and numbers become JSON");
        let path = data_dir.join(ENDPOINT_FILE);
        let draft = data_dir.join(format!("{ENDPOINT_FILE}.draft"));
        let write = || {
            // A draft that a killed process left may have other permissions.
            remove_if_there(&draft)?;
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            File::open(data_dir)?.sync_all()
        };
        write().map_err(|source| Error::File { path: path.clone(), source })
    }

    /// The endpoint that is there, when one is. The node may have been killed since.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn read(data_dir: &Path) -> Result<Option<Self>, Error> {
        let path = data_dir.join(ENDPOINT_FILE);
        let mut text = String::new();
        let read = File::open(&path)
            .and_then(|file| file.take(ENDPOINT_BYTES_MAX).read_to_string(&mut text));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(Error::Malformed { path });
            }
            Err(source) => return Err(Error::File { path, source }),
        }
        let Ok(Stored { address, token, pid }) = serde_json::from_str(&text) else {
            return Err(Error::Malformed { path });
        };
        let Ok(token) = Token::from_text(&token) else { return Err(Error::Malformed { path }) };
        Ok(Some(Self { address, token, pid }))
    }

    /// Takes the file away; again does nothing.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(data_dir: &Path) -> Result<(), Error> {
        let path = data_dir.join(ENDPOINT_FILE);
        remove_if_there(&path).map_err(|source| Error::File { path, source })
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
