//! Signed tree heads: what the log was, and when, under the log's hybrid signature.
//!
//! A checkpoint is a C2SP signed note (<https://c2sp.org/tlog-checkpoint>) of three lines: origin,
//! size, root. Two signature lines are required, and nothing verifies with one of them alone:
//!
//! 1. type `0x01`, Ed25519 over the note text, which every C2SP client reads;
//! 2. type `0xff` with the identifier [`HYBRID_LINE_TYPE`] (C2SP has no type for ML-DSA-65): eight
//!    bytes of milliseconds since 1970, big-endian, then Ed25519 and ML-DSA-65 signatures over that
//!    time and the note text under the domain [`HYBRID_LINE_DOMAIN`].
//!
//! Both lines use one log key. The first signs text without any zero byte, the second bytes that
//! begin with a length in four bytes, so neither signature can stand for the other.
use core::fmt;

use ainur_crypto::signature::{ML_DSA_65_SIGNATURE_BYTES, SIGNING_KEY_BYTES};
use ainur_crypto::{
    HybridSignature, HybridVerifier, PublicKeys, SignatureError, SigningKey, Verifier, hash,
};
use ainur_primitives::{Digest, Timestamp};
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::Signer as _;
use serde::{Deserialize, Serialize};

use crate::note::{self, Note, NoteError, NoteSignature};

/// A tree head, verified or just signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: String,
    /// How many entries it had.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// When it was signed, by the log's clock.
    pub at: Timestamp,
    /// The signed note all this was read from.
    pub note: String,
}

/// What follows the type byte `0xff` in the key id of the hybrid line.
pub const HYBRID_LINE_TYPE: &str = "ainur/hybrid-checkpoint/v1";
/// The domain of the hybrid signature.
pub const HYBRID_LINE_DOMAIN: &str = "ainur/checkpoint/v1";
/// The longest origin, in bytes.
pub const ORIGIN_BYTES_MAX: usize = 200;

const ED25519_LINE_TYPE: u8 = 0x01;
const UNASSIGNED_LINE_TYPE: u8 = 0xff;
const HYBRID_LINE_BYTES: usize = 8 + 64 + ML_DSA_65_SIGNATURE_BYTES;

/// A checkpoint that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note.
    #[error("the checkpoint is not a signed note")]
    Note(#[from] NoteError),
    /// Not origin, size and root.
    #[error("the checkpoint's text is not origin, size and root")]
    Text,
    /// Of another log.
    #[error("the checkpoint is of the log '{found}', not '{expected}'")]
    Origin {
        /// The log asked for.
        expected: String,
        /// The log named.
        found: String,
    },
    /// The Ed25519 line is missing: stripped, or by another key.
    #[error("no Ed25519 signature by the log's key")]
    Ed25519Missing,
    /// The Ed25519 line does not match.
    #[error("the log's Ed25519 signature does not match")]
    Ed25519,
    /// The hybrid line is missing: stripped, or by another key.
    #[error("no hybrid (ML-DSA-65) signature by the log's key")]
    HybridMissing,
    /// The hybrid line does not match.
    #[error("the log's hybrid signature does not match")]
    Hybrid(#[source] SignatureError),
    /// The hybrid line has another length.
    #[error("the log's hybrid signature has a wrong length")]
    HybridLength,
}

/// A name that cannot be a log's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an origin has 1 to {ORIGIN_BYTES_MAX} bytes, without spaces, '+' or control characters")]
pub struct OriginError;

/// What verifies a log's checkpoints: its name and public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogKey {
    /// The log.
    pub origin: String,
    /// Its keys.
    pub keys: PublicKeys,
}

/// What signs a log's checkpoints.
pub struct CheckpointKey {
    hybrid: SigningKey,
    /// The same Ed25519 key, for the line that signs the bare text.
    ed25519: ed25519_dalek::SigningKey,
}

