//! Capabilities as tools.
//!
//! A tool's arguments are the capability's parameters. Where it takes an input stream, the argument
//! `input` carries it as text, or `input_base64` as bytes; both are part of the tool's schema.
use std::collections::BTreeMap;
use std::sync::Arc;

use ainur_primitives::capability::CapabilityContract;
use rmcp::ErrorData;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::refused;
use crate::operation::{Operation, Reply};
use crate::service::Service;

/// The argument that carries the input stream as text.
pub(super) const INPUT: &str = "input";
/// The argument that carries it as bytes.
pub(super) const INPUT_BASE64: &str = "input_base64";
/// Tools in one list.
const TOOLS_MAX: usize = 1_000;

/// What is offered: one tool for each capability of an agent that may bid.
pub(super) fn all(service: &dyn Service) -> Result<Vec<Tool>, ErrorData> {
    let offers = offers(service)?;
    Ok(offers.values().take(TOOLS_MAX).map(|offer| tool(&offer.0, &offer.1)).collect())
}

/// The contract of a capability.
pub(super) fn contract(service: &dyn Service, name: &str) -> Result<CapabilityContract, ErrorData> {
    let found = offers(service)?.remove(name);
    found.map(|(contract, _)| contract).ok_or_else(|| {
        ErrorData::invalid_params(format!("no agent offers {name}: see tools/list"), None)
    })
}

/// Contracts by name, and who offers them.
type Offers = BTreeMap<String, (CapabilityContract, Vec<String>)>;

fn offers(service: &dyn Service) -> Result<Offers, ErrorData> {
    let reply = service.perform(Operation::AgentList).map_err(|problem| refused(&problem))?;
    let Reply::Agents(agents) = reply else { return Ok(Offers::new()) };
    let mut offers = Offers::new();
    for agent in &agents {
        for (contract, _) in agent.on_offer() {
            let name = contract.name.to_string();
            let offer = offers.entry(name).or_insert_with(|| (contract.clone(), Vec::new()));
            offer.1.push(agent.name.clone());
        }
    }
    Ok(offers)
}

fn tool(contract: &CapabilityContract, agents: &[String]) -> Tool {
    let offered = match agents {
        [only] => format!("Offered by {only}"),
        many => format!("{} agents compete for it", many.len()),
    };
    let price = contract.price_hint.map(|price| format!(", usually {} AINU", price.to_ainu()));
    let description = format!("{} {offered}{}.", contract.description, price.unwrap_or_default());
    let effects = &contract.effects;
    let harmless = *effects == ainur_primitives::Effects::default();
    let annotations = ToolAnnotations::new()
        .read_only(harmless)
        .destructive(!harmless)
        .idempotent(contract.idempotent || contract.deterministic)
        .open_world(!harmless);
    let mut tool = Tool::new(
        contract.name.to_string(),
        description.trim_start().to_owned(),
        Arc::new(schema(contract)),
    );
    tool.annotations = Some(annotations);
    tool
}

/// The schema of the arguments: the parameters', and the input stream where there is one.
fn schema(contract: &CapabilityContract) -> JsonObject {
    let stated: Value = serde_json::from_str(&contract.input_schema).unwrap_or(Value::Bool(true));
    let mut schema = match stated {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    };
    schema.insert("type".into(), "object".into());
    let Some(media_type) = &contract.input_media_type else { return schema };
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    if let Some(properties) = properties.as_object_mut() {
        let text = format!("What to work on ({media_type}), as text");
        properties.insert(INPUT.into(), json!({ "type": "string", "description": text }));
        let bytes = format!("What to work on ({media_type}), as base64, when it is no text");
        properties.insert(INPUT_BASE64.into(), json!({ "type": "string", "description": bytes }));
    }
    schema
}
