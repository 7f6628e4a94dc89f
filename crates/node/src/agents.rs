//! The agents on this node: their files in the data directory.
use ainur_api::problem::{Code, Problem};
use ainur_broker::seat::TeamTerms;
use ainur_identity::SignedAgentCard;
use std::collections::BTreeMap;

use ainur_market::negotiation::TacticName;
use ainur_market::strategy::StrategyChoice;
use ainur_primitives::{Amount, CapabilityContract, CapabilityName, ContentId, Did};
use ainur_runtime::remote::{RemoteProgram, Secret, ServerEndpoint};
use serde::{Deserialize, Serialize};

use crate::directory::DataDirectory;
use crate::keys::KeyPair;

/// An agent as it is remembered; its key is in a file beside it, unless it keeps its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRecord {
    /// Its identity.
    pub did: Did,
    /// Its name on this node.
    pub name: String,
    /// What it says of itself.
    pub description: String,
    /// What runs.
    pub program: AgentProgram,
    /// What it offers.
    pub capabilities: Vec<CapabilityContract>,
    /// Its price for everything, when the program does not quote.
    pub price: Option<Amount>,
    /// Prices of single capabilities, where they differ.
    #[serde(default)]
    pub prices: BTreeMap<CapabilityName, Amount>,
    /// How it concedes in a negotiation.
    #[serde(default)]
    pub tactic: TacticName,
    /// How its bids are made from its quotes or fixed prices; without one, those are the bids.
    #[serde(default)]
    pub strategy: Option<StrategyChoice>,
    /// Capabilities that are not called, and why: they are not what they were when it was added.
    #[serde(default)]
    pub quarantined: BTreeMap<CapabilityName, String>,
    /// What it saves in company, when it bids together with others.
    #[serde(default)]
    pub team: Option<TeamTerms>,
    /// The stake it is to have.
    pub stake: Amount,
    /// Its signed card.
    pub card: SignedAgentCard,
    /// It may bid.
    pub active: bool,
    /// It keeps its own key: there is none here.
    #[serde(default)]
    pub own_key: bool,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AgentProgram {
    /// A stored component.
    Component {
        /// Its bytes.
        content: ContentId,
    },
    /// A program on this machine.
    Command {
        /// Its command line.
        argv: Vec<String>,
        /// It may use the network.
        network: bool,
    },
    /// An agent that is reached over a protocol. Its credential is in a file beside its keys.
    Remote {
        /// How, and what it said it does when it was added.
        program: RemoteProgram,
    },
}

/// How many agents one node keeps.
pub const AGENTS_MAX: usize = 10_000;
/// The longest name, in bytes.
pub const AGENT_NAME_BYTES_MAX: usize = 48;

const FOLDER: &str = "agents";

impl AgentRecord {
    /// Writes the record.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn store(&self, directory: &DataDirectory) -> Result<(), Problem> {
        let json = serde_json::to_vec(self)
            .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        directory.write(&format!("{FOLDER}/{}.json", self.name), &json)
    }

    /// The agent's keys.
    ///
    /// # Errors
    /// When it keeps its own, or they cannot be read.
    pub fn keys(&self, directory: &DataDirectory) -> Result<KeyPair, Problem> {
        if self.own_key {
            let message = format!("{} keeps its own key: nothing is signed for it here", self.name);
            return Err(Problem::new(Code::Conflict, message)
                .next("sign it where the key is: see ainur aacl --help, docs/market/own-keys.md"));
        }
        KeyPair::load(directory, &key_file(&self.name))?.ok_or_else(|| {
            let path = directory.path(&key_file(&self.name));
            Problem::new(Code::Corrupted, format!("{} is missing", path.display()))
                .next("restore it from a backup, or remove the agent")
        })
    }

    /// `component bafkr4i…`, the command line, or protocol and address.
    pub fn program_text(&self) -> String {
        match &self.program {
            AgentProgram::Component { content } => format!("component {content}"),
            AgentProgram::Command { argv, .. } => argv.join(" "),
            AgentProgram::Remote { program } => match (program, service(program)) {
                (RemoteProgram::Mcp(_), Some(url)) => format!("MCP: {url}"),
                (RemoteProgram::A2a(_), Some(url)) => format!("A2A: {url}"),
                (RemoteProgram::OpenApi(_), Some(url)) => format!("HTTP: {url}"),
                (program, None) => format!("MCP: {}", command(program).join(" ")),
            },
        }
    }
}

/// The keys of the agent that is to have a name: those of an interrupted addition, or new ones.
///
/// # Errors
/// When the system refuses.
pub fn keys_for(directory: &DataDirectory, name: &str) -> Result<KeyPair, Problem> {
    let file = key_file(name);
    if let Some(keys) = KeyPair::load(directory, &file)? {
        return Ok(keys);
    }
    let keys = KeyPair::generate()?;
    keys.store(directory, &file)?;
    Ok(keys)
}

