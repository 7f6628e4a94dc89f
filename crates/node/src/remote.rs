//! Agents that live elsewhere: finding out what a server speaks and offers, and taking it as it is
//! now after it changed.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

use ainur_api::operation::{Credential, McpCommand};
use ainur_api::problem::{Code, Problem};
use ainur_runtime::limits::REMOTE_DESCRIBE_MS_MAX;
use ainur_runtime::remote::{
    Description, McpProgram, RemoteProgram, Secret, ServerEndpoint, ToolServer,
};

use crate::agents::{self, AgentProgram, AgentRecord};
use crate::node::Node;
use crate::problem::with_causes;

/// How long an agent's credential may be.
pub(crate) const CREDENTIAL_BYTES_MAX: usize = 16 << 10;

/// A server as it was asked for: how it is reached, and what it wants to be shown.
pub(crate) struct Found {
    pub(crate) program: AgentProgram,
    pub(crate) description: Description,
    pub(crate) credential: Option<Secret>,
}

/// An MCP server on this machine.
pub(crate) fn on_this_machine(command: McpCommand, name: Option<String>) -> ToolServer {
    let paths = |paths: Vec<String>| paths.into_iter().map(PathBuf::from).collect();
    let endpoint = ServerEndpoint::Command {
        argv: command.argv,
        network: command.network,
        readable: paths(command.readable),
        writable: paths(command.writable),
        environment: command.environment,
    };
    ToolServer { name, ..ToolServer::new(endpoint) }
}

/// An MCP server at a URL.
pub(crate) fn at_url(
    url: String,
    allow_private: bool,
    credential: Option<Credential>,
    credential_header: Option<String>,
    name: Option<String>,
) -> Result<ToolServer, Problem> {
    if credential.as_ref().is_some_and(|secret| secret.0.len() > CREDENTIAL_BYTES_MAX) {
        let message =
            format!("a credential has at most {CREDENTIAL_BYTES_MAX} bytes (CREDENTIAL_BYTES_MAX)");
        return Err(Problem::new(Code::InvalidRequest, message));
    }
    let endpoint = ServerEndpoint::Url { url, allow_private };
    Ok(ToolServer {
        name,
        credential_header,
        credential: credential.map(|secret| Secret::new(secret.0.trim().to_owned())),
        ..ToolServer::new(endpoint)
    })
}

impl Node {
    /// Asks a server what it offers.
    pub(crate) fn find(&self, server: ToolServer) -> Result<Found, Problem> {
        let credential = server.credential.clone();
        let description = self.describe(server.clone())?;
        let program = McpProgram { server, tools: description.tools.clone() };
        let program = AgentProgram::Remote { program: RemoteProgram::Mcp(program) };
        for note in &description.notes {
            tracing::warn!(note, "about a new agent");
        }
        Ok(Found { program, description, credential })
    }

    fn describe(&self, server: ToolServer) -> Result<Description, Problem> {
        let advice = match &server.endpoint {
            ServerEndpoint::Command { network: false, .. } => {
                "see that it runs by itself; grant what it needs with --network, --read, --write, \
                 --env"
            }
            ServerEndpoint::Command { .. } => {
                "see that it runs by itself; grant what it needs with --read, --write, --env"
            }
            ServerEndpoint::Url { .. } => {
                "see that an MCP server answers there; --private lets it be on this machine or a \
                 private network, --credential names a file with its token"
            }
        };
        let wrong = |why: String| {
            Problem::new(Code::InvalidAgent, format!("no MCP server answers: {why}")).next(advice)
        };
        let answer = self.pool.remote().describe(server).map_err(|e| wrong(with_causes(&e)))?;
        match answer.recv_timeout(Duration::from_millis(REMOTE_DESCRIBE_MS_MAX)) {
            Ok(Ok(description)) => Ok(description),
            Ok(Err(error)) => Err(wrong(with_causes(&error))),
            Err(_) => Err(wrong(format!("nothing within {REMOTE_DESCRIBE_MS_MAX} ms"))),
        }
    }

    /// Takes an agent as it is now: a new version of its card, and an empty quarantine.
    pub(crate) fn accept_agent(&self, agent: &str) -> Result<AgentRecord, Problem> {
        let record = self.agent(agent)?;
        let AgentProgram::Remote { program: RemoteProgram::Mcp(known) } = &record.program else {
            let message = format!("'{}' does not change by itself", record.name);
            return Err(Problem::new(Code::InvalidRequest, message));
        };
        let mut server = known.server.clone();
        server.credential = agents::load_credential(&self.directory, &record.name)?;
        let found = self.find(server)?;
        let _joining = self.join_lock();
        let manifest = found.description.manifest;
        crate::join::check_prices(&manifest, record.price, &record.prices)?;
        let keys = record.keys(&self.directory)?;
        let card = self.card(&keys, &record.name, &manifest, &found.program)?;
        self.join_ledger(&keys, &card, record.stake)?;
        let accepted = AgentRecord {
            description: manifest.description,
            program: found.program,
            capabilities: manifest.capabilities,
            quarantined: BTreeMap::new(),
            card,
            ..record
        };
        accepted.store(&self.directory)?;
        self.seat(&accepted)?;
        self.health.heard(&accepted.name);
        let mut agents = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        agents.insert(accepted.name.clone(), accepted.clone());
        Ok(accepted)
    }
}