impl LogKey {
    /// Reads a checkpoint and accepts it only with both signatures of this log.
    ///
    /// Lines of other keys, such as witnesses', are ignored, as the note format demands.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        let parsed: Note = note.parse()?;
        let (origin, size, root) = read_text(&parsed.text).ok_or(CheckpointError::Text)?;
        if origin != self.origin {
            let (expected, found) = (self.origin.clone(), origin.into());
            return Err(CheckpointError::Origin { expected, found });
        }
        self.verify_ed25519_line(&parsed)?;
        let at = self.verify_hybrid_line(&parsed)?;
        Ok(Checkpoint { origin: origin.into(), size, root, at, note: note.into() })
    }

    /// The Ed25519 key as C2SP clients take it: `<origin>+<key id>+<type and key>`.
    pub fn verifier_key(&self) -> String {
        let mut key = vec![ED25519_LINE_TYPE];
        key.extend_from_slice(&self.keys.ed25519);
        let id = HEXLOWER.encode(&self.ed25519_key_id());
        format!("{}+{id}+{}", self.origin, BASE64.encode(&key))
    }

    /// The digest that names this key.
    pub fn digest(&self) -> Digest {
        let keys = [self.keys.ed25519.as_slice(), self.keys.ml_dsa_65.as_slice()];
        hash::tagged("ainur/log-key/v1", &[self.origin.as_bytes(), keys[0], keys[1]])
    }

    fn verify_ed25519_line(&self, note: &Note) -> Result<(), CheckpointError> {
        let line = note
            .signature_of(&self.origin, self.ed25519_key_id())
            .ok_or(CheckpointError::Ed25519Missing)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.keys.ed25519);
        let signature = ed25519_dalek::Signature::from_slice(&line.signature);
        match (key, signature) {
            (Ok(key), Ok(signature)) if !key.is_weak() => key
                .verify_strict(note.text.as_bytes(), &signature)
                .map_err(|_| CheckpointError::Ed25519),
            _ => Err(CheckpointError::Ed25519),
        }
    }

    fn verify_hybrid_line(&self, note: &Note) -> Result<Timestamp, CheckpointError> {
        let line = note
            .signature_of(&self.origin, self.hybrid_key_id())
            .ok_or(CheckpointError::HybridMissing)?;
        let (at, signature) =
            read_hybrid_line(&line.signature).ok_or(CheckpointError::HybridLength)?;
        HybridVerifier
            .verify(&self.keys, HYBRID_LINE_DOMAIN, &hybrid_message(at, &note.text), &signature)
            .map_err(CheckpointError::Hybrid)?;
        Ok(at)
    }

    fn ed25519_key_id(&self) -> [u8; 4] {
        key_id(&self.origin, &[&[ED25519_LINE_TYPE], &self.keys.ed25519])
    }

    fn hybrid_key_id(&self) -> [u8; 4] {
        let line_type = [&[UNASSIGNED_LINE_TYPE], HYBRID_LINE_TYPE.as_bytes()].concat();
        let keys = [self.keys.ed25519.as_slice(), self.keys.ml_dsa_65.as_slice()];
        key_id(&self.origin, &[&line_type, keys[0], keys[1]])
    }
}

impl CheckpointKey {
    /// A log key from both private keys.
    pub fn new(hybrid: SigningKey) -> Self {
        let stored: zeroize::Zeroizing<[u8; SIGNING_KEY_BYTES]> = hybrid.to_bytes();
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        // A stored key is a version byte, the Ed25519 seed and the ML-DSA-65 seed.
        seed.copy_from_slice(&stored[1..33]);
        Self { hybrid, ed25519: ed25519_dalek::SigningKey::from_bytes(&seed) }
    }

    /// What verifies checkpoints of a log of this name under this key.
    ///
    /// # Errors
    /// When the name cannot be a log's.
    pub fn log_key(&self, origin: &str) -> Result<LogKey, OriginError> {
        if origin.len() > ORIGIN_BYTES_MAX || !note::is_key_name(origin) {
            return Err(OriginError);
        }
        Ok(LogKey { origin: origin.into(), keys: self.hybrid.public() })
    }

