//! The cards that were fetched, and how long they are believed.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a::{AgentCard, AgentInterface, AgentSkill, TRANSPORT_PROTOCOL_JSONRPC};
use ainur_primitives::Digest;
use reqwest::Url;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::old::OldCard;
use super::{card, wire};
use crate::failure::Failure;
use crate::limits::{
    CARD_BYTES_MAX, CARDS_MAX, REMOTE_CALLS_PER_SERVER_MAX, TOOL_NAME_BYTES_MAX, TOOLS_AGE_MS_MAX,
    TOOLS_MAX,
};
use crate::remote::address::check_url;
use crate::remote::budget::{Account, Budget, Held};
use crate::remote::http::Clients;
use crate::remote::program::AgentPeer;
use crate::remote::weight;

/// Where a card is when the URL does not say.
const WELL_KNOWN: &str = "/.well-known/agent-card.json";

/// See the module.
pub(in crate::remote) struct Cards {
    clients: Arc<Clients>,
    budget: Budget,
    kept: Mutex<HashMap<AgentPeer, Arc<Place>>>,
}

/// Where an agent is asked, and what is remembered of its card.
pub(super) struct Place {
    pub(super) client: reqwest::Client,
    pub(super) url: Url,
    /// The URL is where the card is, so the credential may be sent there.
    pub(super) is_trusted: bool,
    /// It speaks version 0.3.
    pub(super) is_old: bool,
    pub(super) tenant: Option<String>,
    /// By their names, as the card describes them.
    pub(super) skills: HashMap<String, Digest>,
    /// As many calls as may be under way at once.
    pub(super) calls: Arc<Semaphore>,
    /// Who pays for what the agent sends.
    pub(super) account: Account,
    _held: Held,
    fetched: Instant,
}

/// A card that was just fetched.
pub(super) struct Card {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) version: String,
    pub(super) skills: Vec<AgentSkill>,
    _held: Held,
}

impl Cards {
    pub(in crate::remote) fn new(clients: Arc<Clients>, budget: Budget) -> Self {
        Self { clients, budget, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<AgentPeer, Arc<Place>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of an agent, fetched if that was long ago.
    pub(super) async fn get(&self, peer: &AgentPeer) -> Result<Arc<Place>, Failure> {
        let known = self.kept().get(peer).cloned();
        match known {
            Some(place) if place.fetched.elapsed() < Duration::from_millis(TOOLS_AGE_MS_MAX) => {
                Ok(place)
            }
            _ => self.fetch(peer).await.map(|(place, _)| place),
        }
    }

    /// Asks for the card.
    pub(super) async fn fetch(&self, peer: &AgentPeer) -> Result<(Arc<Place>, Card), Failure> {
        let refused =
            |error: crate::remote::address::AddressError| Failure::crashed(error.to_string());
        let ours =
            |error: crate::remote::http::ClientError| Failure::infrastructure(error.to_string());
        let (mut at, reach) = check_url(&peer.url, peer.allow_private).map_err(refused)?;
        if at.path() == "/" {
            at.set_path(WELL_KNOWN);
        }
        let client = self.clients.get(reach).map_err(ours)?;
        let known =
            self.kept().get(peer).map(|known| (known.account.clone(), Arc::clone(&known.calls)));
        let (account, calls) = known.unwrap_or_else(|| {
            (self.budget.account(), Arc::new(Semaphore::new(REMOTE_CALLS_PER_SERVER_MAX)))
        });
        let mut held = account.open();
        let card = wire::get(&client, peer, at.clone(), CARD_BYTES_MAX, &mut held).await?;
        let said = read(&card)?;
        let (url, reach) = check_url(&said.url, peer.allow_private).map_err(refused)?;
        let skills = said.skills.iter().filter(|skill| skill.id.len() <= TOOL_NAME_BYTES_MAX);
        let skills: HashMap<String, Digest> = skills
            .filter_map(|skill| Some((skill.id.clone(), card::digest(&url, skill)?)))
            .collect();
        let (_, weight) = weight::of_value(&(said.tenant.as_deref(), url.as_str(), &skills));
        let place = Arc::new(Place {
            client: self.clients.get(reach).map_err(ours)?,
            is_trusted: url.origin() == at.origin(),
            url,
            is_old: said.is_old,
            tenant: said.tenant,
            skills,
            calls,
            _held: account.take(weight)?,
            account,
            fetched: Instant::now(),
        });
        let Said { name, description, version, skills, .. } = said;
        let card = Card { name, description, version, skills, _held: held };
        let mut kept = self.kept();
        if kept.len() >= CARDS_MAX && !kept.contains_key(peer) {
            let oldest = kept.iter().min_by_key(|(_, place)| place.fetched);
            if let Some(oldest) = oldest.map(|(peer, _)| peer.clone()) {
                kept.remove(&oldest);
            }
        }
        kept.insert(peer.clone(), Arc::clone(&place));
        Ok((place, card))
    }
}

/// What is taken from a card.
struct Said {
    url: String,
    is_old: bool,
    tenant: Option<String>,
    name: String,
    description: String,
    version: String,
    skills: Vec<AgentSkill>,
}

/// Reads a card of either version. Of the interfaces we speak, the newest version is taken, and of
/// these the first: the card lists them as the agent prefers.
fn read(card: &[u8]) -> Result<Said, Failure> {
    let wrong = |error| Failure::crashed(format!("the agent's card cannot be read: {error}"));
    let value: Value = serde_json::from_slice(card).map_err(wrong)?;
    if value.get("supportedInterfaces").is_none() {
        let card: OldCard = serde_json::from_value(value).map_err(wrong)?;
        let url = card.json_rpc_url().ok_or_else(unspoken)?.to_owned();
        let mut skills = card.skills();
        skills.truncate(TOOLS_MAX);
        let OldCard { name, description, version, .. } = card;
        return Ok(Said { url, is_old: true, tenant: None, name, description, version, skills });
    }
    let mut card: AgentCard = serde_json::from_value(value).map_err(wrong)?;
    let speaks = |version: &str| {
        card.supported_interfaces.iter().find(|interface| {
            interface.protocol_binding == TRANSPORT_PROTOCOL_JSONRPC
                && interface.protocol_version.starts_with(version)
        })
    };
    let new = speaks("1.").map(|interface| (interface, false));
    let chosen = new.or_else(|| speaks("0.3").map(|interface| (interface, true)));
    let (interface, is_old) = chosen.ok_or_else(unspoken)?;
    let AgentInterface { url, tenant, .. } = interface.clone();
    card.skills.truncate(TOOLS_MAX);
    let AgentCard { name, description, version, skills, .. } = card;
    Ok(Said { url, is_old, tenant, name, description, version, skills })
}

fn unspoken() -> Failure {
    Failure::crashed("the agent offers neither version 1.0 nor 0.3 over JSON-RPC")
}
