//! Sealed boxes: a version byte, the sender's ephemeral X25519 key, the ML-KEM-768 ciphertext, and
//! the plaintext under ChaCha20-Poly1305.
//!
//! Key and nonce are used for one box only, since both agreements are fresh for each. A box says
//! nothing about who sealed it: sign what is inside.
use aws_lc_rs::kem::{EncapsulationKey, ML_KEM_768};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::AgreementPublicKeys;
use super::key::{AgreementKey, agree_x25519, shared};
use crate::entropy::{self, random_bytes};

const SEALED_VERSION: u8 = 1;
const CIPHERTEXT_BYTES: usize = 1088;
const HEADER_BYTES: usize = 1 + 32 + CIPHERTEXT_BYTES;
/// How much longer a box is than what it holds.
pub const SEALED_OVERHEAD_BYTES: usize = HEADER_BYTES + 16;
/// The most a box holds, in bytes. Larger data is content-addressed and its key is sealed.
pub const SEALED_PLAINTEXT_BYTES_MAX: usize = 16 << 20;
const KEY_LABEL: &[u8] = b"ainur/sealed-box/v1";

/// A box that could not be sealed or opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// More than a box holds.
    #[error("a sealed box holds at most {SEALED_PLAINTEXT_BYTES_MAX} bytes, not {0}")]
    TooLarge(usize),
    /// No randomness for the ephemeral key.
    #[error("cannot seal")]
    Entropy(#[from] entropy::Error),
    /// A public key with which no secret can be agreed.
    #[error("the recipient's agreement key is not a key")]
    RecipientKey,
    /// Shorter than an empty box.
    #[error("the sealed box is cut off")]
    TooShort,
    /// Sealed in a format this version does not know.
    #[error("the sealed box has version {0}; this program opens version {SEALED_VERSION}")]
    Version(u8),
    /// Sealed to another key or with other associated data, or altered.
    #[error("the sealed box does not open: another key, other associated data, or altered")]
    NotAuthentic,
}

/// Seals a plaintext so that only the recipient opens it, and only with the same associated data.
///
/// ```
/// use ainur_crypto::agreement::{AgreementKey, seal};
/// let key = AgreementKey::generate().unwrap();
/// let sealed = seal(&key.public(), b"task 7", b"secret").unwrap();
/// assert_eq!(key.open(b"task 7", &sealed).unwrap(), b"secret");
/// assert!(key.open(b"task 8", &sealed).is_err());
/// ```
///
/// # Errors
/// When the plaintext is too large, the recipient's keys are not keys, or there is no randomness.
pub fn seal(
    recipient: &AgreementPublicKeys,
    associated_data: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    if plaintext.len() > SEALED_PLAINTEXT_BYTES_MAX {
        return Err(Error::TooLarge(plaintext.len()));
    }
    let ephemeral = StaticSecret::from(*Zeroizing::new(random_bytes::<32>()?));
    let classical = agree_x25519(&ephemeral, recipient.x25519).ok_or(Error::RecipientKey)?;
    let encapsulation_key = EncapsulationKey::new(&ML_KEM_768, recipient.ml_kem_768.as_slice())
        .map_err(|_| Error::RecipientKey)?;
    let (ciphertext, post_quantum) =
        encapsulation_key.encapsulate().map_err(|_| Error::RecipientKey)?;
    let post_quantum = shared(&post_quantum).ok_or(Error::RecipientKey)?;

    let mut sealed = Vec::with_capacity(SEALED_OVERHEAD_BYTES + plaintext.len());
    sealed.push(SEALED_VERSION);
    sealed.extend_from_slice(PublicKey::from(&ephemeral).as_bytes());
    sealed.extend_from_slice(ciphertext.as_ref());
    let (cipher, nonce) = cipher(&sealed, recipient, classical.as_bytes(), &post_quantum);
    let body = cipher
        .encrypt(&nonce, Payload { msg: plaintext, aad: associated_data })
        .map_err(|_| Error::TooLarge(plaintext.len()))?;
    sealed.extend_from_slice(&body);
    Ok(sealed)
}

impl AgreementKey {
    /// Opens a box sealed to this key with the same associated data.
    ///
    /// # Errors
    /// When the box is of another format, for another key, or altered in any bit.
    pub fn open(&self, associated_data: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        match sealed.first() {
            Some(&SEALED_VERSION) => {}
            Some(&other) => return Err(Error::Version(other)),
            None => return Err(Error::TooShort),
        }
        if sealed.len() < SEALED_OVERHEAD_BYTES {
            return Err(Error::TooShort);
        }
        if sealed.len() > SEALED_OVERHEAD_BYTES + SEALED_PLAINTEXT_BYTES_MAX {
            return Err(Error::TooLarge(sealed.len() - SEALED_OVERHEAD_BYTES));
        }
        let (header, body) = sealed.split_at(HEADER_BYTES);
        let mut ephemeral = [0; 32];
        ephemeral.copy_from_slice(&header[1..33]);
        let classical = agree_x25519(&self.x25519, ephemeral).ok_or(Error::NotAuthentic)?;
        let post_quantum = self.decapsulate(&header[33..]).ok_or(Error::NotAuthentic)?;
        let (cipher, nonce) = cipher(header, &self.public, classical.as_bytes(), &post_quantum);
        cipher
            .decrypt(&nonce, Payload { msg: body, aad: associated_data })
            .map_err(|_| Error::NotAuthentic)
    }
}

/// The cipher and nonce of one box. Every input has a fixed length.
fn cipher(
    header: &[u8],
    recipient: &AgreementPublicKeys,
    classical: &[u8; 32],
    post_quantum: &[u8; 32],
) -> (ChaCha20Poly1305, Nonce) {
    let secrets = Zeroizing::new([*post_quantum, *classical].concat());
    let info = [KEY_LABEL, header, &recipient.x25519, recipient.ml_kem_768.as_slice()].concat();
    let mut key_and_nonce = Zeroizing::new([0; 32 + 12]);
    Hkdf::<Sha256>::new(None, &secrets)
        .expand(&info, key_and_nonce.as_mut())
        .expect("44 bytes are within the limit of HKDF");
    let (key, nonce) = key_and_nonce.split_at(32);
    let key = Key::try_from(key).expect("the key has 32 bytes");
    let nonce = Nonce::try_from(nonce).expect("the nonce has 12 bytes");
    (ChaCha20Poly1305::new(&key), nonce)
}

#[cfg(test)]
mod vectors;
