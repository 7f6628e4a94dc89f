//! Whom a message is for.
use std::fmt;
use std::str::FromStr;

use ainur_primitives::Did;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::error::Error;
use crate::limits::{RECIPIENTS_MAX, TOPIC_BYTES_MAX};

/// One party, a list of parties, or whoever listens to a topic.
///
/// In JSON: a DID, a list of two or more different DIDs, or `topic:` and a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// This party.
    One(Did),
    /// These parties; at least two, all different.
    Many(Vec<Did>),
    /// Everyone who listens.
    Topic(Topic),
}

impl Recipients {
    /// True when the message is addressed to this party by name.
    pub fn names(&self, party: &Did) -> bool {
        match self {
            Self::One(one) => one == party,
            Self::Many(many) => many.contains(party),
            Self::Topic(_) => false,
        }
    }

    /// Checks that a list is one.
    ///
    /// # Errors
    /// For a list of less than two, of too many, or with a repetition.
    pub fn validate(&self) -> Result<(), Error> {
        let Self::Many(many) = self else { return Ok(()) };
        if many.len() < 2 {
            return Err(Error::Recipients("a list names at least two parties"));
        }
        if many.len() > RECIPIENTS_MAX {
            return Err(Error::Recipients("a list names at most 64 parties; use a topic"));
        }
        let repeated = (1..many.len()).any(|place| many[..place].contains(&many[place]));
        if repeated { Err(Error::Recipients("a party is named twice")) } else { Ok(()) }
    }
}

impl Serialize for Recipients {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(one) => one.serialize(serializer),
            Self::Many(many) => many.serialize(serializer),
            Self::Topic(topic) => serializer.collect_str(topic),
        }
    }
}

impl<'de> Deserialize<'de> for Recipients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            List(Vec<Did>),
        }
        let recipients = match Form::deserialize(deserializer)? {
            Form::Text(text) if text.starts_with(TOPIC_PREFIX) => {
                Self::Topic(text.parse().map_err(D::Error::custom)?)
            }
            Form::Text(text) => Self::One(text.parse().map_err(D::Error::custom)?),
            Form::List(many) => Self::Many(many),
        };
        recipients.validate().map_err(D::Error::custom)?;
        Ok(recipients)
    }
}

const TOPIC_PREFIX: &str = "topic:";

/// A topic: `topic:` and a name of `a-z`, `0-9`, `.`, `-` and `/`, such as
/// `topic:call/archive.compress`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(String);

impl Topic {
    /// The name without `topic:`.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl FromStr for Topic {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-/".contains(&byte);
        text.strip_prefix(TOPIC_PREFIX)
            .filter(|name| !name.is_empty() && name.len() <= TOPIC_BYTES_MAX)
            .filter(|name| name.bytes().all(plain))
            .map(|name| Self(name.into()))
            .ok_or(Error::Recipients("a topic reads 'topic:' and a name of a-z 0-9 . - /"))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TOPIC_PREFIX}{}", self.0)
    }
}
