//! What an outside party checks of what it is told: form, place in the conversation, signatures.
use std::collections::BTreeMap;

use ainur_api::problem::{Code, Problem};
use ainur_api::{Operation, Reply, Service};
use ainur_crypto::HybridVerifier;
use ainur_identity::KeyMaterial;
use ainur_node::problem::with_causes;
use ainur_primitives::{ConversationId, Did};
use ainur_protocol::{Conversation, Message, MessageType, OfferConversation};

use crate::command::ask;

/// Reads messages; each is what its id says.
pub(super) fn read_all(messages: &[String]) -> Result<Vec<Message>, Problem> {
    let read = |text: &String| Message::from_json(text.as_bytes());
    messages.iter().map(read).collect::<Result<_, _>>().map_err(|error| unbelieved(&error))
}

/// Every message has its place in its conversation.
pub(super) fn conversations(messages: &[Message]) -> Result<(), Problem> {
    let mut calls: BTreeMap<ConversationId, Conversation> = BTreeMap::new();
    let mut offers: BTreeMap<ConversationId, OfferConversation> = BTreeMap::new();
    for message in messages {
        let header = message.header();
        let id = header.conversation_id;
        let is_offer = header.message_type == MessageType::StandingOffer;
        let taken = if is_offer || offers.contains_key(&id) {
            offers.entry(id).or_insert_with(|| OfferConversation::new(id)).accept(header)
        } else {
            calls.entry(id).or_insert_with(|| Conversation::new(id)).take(message)
        };
        taken.map_err(|error| unbelieved(&error))?;
    }
    Ok(())
}

/// Everybody signed what is said in its name. A bid or an offer of a seller that has left the node
/// may be told without a signature of its own; the consent in it is what the ledger took.
pub(super) fn signatures(service: &dyn Service, messages: &[Message]) -> Result<(), Problem> {
    let mut known: BTreeMap<Did, KeyMaterial> = BTreeMap::new();
    for message in messages {
        if message.proof().is_none() && is_consent(message) {
            continue;
        }
        let from = message.header().from;
        let keys = match known.get(&from) {
            Some(keys) => keys.clone(),
            None => keys_of(service, from)?,
        };
        message.verify(&keys.signing, &HybridVerifier).map_err(|error| unbelieved(&error))?;
        known.insert(from, keys);
    }
    Ok(())
}

/// It carries the consent that binds its sender.
fn is_consent(message: &Message) -> bool {
    matches!(
        message,
        Message::BidCommit(_)
            | Message::Bid(_)
            | Message::CoalitionBid(_)
            | Message::StandingOffer(_)
    )
}

/// A party's keys. First keys show by themselves whose they are.
fn keys_of(service: &dyn Service, party: Did) -> Result<KeyMaterial, Problem> {
    let shown = ask(service, Operation::AaclKeys { party }, |reply| match reply {
        Reply::AaclKeys(keys) => Some(*keys),
        _ => None,
    })?;
    let material: KeyMaterial =
        serde_json::from_value(shown.material).map_err(|error| unbelieved(&error))?;
    if shown.key_version == 0 && material.did() != party {
        let text = format!("the node shows keys for {party} that are not its own");
        return Err(Problem::new(Code::Corrupted, text).next("do not trust what this node says"));
    }
    Ok(material)
}

pub(super) fn unbelieved(error: &dyn std::error::Error) -> Problem {
    let text = format!("the node's answer does not hold: {}", with_causes(error));
    Problem::new(Code::Corrupted, text).next("do not trust what this node says")
}
