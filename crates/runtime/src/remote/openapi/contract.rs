//! From operations to capabilities.
use std::collections::BTreeMap;

use ainur_primitives::{CapabilityContract, CapabilityName, Effects};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::document::{Reading, Readings, mark};
use super::reader::is_json;
use super::request::BODY;
use super::schema::Resolver;
use crate::failure::Failure;
use crate::limits::{
    API_PATH_BYTES_MAX, API_SCHEMA_STEPS_MAX, API_SCHEMAS_BYTES_MAX, API_SCHEMAS_BYTES_MIN,
    CAPABILITIES_MAX, DESCRIPTION_BYTES_MAX, MANIFEST_BYTES_MAX, NAME_BYTES_MAX, NOTES_MAX,
    SCHEMA_BYTES_MAX,
};
use crate::manifest::Manifest;
use crate::remote::Description;
use crate::remote::naming::{cut, prefix, slug};
use crate::remote::program::{ApiDocument, RemoteTool};

/// What capabilities of a service begin with whose title has no letters.
const NAMELESS: &str = "http-service";

/// Bytes of the operation's part of a capability's name.
const SLUG_BYTES_MAX: usize = 63;

/// Bytes of what is said about one parameter.
const PARAMETER_DESCRIPTION_BYTES_MAX: usize = 256;

/// Makes an agent of a document.
pub(super) fn describe(
    root: &Value,
    readings: &Readings<'_>,
    document: &ApiDocument,
) -> Result<Description, Failure> {
    let name = document.name.as_deref().unwrap_or(readings.title);
    let mut catalog = Catalog {
        root,
        readings,
        prefix: prefix(name, NAMELESS),
        capabilities: Vec::new(),
        tools: BTreeMap::new(),
        notes: Vec::new(),
        // Quotes inside quotes take twice the room; the rest is for names and descriptions.
        bytes_left: MANIFEST_BYTES_MAX / 4,
        steps_left: API_SCHEMA_STEPS_MAX,
    };
    let left_out = readings.operations.len().saturating_sub(CAPABILITIES_MAX);
    if left_out > 0 {
        let why = format!("left out, an agent has at most {CAPABILITIES_MAX}");
        catalog.note(&format!("{left_out} operations"), &why);
    }
    for (what, why) in &readings.left_out {
        catalog.note(what, why);
    }
    let taken = readings.operations.iter().take(CAPABILITIES_MAX);
    for (index, reading) in taken.clone().enumerate() {
        catalog.add(reading, taken.len() - index - 1);
    }
    if catalog.capabilities.is_empty() {
        let why = catalog.notes.first().map_or("it lists none", String::as_str);
        let detail = format!("the document describes no operation that can be used: {why}");
        return Err(Failure::crashed(detail));
    }
    let manifest = Manifest {
        name: cut(name, NAME_BYTES_MAX, NAMELESS),
        description: cut(readings.description, DESCRIPTION_BYTES_MAX, ""),
        version: cut(readings.version, NAME_BYTES_MAX, "0"),
        capabilities: catalog.capabilities,
    };
    // Through the same checks as every other manifest.
    let wrong = |error: &dyn std::error::Error| Failure::crashed(error.to_string());
    let json = serde_json::to_vec(&manifest).map_err(|error| wrong(&error))?;
    let manifest = Manifest::parse(&json).map_err(|error| wrong(&error))?;
    Ok(Description { manifest, tools: catalog.tools, notes: catalog.notes })
}

struct Catalog<'a> {
    root: &'a Value,
    readings: &'a Readings<'a>,
    prefix: String,
    capabilities: Vec<CapabilityContract>,
    tools: BTreeMap<CapabilityName, RemoteTool>,
    notes: Vec<String>,
    bytes_left: usize,
    steps_left: u64,
}

