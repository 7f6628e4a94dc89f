//! A schema of the document as one that stands for itself: references replaced by what they lead to,
//! the dialect of OpenAPI 3.0 turned into JSON Schema, and all of it within bounds.
//!
//! What cannot be said within the bounds is left away such that the result accepts more, never less:
//! the service itself still refuses what it does not like.
use serde_json::{Map, Value, json};

use super::reference::{local, resolved};
use crate::limits::{API_SCHEMA_DEPTH_MAX, API_SCHEMA_STEPS_MAX};

/// What a schema costs beside its texts.
const COST_BYTES: usize = 8;

/// Keywords whose members are schemas under names of the author's choice.
const NAMED: [&str; 3] = ["properties", "patternProperties", "dependentSchemas"];
/// Keywords that hold a list of schemas.
const LISTS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords that hold one schema.
const ALONE: [&str; 5] =
    ["additionalProperties", "propertyNames", "items", "unevaluatedProperties", "unevaluatedItems"];
/// The same, where a schema that accepts more makes the whole accept less.
const REVERSED: [&str; 2] = ["not", "contains"];
/// Keywords that hold no schema and are taken over.
const PLAIN: [&str; 29] = [
    "title",
    "description",
    "format",
    "pattern",
    "contentEncoding",
    "contentMediaType",
    "type",
    "enum",
    "examples",
    "const",
    "default",
    "required",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
    "uniqueItems",
    "deprecated",
    "readOnly",
    "writeOnly",
];
/// What types a schema may name.
const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];

/// Resolves schemas of one document while there is room.
pub(super) struct Resolver<'a> {
    root: &'a Value,
    is_version_3_0: bool,
    /// How members are marked that are not there in this direction.
    other_way: &'static str,
    bytes_left: usize,
    /// Places that may still be looked at, whatever is taken over from them.
    pub(super) steps_left: u64,
    /// What is being resolved, by address.
    open: Vec<*const Value>,
    /// Something was left away.
    pub(super) is_simplified: bool,
}

impl<'a> Resolver<'a> {
    /// For schemas of what is sent to the service.
    pub(super) fn of_requests(root: &'a Value, is_version_3_0: bool, bytes_max: usize) -> Self {
        let other_way = "readOnly";
        let open = Vec::new();
        let is_simplified = false;
        let (bytes_left, steps_left) = (bytes_max, API_SCHEMA_STEPS_MAX);
        Self { root, is_version_3_0, other_way, bytes_left, steps_left, open, is_simplified }
    }

    /// The same, for what it answers.
    pub(super) fn turn(&mut self) {
        self.other_way = "writeOnly";
    }

    /// The schema that is meant.
    pub(super) fn resolve(&mut self, schema: &'a Value) -> Value {
        self.schema(schema, 0)
    }

    fn anything(&mut self) -> Value {
        self.is_simplified = true;
        Value::Bool(true)
    }

    fn pay(&mut self, bytes: usize) -> bool {
        let left = self.bytes_left.checked_sub(bytes);
        self.is_simplified |= left.is_none();
        self.bytes_left = left.unwrap_or(self.bytes_left);
        left.is_some()
    }

    /// Looks at so many places, if that is not too much work.
    fn step(&mut self, places: usize) -> bool {
        let left = self.steps_left.checked_sub(places as u64);
        self.steps_left = left.unwrap_or(0);
        self.is_simplified |= left.is_none();
        left.is_some()
    }

    fn schema(&mut self, schema: &'a Value, depth: usize) -> Value {
        let is_enough = depth >= API_SCHEMA_DEPTH_MAX || self.bytes_left < COST_BYTES;
        if is_enough || !self.step(1) {
            return self.anything();
        }
        self.bytes_left -= COST_BYTES;
        let keywords = match schema {
            Value::Bool(_) => return schema.clone(),
            Value::Object(keywords) => keywords,
            _ => return self.anything(),
        };
        let Some(reference) = keywords.get("$ref").and_then(Value::as_str) else {
            return self.keywords(keywords, depth);
        };
        let target = local(self.root, reference);
        let address = target.map(std::ptr::from_ref);
        let meant = match (target, address) {
            (Some(target), Some(address)) if !self.open.contains(&address) => {
                self.open.push(address);
                let meant = self.schema(target, depth + 1);
                self.open.pop();
                meant
            }
            // Elsewhere, nowhere, or within itself.
            _ => self.anything(),
        };
        let has_more = keywords.keys().any(|name| !matches!(&**name, "$ref" | "summary"));
        if self.is_version_3_0 || !has_more {
            return meant;
        }
        match self.keywords(keywords, depth) {
            Value::Object(beside) if !beside.is_empty() => {
                let mut beside = beside;
                let mut all = vec![meant];
                if let Some(Value::Array(others)) = beside.remove("allOf") {
                    all.extend(others);
                }
                beside.insert("allOf".into(), all.into());
                beside.into()
            }
            _ => meant,
        }
    }

