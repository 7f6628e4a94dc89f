//! A message read as an order: which capability, with which parameters and input, for how much.
use a2a_types::{Message, Part, PartContent, Role};
use ainur_primitives::{Amount, CapabilityContract, ContentId, Digest, SelectionRule};
use serde_json::{Map, Value};

use super::super::error::Error;
use super::super::limits::{CONTEXT_ID_BYTES_MAX, MESSAGE_ID_BYTES_MAX, NAMED_MAX, PARTS_MAX};
use super::super::offers::{Offer, Offers, takes};
use crate::operation::{TaskRequest, request_digest};

/// Which capability a message asks for.
pub(super) const CAPABILITY: &str = "ainur/capability";
/// The same under the name that skills have on a card.
const SKILL: &str = "skillId";
/// Its parameters, when no data part holds them.
const PARAMETERS: &str = "ainur/parameters";
/// The most to pay, in AINU, as a string.
const RESERVE: &str = "ainur/reserve";
/// The same key never buys twice; the message's id when absent.
const KEY: &str = "ainur/idempotency-key";
/// What keys made of message ids begin with, so that they meet no key of another protocol.
const KEY_PREFIX: &str = "a2a/";

/// What comes with a message, or with the request around it.
pub(super) type Metadata = std::collections::HashMap<String, Value>;

/// What to pay at most when nobody says.
const RESERVE_DEFAULT: Amount = Amount::ainu(1);

/// What is worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    Bytes(Vec<u8>),
    /// Already stored here.
    Stored(ContentId),
}

/// A message as an order.
#[derive(Debug)]
pub(super) struct Order {
    contract: CapabilityContract,
    parameters: Map<String, Value>,
    pub(super) input: Option<Input>,
    reserve: Amount,
    identity: Identity,
    context: Option<String>,
}

/// What tells a message that is sent again from another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) key: String,
    /// The digest of what was sent that is acted on.
    pub(super) digest: Digest,
}

/// Why a message is no order.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is malformed.
    Malformed(Error),
    /// It is well formed, and nothing here can be bought with it.
    Rejected(String),
}

impl From<Error> for Unread {
    fn from(error: Error) -> Self {
        Self::Malformed(error)
    }
}

/// Checks what holds for every message.
pub(in super::super) fn check(message: &Message) -> Result<(), Error> {
    let refuse = |what: String| Err(Error::invalid(what));
    if message.message_id.is_empty() || message.message_id.len() > MESSAGE_ID_BYTES_MAX {
        return refuse(format!("message.messageId has 1 to {MESSAGE_ID_BYTES_MAX} bytes"));
    }
    if message.role != Role::User {
        return refuse("message.role is the user's: ROLE_USER".into());
    }
    if message.parts.is_empty() || message.parts.len() > PARTS_MAX {
        return refuse(format!("message.parts holds 1 to {PARTS_MAX} parts"));
    }
    let context = message.context_id.as_deref();
    if context.is_some_and(|context| context.len() > CONTEXT_ID_BYTES_MAX) {
        return refuse(format!("message.contextId has at most {CONTEXT_ID_BYTES_MAX} bytes"));
    }
    Ok(())
}

impl Order {
    /// Reads a message; `per_task` is the most that its sender may spend on one task.
    pub(super) fn read(
        message: &Message,
        around: Option<&Metadata>,
        offers: &Offers,
        per_task: Option<Amount>,
    ) -> Result<Self, Unread> {
        let said = |key: &str| said(message, around, key);
        let form = message.parts.iter().find_map(order_form);
        let from_form = |key: &str| form.and_then(|form| form.get(key));
        let stated = said(CAPABILITY).or_else(|| said(SKILL)).or_else(|| from_form("capability"));
        let has_input = message.parts.iter().any(|part| data(part).is_none());
        let offer = choose(text_of(stated, CAPABILITY)?, has_input, offers)?;
        let reserve = match said(RESERVE).or_else(|| from_form("reserve")) {
            None => per_task.unwrap_or(RESERVE_DEFAULT),
            Some(stated) => amount(stated)?,
        };
        let parameters = match said(PARAMETERS).or_else(|| from_form("parameters")) {
            Some(stated) => object(stated)?,
            // A data part that is not an order form is the parameters themselves.
            None if form.is_none() => message.parts.iter().find_map(data).cloned(),
            None => None,
        };
        let input = input(message, offer)?;
        let parameters = match parameters {
            Some(parameters) => parameters,
            None if offer.contract.input_media_type.is_some() => Map::new(),
            None => spoken_parameters(message)?,
        };
        let context = message.context_id.clone().filter(|context| !context.is_empty());
        let contract = offer.contract.clone();
        let identity = Identity::read(message, around)?;
        Ok(Self { contract, parameters, input, reserve, identity, context })
    }

    /// The order as the node takes it, once its input is stored.
    pub(super) fn into_request(self, input: Option<ContentId>) -> TaskRequest {
        TaskRequest {
            capability: self.contract.name,
            parameters: Value::Object(self.parameters),
            input,
            reserve: self.reserve,
            loss: None,
            budget: None,
            selection: SelectionRule::Scored,
            check: None,
            deadline_ms: None,
            limits: None,
            graph: None,
            chunks: Vec::new(),
            only: None,
            venue: Default::default(),
            rental: None,
            service: None,
            negotiation: None,
            bidding_ms: None,
            idempotency_key: Some(self.identity.key),
            request_digest: Some(self.identity.digest),
            context: self.context,
            wait: false,
            trace: None,
        }
    }
}

