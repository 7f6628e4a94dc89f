//! What an agent says about itself, read with suspicion: every text has a limit, every schema is
//! JSON, every capability is named once.
use std::collections::BTreeSet;

use ainur_primitives::CapabilityContract;
use serde::{Deserialize, Serialize};

use crate::limits::{
    CAPABILITIES_MAX, DESCRIPTION_BYTES_MAX, MANIFEST_BYTES_MAX, NAME_BYTES_MAX, SCHEMA_BYTES_MAX,
};

/// The answer of `describe`, or of `PROGRAM introspect --json` (docs/introspection.md).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The agent's name.
    pub name: String,
    /// What it does, in a sentence.
    #[serde(default)]
    pub description: String,
    /// Its version.
    pub version: String,
    /// What it offers: at least one, at most [`CAPABILITIES_MAX`].
    pub capabilities: Vec<CapabilityContract>,
}

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Too long to read.
    #[error("the manifest has {0} bytes, more than {MANIFEST_BYTES_MAX}")]
    TooLong(usize),
    /// Not JSON, or JSON of another shape.
    #[error("the manifest is not JSON of the expected shape: {0}")]
    Shape(#[source] serde_json::Error),
    /// A text is empty, too long, or holds control characters.
    #[error("the manifest's {field} must be 1 to {bytes_max} bytes without control characters")]
    Text {
        /// Which.
        field: String,
        /// How long it may be.
        bytes_max: usize,
    },
    /// No capability, or too many.
    #[error("a manifest offers 1 to {CAPABILITIES_MAX} capabilities, this one {0}")]
    CapabilityCount(usize),
    /// A capability is there twice.
    #[error("the manifest offers {0} twice")]
    CapabilityTwice(String),
    /// A schema is no JSON Schema.
    #[error(
        "{field} of {capability} is not a JSON Schema (a JSON object, true or false): {detail}"
    )]
    Schema {
        /// Whose.
        capability: String,
        /// Which.
        field: &'static str,
        /// What the reader says.
        detail: String,
    },
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// Names the first thing that is wrong.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        if json.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLong(json.len()));
        }
        let manifest: Self = serde_json::from_slice(json).map_err(ManifestError::Shape)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        text("name", &self.name, 1, NAME_BYTES_MAX)?;
        text("version", &self.version, 1, NAME_BYTES_MAX)?;
        text("description", &self.description, 0, DESCRIPTION_BYTES_MAX)?;
        if self.capabilities.is_empty() || self.capabilities.len() > CAPABILITIES_MAX {
            return Err(ManifestError::CapabilityCount(self.capabilities.len()));
        }
        let mut names = BTreeSet::new();
        for contract in &self.capabilities {
            if !names.insert(&contract.name) {
                return Err(ManifestError::CapabilityTwice(contract.name.to_string()));
            }
            check_contract(contract)?;
        }
        Ok(())
    }
}

fn check_contract(contract: &CapabilityContract) -> Result<(), ManifestError> {
    let field = |name| format!("{name} of {}", contract.name);
    text(&field("description"), &contract.description, 0, DESCRIPTION_BYTES_MAX)?;
    text(&field("output_media_type"), &contract.output_media_type, 1, NAME_BYTES_MAX)?;
    if let Some(media_type) = &contract.input_media_type {
        text(&field("input_media_type"), media_type, 1, NAME_BYTES_MAX)?;
    }
    schema(contract, "input_schema", &contract.input_schema)?;
    schema(contract, "output_schema", &contract.output_schema)
}

fn text(field: &str, text: &str, bytes_min: usize, bytes_max: usize) -> Result<(), ManifestError> {
    let good = (bytes_min..=bytes_max).contains(&text.len()) && !text.chars().any(char::is_control);
    if good { Ok(()) } else { Err(ManifestError::Text { field: field.into(), bytes_max }) }
}

fn schema(
    contract: &CapabilityContract,
    field: &'static str,
    schema: &str,
) -> Result<(), ManifestError> {
    let wrong = |detail: String| ManifestError::Schema {
        capability: contract.name.to_string(),
        field,
        detail,
    };
    if schema.len() > SCHEMA_BYTES_MAX {
        return Err(wrong(format!("{} bytes, more than {SCHEMA_BYTES_MAX}", schema.len())));
    }
    match serde_json::from_str(schema) {
        Ok(serde_json::Value::Object(_) | serde_json::Value::Bool(_)) => Ok(()),
        Ok(_) => Err(wrong("another kind of JSON value".into())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut serde_json::Value);

    fn manifest(change: impl FnOnce(&mut serde_json::Value)) -> Result<Manifest, ManifestError> {
        let mut json = serde_json::json!({
            "name": "compressor",
            "version": "1.0.0",
            "capabilities": [{"name": "archive.compress", "input_schema": "{\"type\":\"object\"}"}],
        });
        change(&mut json);
        Manifest::parse(json.to_string().as_bytes())
    }

    #[test]
    fn good_manifest_is_read() {
        let manifest = manifest(|_| ()).unwrap();
        assert_eq!(manifest.capabilities[0].name.as_str(), "archive.compress");
        assert_eq!(manifest.capabilities[0].output_schema, "true");
    }

    #[test]
    fn every_lie_is_named() {
        let refusal = |change: Change| manifest(change).unwrap_err().to_string();
        let cases: [(Change, &str); 9] = [
            (|m| m["name"] = "".into(), "name must be"),
            (|m| m["name"] = "\u{1b}[2J".into(), "control characters"),
            (|m| m["version"] = "v".repeat(200).into(), "version must be"),
            (|m| m["capabilities"] = serde_json::json!([]), "1 to 64 capabilities"),
            (|m| m["capabilities"][0]["name"] = "compress".into(), "noun.verb"),
            (|m| m["capabilities"][0]["input_schema"] = "{".into(), "not a JSON Schema"),
            (|m| m["capabilities"][0]["output_schema"] = "3".into(), "another kind"),
            (|m| m["capabilities"][0]["surprise"] = 1.into(), "unknown field"),
            (
                |m| {
                    let first = m["capabilities"][0].clone();
                    m["capabilities"].as_array_mut().unwrap().push(first);
                },
                "twice",
            ),
        ];
        for (change, expected) in cases {
            let said = refusal(change);
            assert!(said.contains(expected), "{said:?} should contain {expected:?}");
        }
    }

    #[test]
    fn endless_manifest_is_refused_unread() {
        let long = vec![b'['; MANIFEST_BYTES_MAX + 1];
        assert!(matches!(Manifest::parse(&long), Err(ManifestError::TooLong(_))));
        assert!(matches!(Manifest::parse(&long[..100_000]), Err(ManifestError::Shape(_))));
    }
}