    fn keywords(&mut self, keywords: &'a Map<String, Value>, depth: usize) -> Value {
        if !self.step(keywords.len()) {
            return self.anything();
        }
        // Whether something is left away is asked of this schema alone, then told of all.
        let before = std::mem::take(&mut self.is_simplified);
        let mut made = Map::new();
        for (name, value) in keywords {
            self.keyword(name, value, depth, &mut made);
        }
        self.conditions(keywords, depth, &mut made);
        self.is_simplified |=
            ["$dynamicRef", "$recursiveRef"].iter().any(|name| keywords.contains_key(*name));
        if self.is_simplified {
            self.remove_the_rest(keywords, &mut made);
        }
        self.remove_the_other_way(keywords, &mut made);
        self.is_simplified |= before;
        if self.is_version_3_0 { with_version_3_0(keywords, made) } else { made.into() }
    }

    /// Removes what applies to all that other keywords did not look at, where these lack something.
    fn remove_the_rest(&self, said: &Map<String, Value>, made: &mut Map<String, Value>) {
        made.remove("unevaluatedProperties");
        made.remove("unevaluatedItems");
        let size = |schema: Option<&Value>| match schema {
            Some(Value::Object(members)) => members.len(),
            Some(Value::Array(elements)) => elements.len(),
            _ => 0,
        };
        let lacks = |name: &str| size(made.get(name)) < size(said.get(name));
        let (members, elements) =
            (lacks("properties") || lacks("patternProperties"), lacks("prefixItems"));
        if members {
            made.remove("additionalProperties");
        }
        if elements {
            made.remove("items");
        }
    }

    /// A member that only travels the other way need not be there.
    fn remove_the_other_way(&self, said: &Map<String, Value>, made: &mut Map<String, Value>) {
        let Some(Value::Array(names)) = made.get_mut("required") else { return };
        let marked = |schema: &Value| schema.get(self.other_way) == Some(&Value::Bool(true));
        let is_other_way = |name: &Value| {
            let member = said.get("properties")?.get(name.as_str()?)?;
            Some(marked(member) || marked(resolved(self.root, member)?))
        };
        names.retain(|name| is_other_way(name) != Some(true));
    }

    fn keyword(
        &mut self,
        name: &'a str,
        value: &'a Value,
        depth: usize,
        made: &mut Map<String, Value>,
    ) {
        let before = std::mem::take(&mut self.is_simplified);
        let new = match value {
            Value::Object(members) if NAMED.contains(&name) => {
                let mut resolved = Map::new();
                for (member, schema) in members {
                    if !self.pay(member.len() + COST_BYTES) {
                        break;
                    }
                    resolved.insert(member.clone(), self.schema(schema, depth + 1));
                }
                Some(Value::Object(resolved))
            }
            Value::Array(schemas) if LISTS.contains(&name) && !schemas.is_empty() => {
                let mut resolved = Vec::new();
                for schema in schemas {
                    if !self.pay(COST_BYTES) {
                        break;
                    }
                    resolved.push(self.schema(schema, depth + 1));
                }
                // Half of the alternatives would refuse the other half.
                let is_whole = resolved.len() == schemas.len();
                (is_whole || (name == "allOf" && !resolved.is_empty()))
                    .then_some(Value::Array(resolved))
            }
            Value::Object(_) | Value::Bool(_) if ALONE.contains(&name) => {
                Some(self.schema(value, depth + 1))
            }
            Value::Object(_) | Value::Bool(_) if REVERSED.contains(&name) => {
                let resolved = self.schema(value, depth + 1);
                (!self.is_simplified).then_some(resolved)
            }
            _ => self.plain(name, value),
        };
        // One that accepts more may be a second that accepts, which `oneOf` does not like.
        let may_be_two = name == "oneOf" && self.is_simplified;
        let name = if may_be_two { "anyOf" } else { name };
        if let Some(new) = new
            && !(may_be_two && made.contains_key(name))
        {
            made.insert(name.into(), new);
        }
        self.is_simplified |= before;
    }

