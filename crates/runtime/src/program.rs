//! What can be run: a component, a command of this machine, or an agent that lives elsewhere.
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ainur_primitives::ContentId;
use scale::{Decode, Encode, EncodeAsRef};

use crate::remote::RemoteProgram;

/// Something that does an agent's work.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Program {
    /// A WASM component for the `agent` world of `wit/agent.wit`.
    Component {
        /// The digest of its bytes, which every worker checks before it compiles them.
        content: ContentId,
        /// Where its bytes are.
        #[codec(encoded_as = "PathBytes")]
        path: PathBuf,
    },
    /// A command (decision 24), started once per attempt.
    Command {
        /// The command line, without a shell; the first word is a path or found in `PATH`.
        argv: Vec<String>,
        /// The command may use the network.
        network: bool,
        /// Folders and files it may read beside the system's own and those its command line names.
        #[codec(encoded_as = "PathsBytes")]
        readable: Vec<PathBuf>,
    },
    /// An agent reached over a protocol, for the [`RemotePool`](crate::remote::RemotePool). Workers
    /// refuse it.
    Remote(Arc<RemoteProgram>),
}

impl Program {
    /// Whether an attempt can continue after its last durable chunk. Commands and remote agents
    /// cannot: they begin with chunk 0 whatever the job says.
    pub fn resumable(&self) -> bool {
        matches!(self, Self::Component { .. })
    }

    /// A component in a file, named by its digest.
    ///
    /// # Errors
    /// When the file cannot be read or is larger than a component may be.
    pub fn component(path: &Path) -> Result<Self, std::io::Error> {
        let bytes = crate::component::read_file(path)?;
        let content = crate::component::content_id(&bytes);
        Ok(Self::Component { content, path: path.to_owned() })
    }
}

/// A path as the bytes the system knows it by.
#[derive(Encode, Decode)]
pub(crate) struct PathBytes(Vec<u8>);

impl From<&PathBuf> for PathBytes {
    fn from(path: &PathBuf) -> Self {
        Self(path.as_os_str().as_bytes().to_vec())
    }
}

impl From<PathBytes> for PathBuf {
    fn from(bytes: PathBytes) -> Self {
        OsString::from_vec(bytes.0).into()
    }
}

impl EncodeAsRef<'_, PathBuf> for PathBytes {
    type RefType = Self;
}

/// Several paths.
#[derive(Encode, Decode)]
pub(crate) struct PathsBytes(Vec<PathBytes>);

impl From<&Vec<PathBuf>> for PathsBytes {
    fn from(paths: &Vec<PathBuf>) -> Self {
        Self(paths.iter().map(PathBytes::from).collect())
    }
}

impl From<PathsBytes> for Vec<PathBuf> {
    fn from(paths: PathsBytes) -> Self {
        paths.0.into_iter().map(PathBuf::from).collect()
    }
}

impl EncodeAsRef<'_, Vec<PathBuf>> for PathsBytes {
    type RefType = Self;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_that_is_not_utf8_survives_the_wire() {
        let program = Program::Command {
            argv: vec!["true".into()],
            network: false,
            readable: vec![OsString::from_vec(vec![b'/', 0xff]).into()],
        };
        assert_eq!(Program::decode(&mut &program.encode()[..]), Ok(program));
    }
}