    /// Signs a tree head with both lines. `log` is this key's [`CheckpointKey::log_key`].
    pub(crate) fn sign(&self, log: &LogKey, size: u64, root: Digest, at: Timestamp) -> Checkpoint {
        let text = format!("{}\n{size}\n{}\n", log.origin, BASE64.encode(&root.0));
        let hybrid = self.hybrid.sign(HYBRID_LINE_DOMAIN, &hybrid_message(at, &text));
        let mut hybrid_line = Vec::with_capacity(HYBRID_LINE_BYTES);
        hybrid_line.extend_from_slice(&at.0.to_be_bytes());
        hybrid_line.extend_from_slice(&hybrid.ed25519);
        hybrid_line.extend_from_slice(hybrid.ml_dsa_65.as_slice());
        let ed25519_line = self.ed25519.sign(text.as_bytes()).to_bytes().to_vec();
        let line =
            |key_id, signature| NoteSignature { name: log.origin.clone(), key_id, signature };
        let signatures =
            vec![line(log.ed25519_key_id(), ed25519_line), line(log.hybrid_key_id(), hybrid_line)];
        let note = Note { text, signatures }.to_string();
        Checkpoint { origin: log.origin.clone(), size, root, at, note }
    }
}

impl fmt::Debug for CheckpointKey {
    /// Shows the public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointKey")
            .field("public", &self.hybrid.public())
            .finish_non_exhaustive()
    }
}

fn key_id(name: &str, type_and_key: &[&[u8]]) -> [u8; 4] {
    let mut parts = vec![name.as_bytes(), b"\n"];
    parts.extend_from_slice(type_and_key);
    let [first, second, third, fourth, ..] = hash::sha256(&parts).0;
    [first, second, third, fourth]
}

fn hybrid_message(at: Timestamp, text: &str) -> Vec<u8> {
    [at.0.to_be_bytes().as_slice(), text.as_bytes()].concat()
}

fn read_hybrid_line(line: &[u8]) -> Option<(Timestamp, HybridSignature)> {
    let (at, signature) = line.split_first_chunk::<8>()?;
    let (ed25519, ml_dsa_65) = signature.split_first_chunk::<64>()?;
    let ml_dsa_65 = Box::new(ml_dsa_65.try_into().ok()?);
    let signature = HybridSignature { ed25519: *ed25519, ml_dsa_65 };
    Some((Timestamp(u64::from_be_bytes(*at)), signature))
}

