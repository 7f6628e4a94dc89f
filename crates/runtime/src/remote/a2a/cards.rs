//! The cards that were fetched, and how long they are believed.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a::{AgentCard, AgentInterface, AgentSkill, TRANSPORT_PROTOCOL_JSONRPC, VERSION};
use reqwest::Url;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::wire;
use crate::failure::Failure;
use crate::limits::{
    CARD_BYTES_MAX, CARDS_MAX, REMOTE_CALLS_PER_SERVER_MAX, TOOLS_AGE_MS_MAX, TOOLS_MAX,
};
use crate::remote::address::check_url;
use crate::remote::http::Clients;
use crate::remote::program::AgentPeer;

/// Where a card is when the URL does not say.
const WELL_KNOWN: &str = "/.well-known/agent-card.json";

/// See the module.
pub(in crate::remote) struct Cards {
    clients: Arc<Clients>,
    kept: Mutex<HashMap<AgentPeer, Arc<Place>>>,
}

/// Where an agent is asked, and what its card says.
pub(super) struct Place {
    pub(super) client: reqwest::Client,
    pub(super) url: Url,
    /// The URL is where the card is, so the credential may be sent there.
    pub(super) is_trusted: bool,
    pub(super) tenant: Option<String>,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) version: String,
    pub(super) skills: Vec<AgentSkill>,
    /// As many calls as may be under way at once.
    pub(super) calls: Arc<Semaphore>,
    fetched: Instant,
}

impl Cards {
    pub(in crate::remote) fn new(clients: Arc<Clients>) -> Self {
        Self { clients, kept: Mutex::default() }
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
            _ => self.fetch(peer).await,
        }
    }

    /// Asks for the card.
    pub(super) async fn fetch(&self, peer: &AgentPeer) -> Result<Arc<Place>, Failure> {
        let refused =
            |error: crate::remote::address::AddressError| Failure::crashed(error.to_string());
        let ours =
            |error: crate::remote::http::ClientError| Failure::infrastructure(error.to_string());
        let (mut at, reach) = check_url(&peer.url, peer.allow_private).map_err(refused)?;
        if at.path() == "/" {
            at.set_path(WELL_KNOWN);
        }
        let client = self.clients.get(reach).map_err(ours)?;
        let card = wire::get(&client, peer, at.clone(), CARD_BYTES_MAX).await?;
        let mut card: AgentCard = serde_json::from_slice(&card).map_err(|error| {
            Failure::crashed(format!("the agent's card is not one of version {VERSION}: {error}"))
        })?;
        let interface = choose(&card)?;
        let (url, reach) = check_url(&interface.url, peer.allow_private).map_err(refused)?;
        card.skills.truncate(TOOLS_MAX);
        let calls = self.kept().get(peer).map(|place| Arc::clone(&place.calls));
        let place = Arc::new(Place {
            client: self.clients.get(reach).map_err(ours)?,
            is_trusted: url.origin() == at.origin(),
            url,
            tenant: interface.tenant.clone(),
            name: card.name,
            description: card.description,
            version: card.version,
            skills: card.skills,
            calls: calls.unwrap_or_else(|| Arc::new(Semaphore::new(REMOTE_CALLS_PER_SERVER_MAX))),
            fetched: Instant::now(),
        });
        let mut kept = self.kept();
        if kept.len() >= CARDS_MAX && !kept.contains_key(peer) {
            let oldest = kept.iter().min_by_key(|(_, place)| place.fetched);
            if let Some(oldest) = oldest.map(|(peer, _)| peer.clone()) {
                kept.remove(&oldest);
            }
        }
        kept.insert(peer.clone(), Arc::clone(&place));
        Ok(place)
    }
}

/// The first interface we speak; the card lists them as the agent prefers.
fn choose(card: &AgentCard) -> Result<AgentInterface, Failure> {
    let speaks = |interface: &&AgentInterface| {
        interface.protocol_binding == TRANSPORT_PROTOCOL_JSONRPC
            && interface.protocol_version.split('.').next() == VERSION.split('.').next()
    };
    card.supported_interfaces.iter().find(speaks).cloned().ok_or_else(|| {
        Failure::crashed(format!("the agent does not offer version {VERSION} over JSON-RPC"))
    })
}
