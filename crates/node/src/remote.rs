//! Agents that live elsewhere: finding out what a server speaks and offers, and taking it as it is
//! now after it changed.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

use ainur_api::operation::{McpCommand, ServicePlace};
use ainur_api::problem::{Code, Problem};
use ainur_primitives::CapabilityName;
use ainur_runtime::limits::REMOTE_DESCRIBE_MS_MAX;
use ainur_runtime::remote::{
    AgentPeer, ApiDocument, Description, RemoteProgram, Secret, ServerEndpoint, ToolServer,
};

use crate::agents::{self, AgentProgram, AgentRecord};
use crate::join::signed_card;
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
pub(crate) fn on_this_machine(command: McpCommand, name: Option<String>) -> RemoteProgram {
    let paths = |paths: Vec<String>| paths.into_iter().map(PathBuf::from).collect();
    let endpoint = ServerEndpoint::Command {
        argv: command.argv,
        network: command.network,
        readable: paths(command.readable),
        writable: paths(command.writable),
        environment: command.environment,
    };
    RemoteProgram::mcp(ToolServer { name, ..ToolServer::new(endpoint) })
}

/// What may be at a URL, the likeliest first.
pub(crate) fn at_url(
    place: ServicePlace,
    name: Option<String>,
) -> Result<Vec<RemoteProgram>, Problem> {
    let ServicePlace { url, allow_private, credential, credential_header } = place;
    if credential.as_ref().is_some_and(|secret| secret.0.len() > CREDENTIAL_BYTES_MAX) {
        let message =
            format!("a credential has at most {CREDENTIAL_BYTES_MAX} bytes (CREDENTIAL_BYTES_MAX)");
        return Err(Problem::new(Code::InvalidRequest, message));
    }
    let credential = credential.map(|secret| Secret::new(secret.0.trim().to_owned()));
    let is_card = CARD_FILES.iter().any(|file| url.ends_with(file));
    // YAML is not read, which is then the first thing that is said.
    let is_document = [".json", ".yaml", ".yml"].iter().any(|end| url.ends_with(end));
    let document = ApiDocument {
        name: name.clone(),
        credential_header: credential_header.clone(),
        credential: credential.clone(),
        ..ApiDocument::new(url.clone(), allow_private)
    };
    let peer = AgentPeer {
        name: name.clone(),
        credential_header: credential_header.clone(),
        credential: credential.clone(),
        ..AgentPeer::new(url.clone(), allow_private)
    };
    let server = ToolServer {
        name,
        credential_header,
        credential,
        ..ToolServer::new(ServerEndpoint::Url { url, allow_private })
    };
    let (server, peer) = (RemoteProgram::mcp(server), RemoteProgram::a2a(peer));
    let document = RemoteProgram::openapi(document);
    Ok(match (is_card, is_document) {
        (true, _) => vec![peer],
        (false, true) => vec![document, server, peer],
        (false, false) => vec![server, peer, document],
    })
}

/// How the URLs of A2A agent cards end.
const CARD_FILES: [&str; 2] = ["/agent-card.json", "/agent.json"];

impl Node {
    /// Asks a server what it offers; the first of several guesses that fits.
    pub(crate) fn find(&self, candidates: Vec<RemoteProgram>) -> Result<Found, Problem> {
        let mut failed = Vec::new();
        let mut advice = "";
        for mut program in candidates {
            match self.describe(program.clone()) {
                Ok(description) => {
                    for note in &description.notes {
                        tracing::warn!(note, "about a new agent");
                    }
                    let credential = program.credential_mut().take();
                    let program = program.with_tools(description.tools.clone());
                    let program = AgentProgram::Remote { program };
                    return Ok(Found { program, description, credential });
                }
                Err(why) => {
                    let what = match &program {
                        RemoteProgram::Mcp(_) => "no MCP server answers",
                        RemoteProgram::A2a(_) => "no A2A agent answers",
                        RemoteProgram::OpenApi(_) => "no OpenAPI document is there",
                    };
                    failed.push(format!("{what}: {why}"));
                    advice = advice_on(&program);
                }
            }
        }
        Err(Problem::new(Code::InvalidAgent, failed.join("; ")).next(advice))
    }

    fn describe(&self, program: RemoteProgram) -> Result<Description, String> {
        let answer = self.pool.remote().describe(program).map_err(|e| with_causes(&e))?;
        match answer.recv_timeout(Duration::from_millis(REMOTE_DESCRIBE_MS_MAX)) {
            Ok(Ok(description)) => Ok(description),
            Ok(Err(error)) => Err(with_causes(&error)),
            Err(_) => Err(format!("nothing within {REMOTE_DESCRIBE_MS_MAX} ms")),
        }
    }

    /// Takes an agent as it is now: a new version of its card, and an empty quarantine.
    pub(crate) fn accept_agent(&self, agent: &str) -> Result<AgentRecord, Problem> {
        let record = self.agent(agent)?;
        let AgentProgram::Remote { program } = &record.program else {
            let message = format!("'{}' does not change by itself", record.name);
            return Err(Problem::new(Code::InvalidRequest, message));
        };
        let mut program = program.clone();
        *program.credential_mut() = agents::load_credential(&self.directory, &record.name)?;
        let found = self.find(vec![program])?;
        let _joining = self.join_lock();
        let mut record = self.agent(agent)?;
        if !record.active {
            let message = format!("'{}' was removed", record.name);
            return Err(Problem::new(Code::Conflict, message).next("add it again"));
        }
        let manifest = found.description.manifest;
        let offered = |name: &CapabilityName| manifest.capabilities.iter().any(|c| c.name == *name);
        record.prices.retain(|name, _| offered(name));
        crate::join::check_prices(&manifest, record.price, &record.prices)?;
        let keys = record.keys(&self.directory)?;
        let card = self.card(keys.did(), &record.name, &manifest, &found.program)?;
        let card = signed_card(card, &keys)?;
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

/// What to try when an agent does not answer.
fn advice_on(program: &RemoteProgram) -> &'static str {
    match program {
        RemoteProgram::Mcp(program)
            if matches!(program.server.endpoint, ServerEndpoint::Command { .. }) =>
        {
            "see that it runs by itself; grant what it needs with --network, --read, --write, --env"
        }
        RemoteProgram::Mcp(_) | RemoteProgram::A2a(_) | RemoteProgram::OpenApi(_) => {
            "see that an MCP server, an A2A agent or an OpenAPI document answers there; --private \
             lets it be on this machine or a private network, --credential names a file with its \
             token"
        }
    }
}
