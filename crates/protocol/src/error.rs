//! Why a message is not written, read or believed.
use ainur_crypto::batch;
use ainur_primitives::{Did, Digest, MessageId};

use crate::limits::{LIFETIME_MS_MAX, MESSAGE_BYTES_MAX};
use crate::message::MessageType;

/// A message that is refused for what it is, whatever the conversation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More bytes than a message may have.
    #[error("the message has {0} bytes; at most {MESSAGE_BYTES_MAX} are taken")]
    TooLarge(usize),
    /// Not JSON, a missing or unknown field, or a field of another type.
    #[error("not a message of the expected shape: {0}")]
    Shape(#[source] serde_json::Error),
    /// The right content in another spelling.
    #[error("the message is not in canonical form (RFC 8785): byte {0} differs")]
    NotCanonical(usize),
    /// A message of another type than asked for.
    #[error("this is {found}, not {expected}")]
    OtherType {
        /// What was asked for.
        expected: MessageType,
        /// What it is.
        found: MessageType,
    },
    /// A type that this version does not know.
    #[error("'{0}' is not a message type of AACL v2")]
    UnknownType(String),
    /// An id that is not the digest of its message.
    #[error("the message says its id is {found}, but it is {expected}")]
    Id {
        /// The digest.
        expected: MessageId,
        /// The claim.
        found: MessageId,
    },
    /// No proof where one is needed.
    #[error("the message is not signed")]
    Unsigned,
    /// Signed by another party than it is from.
    #[error("the message is from {from} but signed by {signer}")]
    OtherSigner {
        /// The sender named.
        from: Did,
        /// The signer.
        signer: Did,
    },
    /// Signed by a party with keys that nobody knows.
    #[error("the keys of {signer} are not known")]
    UnknownKeys {
        /// The signer.
        signer: Did,
    },
    /// A wrong signature, or a path to another root.
    #[error("the proof does not hold")]
    Proof(#[from] batch::Error),
    /// Expires before or when it is created, or lives too long.
    #[error("a message expires after it is created, by at most {LIFETIME_MS_MAX}")]
    Lifetime,
    /// A recipient list or topic that is not one.
    #[error("recipients: {0}")]
    Recipients(&'static str),
    /// An optional field that cannot be carried.
    #[error("optional field '{name}': {problem}")]
    Extension {
        /// Which.
        name: String,
        /// Why.
        problem: &'static str,
    },
    /// A field whose value cannot be.
    #[error("{field}: {problem}")]
    Field {
        /// Which.
        field: &'static str,
        /// Why.
        problem: &'static str,
    },
    /// A digest in the message that is not of what it should be.
    #[error("{field} is {found}, but the digest is {expected}")]
    Digest {
        /// Which.
        field: &'static str,
        /// The digest.
        expected: Digest,
        /// The claim.
        found: Digest,
    },
}

impl Error {
    pub(crate) const fn field(field: &'static str, problem: &'static str) -> Self {
        Self::Field { field, problem }
    }
}
