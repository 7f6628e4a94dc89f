//! How well a command is confined on this machine.
use std::ffi::OsString;
use std::io;
use std::process::Stdio;

use serde::{Deserialize, Serialize};

use super::sandbox::{Confinement, Status};
use crate::worker::SANDBOX;

/// What the kernel allowed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Isolation {
    /// No network, when none was granted.
    pub network: Separation,
    /// Processes of its own, all of which end with it.
    pub processes: Separation,
    /// No files but those it may see.
    pub files: Separation,
}

/// Whether one thing is kept apart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Separation {
    /// It is.
    Isolated,
    /// It is not, and why.
    NotIsolated(String),
}

impl Separation {
    /// Whether it is.
    pub fn is_isolated(&self) -> bool {
        matches!(self, Self::Isolated)
    }

    pub(super) fn from_result<E: std::fmt::Display>(result: Result<(), E>) -> Self {
        match result {
            Ok(()) => Self::Isolated,
            Err(error) => Self::NotIsolated(error.to_string()),
        }
    }
}

impl Isolation {
    /// Confines a command that does nothing, and says how well that went. `worker` is the command
    /// line of a worker, as in [`pool::Config`](crate::pool::Config).
    ///
    /// # Errors
    /// When the worker binary or a temporary folder is not to be had.
    pub fn probe(worker: &[OsString]) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let confinement = Confinement::new(folder.path(), false, &[], 1)?;
        let Some((binary, arguments)) = worker.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the worker command is empty"));
        };
        let status = std::process::Command::new(binary)
            .args(arguments)
            .arg(SANDBOX)
            .args(confinement.arguments(&["true".into()])?)
            .current_dir(&confinement.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        match confinement.read_status() {
            Status::Entered(isolation) => Ok(isolation),
            Status::Failed(detail) => Err(io::Error::other(detail)),
            Status::Unknown => Err(io::Error::other(format!("the sandbox ended with {status}"))),
        }
    }
}