/// Origin, size and root, each in its one spelling, and nothing else.
fn read_text(text: &str) -> Option<(&str, u64, Digest)> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    if origin.is_empty() || lines.next().is_some() {
        return None;
    }
    let number: u64 = size.parse().ok()?;
    let root = BASE64.decode(root.as_bytes()).ok()?.try_into().ok()?;
    (number.to_string() == size).then_some((origin, number, Digest(root)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "audit.example/log";
    const AT: Timestamp = Timestamp(1_795_254_600_123);

    fn key(seed: u8) -> CheckpointKey {
        CheckpointKey::new(SigningKey::from_seed(&[seed; 32]).unwrap())
    }

    fn signed() -> (LogKey, Checkpoint) {
        let (key, root) = (key(1), Digest([7; 32]));
        let log = key.log_key(ORIGIN).unwrap();
        (log.clone(), key.sign(&log, 3, root, AT))
    }

    /// The note with one of its lines taken out.
    fn without(note: &str, line: usize) -> String {
        let lines = note.lines().enumerate().filter(|(number, _)| *number != line);
        lines.map(|(_, text)| format!("{text}\n")).collect()
    }

    #[test]
    fn checkpoint_verifies_under_its_own_key_only() {
        let (log, checkpoint) = signed();
        assert!(checkpoint.note.starts_with("audit.example/log\n3\nBwcHB"));
        assert_eq!(log.verify(&checkpoint.note), Ok(checkpoint.clone()));
        let other = key(2).log_key(ORIGIN).unwrap();
        assert_eq!(other.verify(&checkpoint.note), Err(CheckpointError::Ed25519Missing));
        let renamed = key(1).log_key("other.example/log").unwrap();
        assert!(matches!(renamed.verify(&checkpoint.note), Err(CheckpointError::Origin { .. })));
    }

    #[test]
    fn a_stripped_line_is_refused_and_named() {
        let (log, checkpoint) = signed();
        let (ed25519, hybrid) = (without(&checkpoint.note, 4), without(&checkpoint.note, 5));
        assert_eq!(log.verify(&ed25519), Err(CheckpointError::Ed25519Missing));
        assert_eq!(log.verify(&hybrid), Err(CheckpointError::HybridMissing));
    }

    #[test]
    fn a_hybrid_line_with_only_its_classical_half_is_refused() {
        let (log, checkpoint) = signed();
        let mut note: Note = checkpoint.note.parse().unwrap();
        note.signatures[1].signature.truncate(8 + 64);
        assert_eq!(log.verify(&note.to_string()), Err(CheckpointError::HybridLength));
        let mut note: Note = checkpoint.note.parse().unwrap();
        note.signatures[1].signature[8 + 64 + 100] ^= 1;
        let expected = CheckpointError::Hybrid(SignatureError::MlDsa65);
        assert_eq!(log.verify(&note.to_string()), Err(expected));
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let (log, checkpoint) = signed();
        let bytes = checkpoint.note.into_bytes();
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 1 << (position % 8);
            let Ok(text) = String::from_utf8(changed) else { continue };
            assert!(log.verify(&text).is_err(), "byte {position}");
        }
    }

    #[test]
    fn lines_of_strangers_are_ignored() {
        let (log, checkpoint) = signed();
        let with_witness = format!("{}— witness.example/w AAAAAQID\n", checkpoint.note);
        assert_eq!(log.verify(&with_witness).unwrap().root, checkpoint.root);
    }

    #[test]
    fn names_that_break_a_note_are_refused() {
        for name in ["", "two words", "a+b", "a\nb", &"a".repeat(ORIGIN_BYTES_MAX + 1)] {
            assert_eq!(key(1).log_key(name), Err(OriginError), "{name:?}");
        }
    }

    #[test]
    fn verifier_key_is_the_one_the_go_tools_read() {
        let (log, _) = signed();
        let text = log.verifier_key();
        let mut parts = text.splitn(3, '+');
        assert_eq!(parts.next(), Some(ORIGIN));
        let id = HEXLOWER.decode(parts.next().unwrap().as_bytes()).unwrap();
        let key = BASE64.decode(parts.next().unwrap().as_bytes()).unwrap();
        assert_eq!(hash::sha256(&[ORIGIN.as_bytes(), b"\n", &key]).0[..4], id);
        assert_eq!(key[1..], log.keys.ed25519);
    }

    /// The example in the documentation of Go's golang.org/x/mod/sumdb/note.
    #[test]
    fn a_note_signed_by_the_go_tools_verifies() {
        let key = BASE64.decode(b"ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let note: Note = "If you think cryptography is the answer to your problem,\n\
            then you don't know what your problem is.\n\n\
            — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvq\
            fqdngotpRZb6KE6RyyBwJnAM=\n"
            .parse()
            .unwrap();
        let id = key_id("PeterNeumann", &[&key]);
        assert_eq!(HEXLOWER.encode(&id), "c74f20a3");
        let line = note.signature_of("PeterNeumann", id).unwrap();
        let keys = PublicKeys {
            ed25519: key[1..].try_into().unwrap(),
            ml_dsa_65: self::key(1).log_key(ORIGIN).unwrap().keys.ml_dsa_65,
        };
        let log = LogKey { origin: "PeterNeumann".into(), keys };
        assert_eq!(log.verify_ed25519_line(&note), Ok(()));
        assert_eq!(
            log.verifier_key(),
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        );
        assert_eq!(line.signature.len(), 64);
    }
}
