//! The agent card: who this node is, where it is reached, and which capabilities are on offer.
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use a2a_types::{
    AgentCapabilities, AgentCard, AgentCardSignature, AgentExtension, AgentInterface, AgentSkill,
    HttpAuthSecurityScheme, SecurityScheme, TRANSPORT_PROTOCOL_GRPC, TRANSPORT_PROTOCOL_HTTP_JSON,
    TRANSPORT_PROTOCOL_JSONRPC, VERSION,
};
use ainur_primitives::canonical_json::to_canonical_json;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::desk::{Desk, Visit};
use super::error::Error;
use super::limits::{OFFERS_MS_MAX, SKILLS_MAX};
use super::offers::{Offer, Offers, offers};
use super::{Config, LEGACY_VERSION, REST_PATH, RPC_PATH};
use crate::access::Caller;
use crate::http::server::{Calls, Lane};

/// Hiring through messages: the metadata that says what is bought and for how much. On the extended
/// card its parameters hold the full contracts and prices.
pub(super) const EXTENSION: &str = "urn:ainur:a2a:hire:v1";
/// The name of the only security scheme.
const BEARER: &str = "bearer";

/// Signs bytes with the key that a [`CardKey`] names; 64 bytes of Ed25519.
pub type CardSigner = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// The key that cards are signed with.
#[derive(Clone)]
pub struct CardKey {
    /// How the key is named in the signature (`kid`).
    pub id: String,
    /// Signs with it.
    pub sign: CardSigner,
}

impl fmt::Debug for CardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Cards, made of what is on offer.
pub(super) struct Cards {
    desk: Desk,
    name: String,
    description: String,
    key: Option<CardKey>,
    /// What was on offer a moment ago: anyone may ask for a card.
    recent: Mutex<Option<(Instant, Arc<Offers>)>>,
}

impl Cards {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            desk: config.desk,
            name: config.name.clone(),
            description: config.description.clone(),
            key: config.key.clone(),
            recent: Mutex::new(None),
        }
    }

    /// The card that anyone may see.
    pub(super) async fn public(
        &self,
        calls: &Calls,
        base: &str,
        push: bool,
    ) -> Result<AgentCard, Error> {
        let offers = self.offers(calls).await?;
        Ok(self.signed(self.card(&offers, base, push)))
    }

    /// The card with contracts and prices.
    pub(super) async fn extended(
        &self,
        calls: &Calls,
        visit: &Visit,
        push: bool,
    ) -> Result<AgentCard, Error> {
        let offers = self.offers(calls).await?;
        let mut card = self.card(&offers, &visit.base, push);
        for extension in card.capabilities.extensions.iter_mut().flatten() {
            extension.params = Some(HashMap::from([("offers".to_owned(), described(&offers))]));
        }
        Ok(self.signed(card))
    }

    async fn offers(&self, calls: &Calls) -> Result<Arc<Offers>, Error> {
        if self.desk == Desk::Conformance {
            return Ok(Arc::default());
        }
        let recent = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, offers)) = &*recent()
            && at.elapsed() < Duration::from_millis(OFFERS_MS_MAX)
        {
            return Ok(Arc::clone(offers));
        }
        let found = Arc::new(calls.run(&Caller::Owner, Lane::Prompt, offers).await??);
        *recent() = Some((Instant::now(), Arc::clone(&found)));
        Ok(found)
    }

    fn card(&self, offers: &Offers, base: &str, push: bool) -> AgentCard {
        let skills = match self.desk {
            Desk::Market => offers.values().take(SKILLS_MAX).map(skill).collect(),
            Desk::Conformance => vec![conformance_skill()],
        };
        let modes = || {
            ["text/plain", "application/json", "application/octet-stream"]
                .map(String::from)
                .to_vec()
        };
        let bearer = SecurityScheme::HttpAuth(HttpAuthSecurityScheme {
            scheme: "Bearer".into(),
            description: Some("A token with a budget: ainur token create".into()),
            bearer_format: None,
        });
        let guarded = self.desk == Desk::Market;
        AgentCard {
            name: self.name.clone(),
            description: self.description.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            supported_interfaces: interfaces(base),
            capabilities: AgentCapabilities {
                streaming: Some(true),
                push_notifications: Some(true).filter(|_| push),
                extensions: Some(vec![extension()]),
                extended_agent_card: Some(true),
            },
            default_input_modes: modes(),
            default_output_modes: modes(),
            skills,
            provider: None,
            documentation_url: None,
            icon_url: None,
            security_schemes: guarded.then(|| HashMap::from([(BEARER.to_owned(), bearer)])),
            security_requirements: guarded
                .then(|| vec![HashMap::from([(BEARER.to_owned(), Vec::new())])]),
            signatures: None,
        }
    }

    fn signed(&self, mut card: AgentCard) -> AgentCard {
        let Some(key) = &self.key else { return card };
        let protected = json!({ "alg": "EdDSA", "kid": key.id, "typ": "JOSE" });
        let protected = BASE64URL_NOPAD.encode(protected.to_string().as_bytes());
        let payload = BASE64URL_NOPAD.encode(&signed_bytes(&card));
        let signature = (key.sign)(format!("{protected}.{payload}").as_bytes());
        card.signatures = Some(vec![AgentCardSignature {
            protected,
            signature: BASE64URL_NOPAD.encode(&signature),
            header: None,
        }]);
        card
    }
}

