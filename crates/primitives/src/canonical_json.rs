//! JSON in the one spelling of RFC 8785 (JCS): what is signed and what is hashed.
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A document that is not JSON of the expected shape in canonical spelling.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalJsonError {
    /// Not JSON, or JSON of another shape.
    #[error("not a document of the expected shape: {0}")]
    Shape(#[source] serde_json::Error),
    /// The right content in another spelling (spaces, order, number or string form).
    #[error("the document is not in canonical form (RFC 8785): byte {0} differs")]
    NotCanonical(usize),
}

/// The canonical bytes of a value.
///
/// # Errors
/// When the value cannot be written as JSON (a map with keys that are not strings).
pub fn to_canonical_json<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalJsonError> {
    serde_json_canonicalizer::to_vec(value).map_err(CanonicalJsonError::Shape)
}

/// The canonical bytes of a value whose types declare their fields in canonical order and hold no
/// numbers but integers below 2⁵³: several times faster than [`to_canonical_json`]. In development
/// builds the two are compared.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn to_sorted_json<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalJsonError> {
    let bytes = serde_json::to_vec(value).map_err(CanonicalJsonError::Shape)?;
    debug_assert_eq!(Some(&bytes), to_canonical_json(value).ok().as_ref(), "fields are sorted");
    Ok(bytes)
}

/// Reads a document and refuses every spelling but the canonical one.
///
/// # Errors
/// When the bytes are not the canonical form of a `T`.
pub fn from_canonical_json<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
) -> Result<T, CanonicalJsonError> {
    let value: T = serde_json::from_slice(bytes).map_err(CanonicalJsonError::Shape)?;
    let canonical = to_canonical_json(&value)?;
    if canonical == bytes {
        return Ok(value);
    }
    let differs = canonical.iter().zip(bytes).position(|(ours, theirs)| ours != theirs);
    Err(CanonicalJsonError::NotCanonical(differs.unwrap_or(canonical.len().min(bytes.len()))))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn keys_are_sorted_and_other_spellings_refused() {
        let canonical = to_canonical_json(&json!({"b": 1, "a": [1.0, "é"]})).unwrap();
        assert_eq!(canonical, "{\"a\":[1,\"é\"],\"b\":1}".as_bytes());
        assert!(from_canonical_json::<Value>(&canonical).is_ok());
        assert!(from_canonical_json::<Value>(br#"{"b":1,"a":2}"#).is_err());
        assert!(from_canonical_json::<Value>(br#"{"a": 1}"#).is_err());
    }
}
