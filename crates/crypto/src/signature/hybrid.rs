//! Signing and verifying with the shipped libraries: ed25519-dalek and AWS-LC.
//!
//! Ed25519 is checked strictly (one encoding, no small-order points), so that a signature cannot be
//! altered into another valid one and all nodes agree. Signing is randomised by AWS-LC: two
//! signatures over the same message differ.
use core::fmt;

use aws_lc_rs::signature::{
    KeyPair as _, ML_DSA_65, ML_DSA_65_SIGNING, PqdsaKeyPair, UnparsedPublicKey,
};
use ed25519_dalek::Signer as _;
use zeroize::Zeroizing;

use super::{HybridSignature, PublicKeys, SignatureError, Verifier, signed_bytes};
use crate::entropy::{self, random_bytes};
use crate::hash::tagged;

/// Both private keys of a party. They are wiped from memory when this is dropped.
///
/// ```
/// use ainur_crypto::{HybridVerifier, SigningKey, Verifier};
/// let key = SigningKey::generate().unwrap();
/// let signature = key.sign("example/v1", b"hello");
/// let keys = key.public();
/// assert!(HybridVerifier.verify(&keys, "example/v1", b"hello", &signature).is_ok());
/// assert!(HybridVerifier.verify(&keys, "example/v2", b"hello", &signature).is_err());
/// ```
pub struct SigningKey {
    ed25519: ed25519_dalek::SigningKey,
    ml_dsa_65: PqdsaKeyPair,
    ml_dsa_65_seed: Zeroizing<[u8; 32]>,
    public: PublicKeys,
}

/// Length of [`SigningKey::to_bytes`]: a version byte and two seeds.
pub const SIGNING_KEY_BYTES: usize = 65;
const SIGNING_KEY_VERSION: u8 = 1;
const FROM_SEED_TAG: &str = "ainur/signing-key-from-seed/v1";

/// A signing key that could not be made or read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SigningKeyError {
    /// No randomness for a new key.
    #[error("cannot generate a signing key")]
    Entropy(#[from] entropy::Error),
    /// Stored in a format this version does not know.
    #[error("the signing key has version {0}; this program reads version {SIGNING_KEY_VERSION}")]
    Version(u8),
    /// Not the length of a stored key.
    #[error("a stored signing key has {SIGNING_KEY_BYTES} bytes, not {0}")]
    Length(usize),
    /// AWS-LC refused the ML-DSA-65 seed.
    #[error("the ML-DSA-65 seed was refused")]
    MlDsa65,
}