impl<'a> Catalog<'a> {
    fn note(&mut self, operation: &str, what: &str) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(format!("{}: {what}", cut(operation, NAME_BYTES_MAX, "an operation")));
        }
    }

    /// Takes an operation over, and leaves room for others after it; or leaves it out with a note.
    fn add(&mut self, reading: &Reading<'a>, others: usize) {
        let operation = &reading.operation;
        let Some(name) = self.name(reading) else {
            self.note(&operation.key, "left out, others have its name or it has no letters");
            return;
        };
        let bytes_max = self
            .bytes_left
            .saturating_sub(others * API_SCHEMAS_BYTES_MIN)
            .clamp(API_SCHEMAS_BYTES_MIN, API_SCHEMAS_BYTES_MAX);
        let is_version_3_0 = self.readings.is_version_3_0;
        let mut resolver = Resolver::of_requests(self.root, is_version_3_0, bytes_max);
        resolver.steps_left = self.steps_left;
        let input_schema = input(reading, &mut resolver).to_string();
        resolver.turn();
        let output_schema = reading.output.map_or(Value::Bool(true), |said| resolver.resolve(said));
        let output_schema = output_schema.to_string();
        self.steps_left = resolver.steps_left;
        let bytes = input_schema.len() + output_schema.len();
        if bytes > SCHEMA_BYTES_MAX.min(self.bytes_left) {
            self.note(&operation.key, "left out, its schemas are too long");
            return;
        }
        self.bytes_left -= bytes;
        if resolver.is_simplified {
            self.note(&operation.key, "its schemas are simplified: they accept more");
        }
        if reading.summary.len() > DESCRIPTION_BYTES_MAX {
            self.note(&operation.key, &format!("description cut to {DESCRIPTION_BYTES_MAX} bytes"));
        }
        let is_safe = matches!(operation.method, Method::GET | Method::HEAD);
        let is_idempotent = is_safe || matches!(operation.method, Method::PUT | Method::DELETE);
        let output_media_type = match is_json(&operation.output_media_type) {
            true => "application/json".into(),
            false => operation.output_media_type.clone(),
        };
        self.capabilities.push(CapabilityContract {
            name: name.clone(),
            description: cut(reading.summary, DESCRIPTION_BYTES_MAX, ""),
            input_schema,
            input_media_type: None,
            output_schema,
            output_media_type,
            effects: Effects {
                read_only: is_safe,
                mutates: !is_safe,
                network: true,
                ..Effects::default()
            },
            sensitivity: Default::default(),
            idempotent: is_idempotent,
            deterministic: false,
            dry_run: false,
            price_hint: None,
            service_level: Default::default(),
        });
        let tool = RemoteTool { name: operation.key.clone(), digest: operation.digest };
        self.tools.insert(name, tool);
    }

    /// A name that is free: what the service calls it, or its method and path.
    fn name(&self, reading: &Reading<'_>) -> Option<CapabilityName> {
        let key = &reading.operation.key;
        [reading.id.unwrap_or_default(), key].into_iter().find_map(|said| {
            // As much of it as is looked at: the same long name may be that of many.
            let mut slug = slug(&cut(said, API_PATH_BYTES_MAX, ""));
            if slug.len() > SLUG_BYTES_MAX {
                let mark = mark(key);
                slug.truncate(SLUG_BYTES_MAX - mark.len() - 1);
                slug = format!("{}-{mark}", slug.trim_end_matches('-'));
            }
            let name = format!("{}.{slug}", self.prefix).parse().ok()?;
            (!self.tools.contains_key(&name)).then_some(name)
        })
    }
}

/// What a call is given: the parameters by their names, and the body.
fn input<'a>(reading: &Reading<'a>, resolver: &mut Resolver<'a>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let operation = &reading.operation;
    for (parameter, (schema, description)) in operation.parameters.iter().zip(&reading.parameters) {
        let mut schema = schema.map_or_else(|| json!({}), |schema| resolver.resolve(schema));
        if let Value::Object(keywords) = &mut schema
            && !description.is_empty()
        {
            let said = cut(description, PARAMETER_DESCRIPTION_BYTES_MAX, "");
            keywords.entry("description").or_insert_with(|| said.into());
        }
        properties.insert(parameter.property.clone(), schema);
        if parameter.is_required {
            required.push(parameter.property.as_str());
        }
    }
    if let Some(body) = &operation.body {
        let schema = reading.body.map_or(Value::Bool(true), |schema| resolver.resolve(schema));
        properties.insert(BODY.into(), schema);
        if body.is_required {
            required.push(BODY);
        }
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
