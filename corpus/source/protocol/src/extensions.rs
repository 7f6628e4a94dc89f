//! Optional fields that others may define: kept, signed and passed on, never interpreted.
use std::collections::BTreeMap;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::limits::{EXTENSION_NAME_BYTES_MAX, EXTENSIONS_MAX, INTEGER_MAX};

/// What the name of an optional field begins with. Every other unknown field is refused.
pub const EXTENSION_PREFIX: &str = "x-";

/// The optional fields of one object, by name.
///
/// Their numbers are integers that every JSON reader keeps exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Extensions(BTreeMap<String, Value>);

impl Extensions {
    /// The value of an optional field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Adds or replaces an optional field.
    ///
    /// # Errors
    /// For a name without the prefix or of other characters than `a-z`, `0-9` and `-`, a number
    /// that is not an exact integer, or one field too many.
    pub fn insert(&mut self, name: &str, value: Value) -> Result<(), Error> {
        let problem = |problem| Error::Extension { name: name.into(), problem };
        if !name.starts_with(EXTENSION_PREFIX) {
            return Err(problem("no such field (optional fields begin with 'x-')"));
        }
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.len() > EXTENSION_NAME_BYTES_MAX || !name.bytes().all(plain) {
            return Err(problem("a name is at most 64 of a-z, 0-9 and '-'"));
        }
        if !numbers_are_exact(&value) {
            return Err(problem("numbers are integers below 2^53; write others as text"));
        }
        if self.0.len() >= EXTENSIONS_MAX && !self.0.contains_key(name) {
            return Err(problem("there are too many optional fields"));
        }
        self.0.insert(name.into(), value);
        Ok(())
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, ascending by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Flattened into a struct, this sees exactly the fields that the struct does not know.
impl<'de> Deserialize<'de> for Extensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let unknown = BTreeMap::<String, Value>::deserialize(deserializer)?;
        let mut extensions = Self::default();
        for (name, value) in unknown {
            extensions.insert(&name, value).map_err(D::Error::custom)?;
        }
        Ok(extensions)
    }
}

/// Depth is bounded by the JSON reader, and for values made in this process by their maker.
fn numbers_are_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.as_u64().is_some_and(|n| n <= INTEGER_MAX)
                || number.as_i64().is_some_and(|n| n.unsigned_abs() <= INTEGER_MAX)
        }
        Value::Array(values) => values.iter().all(numbers_are_exact),
        Value::Object(values) => values.values().all(numbers_are_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}
