//! 32-byte digests and the content identifiers (CIDs) made of them.
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A 32-byte digest. Which hash made it is fixed by where it stands; shown as 64 hex digits.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
)]
pub struct Digest(pub [u8; 32]);

/// A digest or content identifier that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Not 64 lower-case hexadecimal digits.
    #[error("a digest is 64 lower-case hexadecimal digits")]
    NotHex,
    /// Not a CIDv1 of raw bytes under BLAKE3 in base32.
    #[error("a content id is a CIDv1 (raw, BLAKE3-256) in base32, beginning with 'bafkr4i'")]
    NotContentId,
}

impl Digest {
    /// The digest of nothing, used where a chain begins.
    pub const ZERO: Self = Self([0; 32]);

    /// The first eight hex digits, for tables where a full digest would not fit.
    pub fn short(&self) -> String {
        HEXLOWER.encode(&self.0[..4])
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| DigestError::NotHex)?;
        bytes.try_into().map(Self).map_err(|_| DigestError::NotHex)
    }
}

/// The address of some bytes: their BLAKE3 digest, shown as a CIDv1 (raw codec) in base32.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
)]
pub struct ContentId(pub Digest);

/// CIDv1, raw codec (0x55), BLAKE3 multihash (0x1e), 32 bytes.
const CID_PREFIX: [u8; 4] = [0x01, 0x55, 0x1e, 0x20];

impl ContentId {
    /// The last eight characters, for tables where a full id would not fit.
    pub fn short(&self) -> String {
        let text = self.to_string();
        text[text.len() - 8..].into()
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0u8; 36];
        bytes[..4].copy_from_slice(&CID_PREFIX);
        bytes[4..].copy_from_slice(&self.0.0);
        write!(f, "b{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentId({self})")
    }
}

impl FromStr for ContentId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let body = text.strip_prefix('b').ok_or(DigestError::NotContentId)?;
        if body.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(DigestError::NotContentId);
        }
        let bytes = BASE32_NOPAD
            .decode(body.to_ascii_uppercase().as_bytes())
            .map_err(|_| DigestError::NotContentId)?;
        let digest = bytes.strip_prefix(&CID_PREFIX).ok_or(DigestError::NotContentId)?;
        digest.try_into().map(|bytes| Self(Digest(bytes))).map_err(|_| DigestError::NotContentId)
    }
}

macro_rules! serde_as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use serde_as_text;

serde_as_text!(Digest, ContentId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_id_reads_back_what_it_shows() {
        let id = ContentId(Digest([7; 32]));
        assert!(id.to_string().starts_with("bafkr4i"), "{id}");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn content_id_of_another_hash_is_refused() {
        let sha2_256 = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
        assert_eq!(sha2_256.parse::<ContentId>(), Err(DigestError::NotContentId));
    }

    #[test]
    fn digest_in_upper_case_is_refused() {
        let digest = Digest([0xab; 32]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(
            digest.to_string().to_ascii_uppercase().parse::<Digest>(),
            Err(DigestError::NotHex)
        );
    }
}
