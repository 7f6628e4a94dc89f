//! The agent card of 0.3.
use serde_json::{Map, Value, json};

/// A card of 1.0 as 0.3 had it: one address with others beside it, schemes by type.
pub(in super::super) fn card(card: Value) -> Value {
    let Value::Object(mut card) = card else { return card };
    // A signature holds for the other form only.
    card.remove("signatures");
    let interfaces = card.remove("supportedInterfaces").unwrap_or_default();
    let legacy = interfaces.as_array().into_iter().flatten().filter(|interface| {
        interface.get("protocolVersion").and_then(Value::as_str) == Some("0.3")
    });
    let legacy: Vec<_> = legacy
        .map(|interface| {
            json!({ "url": interface["url"], "transport": interface["protocolBinding"] })
        })
        .collect();
    card.insert("protocolVersion".into(), json!("0.3.0"));
    if let Some(first) = legacy.first() {
        card.insert("url".into(), first["url"].clone());
        card.insert("preferredTransport".into(), first["transport"].clone());
    }
    card.insert("additionalInterfaces".into(), Value::Array(legacy));
    if let Some(Value::Object(capabilities)) = card.get_mut("capabilities")
        && let Some(extended) = capabilities.remove("extendedAgentCard")
    {
        card.insert("supportsAuthenticatedExtendedCard".into(), extended);
    }
    if let Some(Value::Object(schemes)) = card.get_mut("securitySchemes") {
        for scheme in schemes.values_mut() {
            *scheme = scheme_out(scheme.take());
        }
    }
    if let Some(Value::Array(requirements)) = card.remove("securityRequirements") {
        let security: Vec<_> = requirements.into_iter().map(requirement_out).collect();
        card.insert("security".into(), Value::Array(security));
    }
    Value::Object(card)
}

/// The only scheme that is used here: a bearer token.
fn scheme_out(scheme: Value) -> Value {
    let Value::Object(scheme) = scheme else { return scheme };
    let Some((_, Value::Object(mut inner))) = scheme.into_iter().next() else { return Value::Null };
    inner.insert("type".into(), json!("http"));
    Value::Object(inner)
}

fn requirement_out(mut requirement: Value) -> Value {
    let schemes = requirement["schemes"].take();
    let Value::Object(schemes) = schemes else { return Value::Object(Map::new()) };
    let lists = schemes.into_iter().map(|(name, mut scopes)| {
        let list = scopes["list"].take();
        (name, if list.is_array() { list } else { json!([]) })
    });
    Value::Object(lists.collect())
}
