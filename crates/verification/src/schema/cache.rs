//! Compiled schemas by their text, so that a schema in use is compiled once.
use std::collections::BTreeMap;

use super::{Error, Schema};

/// A bounded cache; when full, the schema used longest ago goes.
#[derive(Debug, Default)]
pub struct SchemaCache {
    schemas: BTreeMap<String, (Schema, u64)>,
    uses: u64,
}

/// How many compiled schemas are kept.
pub const SCHEMAS_MAX: usize = 512;

impl SchemaCache {
    /// The schema of this text, compiled now or earlier. Failures are not kept.
    ///
    /// # Errors
    /// As [`Schema::compile`].
    pub fn get(&mut self, text: &str) -> Result<Schema, Error> {
        self.uses += 1;
        if let Some((schema, used)) = self.schemas.get_mut(text) {
            *used = self.uses;
            return Ok(schema.clone());
        }
        let schema = Schema::compile(text)?;
        if self.schemas.len() >= SCHEMAS_MAX {
            let oldest = self.schemas.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(text, _)| text.clone()) {
                self.schemas.remove(&oldest);
            }
        }
        self.schemas.insert(text.into(), (schema.clone(), self.uses));
        Ok(schema)
    }

    /// How many schemas are kept now.
    pub fn len(&self) -> usize {
        self.schemas.len()
    }

    /// True when none is kept.
    pub fn is_empty(&self) -> bool {
        self.schemas.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_forgets_the_schema_used_longest_ago() {
        let mut cache = SchemaCache::default();
        let text = |number: usize| format!("{{\"maximum\":{number}}}");
        for number in 0..SCHEMAS_MAX {
            cache.get(&text(number)).unwrap();
        }
        cache.get(&text(0)).unwrap();
        cache.get(&text(SCHEMAS_MAX)).unwrap();
        assert_eq!(cache.len(), SCHEMAS_MAX);
        assert!(cache.schemas.contains_key(&text(0)));
        assert!(!cache.schemas.contains_key(&text(1)));
        assert!(cache.get("{").is_err());
        assert_eq!(cache.len(), SCHEMAS_MAX);
    }
}
