//! Names of parties and things. Each is a digest with a type, so that one is never taken for
//! another.
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use data_encoding::BASE32_NOPAD;
use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::{Digest, DigestError, serde_as_text};

/// A party: the digest of its first key document, shown as `did:ainur:` and base32.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
)]
pub struct Did(pub Digest);

/// A DID that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a DID reads 'did:ainur:' and 52 characters a-z2-7")]
pub struct DidError;

const DID_PREFIX: &str = "did:ainur:";

impl Did {
    /// The prefix and the first eight characters, for tables.
    pub fn short(&self) -> String {
        self.to_string()[..DID_PREFIX.len() + 8].into()
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DID_PREFIX}{}", BASE32_NOPAD.encode(&self.0.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Did {
    type Err = DidError;

    fn from_str(text: &str) -> Result<Self, DidError> {
        let body = text.strip_prefix(DID_PREFIX).ok_or(DidError)?;
        if body.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(DidError);
        }
        let bytes =
            BASE32_NOPAD.decode(body.to_ascii_uppercase().as_bytes()).map_err(|_| DidError)?;
        bytes.try_into().map(|bytes| Self(Digest(bytes))).map_err(|_| DidError)
    }
}

serde_as_text!(Did);

macro_rules! digest_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode,
            DecodeWithMemTracking, MaxEncodedLen,
        )]
        pub struct $name(pub Digest);

        impl $name {
            /// The first eight hex digits, for tables.
            pub fn short(&self) -> String {
                self.0.short()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = DigestError;

            fn from_str(text: &str) -> Result<Self, DigestError> {
                text.parse().map(Self)
            }
        }

        serde_as_text!($name);
    )*};
}

digest_id! {
    /// A task: one wish of one buyer, from call to receipt.
    TaskId,
    /// A coalition: agents that bid for one task together.
    CoalitionId,
    /// A budget: an upper bound on spending, perhaps inside another.
    BudgetId,
    /// A message of the protocol.
    MessageId,
    /// A conversation: the messages about one task.
    ConversationId,
    /// A negotiation: the digest of the rules it is held by.
    NegotiationId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn did_reads_back_what_it_shows() {
        let did = Did(Digest([9; 32]));
        assert_eq!(did.to_string().len(), 62);
        assert_eq!(did.to_string().parse(), Ok(did));
        assert_eq!("did:key:z6Mk".parse::<Did>(), Err(DidError));
    }
}
