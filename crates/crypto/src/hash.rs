//! The two hashes of the system: SHA-256 for what is signed or proved, BLAKE3 for content.
use ainur_primitives::{ContentId, Digest};
use sha2::{Digest as _, Sha256};

/// SHA-256 of the parts one after another, without separators.
///
/// Only for formats that fix the length of every part but one; elsewhere use [`tagged`].
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    Digest(hasher.finalize().into())
}

/// SHA-256 for one purpose: the tag and every part are preceded by their length.
///
/// Different tags or different divisions into parts never hash the same bytes.
///
/// ```
/// use ainur_crypto::hash::tagged;
/// assert_ne!(tagged("example/v1", &[b"ab", b"c"]), tagged("example/v1", &[b"a", b"bc"]));
/// assert_ne!(tagged("example/v1", &[b"a"]), tagged("example/v2", &[b"a"]));
/// ```
pub fn tagged(tag: &str, parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    for part in core::iter::once(tag.as_bytes()).chain(parts.iter().copied()) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Digest(hasher.finalize().into())
}

/// The address of some bytes: their BLAKE3 digest.
pub fn content_id(bytes: &[u8]) -> ContentId {
    ContentId(Digest(blake3::hash(bytes).into()))
}

/// The address of bytes that arrive in pieces.
#[derive(Clone, Debug, Default)]
pub struct ContentHasher(blake3::Hasher);

impl ContentHasher {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The address of everything taken so far.
    pub fn content_id(&self) -> ContentId {
        ContentId(Digest(self.0.finalize().into()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn known_answers() {
        assert_eq!(
            sha256(&[b"a", b"bc"]).to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            content_id(b"").0.to_string(),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        );
        assert_eq!(tagged("t", &[b"ab"]), sha256(&[b"\x01\0\0\0\0\0\0\0t\x02\0\0\0\0\0\0\0ab"]));
    }

    #[test]
    fn an_empty_part_is_not_nothing() {
        assert_ne!(tagged("t", &[b""]), tagged("t", &[]));
    }

    #[test]
    fn content_in_pieces_has_the_same_address() {
        let mut hasher = ContentHasher::default();
        hasher.update(b"hello ");
        hasher.update(b"world");
        assert_eq!(hasher.content_id(), content_id(b"hello world"));
    }
}