impl SigningKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate() -> Result<Self, SigningKeyError> {
        Self::from_halves(
            &Zeroizing::new(random_bytes::<32>()?),
            Zeroizing::new(random_bytes::<32>()?),
        )
    }

    /// The key that follows from a seed: for simulations and tests, which must repeat.
    ///
    /// # Errors
    /// When AWS-LC refuses the key.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SigningKeyError> {
        let half = |name: &[u8]| Zeroizing::new(tagged(FROM_SEED_TAG, &[name, seed]).0);
        Self::from_halves(&half(b"ed25519"), half(b"ml-dsa-65"))
    }

    /// Reads what [`SigningKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// When it is another format or length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SigningKeyError> {
        match bytes.first() {
            Some(&SIGNING_KEY_VERSION) | None => {}
            Some(&other) => return Err(SigningKeyError::Version(other)),
        }
        let seeds: &[u8; SIGNING_KEY_BYTES] =
            bytes.try_into().map_err(|_| SigningKeyError::Length(bytes.len()))?;
        let mut ed25519 = Zeroizing::new([0; 32]);
        let mut ml_dsa_65 = Zeroizing::new([0; 32]);
        ed25519.copy_from_slice(&seeds[1..33]);
        ml_dsa_65.copy_from_slice(&seeds[33..]);
        Self::from_halves(&ed25519, ml_dsa_65)
    }

    /// The key for storage: a version byte, the Ed25519 seed, the ML-DSA-65 seed.
    pub fn to_bytes(&self) -> Zeroizing<[u8; SIGNING_KEY_BYTES]> {
        let mut bytes = Zeroizing::new([0; SIGNING_KEY_BYTES]);
        bytes[0] = SIGNING_KEY_VERSION;
        bytes[1..33].copy_from_slice(self.ed25519.as_bytes());
        bytes[33..].copy_from_slice(self.ml_dsa_65_seed.as_ref());
        bytes
    }

    /// What verifies the signatures of this key.
    pub fn public(&self) -> PublicKeys {
        self.public.clone()
    }

    /// Signs a message for a domain with both keys.
    pub fn sign(&self, domain: &str, message: &[u8]) -> HybridSignature {
        let bytes = signed_bytes(domain, message);
        let mut ml_dsa_65 = Box::new([0; super::ML_DSA_65_SIGNATURE_BYTES]);
        let written = self
            .ml_dsa_65
            .sign(&bytes, ml_dsa_65.as_mut_slice())
            .expect("AWS-LC signs with a key it made, and aborts when out of memory or entropy");
        assert_eq!(written, ml_dsa_65.len(), "FIPS 204 fixes the length of a signature");
        HybridSignature { ed25519: self.ed25519.sign(&bytes).to_bytes(), ml_dsa_65 }
    }

    /// Signs bytes with the Ed25519 half alone, for formats of others that know no more (JOSE).
    /// Their signed bytes are ASCII text; those of [`SigningKey::sign`] never are, so that one
    /// cannot pass for the other.
    pub fn sign_jose(&self, input: &str) -> [u8; 64] {
        self.ed25519.sign(input.as_bytes()).to_bytes()
    }

    fn from_halves(
        ed25519: &Zeroizing<[u8; 32]>,
        ml_dsa_65_seed: Zeroizing<[u8; 32]>,
    ) -> Result<Self, SigningKeyError> {
        let ed25519 = ed25519_dalek::SigningKey::from_bytes(ed25519);
        let ml_dsa_65 = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, ml_dsa_65_seed.as_ref())
            .map_err(|_| SigningKeyError::MlDsa65)?;
        let public_ml_dsa_65 = ml_dsa_65.public_key().as_ref().to_vec();
        let public = PublicKeys {
            ed25519: ed25519.verifying_key().to_bytes(),
            ml_dsa_65: public_ml_dsa_65.try_into().map_err(|_| SigningKeyError::MlDsa65)?,
        };
        Ok(Self { ed25519, ml_dsa_65, ml_dsa_65_seed, public })
    }
}

impl fmt::Debug for SigningKey {
    /// Shows the public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// The verifier of the running system.
#[derive(Clone, Copy, Debug, Default)]
pub struct HybridVerifier;

impl Verifier for HybridVerifier {
    fn verify(
        &self,
        keys: &PublicKeys,
        domain: &str,
        message: &[u8],
        signature: &HybridSignature,
    ) -> Result<(), SignatureError> {
        let bytes = signed_bytes(domain, message);
        verify_ed25519(&keys.ed25519, &bytes, &signature.ed25519)?;
        verify_ml_dsa_65(&keys.ml_dsa_65, &bytes, &signature.ml_dsa_65)
    }
}

fn verify_ed25519(
    key: &[u8; 32],
    bytes: &[u8],
    signature: &[u8; 64],
) -> Result<(), SignatureError> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(key)
        .ok()
        .filter(|key| !key.is_weak())
        .ok_or(SignatureError::Ed25519Key)?;
    key.verify_strict(bytes, &ed25519_dalek::Signature::from_bytes(signature))
        .map_err(|_| SignatureError::Ed25519)
}

fn verify_ml_dsa_65(
    key: &[u8; super::ML_DSA_65_PUBLIC_KEY_BYTES],
    bytes: &[u8],
    signature: &[u8; super::ML_DSA_65_SIGNATURE_BYTES],
) -> Result<(), SignatureError> {
    // After the 32 bytes of the matrix seed comes t1. When it is zero anybody can sign, which
    // would make the key classical-only in disguise; FIPS 204 does not forbid it.
    if key[32..].iter().all(|byte| *byte == 0) {
        return Err(SignatureError::MlDsa65Key);
    }
    UnparsedPublicKey::new(&ML_DSA_65, key)
        .verify(bytes, signature)
        .map_err(|_| SignatureError::MlDsa65)
}

#[cfg(test)]
mod vectors;
