//! How much work a schema asks for, counted before it is done.
//!
//! Two lines of schema can ask for 2¹⁰⁰ evaluations: `allOf` with two references to the same
//! definition, a hundred times over, or a recursive schema that descends twice. The count follows
//! the evaluator's way through schema and document without evaluating anything, assumes that
//! nothing is cut short, and stops at the limit.
use serde_json::{Map, Value};

use super::{Mismatch, SchemaProblem};

/// How many times subschemas are applied to parts of one document.
pub const EVALUATIONS_MAX: u64 = 1_000_000;
/// How many subschemas are applied inside each other.
pub const EVALUATION_DEPTH_MAX: usize = 256;

/// Subschemas applied to the same value: in a list, alone, or by name.
const LISTS_IN_PLACE: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const ALONE_IN_PLACE: [&str; 4] = ["not", "if", "then", "else"];
const NAMED_IN_PLACE: [&str; 2] = ["dependentSchemas", "dependencies"];
/// Subschemas applied to every member or element.
const FOR_EACH_MEMBER: [&str; 3] =
    ["additionalProperties", "unevaluatedProperties", "propertyNames"];
const FOR_EACH_ELEMENT: [&str; 4] = ["items", "additionalItems", "contains", "unevaluatedItems"];
/// These look at the results of the subschemas beside them once more.
const LOOK_AGAIN: [&str; 2] = ["unevaluatedProperties", "unevaluatedItems"];

/// Refuses a document on which the schema would work for too long, or without end.
/// Returns how much work it is.
pub(super) fn check(schema: &Value, document: &Value) -> Result<u64, Mismatch> {
    let mut count = Count { root: schema, left: EVALUATIONS_MAX };
    count.visit(schema, document, 0)?;
    Ok(EVALUATIONS_MAX - count.left)
}

struct Count<'a> {
    root: &'a Value,
    left: u64,
}

impl Count<'_> {
    fn visit(&mut self, schema: &Value, value: &Value, depth: usize) -> Result<(), Mismatch> {
        self.left = self.left.checked_sub(1).ok_or(Mismatch::TooMuchWork)?;
        let Value::Object(keywords) = schema else { return Ok(()) };
        if depth >= EVALUATION_DEPTH_MAX {
            return Err(Mismatch::TooMuchWork);
        }
        let times = if LOOK_AGAIN.iter().any(|name| keywords.contains_key(*name)) { 2 } else { 1 };
        for _ in 0..times {
            self.in_place(keywords, value, depth + 1)?;
        }
        match value {
            Value::Object(members) => self.members(keywords, members, depth + 1),
            Value::Array(elements) => self.elements(keywords, elements, depth + 1),
            _ => Ok(()),
        }
    }

    fn in_place(
        &mut self,
        keywords: &Map<String, Value>,
        value: &Value,
        depth: usize,
    ) -> Result<(), Mismatch> {
        if let Some(Value::String(reference)) = keywords.get("$ref") {
            let root = self.root;
            if let Some(target) = target(root, reference) {
                self.visit(target, value, depth)?;
            }
        }
        for list in LISTS_IN_PLACE.iter().filter_map(|name| keywords.get(*name)?.as_array()) {
            for schema in list {
                self.visit(schema, value, depth)?;
            }
        }
        for schema in ALONE_IN_PLACE.iter().filter_map(|name| keywords.get(*name)) {
            self.visit(schema, value, depth)?;
        }
        for named in NAMED_IN_PLACE.iter().filter_map(|name| keywords.get(*name)?.as_object()) {
            for schema in named.values() {
                self.visit(schema, value, depth)?;
            }
        }
        Ok(())
    }

    fn members(
        &mut self,
        keywords: &Map<String, Value>,
        members: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), Mismatch> {
        if let Some(Value::Object(properties)) = keywords.get("properties") {
            for (name, schema) in properties {
                if let Some(value) = members.get(name) {
                    self.visit(schema, value, depth)?;
                }
            }
        }
        if let Some(Value::Object(patterns)) = keywords.get("patternProperties") {
            for schema in patterns.values() {
                for value in members.values() {
                    self.visit(schema, value, depth)?;
                }
            }
        }
        for schema in FOR_EACH_MEMBER.iter().filter_map(|name| keywords.get(*name)) {
            for value in members.values() {
                self.visit(schema, value, depth)?;
            }
        }
        Ok(())
    }

    fn elements(
        &mut self,
        keywords: &Map<String, Value>,
        elements: &[Value],
        depth: usize,
    ) -> Result<(), Mismatch> {
        for name in ["prefixItems", "items"] {
            if let Some(Value::Array(schemas)) = keywords.get(name) {
                for (schema, value) in schemas.iter().zip(elements) {
                    self.visit(schema, value, depth)?;
                }
            }
        }
        for schema in FOR_EACH_ELEMENT.iter().filter_map(|name| keywords.get(*name)) {
            if schema.is_array() {
                continue;
            }
            for value in elements {
                self.visit(schema, value, depth)?;
            }
        }
        if keywords.get("uniqueItems") == Some(&Value::Bool(true)) {
            // Elements may be compared with each other, pair by pair.
            let pairs = (elements.len() as u64).saturating_mul(elements.len() as u64) / 2;
            self.left = self.left.checked_sub(pairs).ok_or(Mismatch::TooMuchWork)?;
        }
        Ok(())
    }
}

/// What a reference within the schema refers to. Nothing inside [`DATA`] is a schema.
fn target<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = percent_decoded(reference.strip_prefix('#')?)?;
    let leads_into_data = pointer.split('/').any(|name| DATA.contains(&name));
    if leads_into_data { None } else { root.pointer(&pointer) }
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

/// Keywords whose value is data, whatever it looks like.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];
/// Keywords whose members are named by the schema's author.
const NAMED: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];

/// Refuses references that the count cannot follow: out of the schema, by anchor, or dynamic.
pub(super) fn check_references(root: &Value) -> Result<(), SchemaProblem> {
    References { root }.walk(root, "", false)
}

struct References<'a> {
    root: &'a Value,
}

impl References<'_> {
    /// `named`: the members of this object are names, not keywords.
    fn walk(&self, schema: &Value, path: &str, named: bool) -> Result<(), SchemaProblem> {
        match schema {
            Value::Object(members) => members.iter().try_for_each(|(name, value)| {
                let inner = format!("{path}/{name}");
                if named {
                    return self.walk(value, &inner, false);
                }
                if DATA.contains(&name.as_str()) {
                    return Ok(());
                }
                self.keyword(name, value, path)?;
                self.walk(value, &inner, NAMED.contains(&name.as_str()))
            }),
            Value::Array(elements) => {
                elements.iter().enumerate().try_for_each(|(place, element)| {
                    self.walk(element, &format!("{path}/{place}"), false)
                })
            }
            _ => Ok(()),
        }
    }

    fn keyword(&self, name: &str, value: &Value, path: &str) -> Result<(), SchemaProblem> {
        let expected = match (name, value) {
            ("$ref", Value::String(reference)) if target(self.root, reference).is_none() => {
                "a reference leads to a schema within this one ('#' or '#/…'); nothing is fetched"
            }
            ("$dynamicRef" | "$recursiveRef", _) => "dynamic references are not supported",
            ("$id" | "id", Value::String(_)) if !path.is_empty() => {
                "only the whole schema may have an id"
            }
            _ => return Ok(()),
        };
        Err(SchemaProblem { path: format!("{path}/{name}"), expected: expected.into() })
    }
}
