//! An agent that lives elsewhere, as plain data: how it is reached, and what it said it does when
//! it was added.
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use ainur_primitives::{CapabilityName, Digest};
use scale::{Decode, Encode, EncodeLike, Input, Output};
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// An agent reached over a protocol.
///
/// It is encoded as JSON without its credentials: it never has to leave the node's process, and a
/// worker that is given one refuses it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemoteProgram {
    /// A server of the Model Context Protocol.
    Mcp(McpProgram),
    /// An agent of the Agent2Agent protocol.
    A2a(A2aProgram),
    /// An HTTP service described by an OpenAPI document.
    OpenApi(OpenApiProgram),
}

/// The tools of one MCP server.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct McpProgram {
    /// Where they are.
    pub server: ToolServer,
    /// Which tool stands behind which capability. Empty for a server that was not added yet.
    #[serde(default)]
    pub tools: BTreeMap<CapabilityName, RemoteTool>,
}

/// The skills of one A2A agent.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct A2aProgram {
    /// Where it is.
    pub peer: AgentPeer,
    /// Which skill stands behind which capability. Empty for an agent that was not added yet.
    #[serde(default)]
    pub tools: BTreeMap<CapabilityName, RemoteTool>,
}

/// The operations of one HTTP service.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct OpenApiProgram {
    /// Where it is described.
    pub document: ApiDocument,
    /// Which operation stands behind which capability. Empty for a service that was not added yet.
    #[serde(default)]
    pub tools: BTreeMap<CapabilityName, RemoteTool>,
}

/// An HTTP service that says in an OpenAPI document, version 3.0 or 3.1, what it can be asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ApiDocument {
    /// Where the document is, as JSON: `https://…`, or `http://…` for allowed private addresses.
    pub url: String,
    /// It, and the service, may be on this machine or a private network.
    #[serde(default)]
    pub allow_private: bool,
    /// What its capabilities begin with, instead of the title of the document.
    #[serde(default)]
    pub name: Option<String>,
    /// The header its credential is sent in, as it is; `Authorization: Bearer …` when `None`.
    #[serde(default)]
    pub credential_header: Option<String>,
    /// Its credential, sent only to the origin of the document. Not written: the node sets it.
    #[serde(skip)]
    pub credential: Option<Secret>,
}

/// An agent that says in a card what it can do and where it is asked to do it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct AgentPeer {
    /// Where its card is: `https://…`, or `http://…` for allowed private addresses. Without a path,
    /// the card is where the protocol puts it.
    pub url: String,
    /// It may be on this machine or a private network.
    #[serde(default)]
    pub allow_private: bool,
    /// What its capabilities begin with, instead of the name it gives itself.
    #[serde(default)]
    pub name: Option<String>,
    /// The header its credential is sent in, as it is; `Authorization: Bearer …` when `None`.
    #[serde(default)]
    pub credential_header: Option<String>,
    /// Its credential, sent only to where its card is. Not written: the node sets it.
    #[serde(skip)]
    pub credential: Option<Secret>,
}

/// A server that offers tools. Two programs with equal servers share one connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ToolServer {
    /// How it is reached.
    pub endpoint: ServerEndpoint,
    /// What its capabilities begin with, instead of the name it gives itself.
    #[serde(default)]
    pub name: Option<String>,
    /// The header its credential is sent in, as it is; `Authorization: Bearer …` when `None`.
    #[serde(default)]
    pub credential_header: Option<String>,
    /// Its credential, for URLs only. Not written: the node sets it.
    #[serde(skip)]
    pub credential: Option<Secret>,
}

/// How a server is reached.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerEndpoint {
    /// A command of this machine that speaks on its standard input and output, confined as all
    /// commands are, and kept running between calls.
    Command {
        /// The command line, without a shell; the first word is a path or found in `PATH`.
        argv: Vec<String>,
        /// It may use the network.
        #[serde(default)]
        network: bool,
        /// Folders and files it may read beside the system's own and those its command line names.
        #[serde(default)]
        readable: Vec<PathBuf>,
        /// Folders and files it may also change.
        #[serde(default)]
        writable: Vec<PathBuf>,
        /// What it finds in its environment beside `PATH`, `HOME`, `TMPDIR` and `LANG`. Often keys
        /// are among it: `Debug` shows the names only.
        #[serde(default)]
        environment: BTreeMap<String, String>,
    },
    /// A server on the network.
    Url {
        /// `https://…`, or `http://…` for allowed private addresses.
        url: String,
        /// It may be on this machine or a private network.
        #[serde(default)]
        allow_private: bool,
    },
}