impl Identity {
    /// Reads it off a message, whatever is on offer.
    pub(super) fn read(message: &Message, around: Option<&Metadata>) -> Result<Self, Error> {
        let said = |key: &str| said(message, around, key);
        let key = match text_of(said(KEY), KEY)? {
            Some(key) => key.to_owned(),
            None => format!("{KEY_PREFIX}{}", message.message_id),
        };
        let terms: Vec<_> = [CAPABILITY, SKILL, PARAMETERS, RESERVE].map(said).into();
        let context = message.context_id.as_deref().filter(|context| !context.is_empty());
        let digest = request_digest(&(&message.parts, terms, context))?;
        Ok(Self { key, digest })
    }
}

/// What a message says under a name, or the request around it.
fn said<'a>(message: &'a Message, around: Option<&'a Metadata>, key: &str) -> Option<&'a Value> {
    let inner = message.metadata.as_ref().and_then(|metadata| metadata.get(key));
    inner.or_else(|| around.and_then(|metadata| metadata.get(key)))
}

/// Picks the capability that was asked for, or the only one that takes text where there is some.
fn choose<'a>(
    stated: Option<&str>,
    has_input: bool,
    offers: &'a Offers,
) -> Result<&'a Offer, Unread> {
    let rejected = |why: String| Err(Unread::Rejected(format!("{why}; {}", on_offer(offers))));
    if let Some(name) = stated {
        return match offers.get(name) {
            Some(offer) => Ok(offer),
            None => rejected(format!("no agent offers {name}")),
        };
    }
    let mut textual = offers.values().filter(|offer| offer.takes_text());
    match (textual.next(), textual.next()) {
        (Some(only), None) if has_input => Ok(only),
        _ => rejected(format!(
            "say which capability to hire, in message.metadata[\"{CAPABILITY}\"] or in a data \
             part {{\"capability\": \"noun.verb\", \"parameters\": {{}}}}"
        )),
    }
}

fn on_offer(offers: &Offers) -> String {
    let names: Vec<_> = offers.keys().take(NAMED_MAX).map(String::as_str).collect();
    match offers.len() {
        0 => "nothing is on offer here".into(),
        count if count > NAMED_MAX => format!("on offer: {} and others", names.join(", ")),
        _ => format!("on offer: {}", names.join(", ")),
    }
}

/// The input stream: the first file, or the text where the capability reads one.
fn input(message: &Message, offer: &Offer) -> Result<Option<Input>, Error> {
    let wanted = offer.contract.input_media_type.as_deref();
    let is_file = |part: &&Part| matches!(part.content, PartContent::Raw(_) | PartContent::Url(_));
    let Some(file) = message.parts.iter().find(is_file) else {
        let texts: Vec<_> = message.parts.iter().filter_map(Part::as_text).collect();
        let text = wanted.filter(|_| !texts.is_empty()).map(|_| texts.join("\n"));
        return Ok(text.map(|text| Input::Bytes(text.into_bytes())));
    };
    let Some(wanted) = wanted else {
        let name = &offer.contract.name;
        return Err(Error::content_type(format!("{name} takes parameters only, and no file")));
    };
    if let Some(given) = file.media_type.as_deref().filter(|given| !given.is_empty())
        && !takes(wanted, given)
    {
        let name = &offer.contract.name;
        return Err(Error::content_type(format!("{name} takes {wanted}, and {given} was given")));
    }
    match &file.content {
        PartContent::Raw(bytes) => Ok(Some(Input::Bytes(bytes.clone()))),
        PartContent::Url(url) => stored(url).map(Some),
        PartContent::Text(_) | PartContent::Data(_) => Ok(None),
    }
}

/// What is stored here can be named; nothing is fetched from elsewhere.
fn stored(url: &str) -> Result<Input, Error> {
    let last = url.rsplit('/').next().unwrap_or_default();
    last.parse().map(Input::Stored).map_err(|_| {
        Error::content_type(
            "a file is given in place, or by the address of a blob stored here: PUT /v1/blobs",
        )
    })
}

/// Text that is a JSON object serves as parameters; any other text says nothing a program could
/// act on.
fn spoken_parameters(message: &Message) -> Result<Map<String, Value>, Error> {
    let Some(text) = message.parts.iter().find_map(Part::as_text) else { return Ok(Map::new()) };
    match serde_json::from_str(text) {
        Ok(Value::Object(parameters)) => Ok(parameters),
        _ => Err(Error::content_type(
            "this capability takes parameters: send them as a data part, not as text",
        )),
    }
}

fn data(part: &Part) -> Option<&Map<String, Value>> {
    match &part.content {
        PartContent::Data(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// A data part that names a capability.
fn order_form(part: &Part) -> Option<&Map<String, Value>> {
    data(part).filter(|object| object.contains_key("capability"))
}

/// The word of a buyer on a delivered result: `{"accept": true, "reason": "…"}`.
pub(super) fn word(message: &Message) -> Option<(bool, String)> {
    let said = message.parts.iter().find_map(data)?;
    let reason = said.get("reason").and_then(Value::as_str).unwrap_or_default();
    Some((said.get("accept")?.as_bool()?, reason.to_owned()))
}

fn text_of<'a>(value: Option<&'a Value>, name: &str) -> Result<Option<&'a str>, Error> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid(format!("{name} is a string"))),
    }
}

fn amount(value: &Value) -> Result<Amount, Error> {
    value.as_str().and_then(|text| Amount::from_ainu(text).ok()).ok_or_else(|| {
        Error::invalid(format!("{RESERVE} is an amount of AINU as a string, such as \"0.5\""))
    })
}

fn object(value: &Value) -> Result<Option<Map<String, Value>>, Error> {
    match value {
        Value::Object(object) => Ok(Some(object.clone())),
        Value::Null => Ok(None),
        _ => Err(Error::invalid("the parameters of a capability are a JSON object")),
    }
}
