//! Byte arrays of one fixed length as base64url text without padding, for `#[serde(with = …)]`.
//!
//! There is one spelling for each value: padding, other alphabets, stray bits in the last character
//! and other lengths are refused.
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use data_encoding::BASE64URL_NOPAD;
use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

/// Writes the bytes as text.
///
/// # Errors
/// When the serializer fails.
pub fn serialize<const N: usize, S: Serializer>(
    bytes: &[u8; N],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64URL_NOPAD.encode(bytes))
}

/// Reads an array or a boxed array; the length is part of the type.
///
/// # Errors
/// When the text is not base64url of exactly that many bytes.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TryFrom<Vec<u8>>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(Text(PhantomData))
}

struct Text<T>(PhantomData<T>);

impl<T: TryFrom<Vec<u8>>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64url text without padding")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let bytes = BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| E::custom("not base64url without padding"))?;
        let length = bytes.len();
        T::try_from(bytes)
            .map_err(|_| E::custom(format_args!("{length} bytes is not the length of this value")))
    }
}