/// A tool, a skill or an operation as it was when the agent was added.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct RemoteTool {
    /// The remote's name for it; the `id` of a skill; method and path of an operation.
    pub name: String,
    /// BLAKE3 of all that is said about it in canonical JSON: of a tool its name, title,
    /// description, schemas and annotations; of a skill all of it, and the URL it is asked at; of
    /// an operation all of it, what it refers to, and the URL of its server. With another digest it
    /// is another one, and is not called.
    pub digest: Digest,
}

impl fmt::Debug for ServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { argv, network, readable, writable, environment } => f
                .debug_struct("Command")
                .field("argv", argv)
                .field("network", network)
                .field("readable", readable)
                .field("writable", writable)
                .field("environment", &environment.keys())
                .finish(),
            Self::Url { url, allow_private } => f
                .debug_struct("Url")
                .field("url", url)
                .field("allow_private", allow_private)
                .finish(),
        }
    }
}

impl ToolServer {
    /// A server without credentials, under the name it gives itself.
    pub fn new(endpoint: ServerEndpoint) -> Self {
        Self { endpoint, name: None, credential_header: None, credential: None }
    }
}

impl AgentPeer {
    /// An agent without credentials, under the name it gives itself.
    pub fn new(url: String, allow_private: bool) -> Self {
        Self { url, allow_private, name: None, credential_header: None, credential: None }
    }
}

impl ApiDocument {
    /// A service without credentials, under the title it gives itself.
    pub fn new(url: String, allow_private: bool) -> Self {
        Self { url, allow_private, name: None, credential_header: None, credential: None }
    }
}

impl RemoteProgram {
    /// An MCP server that was not added yet: it can be asked what it offers.
    pub fn mcp(server: ToolServer) -> Self {
        Self::Mcp(McpProgram { server, tools: BTreeMap::new() })
    }

    /// An A2A agent that was not added yet: it can be asked what it offers.
    pub fn a2a(peer: AgentPeer) -> Self {
        Self::A2a(A2aProgram { peer, tools: BTreeMap::new() })
    }

    /// An HTTP service that was not added yet: its document can be read.
    pub fn openapi(document: ApiDocument) -> Self {
        Self::OpenApi(OpenApiProgram { document, tools: BTreeMap::new() })
    }

    /// What stands behind which capability.
    pub fn tools(&self) -> &BTreeMap<CapabilityName, RemoteTool> {
        match self {
            Self::Mcp(program) => &program.tools,
            Self::A2a(program) => &program.tools,
            Self::OpenApi(program) => &program.tools,
        }
    }

    /// The same remote with what it offers now: what adding or accepting it comes to.
    pub fn with_tools(mut self, new: BTreeMap<CapabilityName, RemoteTool>) -> Self {
        match &mut self {
            Self::Mcp(program) => program.tools = new,
            Self::A2a(program) => program.tools = new,
            Self::OpenApi(program) => program.tools = new,
        }
        self
    }

    /// Where a remote with a URL gets its credential, which is not written with the rest.
    pub fn credential_mut(&mut self) -> &mut Option<Secret> {
        match self {
            Self::Mcp(program) => &mut program.server.credential,
            Self::A2a(program) => &mut program.peer.credential,
            Self::OpenApi(program) => &mut program.document.credential,
        }
    }
}

impl Encode for RemoteProgram {
    fn encode_to<T: Output + ?Sized>(&self, out: &mut T) {
        // Maps with text as keys, texts, paths: a path that is not UTF-8 is the one thing JSON
        // cannot hold. Such a program decodes as an error where it arrives.
        serde_json::to_vec(self).unwrap_or_default().encode_to(out);
    }
}

impl EncodeLike for RemoteProgram {}

impl Decode for RemoteProgram {
    fn decode<I: Input>(input: &mut I) -> Result<Self, scale::Error> {
        let json = Vec::<u8>::decode(input)?;
        serde_json::from_slice(&json).map_err(|_| "not a remote program".into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::program::Program;

    #[test]
    fn remote_program_survives_the_wire_without_its_credential() {
        let mut server = ToolServer::new(ServerEndpoint::Url {
            url: "https://tools.example/mcp".into(),
            allow_private: false,
        });
        let bare = Program::Remote(Arc::new(RemoteProgram::mcp(server.clone())));
        server.credential = Some(Secret::new("hunter2".into()));
        let program = Program::Remote(Arc::new(RemoteProgram::mcp(server)));
        let bytes = program.encode();
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"));
        assert_eq!(Program::decode(&mut &bytes[..]), Ok(bare));
    }

    #[test]
    fn debug_output_does_not_hold_the_environment() {
        let endpoint = ServerEndpoint::Command {
            argv: vec!["server".into()],
            network: false,
            readable: Vec::new(),
            writable: Vec::new(),
            environment: BTreeMap::from([("API_KEY".into(), "hunter2".into())]),
        };
        let shown = format!("{endpoint:?}");
        assert!(shown.contains("API_KEY") && !shown.contains("hunter2"), "{shown}");
    }
}
