//! References within one document: what they lead to, and a digest over all that an operation says
//! directly and by reference.
use std::collections::{BTreeMap, HashMap};

use ainur_primitives::Digest;
use ainur_primitives::canonical_json::to_canonical_json;
use serde::Serialize;
use serde_json::Value;

use crate::limits::{
    API_DOCUMENT_BYTES_MAX, API_READ_BYTES_MAX, API_REFERENCE_BYTES_MAX, API_REFERENCE_HOPS_MAX,
    API_REFERENCES_BYTES_MAX, API_REFERENCES_MAX,
};
use crate::remote::naming;

/// What a reference leads to. Nothing outside of the document is looked at, and no reference that is
/// long: it would take long wherever it stands.
pub(super) fn local<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    if reference.len() > API_REFERENCE_BYTES_MAX {
        return None;
    }
    let pointer = percent_decoded(reference.strip_prefix('#')?)?;
    if pointer.starts_with('/') { root.pointer(&pointer) } else { None }
}

/// What is meant by something that may be a reference, or a reference to one.
pub(super) fn resolved<'a>(root: &'a Value, mut value: &'a Value) -> Option<&'a Value> {
    for _ in 0..API_REFERENCE_HOPS_MAX {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => value = local(root, reference)?,
            None => return Some(value),
        }
    }
    None
}

/// A pointer in a URI fragment, decoded.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

/// Makes digests, and remembers what it read.
pub(super) struct Digests<'a> {
    root: &'a Value,
    /// By address, because one place has many spellings.
    read: HashMap<*const Value, Read<'a>>,
    bytes_left: usize,
    /// The same, for references.
    references_left: usize,
}

/// What a reference costs beside its length: it is looked up, and its digest is written.
const REFERENCE_BYTES: usize = 80;
/// What a reference costs that was followed before.
const FOLLOWED_BYTES: usize = 4;

/// One place references lead to.
struct Read<'a> {
    digest: Digest,
    /// The references in it, as they are written.
    references: Vec<&'a str>,
}

/// What the digest of an operation is made of.
#[derive(Serialize)]
struct Said<'a> {
    beside: Value,
    parts: Vec<Option<String>>,
    references: BTreeMap<&'a str, Option<String>>,
}

/// Why there is no digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum DigestError {
    #[error("it refers to more than {API_REFERENCES_MAX} places")]
    References,
    #[error("the operations of this service say more than {API_READ_BYTES_MAX} bytes")]
    Bytes,
    #[error("the references of this service have more than {API_REFERENCES_BYTES_MAX} bytes")]
    ReferencesBytes,
    #[error("it cannot be written in canonical JSON")]
    Json,
}