    /// `if`, `then` and `else` make sense together and exactly only.
    fn conditions(
        &mut self,
        keywords: &'a Map<String, Value>,
        depth: usize,
        made: &mut Map<String, Value>,
    ) {
        let Some(condition) = keywords.get("if") else { return };
        let before = std::mem::take(&mut self.is_simplified);
        let condition = self.schema(condition, depth + 1);
        if !self.is_simplified {
            made.insert("if".into(), condition);
            for name in ["then", "else"] {
                if let Some(schema) = keywords.get(name) {
                    let schema = self.schema(schema, depth + 1);
                    made.insert(name.into(), schema);
                }
            }
        }
        self.is_simplified |= before;
    }

    /// Keywords that hold no schema: those that are well-formed and fit.
    fn plain(&mut self, name: &str, value: &Value) -> Option<Value> {
        if !PLAIN.contains(&name) {
            return None;
        }
        // Before its elements are looked at: there may be more of them than fit.
        let mut steps = 0;
        let cost = cost(value, self.bytes_left, &mut steps).saturating_add(name.len());
        if !self.step(steps) || cost > self.bytes_left {
            self.is_simplified = true;
            return None;
        }
        let is_good = match name {
            "title" | "description" | "format" | "pattern" | "contentEncoding"
            | "contentMediaType" => value.is_string(),
            "type" => is_type(value),
            "enum" | "examples" => value.as_array().is_some_and(|values| !values.is_empty()),
            "const" | "default" => true,
            "required" => value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
            "minimum" | "maximum" => value.is_number(),
            "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
            "multipleOf" => value.as_f64().is_some_and(|number| number > 0.0),
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties"
            | "maxProperties" => value.is_u64(),
            // Without `contains` they say nothing.
            "minContains" | "maxContains" => value.is_u64(),
            "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => value.is_boolean(),
            _ => return None,
        };
        self.is_simplified |= !is_good;
        if !is_good || !self.pay(cost) {
            return None;
        }
        let Some(names) = value.as_array().filter(|_| name == "required") else {
            return Some(value.clone());
        };
        let mut names = names.clone();
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.as_str().map(str::to_owned)));
        Some(names.into())
    }
}

/// What only OpenAPI 3.0 says: exclusive bounds as marks on the others, and `nullable`.
fn with_version_3_0(said: &Map<String, Value>, mut made: Map<String, Value>) -> Value {
    for (mark, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if said.get(mark) == Some(&Value::Bool(true))
            && let Some(number) = made.remove(bound)
        {
            made.insert(mark.into(), number);
        }
    }
    if said.get("nullable") == Some(&Value::Bool(true)) {
        return json!({"anyOf": [{"type": "null"}, made]});
    }
    made.into()
}

fn is_type(value: &Value) -> bool {
    let is_name = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    match value {
        Value::Array(names) => {
            let mut seen = std::collections::BTreeSet::new();
            !names.is_empty()
                && names.iter().all(|name| is_name(name) && seen.insert(name.as_str()))
        }
        _ => is_name(value),
    }
}

