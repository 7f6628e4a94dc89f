//! The private keys of an agreement, as AWS-LC and x25519-dalek keep them.
//!
//! AWS-LC gives no seed for an ML-KEM key, so the expanded decapsulation key of FIPS 203 is stored.
//! It contains the encapsulation key and its SHA3-256 hash; both are checked when it is read.
use core::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::kem::{self, DecapsulationKey, EncapsulationKey, ML_KEM_768};
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::Zeroizing;

use super::{AgreementPublicKeys, ML_KEM_768_PUBLIC_KEY_BYTES};
use crate::entropy::{self, random_bytes};

/// Both private keys of a party for opening boxes. They are wiped from memory when this is dropped.
pub struct AgreementKey {
    pub(super) x25519: StaticSecret,
    ml_kem_768: DecapsulationKey,
    ml_kem_768_bytes: Zeroizing<Vec<u8>>,
    pub(super) public: AgreementPublicKeys,
}

/// Length of an expanded ML-KEM-768 decapsulation key (FIPS 203).
const DECAPSULATION_KEY_BYTES: usize = 2400;
/// Where in it the encapsulation key begins; 32 bytes of hash and 32 of rejection secret follow.
const ENCAPSULATION_KEY_AT: usize = 1152;
/// Length of [`AgreementKey::to_bytes`]: a version byte, the X25519 secret, the decapsulation key.
pub const AGREEMENT_KEY_BYTES: usize = 1 + 32 + DECAPSULATION_KEY_BYTES;
const AGREEMENT_KEY_VERSION: u8 = 1;

/// An agreement key that could not be made or read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AgreementKeyError {
    /// No randomness for a new key.
    #[error("cannot generate an agreement key")]
    Entropy(#[from] entropy::Error),
    /// AWS-LC could not generate a key.
    #[error("cannot generate an ML-KEM-768 key")]
    Generate,
    /// Stored in a format this version does not know.
    #[error(
        "the agreement key has version {0}; this program reads version {AGREEMENT_KEY_VERSION}"
    )]
    Version(u8),
    /// Not the length of a stored key.
    #[error("a stored agreement key has {AGREEMENT_KEY_BYTES} bytes, not {0}")]
    Length(usize),
    /// Altered since it was stored.
    #[error("the ML-KEM-768 key is damaged")]
    Damaged,
}

impl AgreementKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate() -> Result<Self, AgreementKeyError> {
        let x25519 = Zeroizing::new(random_bytes::<32>()?);
        let ml_kem_768 =
            DecapsulationKey::generate(&ML_KEM_768).map_err(|_| AgreementKeyError::Generate)?;
        let bytes = ml_kem_768.key_bytes().map_err(|_| AgreementKeyError::Generate)?;
        Self::from_halves(&x25519, Zeroizing::new(bytes.as_ref().to_vec()))
    }

    /// Reads what [`AgreementKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// When it is another format or length, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AgreementKeyError> {
        match bytes.first() {
            Some(&AGREEMENT_KEY_VERSION) | None => {}
            Some(&other) => return Err(AgreementKeyError::Version(other)),
        }
        if bytes.len() != AGREEMENT_KEY_BYTES {
            return Err(AgreementKeyError::Length(bytes.len()));
        }
        let mut x25519 = Zeroizing::new([0; 32]);
        x25519.copy_from_slice(&bytes[1..33]);
        Self::from_halves(&x25519, Zeroizing::new(bytes[33..].to_vec()))
    }

    /// The key for storage: a version byte, the X25519 secret, the expanded ML-KEM-768 key.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(AGREEMENT_KEY_BYTES));
        bytes.push(AGREEMENT_KEY_VERSION);
        bytes.extend_from_slice(self.x25519.as_bytes());
        bytes.extend_from_slice(&self.ml_kem_768_bytes);
        bytes
    }

    /// What seals boxes to this key.
    pub fn public(&self) -> AgreementPublicKeys {
        self.public.clone()
    }

    /// The ML-KEM-768 shared secret in a ciphertext; another secret when it was altered.
    pub(super) fn decapsulate(&self, ciphertext: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        shared(&self.ml_kem_768.decapsulate(ciphertext.into()).ok()?)
    }

    fn from_halves(
        x25519: &Zeroizing<[u8; 32]>,
        ml_kem_768_bytes: Zeroizing<Vec<u8>>,
    ) -> Result<Self, AgreementKeyError> {
        let ml_kem_768 = DecapsulationKey::new(&ML_KEM_768, &ml_kem_768_bytes)
            .map_err(|_| AgreementKeyError::Damaged)?;
        let encapsulation_key = checked_encapsulation_key(&ml_kem_768_bytes, &ml_kem_768)
            .ok_or(AgreementKeyError::Damaged)?;
        let x25519 = StaticSecret::from(**x25519);
        let public = AgreementPublicKeys {
            x25519: PublicKey::from(&x25519).to_bytes(),
            ml_kem_768: encapsulation_key,
        };
        Ok(Self { x25519, ml_kem_768, ml_kem_768_bytes, public })
    }
}

/// The encapsulation key inside a decapsulation key, when its hash fits (FIPS 203, section 7.3) and
/// a trial agreement succeeds.
fn checked_encapsulation_key(
    bytes: &[u8],
    decapsulation_key: &DecapsulationKey,
) -> Option<Box<[u8; ML_KEM_768_PUBLIC_KEY_BYTES]>> {
    let (public, rest) = bytes.get(ENCAPSULATION_KEY_AT..)?.split_at(ML_KEM_768_PUBLIC_KEY_BYTES);
    if digest::digest(&digest::SHA3_256, public).as_ref() != &rest[..32] {
        return None;
    }
    let encapsulation_key = EncapsulationKey::new(&ML_KEM_768, public).ok()?;
    let (ciphertext, sent) = encapsulation_key.encapsulate().ok()?;
    let received = decapsulation_key.decapsulate(ciphertext).ok()?;
    (*shared(&sent)? == *shared(&received)?).then_some(())?;
    public.to_vec().try_into().ok()
}

/// The bytes of a shared secret.
pub(super) fn shared(secret: &kem::SharedSecret) -> Option<Zeroizing<[u8; 32]>> {
    secret.as_ref().try_into().ok().map(Zeroizing::new)
}

/// The X25519 shared secret; none for a public key that forces the same secret on everyone.
pub(super) fn agree_x25519(secret: &StaticSecret, public: [u8; 32]) -> Option<SharedSecret> {
    Some(secret.diffie_hellman(&PublicKey::from(public))).filter(SharedSecret::was_contributory)
}

impl fmt::Debug for AgreementKey {
    /// Shows the public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgreementKey").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod vectors;
