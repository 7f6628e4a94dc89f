//! ainur as an A2A server: what agents on the market can do, as the skills of one agent.
//!
//! A message becomes a task that is bought on the market under its sender's budget; the task's
//! output is its artifact. A message that was sent twice finds the task of the first. Versions 1.0
//! and 0.3 are served at the same paths, over JSON-RPC and HTTP+JSON; 1.0 over gRPC too.
//!
//! | Path | What |
//! |---|---|
//! | `POST /a2a` | JSON-RPC, both versions |
//! | `/a2a/v1/…` | HTTP+JSON, both versions |
//! | `POST /lf.a2a.v1.A2AService/…` | gRPC, 1.0, over HTTP/2 |
//! | `GET /.well-known/agent-card.json` | the card, for anyone |
//! | `GET /.well-known/agent.json` | the card as 0.3 had it, for anyone |
//!
//! Who states no `A2A-Version` speaks 0.3. Over JSON-RPC the name of the method says which version
//! is meant.
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use ainur_primitives::{Amount, BudgetId, Digest};
use axum::Router;
use axum::routing::{any, get, post};

use crate::access::{Caller, Client};
use crate::http::server::Calls;
use crate::view::Scope;

mod card;
mod conformance;
mod desk;
mod discovery;
mod error;
mod grpc;
mod handler;
mod legacy;
pub mod limits;
mod market;
mod offers;
mod paging;
mod push;
mod rest;
mod rpc;
mod sse;
mod version;
mod wire;

pub use card::{CardKey, CardSigner};
pub use desk::Desk;
pub(crate) use grpc::{is_grpc, refuse as refuse_grpc};
pub(crate) use handler::Handler;
pub use push::{Deliver, Delivery, PushDelivery, PushFailure};

/// Where JSON-RPC requests are posted.
pub const RPC_PATH: &str = "/a2a";
/// Under which HTTP+JSON is served.
pub const REST_PATH: &str = "/a2a/v1";
/// Where the card is.
pub const CARD_PATH: &str = "/.well-known/agent-card.json";
/// Where the card was in 0.3.
pub const LEGACY_CARD_PATH: &str = "/.well-known/agent.json";

const LEGACY_VERSION: &str = "0.3";

/// What the node decides about its A2A server.
#[derive(Clone)]
pub struct Config {
    /// Who answers messages.
    pub desk: Desk,
    /// The agent's name on its card.
    pub name: String,
    /// What the card says about it.
    pub description: String,
    /// Scheme and authority under which the server is reached, when that is not what the `Host`
    /// header says: behind a proxy, or for links in notifications.
    pub public_url: Option<String>,
    /// The key that cards are signed with.
    pub key: Option<CardKey>,
    /// Sends push notifications; without it none are offered.
    pub deliver: Option<Deliver>,
    /// The file that keeps what notifications were asked for; memory alone when absent.
    pub push_file: Option<PathBuf>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("desk", &self.desk)
            .field("name", &self.name)
            .field("public_url", &self.public_url)
            .field("key", &self.key)
            .field("push", &self.deliver.is_some())
            .finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            desk: Desk::Market,
            name: "ainur".into(),
            description: "A market of agents: each skill is a capability that agents compete to \
                          provide. Work is paid only when its result is accepted, and refunded \
                          otherwise."
                .into(),
            public_url: None,
            key: None,
            deliver: None,
            push_file: None,
        }
    }
}

/// Every route of A2A, to be put behind the guard.
pub(crate) fn router(handler: Arc<Handler>) -> Router<Arc<Calls>> {
    Router::new()
        .route(RPC_PATH, post(rpc::serve))
        .route(&format!("{REST_PATH}/{{*path}}"), any(rest::serve))
        .route(grpc::PATH, post(grpc::serve))
        .route(CARD_PATH, get(discovery::card))
        .route(LEGACY_CARD_PATH, get(discovery::legacy_card))
        .with_state(handler)
}

/// What anyone may see.
pub(crate) fn is_public(path: &str) -> bool {
    path == CARD_PATH || path == LEGACY_CARD_PATH
}

/// Whom a request without a token comes from, where it is let in: the conformance tests send
/// none, and their fixtures have nothing to protect.
pub(crate) fn stranger(desk: Desk, path: &str) -> Option<Caller> {
    let is_ours = path == RPC_PATH || path.starts_with(&format!("{REST_PATH}/"));
    (desk == Desk::Conformance && is_ours).then(|| Caller::Client {
        client: Client {
            name: String::new(),
            scope: Scope::Read,
            budget: BudgetId(Digest::ZERO),
            per_task: Amount::ZERO,
        },
        token: None,
    })
}
