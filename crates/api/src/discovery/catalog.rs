//! The catalog: one entry for each contract on offer, one for the API, one for the search.
use ainur_crypto::hash;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{ENTRIES_MAX, Origin};
use crate::rest::OPENAPI_PATH;
use crate::rest::capabilities::Offer;

/// An AI catalog, version 1.0.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Catalog {
    spec_version: String,
    host: Host,
    entries: Vec<Entry>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CatalogHost")]
struct Host {
    display_name: String,
    identifier: String,
}

/// A resource: where it is, or what it is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CatalogEntry")]
pub(super) struct Entry {
    /// A name that stays when the address changes.
    #[schemars(regex(pattern = "^urn:air:[a-zA-Z0-9.-]+(:[a-zA-Z0-9._-]+)+$"))]
    identifier: String,
    display_name: String,
    /// The media type of what `url` leads to, or of `data`.
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::discovery::catalog::object")]
    data: Option<Value>,
    description: String,
    tags: Vec<String>,
    capabilities: Vec<String>,
    #[schemars(schema_with = "crate::discovery::catalog::object")]
    metadata: Value,
}

fn object(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object" })
}

/// The media type of a capability's contract.
const CAPABILITY_JSON: &str = "application/vnd.ainur.capability+json";

impl Catalog {
    /// The catalog of the node with this identity.
    pub(super) fn new(entries: Vec<Entry>, did: String) -> Self {
        let host = Host { display_name: "ainur".into(), identifier: did };
        Self { spec_version: "1.0".into(), host, entries }
    }
}

/// Every entry, capabilities first.
pub(super) fn entries(offers: &[Offer], origin: &Origin) -> Vec<Entry> {
    // Contracts of one name are neighbours.
    let name = |at: usize| offers.get(at).map(|offer| &offer.contract.name);
    let is_one_of_several = |at: usize| {
        name(at + 1) == name(at) || at.checked_sub(1).is_some_and(|before| name(before) == name(at))
    };
    let mut entries: Vec<_> = offers
        .iter()
        .take(ENTRIES_MAX)
        .enumerate()
        .map(|(at, offer)| capability(offer, is_one_of_several(at), origin))
        .collect();
    let Origin { base, domain } = origin;
    entries.push(Entry {
        identifier: format!("urn:air:{domain}:api:rest"),
        display_name: "ainur REST API".into(),
        r#type: "application/vnd.oai.openapi+json".into(),
        url: Some(format!("{base}{OPENAPI_PATH}")),
        data: None,
        description: "Announce tasks, follow them, fetch and verify what was bought".into(),
        tags: vec!["api".into()],
        capabilities: Vec::new(),
        metadata: json!({}),
    });
    entries.push(Entry {
        identifier: format!("urn:air:{domain}:registry:capabilities"),
        display_name: "ainur capability search".into(),
        r#type: "application/ai-registry+json".into(),
        url: Some(format!("{base}/")),
        data: None,
        description: "Searches the capabilities on offer at this node".into(),
        tags: vec!["registry".into()],
        capabilities: Vec::new(),
        metadata: json!({}),
    });
    entries
}

fn capability(offer: &Offer, is_one_of_several: bool, origin: &Origin) -> Entry {
    let (contract, Origin { base, domain }) = (&offer.contract, origin);
    let name = contract.name.as_str();
    let mut identifier = format!("urn:air:{domain}:capability:{name}");
    if is_one_of_several {
        let text = json!(contract).to_string();
        let digest = hash::tagged("ainur/catalog-entry/v1", &[text.as_bytes()]);
        identifier = format!("{identifier}:{}", digest.short());
    }
    let noun = name.split('.').next().unwrap_or(name);
    let mut metadata = json!({ "agents": offer.agents });
    if let Some(cheapest) = offer.cheapest {
        metadata["cheapest"] = json!(cheapest);
    }
    Entry {
        identifier,
        display_name: name.to_owned(),
        r#type: CAPABILITY_JSON.into(),
        url: None,
        data: Some(json!({
            "contract": contract,
            "buy": {
                "protocol": "REST",
                "method": "POST",
                "url": format!("{base}/v1/tasks"),
                "description": format!("{base}{OPENAPI_PATH}"),
                "operation": "create_task",
            },
        })),
        description: contract.description.clone(),
        tags: vec!["capability".into(), noun.to_owned()],
        capabilities: vec![name.to_owned()],
        metadata,
    }
}

impl Entry {
    /// The words by which it is found: those of its name count for more.
    pub(super) fn words(&self) -> (String, String) {
        let mut names = Vec::new();
        for schema in ["input_schema", "output_schema"] {
            let contract = self.data.as_ref().map(|data| &data["contract"]);
            let text = contract.and_then(|contract| contract[schema].as_str()).unwrap_or("true");
            collect_names(&serde_json::from_str(text).unwrap_or_default(), &mut names);
        }
        (self.display_name.clone(), format!("{} {}", self.description, names.join(" ")))
    }
}

/// The values at a path of names joined by dots, through lists.
pub(super) fn values(entry: &Value, path: &str) -> Vec<String> {
    let mut found = vec![entry];
    for name in path.split('.') {
        found = found.into_iter().flat_map(each).filter_map(|value| value.get(name)).collect();
    }
    let leaves = found.into_iter().flat_map(each);
    leaves.map(|leaf| leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned)).collect()
}

fn each(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        other => std::slice::from_ref(other),
    }
}

/// The names of a schema's properties, at any depth that was parsed.
fn collect_names(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get("properties") {
                names.extend(properties.keys().cloned());
            }
            fields.values().for_each(|field| collect_names(field, names));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_names(value, names)),
        _ => {}
    }
}