/// What a value costs, roughly its length as text; what is beyond the most is not counted. The
/// reader of JSON has bounded its depth.
fn cost(value: &Value, most: usize, steps: &mut usize) -> usize {
    *steps += 1;
    let mut sum = 2;
    match value {
        Value::String(text) => sum += text.len(),
        Value::Array(elements) => {
            for element in elements {
                if sum > most {
                    break;
                }
                sum += 1 + cost(element, most - sum, steps);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                if sum > most {
                    break;
                }
                sum += name.len() + 4;
                sum += cost(member, most.saturating_sub(sum), steps);
            }
        }
        _ => sum = COST_BYTES,
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 32 << 10;

    fn resolve(document: &Value, is_version_3_0: bool, bytes_max: usize) -> (Value, bool) {
        let mut resolver = Resolver::of_requests(document, is_version_3_0, bytes_max);
        let schema = resolver.resolve(&document["start"]);
        (schema, resolver.is_simplified)
    }

    #[test]
    fn openapi_references_are_replaced_and_circles_accept_anything() {
        let document = json!({
            "start": {"$ref": "#/node", "description": "a tree"},
            "node": {"type": "object", "properties": {
                "next": {"$ref": "#/node"}, "size": {"$ref": "#/size"}, "far": {"$ref": "x.json#/a"},
            }},
            "size": {"type": "integer", "minimum": 1},
        });
        let node = json!({"type": "object", "properties": {
            "next": true, "size": {"type": "integer", "minimum": 1}, "far": true,
        }});
        let described = json!({"description": "a tree", "allOf": [node]});
        assert_eq!(resolve(&document, false, ROOM), (described, true));
        assert_eq!(resolve(&document, true, ROOM), (node, true));
    }

    #[test]
    fn openapi_schema_that_lacks_something_never_accepts_less() {
        let circle = json!({"properties": {"a": {"$ref": "#/start"}}});
        for (keyword, schema) in [
            ("not", circle.clone()),
            ("contains", circle.clone()),
            ("unevaluatedProperties", circle.clone()),
            ("if", circle.clone()),
        ] {
            let document = json!({ "start": { (keyword): schema, "then": false } });
            assert_eq!(resolve(&document, false, ROOM), (json!({}), true), "{keyword}");
        }
        let inner = json!({"properties": {"a": {"$ref": "#/a"}}});
        let document = json!({"start": {"$ref": "#/a"}, "a": {"oneOf": [inner, {"type": "null"}]}});
        let expected = json!({"anyOf": [{"properties": {"a": true}}, {"type": "null"}]});
        assert_eq!(resolve(&document, false, ROOM), (expected, true));
    }

    #[test]
    fn openapi_schema_without_room_for_all_members_lets_the_others_be() {
        let members: Map<String, Value> =
            (0..1_000).map(|i| (format!("member-{i}"), json!({"type": "string"}))).collect();
        let document = json!({"start": {
            "type": "object", "properties": members, "additionalProperties": false,
            "anyOf": vec![json!({"type": "object"}); 1_000],
        }});
        let (schema, is_simplified) = resolve(&document, false, 1_000);
        assert!(is_simplified && schema.get("additionalProperties").is_none(), "{schema}");
        assert!(schema.get("anyOf").is_none());
        assert!(schema.to_string().len() < 4_000, "{}", schema.to_string().len());
    }

    #[test]
    fn openapi_references_that_double_stay_within_their_room() {
        let mut document = json!({"start": {"$ref": "#/a0"}, "a40": {"type": "string"}});
        for i in 0..40 {
            let next = json!({"$ref": format!("#/a{}", i + 1)});
            document[format!("a{i}")] = json!({"allOf": [next, next]});
        }
        let (schema, is_simplified) = resolve(&document, false, ROOM);
        assert!(is_simplified && schema.to_string().len() < 4 * ROOM);
    }

    #[test]
    fn openapi_words_of_version_3_0_become_json_schema() {
        let document = json!({"start": {
            "type": "object", "required": ["id", "n", "n"],
            "properties": {
                "id": {"type": "string", "readOnly": true, "nullable": true},
                "n": {"type": "number", "minimum": 0, "exclusiveMinimum": true, "example": 3},
            },
        }});
        let (schema, _) = resolve(&document, true, ROOM);
        assert_eq!(schema["properties"]["n"], json!({"type": "number", "exclusiveMinimum": 0}));
        assert_eq!(schema["properties"]["id"]["anyOf"][0], json!({"type": "null"}));
        assert_eq!(schema["required"], json!(["n"]));
    }

    #[test]
    fn openapi_nonsense_in_a_schema_is_left_away() {
        let document = json!({"start": {
            "type": "file", "required": true, "enum": [], "minLength": -1, "multipleOf": 0,
            "pattern": 7, "items": 3, "$id": "x", "$anchor": "y", "x-mine": 1, "title": "t",
        }});
        assert_eq!(resolve(&document, false, ROOM), (json!({"title": "t"}), true));
    }
}