impl<'a> Digests<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self {
            root,
            read: HashMap::new(),
            bytes_left: API_READ_BYTES_MAX,
            references_left: API_REFERENCES_BYTES_MAX,
        }
    }

    /// The digest of parts of the document, of all they refer to, and of `beside`, which is not in
    /// the document.
    pub(super) fn digest(
        &mut self,
        parts: &[Option<&'a Value>],
        beside: Value,
    ) -> Result<Digest, DigestError> {
        let mut found: BTreeMap<&'a str, Option<String>> = BTreeMap::new();
        let mut open = Vec::new();
        let mut own = Vec::new();
        for part in parts {
            own.push(match part {
                None => None,
                Some(part) => Some(self.read_into(part, &mut open)?.to_string()),
            });
        }
        while let Some(reference) = open.pop() {
            if found.contains_key(reference) {
                continue;
            }
            if found.len() >= API_REFERENCES_MAX {
                return Err(DigestError::References);
            }
            self.pay(reference.len() + REFERENCE_BYTES)?;
            let Some(target) = local(self.root, reference) else {
                found.insert(reference, None);
                continue;
            };
            let digest = self.read_into(target, &mut open)?;
            found.insert(reference, Some(digest.to_string()));
        }
        let said = Said { beside, parts: own, references: found };
        naming::digest(&said).ok_or(DigestError::Json)
    }

    /// The digest of a place, whose references are added to those that are still to be followed.
    fn read_into(
        &mut self,
        value: &'a Value,
        open: &mut Vec<&'a str>,
    ) -> Result<Digest, DigestError> {
        let read = self.read(value)?;
        let (digest, before) = (read.digest, open.len());
        open.extend(read.references.iter().copied());
        self.pay((open.len() - before) * FOLLOWED_BYTES)?;
        Ok(digest)
    }

    fn pay(&mut self, bytes: usize) -> Result<(), DigestError> {
        let left = self.references_left.checked_sub(bytes);
        // Nothing is left once there is too little: the next operation would try as hard.
        self.references_left = left.unwrap_or(0);
        left.map(drop).ok_or(DigestError::ReferencesBytes)
    }

    fn read(&mut self, value: &'a Value) -> Result<&Read<'a>, DigestError> {
        let address = std::ptr::from_ref(value);
        if !self.read.contains_key(&address) {
            if self.bytes_left == 0 {
                return Err(DigestError::Bytes);
            }
            let bytes = to_canonical_json(value).map_err(|_| DigestError::Json);
            let read = bytes.as_ref().map_or(API_DOCUMENT_BYTES_MAX, Vec::len);
            let left = self.bytes_left.checked_sub(read);
            self.bytes_left = left.unwrap_or(0);
            let bytes = left.ok_or(DigestError::Bytes).and(bytes)?;
            let mut references = Vec::new();
            collect(value, &mut references);
            references.sort_unstable();
            references.dedup();
            let digest = Digest(*blake3::hash(&bytes).as_bytes());
            self.read.insert(address, Read { digest, references });
        }
        Ok(&self.read[&address])
    }
}

/// The reader of JSON has bounded how deep this goes.
fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                references.push(reference);
            }
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(elements) => {
            elements.iter().for_each(|element| collect(element, references));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(root: &Value) -> Result<Digest, DigestError> {
        Digests::new(root).digest(&[root.get("start")], json!(null))
    }

    #[test]
    fn openapi_digest_covers_what_is_referred_to_indirectly_and_nothing_else() {
        let document = |deep: &str, other: &str| {
            json!({
                "start": {"$ref": "#/a"}, "a": {"x": {"$ref": "#/b%2Fc"}},
                "b": {"c": {"$ref": "#/a", "y": deep}}, "other": other,
            })
        };
        let original = digest(&document("1", "1")).unwrap();
        assert_eq!(original, digest(&document("1", "2")).unwrap());
        assert_ne!(original, digest(&document("2", "1")).unwrap());
    }

    #[test]
    fn openapi_digest_tells_swapped_components_apart() {
        let document = |first: u8, second: u8| json!({"start": [{"$ref": "#/a"}, {"$ref": "#/b"}], "a": first, "b": second});
        assert_ne!(digest(&document(1, 2)).unwrap(), digest(&document(2, 1)).unwrap());
    }

    #[test]
    fn openapi_references_without_end_are_an_error() {
        let many: Vec<Value> =
            (0..=API_REFERENCES_MAX).map(|i| json!({"$ref": format!("#/{i}")})).collect();
        assert_eq!(digest(&json!({ "start": many })), Err(DigestError::References));
        let circle = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}});
        assert_eq!(resolved(&circle, &circle["a"]), None);
        assert_eq!(resolved(&circle, &json!({"$ref": "https://x/#/a"})), None);
    }

    #[test]
    fn openapi_places_are_read_once_however_they_are_spelled() {
        let large = "x".repeat(API_READ_BYTES_MAX / 8);
        let spelled = |name: &str| json!({"$ref": format!("#/{name}")});
        let names = ["ab", "%61b", "a%62", "%61%62"].map(spelled);
        let twice: Vec<Value> = names.iter().cycle().take(16).cloned().collect();
        assert!(digest(&json!({"start": twice, "ab": large})).is_ok());
        let nested = json!({"start": [{"$ref": "#/a"}, {"$ref": "#/a/b"}, {"$ref": "#/a/b/c"}],
            "a": {"b": {"c": "x".repeat(API_READ_BYTES_MAX / 2)}}});
        assert_eq!(digest(&nested), Err(DigestError::Bytes));
    }
}
