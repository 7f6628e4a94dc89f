//! Everything that can be wrong with an identity, a key document or an agent card.
use ainur_crypto::{SignatureError, batch};
use ainur_primitives::{CapabilityName, Did};

/// Why an identity, a key document or a card was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The keys ask for less than this kind of identity needs.
    #[error("a did:ainur identity requires hybrid signatures; these keys allow classical ones")]
    Downgrade,
    /// The DID is not the digest of its first keys.
    #[error("the keys do not belong to {0}")]
    NotTheseKeys(Did),
    /// About another identity than the one at hand.
    #[error("this is about {found}, not {expected}")]
    AnotherIdentity {
        /// The identity at hand.
        expected: Did,
        /// The one named.
        found: Did,
    },
    /// Signed with or for another version of the keys.
    #[error("key version {found} where {expected} is due")]
    KeyVersion {
        /// The version that is due.
        expected: u32,
        /// The one named.
        found: u32,
    },
    /// No further rotation is possible.
    #[error("the keys have been rotated as often as can be counted")]
    KeyVersionsExhausted,
    /// The identity was deactivated, which is final.
    #[error("{0} has been deactivated")]
    Deactivated(Did),
    /// Rotation has to replace both signing keys.
    #[error("a rotation must replace both signing keys")]
    KeyReused,
    /// The signing key at hand is not the one in the material.
    #[error("the signing key does not match the public keys")]
    AnotherSigningKey,
    /// The signature of the old key is wrong.
    #[error("the old key did not sign the rotation")]
    OldKeySignature(#[source] SignatureError),
    /// The signature of the new key is wrong.
    #[error("the new key did not sign the rotation")]
    NewKeySignature(#[source] SignatureError),
    /// A document's proof does not verify.
    #[error("the document is not signed by {signer} with key version {key_version}")]
    Proof {
        /// Who should have signed.
        signer: Did,
        /// With which key.
        key_version: u32,
        /// What does not fit.
        #[source]
        source: batch::Error,
    },
    /// Too few or too many proofs.
    #[error("{found} proofs where {expected} are due")]
    ProofCount {
        /// How many are due.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A version does not follow the one before it.
    #[error("this version does not name the one before it: {0}")]
    Chain(&'static str),
    /// A limit is exceeded.
    #[error("{what} is at most {limit}, not {found}")]
    Limit {
        /// What is limited, with its unit.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// What was found.
        found: usize,
    },
    /// Something that has to be there is empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A text that would not show as it is written.
    #[error("{0} contains control characters")]
    ControlCharacter(&'static str),
    /// A capability is listed twice.
    #[error("the capability {0} is listed twice")]
    CapabilityTwice(CapabilityName),
    /// A schema is not JSON.
    #[cfg(feature = "std")]
    #[error("a schema of {capability} is not JSON")]
    Schema {
        /// Of which capability.
        capability: CapabilityName,
        /// Where it goes wrong.
        #[source]
        source: serde_json::Error,
    },
    /// Not a canonical document.
    #[cfg(feature = "std")]
    #[error("the document cannot be read")]
    Document(#[from] ainur_primitives::canonical_json::CanonicalJsonError),
}

/// Refuses more than the limit.
pub(crate) fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), Error> {
    if found > limit { Err(Error::Limit { what, limit, found }) } else { Ok(()) }
}
