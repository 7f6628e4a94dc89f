//! What an agent offers: a name, and the contract behind it.
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::amount::Amount;
use crate::time::DurationMs;

/// A capability as `noun.verb`: two or more parts of `a-z`, `0-9` and `-`, joined by dots.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode, DecodeWithMemTracking,
)]
pub struct CapabilityName(String);

/// The longest capability name, in bytes.
pub const CAPABILITY_NAME_BYTES_MAX: usize = 128;

/// A capability name that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a capability: write noun.verb in a-z, 0-9 and '-', such as archive.compress \
     (at most {CAPABILITY_NAME_BYTES_MAX} bytes)"
)]
pub struct CapabilityNameError(pub String);

impl CapabilityName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CapabilityName {
    type Err = CapabilityNameError;

    fn from_str(text: &str) -> Result<Self, CapabilityNameError> {
        let part_is_good = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let good = text.len() <= CAPABILITY_NAME_BYTES_MAX
            && text.contains('.')
            && text.split('.').all(part_is_good);
        if good { Ok(Self(text.into())) } else { Err(CapabilityNameError(text.into())) }
    }
}

impl fmt::Display for CapabilityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::digest::serde_as_text!(CapabilityName);

/// What a call may touch beyond its own input and output. All false means a pure function.
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
#[serde(default, deny_unknown_fields)]
pub struct Effects {
    /// Reads state outside its input.
    pub read_only: bool,
    /// Changes state outside its output.
    pub mutates: bool,
    /// Talks to the network.
    pub network: bool,
    /// Reads or writes files it was granted.
    pub storage: bool,
    /// Needs rights beyond an ordinary user's.
    pub privileged: bool,
}

/// How carefully the input has to be treated.
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
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// Anyone may see it.
    #[default]
    Public,
    /// Only the parties may see it.
    Internal,
    /// Only the executor may see it.
    Confidential,
}

/// The service level an agent claims.
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
#[serde(default, deny_unknown_fields)]
pub struct ServiceLevel {
    /// Typical time of one call, when claimed.
    pub duration_ms: Option<DurationMs>,
    /// How many calls it takes at once, when limited.
    pub concurrency_max: Option<u32>,
}

/// What an agent promises about one capability (R7.4).
///
/// A call has *parameters*, a JSON value that `input_schema` describes, and an *input*, a stream of
/// bytes of `input_media_type` (none when the capability takes parameters only). Its *output* is a
/// stream of bytes; when `output_media_type` is `application/json`, `output_schema` describes it.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct CapabilityContract {
    /// `noun.verb`.
    pub name: CapabilityName,
    /// One sentence for people and for search.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of the parameters, as JSON text; `true` accepts anything.
    #[serde(default = "any_schema")]
    pub input_schema: String,
    /// Media type of the input stream; `None` when there is none.
    #[serde(default)]
    pub input_media_type: Option<String>,
    /// JSON Schema of a JSON output, as JSON text.
    #[serde(default = "any_schema")]
    pub output_schema: String,
    /// Media type of the output stream.
    #[serde(default = "octets")]
    pub output_media_type: String,
    /// What a call may touch.
    #[serde(default)]
    pub effects: Effects,
    /// How carefully input has to be treated.
    #[serde(default)]
    pub sensitivity: Sensitivity,
    /// A repeated call does no further harm.
    #[serde(default)]
    pub idempotent: bool,
    /// The same call always gives the same bytes, so that it can be checked by running it again.
    #[serde(default)]
    pub deterministic: bool,
    /// The agent can say what it would do without doing it.
    #[serde(default)]
    pub dry_run: bool,
    /// A usual price, for people; bids decide.
    #[serde(default)]
    pub price_hint: Option<Amount>,
    /// The service level claimed.
    #[serde(default)]
    pub service_level: ServiceLevel,
}

impl CapabilityContract {
    /// A call that may have been made can be made again. What goes over the network may change
    /// things there.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.idempotent || self.deterministic || !(self.effects.mutates || self.effects.network)
    }
}

fn any_schema() -> String {
    "true".into()
}

fn octets() -> String {
    "application/octet-stream".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_noun_verb() {
        for good in ["archive.compress", "text.index.build", "a1.b-2"] {
            assert!(good.parse::<CapabilityName>().is_ok(), "{good}");
        }
        for bad in ["compress", "", ".", "a.", ".b", "A.b", "a..b", "a.b c", "a.b/c"] {
            assert!(bad.parse::<CapabilityName>().is_err(), "{bad}");
        }
    }
}
