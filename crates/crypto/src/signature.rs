//! Hybrid signatures: Ed25519 and ML-DSA-65 over the same bytes, and both must verify.
//!
//! The bytes signed are the length of the domain (four bytes, little-endian), the domain, and the
//! message. There is no value of these types in which a half is absent, and no call that accepts
//! one half alone, so an attacker cannot talk a verifier down to the weaker primitive.
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

#[cfg(feature = "std")]
mod hybrid;

#[cfg(feature = "std")]
pub use hybrid::{HybridVerifier, SIGNING_KEY_BYTES, SigningKey, SigningKeyError};

/// Length of an ML-DSA-65 public key (FIPS 204).
pub const ML_DSA_65_PUBLIC_KEY_BYTES: usize = 1952;
/// Length of an ML-DSA-65 signature (FIPS 204).
pub const ML_DSA_65_SIGNATURE_BYTES: usize = 3309;

/// What verifies a party's signatures.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct PublicKeys {
    /// Ed25519 (RFC 8032).
    #[serde(with = "crate::base64url")]
    pub ed25519: [u8; 32],
    /// ML-DSA-65 (FIPS 204).
    #[serde(with = "crate::base64url")]
    pub ml_dsa_65: Box<[u8; ML_DSA_65_PUBLIC_KEY_BYTES]>,
}

/// Both signatures over one message.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct HybridSignature {
    /// Ed25519 (RFC 8032).
    #[serde(with = "crate::base64url")]
    pub ed25519: [u8; 64],
    /// ML-DSA-65 (FIPS 204).
    #[serde(with = "crate::base64url")]
    pub ml_dsa_65: Box<[u8; ML_DSA_65_SIGNATURE_BYTES]>,
}

/// Why a signature was refused: which half failed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SignatureError {
    /// The Ed25519 key is not a point, or one for which anybody can sign.
    #[error("the Ed25519 key is not a key")]
    Ed25519Key,
    /// The Ed25519 signature does not match.
    #[error("the Ed25519 half of the signature does not match")]
    Ed25519,
    /// The ML-DSA-65 key is not a key, or one for which anybody can sign.
    #[error("the ML-DSA-65 key is not a key")]
    MlDsa65Key,
    /// The ML-DSA-65 signature does not match.
    #[error("the ML-DSA-65 half of the signature does not match")]
    MlDsa65,
}

/// Checks signatures. The ledger and the rules of identity take one as an argument and so need no
/// cryptographic library themselves.
pub trait Verifier {
    /// Accepts only when both halves of the signature are by these keys, for this domain and
    /// message.
    ///
    /// # Errors
    /// Which half failed.
    fn verify(
        &self,
        keys: &PublicKeys,
        domain: &str,
        message: &[u8],
        signature: &HybridSignature,
    ) -> Result<(), SignatureError>;
}

/// The bytes both primitives sign.
pub fn signed_bytes(domain: &str, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(domain.len()).expect("a domain is a short constant");
    let mut bytes = Vec::with_capacity(4 + domain.len() + message.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(domain.as_bytes());
    bytes.extend_from_slice(message);
    bytes
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKeys({})", crate::hash::sha256(&[&self.encode()]).short())
    }
}

impl fmt::Debug for HybridSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HybridSignature({})", crate::hash::sha256(&[&self.encode()]).short())
    }
}
