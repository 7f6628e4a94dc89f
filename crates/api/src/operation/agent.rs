//! Agents to add: what runs, what it costs, who keeps its key.
use std::collections::BTreeMap;
use std::fmt;

use ainur_market::negotiation::TacticName;
use ainur_market::strategy::StrategyChoice;
use ainur_primitives::{Amount, CapabilityName, ContentId, PenaltyClause, Ppm, SharingMethod};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OwnKey;
use crate::schema;

/// An agent to add.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentAdd {
    /// A short name, unique on the node; the manifest's when absent.
    pub name: Option<String>,
    /// What runs.
    pub program: ProgramSource,
    /// Fixed price per capability call; required for programs that cannot quote themselves, unless
    /// each capability has a price of its own.
    #[schemars(with = "Option<schema::Amount>")]
    pub price: Option<Amount>,
    /// Prices of single capabilities, where they differ.
    #[serde(default)]
    #[schemars(with = "schema::Prices")]
    pub prices: BTreeMap<CapabilityName, Amount>,
    /// How it concedes in a negotiation.
    #[serde(default)]
    #[schemars(with = "schema::TacticName")]
    pub tactic: TacticName,
    /// How its bids are made from what it quotes or its fixed price, which is then what the work
    /// costs it; without one, that is the bid.
    #[serde(default)]
    #[schemars(with = "Option<schema::StrategyChoice>")]
    pub strategy: Option<StrategyChoice>,
    /// Stake to bond for it; the node's default when absent.
    #[schemars(with = "Option<schema::Amount>")]
    pub stake: Option<Amount>,
    /// The capability to offer when the program does not describe itself.
    #[schemars(with = "Option<schema::CapabilityName>")]
    pub capability: Option<CapabilityName>,
    /// What it saves in company, when it is to bid together with others on tasks of several parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Box<TeamDraft>>,
    /// It keeps its own key: the node signs nothing for it. Without one, the node makes a key for
    /// the agent and keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_key: Option<OwnKey>,
}

/// What an agent saves when it works together with others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamDraft {
    /// This share of its price, on every part in whose stage a partner works, too.
    #[schemars(with = "schema::Ppm")]
    pub saving: Ppm,
    /// Names or DIDs of those it works well with; nobody named means everybody.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub partners: Vec<String>,
    /// How a coalition that it leads divides what it is paid above its members' prices.
    #[serde(default)]
    #[schemars(with = "schema::SharingMethod")]
    pub sharing: SharingMethod,
    /// What members of a coalition that it leads pay when they fail or are late, in shares of their
    /// bonds and on top of what failing costs anyway.
    #[serde(default)]
    #[schemars(with = "Vec<schema::PenaltyClause>", length(max = 16))]
    pub penalties: Vec<PenaltyClause>,
    /// What is withheld at most, of what members of a coalition that it leads are paid above their
    /// prices, until the task ends: it pays for backups that ask more than whom they follow.
    #[serde(default)]
    #[schemars(with = "Option<schema::Amount>")]
    pub insurance: Option<Amount>,
    /// The most it pledges for such clauses, as a share of its bond: it stays out of coalitions
    /// whose clauses could cost it more. Half of the bond when absent.
    #[serde(default)]
    #[schemars(with = "Option<schema::Ppm>")]
    pub pledge_max: Option<Ppm>,
}

/// Where an agent's program is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ProgramSource {
    /// A WASM component already stored as a blob.
    Component {
        /// Its content id.
        #[schemars(with = "schema::ContentId")]
        content: ContentId,
    },
    /// A program on this machine; the first word is an absolute path.
    Command {
        /// Program and fixed arguments.
        argv: Vec<String>,
        /// It needs the network.
        network: bool,
        /// When it does not describe itself, it may be an MCP server on its standard streams.
        #[serde(default)]
        or_mcp: bool,
    },
    /// An MCP server that is started here and speaks on its standard input and output.
    McpCommand(McpCommand),
    /// A service elsewhere; the node finds out what it speaks.
    Url(ServicePlace),
}

/// An MCP server on this machine, and what it is granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct McpCommand {
    /// Program and fixed arguments.
    pub argv: Vec<String>,
    /// It may use the network.
    pub network: bool,
    /// Folders and files it may read.
    pub readable: Vec<String>,
    /// Folders and files it may change.
    pub writable: Vec<String>,
    /// Variables of its environment.
    pub environment: BTreeMap<String, String>,
}

/// Where a service is, and what it wants to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServicePlace {
    /// Where it is.
    pub url: String,
    /// It may be on this machine or a private network.
    pub allow_private: bool,
    /// What it wants to be shown.
    pub credential: Option<Credential>,
    /// The header the credential is sent in; `Authorization: Bearer` when absent.
    pub credential_header: Option<String>,
}

/// A secret on its way to the node, which keeps it in a file of its own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Credential(pub String);

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(hidden)")
    }
}
