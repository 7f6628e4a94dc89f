//! Hybrid key agreement and sealed boxes: X25519 and ML-KEM-768 together, then ChaCha20-Poly1305.
//!
//! A box opens only with both private keys and the associated data it was sealed with. Both shared
//! secrets, both public keys and both ciphertexts enter the key derivation (HKDF-SHA256), so
//! the box stays closed while either primitive holds.
use alloc::boxed::Box;
use core::fmt;

use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

#[cfg(feature = "std")]
mod key;
#[cfg(feature = "std")]
mod sealed_box;

#[cfg(feature = "std")]
pub use key::{AGREEMENT_KEY_BYTES, AgreementKey, AgreementKeyError};
#[cfg(feature = "std")]
pub use sealed_box::{Error, SEALED_OVERHEAD_BYTES, SEALED_PLAINTEXT_BYTES_MAX, seal};

/// Length of an ML-KEM-768 encapsulation key (FIPS 203).
pub const ML_KEM_768_PUBLIC_KEY_BYTES: usize = 1184;

/// What seals a box to a party.
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
pub struct AgreementPublicKeys {
    /// X25519 (RFC 7748).
    #[serde(with = "crate::base64url")]
    pub x25519: [u8; 32],
    /// ML-KEM-768 (FIPS 203).
    #[serde(with = "crate::base64url")]
    pub ml_kem_768: Box<[u8; ML_KEM_768_PUBLIC_KEY_BYTES]>,
}

impl fmt::Debug for AgreementPublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgreementPublicKeys({})", crate::hash::sha256(&[&self.encode()]).short())
    }
}