/// What a signature is over: the card in canonical form, without what is empty.
fn signed_bytes(card: &AgentCard) -> Vec<u8> {
    let mut value = super::wire::value(card);
    if let Value::Object(card) = &mut value {
        card.remove("signatures");
    }
    let value = without_empty(value).unwrap_or_default();
    to_canonical_json(&value).expect("a card is JSON with names that are text")
}

fn without_empty(value: Value) -> Option<Value> {
    match value {
        Value::Object(object) => {
            let kept: Map<_, _> = object
                .into_iter()
                .filter_map(|(key, value)| Some((key, without_empty(value)?)))
                .collect();
            Some(Value::Object(kept)).filter(|kept| kept != &json!({}))
        }
        Value::Array(values) => {
            let kept: Vec<_> = values.into_iter().filter_map(without_empty).collect();
            Some(Value::Array(kept)).filter(|kept| kept != &json!([]))
        }
        Value::String(text) if text.is_empty() => None,
        Value::Null => None,
        other => Some(other),
    }
}

/// The preferred first.
fn interfaces(base: &str) -> Vec<AgentInterface> {
    let at = |path: &str, binding: &str, version: &str| AgentInterface {
        url: format!("{base}{path}"),
        protocol_binding: binding.into(),
        protocol_version: version.into(),
        tenant: None,
    };
    vec![
        at(RPC_PATH, TRANSPORT_PROTOCOL_JSONRPC, VERSION),
        at(REST_PATH, TRANSPORT_PROTOCOL_HTTP_JSON, VERSION),
        // Its address is the server itself: the method is the path.
        at("", TRANSPORT_PROTOCOL_GRPC, VERSION),
        at(RPC_PATH, TRANSPORT_PROTOCOL_JSONRPC, LEGACY_VERSION),
        // Clients of 0.3 put the rest of the path behind it themselves.
        at(RPC_PATH, TRANSPORT_PROTOCOL_HTTP_JSON, LEGACY_VERSION),
    ]
}

fn extension() -> AgentExtension {
    AgentExtension {
        uri: EXTENSION.into(),
        description: Some(
            "Message metadata: ainur/capability names the skill to hire, ainur/parameters are its \
             parameters, ainur/reserve is the most to pay in AINU, ainur/idempotency-key makes a \
             repeated message find its task"
                .into(),
        ),
        required: None,
        params: None,
    }
}

fn skill(offer: &Offer) -> AgentSkill {
    let contract = &offer.contract;
    let name = contract.name.to_string();
    let count = offer.agents.len();
    let offered = if count == 1 { "Offered by one agent" } else { "Several agents compete for it" };
    let mut inputs = vec!["application/json".to_owned()];
    inputs.extend(contract.input_media_type.clone());
    AgentSkill {
        description: format!("{} {offered}.", contract.description).trim_start().to_owned(),
        tags: name.split('.').map(str::to_owned).collect(),
        examples: examples(offer),
        input_modes: Some(inputs),
        output_modes: Some(vec![contract.output_media_type.clone()]),
        security_requirements: None,
        id: name.clone(),
        name,
    }
}

/// Data parts that could be sent, from the examples and defaults that the schema states.
fn examples(offer: &Offer) -> Option<Vec<String>> {
    let contract = &offer.contract;
    let schema: Value = serde_json::from_str(&contract.input_schema).ok()?;
    let form = |parameters: Value| {
        json!({ "capability": contract.name, "parameters": parameters }).to_string()
    };
    if let Some(stated) = schema.get("examples").and_then(Value::as_array) {
        return Some(stated.iter().cloned().map(form).collect());
    }
    let properties = schema.get("properties")?.as_object()?;
    let known = properties.iter().filter_map(|(name, property)| {
        let example = property.get("examples").and_then(|examples| examples.get(0));
        let value = example.or_else(|| property.get("default")).or_else(|| property.get("const"));
        Some((name.clone(), value?.clone()))
    });
    let known: Map<_, _> = known.collect();
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_known = |name: &Value| name.as_str().is_some_and(|name| known.contains_key(name));
    // An example without what is required would be refused.
    required.iter().all(is_known).then(|| vec![form(Value::Object(known))])
}

fn conformance_skill() -> AgentSkill {
    AgentSkill {
        id: "tck".into(),
        name: "Conformance".into(),
        description: "Answers the messages of the A2A conformance tests.".into(),
        tags: vec!["tck".into()],
        examples: None,
        input_modes: None,
        output_modes: None,
        security_requirements: None,
    }
}

/// Contracts, who offers them and for how much.
fn described(offers: &Offers) -> Value {
    let described = offers.values().take(SKILLS_MAX).map(|offer| {
        let price = offer.price.or(offer.contract.price_hint).map(|price| price.to_ainu());
        json!({
            "contract": offer.contract,
            "agents": offer.agents,
            "priceAinu": price,
        })
    });
    described.collect()
}