/// All agents, by name.
///
/// # Errors
/// When a file cannot be read.
pub fn load_all(directory: &DataDirectory) -> Result<Vec<AgentRecord>, Problem> {
    let mut agents = Vec::new();
    for file in directory.list(FOLDER)?.iter().filter(|file| file.ends_with(".json")) {
        let inside = format!("{FOLDER}/{file}");
        let bytes = directory.read(&inside)?.unwrap_or_default();
        let agent: AgentRecord = serde_json::from_slice(&bytes).map_err(|error| {
            let path = directory.path(&inside);
            Problem::new(Code::Corrupted, format!("{} is damaged: {error}", path.display()))
                .next("restore it from a backup, or remove the file and add the agent again")
        })?;
        agents.push(agent);
    }
    Ok(agents)
}

/// What an agent is called here that nobody gave a name: what it calls itself, in the letters that
/// [`check_name`] takes.
#[must_use]
pub fn name_from(said: &str) -> String {
    let mut name = String::new();
    let mut after_small = false;
    for character in said.chars() {
        let is_fit = character.is_ascii_alphanumeric();
        let begins_word = !is_fit || (after_small && character.is_ascii_uppercase());
        if begins_word && !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if is_fit {
            name.push(character.to_ascii_lowercase());
        }
        after_small = is_fit && !character.is_ascii_uppercase();
    }
    name.truncate(AGENT_NAME_BYTES_MAX);
    name.truncate(name.trim_end_matches('-').len());
    name
}

/// A name as it may stand in a file name.
///
/// # Errors
/// When the name has other characters than `a-z`, `0-9` and `-`, or is too long.
pub fn check_name(name: &str) -> Result<(), Problem> {
    let good = !name.is_empty()
        && name.len() <= AGENT_NAME_BYTES_MAX
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if good {
        return Ok(());
    }
    Err(Problem::new(Code::InvalidAgent, format!("'{name}' cannot be a name here"))
        .next(format!("give it one with --name: a-z, 0-9 and '-', at most {AGENT_NAME_BYTES_MAX}")))
}

/// Where a remote agent is, when it is a service.
pub(crate) fn service(program: &RemoteProgram) -> Option<&str> {
    match program {
        RemoteProgram::A2a(program) => Some(&program.peer.url),
        RemoteProgram::OpenApi(program) => Some(&program.document.url),
        RemoteProgram::Mcp(program) => match &program.server.endpoint {
            ServerEndpoint::Url { url, .. } => Some(url),
            ServerEndpoint::Command { .. } => None,
        },
    }
}

/// The command line of a remote agent that is started here; empty for services.
pub(crate) fn command(program: &RemoteProgram) -> &[String] {
    match program {
        RemoteProgram::Mcp(program) => match &program.server.endpoint {
            ServerEndpoint::Command { argv, .. } => argv,
            ServerEndpoint::Url { .. } => &[],
        },
        RemoteProgram::A2a(_) | RemoteProgram::OpenApi(_) => &[],
    }
}

/// Keeps what an agent wants to be shown, and nothing of one before it.
///
/// # Errors
/// When the system refuses.
pub(crate) fn store_credential(
    directory: &DataDirectory,
    name: &str,
    credential: Option<&Secret>,
) -> Result<(), Problem> {
    match credential {
        Some(credential) => directory.write(&credential_file(name), credential.expose().as_bytes()),
        None => directory.remove(&credential_file(name)),
    }
}

/// What an agent wants to be shown, when there is something.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn load_credential(
    directory: &DataDirectory,
    name: &str,
) -> Result<Option<Secret>, Problem> {
    let Some(bytes) = directory.read(&credential_file(name))? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| {
        let path = directory.path(&credential_file(name));
        Problem::new(Code::Corrupted, format!("{} is no text", path.display()))
            .next("remove it and add the agent again")
    })?;
    Ok(Some(Secret::new(text)))
}

fn credential_file(name: &str) -> String {
    format!("keys/agent-{name}.credential")
}

fn key_file(name: &str) -> String {
    format!("keys/agent-{name}.key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_calls_itself_becomes_a_name_that_is_taken() {
        for (said, name) in [
            ("lz4", "lz4"),
            ("Price desk", "price-desk"),
            ("PriceDesk", "price-desk"),
            ("mcp-servers/everything", "mcp-servers-everything"),
            ("  GitHub v3 REST API! ", "git-hub-v3-rest-api"),
        ] {
            assert_eq!(name_from(said), name);
            assert!(check_name(name).is_ok());
        }
        let long = "a ".repeat(AGENT_NAME_BYTES_MAX);
        assert!(check_name(&name_from(&long)).is_ok());
        let nameless = check_name(&name_from("天気")).unwrap_err();
        assert!(nameless.next_step.contains("--name"), "{nameless:?}");
    }
}
