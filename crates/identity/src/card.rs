//! Agent cards: what an agent is called, what it offers and what program it is.
//!
//! A card never changes. A new version is a new card that names the digest of the one before, so
//! that an agreement made under one card cannot be judged by another.
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use ainur_primitives::{CapabilityContract, ContentId, Did, Digest, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::error::{Error, at_most};

#[cfg(feature = "std")]
mod signed;

#[cfg(feature = "std")]
pub use signed::{AGENT_CARD_BYTES_MAX, SignedAgentCard};

/// What an agent says of itself.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
pub struct AgentCard {
    /// Kind and version of the document.
    #[serde(rename = "type", default)]
    pub kind: AgentCardKind,
    /// Whose card.
    pub did: Did,
    /// A name for people; it need not be unique.
    pub name: String,
    /// One paragraph for people and for search.
    pub description: String,
    /// Counted from one.
    pub version: u32,
    /// The digest of the card before; none in version one.
    pub previous: Option<Digest>,
    /// What it offers.
    pub capabilities: Vec<CapabilityContract>,
    /// What runs when it works.
    pub program: ProgramRef,
    /// When the card was written, as the agent says.
    pub created: Timestamp,
}

/// The kinds of agent card this version reads.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
pub enum AgentCardKind {
    /// The first.
    #[default]
    #[serde(rename = "ainur-agent-card-v1")]
    V1,
}

/// The program behind an agent.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ProgramRef {
    /// A WASM component, content-addressed: the same bytes wherever it runs.
    Component {
        /// Its bytes.
        content: ContentId,
    },
    /// A command on the seller's own machine, speaking over its standard streams.
    Command {
        /// Program and arguments, passed without a shell.
        argv: Vec<String>,
    },
    /// A service on the network.
    Service {
        /// What it speaks: `mcp`, `a2a`, `http`.
        protocol: String,
        /// Where it is.
        url: String,
    },
}

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// The longest description of a card or a capability, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 2048;
/// The most capabilities on one card.
pub const CAPABILITIES_MAX: usize = 64;
/// The largest schema, in bytes.
pub const SCHEMA_BYTES_MAX: usize = 64 << 10;
/// The longest media type, in bytes.
pub const MEDIA_TYPE_BYTES_MAX: usize = 128;
/// The most words of a command.
pub const ARGUMENTS_MAX: usize = 64;
/// The longest word of a command, in bytes.
pub const ARGUMENT_BYTES_MAX: usize = 4096;

impl AgentCard {
    /// Accepts a card within all limits whose version and predecessor fit together.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), Error> {
        check_line("the name", &self.name, NAME_BYTES_MAX)?;
        check_text("the description", &self.description, DESCRIPTION_BYTES_MAX)?;
        if self.version == 0 {
            return Err(Error::Chain("versions of a card are counted from one"));
        }
        if (self.version == 1) != self.previous.is_none() {
            return Err(Error::Chain("version one follows no card, and every later one does"));
        }
        if self.capabilities.is_empty() {
            return Err(Error::Empty("the list of capabilities"));
        }
        at_most("the number of capabilities", self.capabilities.len(), CAPABILITIES_MAX)?;
        let mut names = BTreeSet::new();
        for contract in &self.capabilities {
            if !names.insert(&contract.name) {
                return Err(Error::CapabilityTwice(contract.name.clone()));
            }
            check_contract(contract)?;
        }
        self.program.check()
    }

    /// True when the card offers this capability.
    pub fn contract(&self, name: &str) -> Option<&CapabilityContract> {
        self.capabilities.iter().find(|contract| contract.name.as_str() == name)
    }
}

impl ProgramRef {
    /// Accepts a program within the limits.
    ///
    /// # Errors
    /// When a command is empty, too long, or holds a NUL, which no command line can.
    pub fn check(&self) -> Result<(), Error> {
        let argv = match self {
            Self::Component { .. } => return Ok(()),
            Self::Service { protocol, url } => {
                at_most("a protocol's name, in bytes,", protocol.len(), NAME_BYTES_MAX)?;
                return at_most("a URL, in bytes,", url.len(), ARGUMENT_BYTES_MAX);
            }
            Self::Command { argv } => argv,
        };
        if argv.first().is_none_or(String::is_empty) {
            return Err(Error::Empty("the command"));
        }
        at_most("a command, in words,", argv.len(), ARGUMENTS_MAX)?;
        for word in argv {
            at_most("a word of a command, in bytes,", word.len(), ARGUMENT_BYTES_MAX)?;
            if word.contains('\0') {
                return Err(Error::ControlCharacter("a word of the command"));
            }
        }
        Ok(())
    }
}

fn check_contract(contract: &CapabilityContract) -> Result<(), Error> {
    check_text("a capability's description", &contract.description, DESCRIPTION_BYTES_MAX)?;
    at_most("an input schema, in bytes,", contract.input_schema.len(), SCHEMA_BYTES_MAX)?;
    at_most("an output schema, in bytes,", contract.output_schema.len(), SCHEMA_BYTES_MAX)?;
    if let Some(media_type) = &contract.input_media_type {
        check_line("an input media type", media_type, MEDIA_TYPE_BYTES_MAX)?;
    }
    check_line("an output media type", &contract.output_media_type, MEDIA_TYPE_BYTES_MAX)
}

/// Text that may be empty and may have several lines.
fn check_text(what: &'static str, text: &str, limit: usize) -> Result<(), Error> {
    at_most(what, text.len(), limit)?;
    let hidden = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    if text.chars().any(hidden) { Err(Error::ControlCharacter(what)) } else { Ok(()) }
}

/// Text of one line that says something.
fn check_line(what: &'static str, text: &str, limit: usize) -> Result<(), Error> {
    at_most(what, text.len(), limit)?;
    if text.trim().is_empty() {
        return Err(Error::Empty(what));
    }
    if text.chars().any(char::is_control) { Err(Error::ControlCharacter(what)) } else { Ok(()) }
}
