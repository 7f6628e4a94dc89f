//! The public keys of a party and what they require, as they are hashed and signed.
use ainur_crypto::hash::tagged;
use ainur_crypto::{AgreementPublicKeys, PublicKeys};
use ainur_primitives::{Did, Digest};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Everything public about one version of a party's keys.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct KeyMaterial {
    /// What verifies signatures.
    pub signing: PublicKeys,
    /// What seals boxes.
    pub agreement: AgreementPublicKeys,
    /// What a signature must satisfy.
    pub required: SignaturePolicy,
}

/// What a signature must satisfy to count as the party's. It is inside the signed keys, so only the
/// party itself can change it.
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
pub enum SignaturePolicy {
    /// Ed25519 and ML-DSA-65 both verify.
    #[default]
    Hybrid,
    /// Ed25519 alone verifies. For peers of other DID methods that have no other key; never
    /// accepted for a `did:ainur`.
    Classical,
}

const DID_TAG: &str = "ainur/did/v1";

impl KeyMaterial {
    /// Keys that require both signatures.
    pub fn hybrid(signing: PublicKeys, agreement: AgreementPublicKeys) -> Self {
        Self { signing, agreement, required: SignaturePolicy::Hybrid }
    }

    /// The digest of these keys.
    pub fn digest(&self) -> Digest {
        tagged(DID_TAG, &[&self.encode()])
    }

    /// The identity that begins with these keys.
    pub fn did(&self) -> Did {
        Did(self.digest())
    }

    /// Accepts keys fit for a `did:ainur`.
    ///
    /// # Errors
    /// When they would accept classical signatures.
    pub fn check(&self) -> Result<(), Error> {
        match self.required {
            SignaturePolicy::Hybrid => Ok(()),
            SignaturePolicy::Classical => Err(Error::Downgrade),
        }
    }
}
