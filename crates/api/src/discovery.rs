//! How a node is found, and what it offers: documents that anyone may read.
//!
//! | Path | What it is |
//! |---|---|
//! | `/.well-known/ard.json`, `/.well-known/ai-catalog.json` | the node's catalog, as Agentic Resource Discovery has it |
//! | `POST /search` | the same, searched by words |
//! | `/.well-known/agent-registration.json` | an ERC-8004 registration file |
//!
//! They name capabilities and how to buy them; of agents they say how many compete, and nothing of
//! tasks, tokens or money.
mod catalog;
mod rank;
mod search;

use std::sync::Arc;

use axum::Router;
use axum::http::uri::{Authority, Scheme};
use axum::http::{StatusCode, header};
use axum::response::Response;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::http::document::Refusal;
use crate::http::server::calls::Calls;
use crate::operation::{Operation, Reply};
use crate::problem::Problem;
use crate::rest::OPENAPI_PATH;
use crate::rest::ask::{Ask, reply, unexpected};
use crate::rest::capabilities::offered;
use crate::rest::route::{self, Access, Gives, JSON, Method, Route, Takes};
use crate::service::Service;
use catalog::Catalog;

/// Where the catalog is.
pub const CATALOG_PATHS: [&str; 2] = ["/.well-known/ard.json", "/.well-known/ai-catalog.json"];
/// Where it is searched.
pub const SEARCH_PATH: &str = "/search";
/// Where the ERC-8004 registration file is.
pub const REGISTRATION_PATH: &str = "/.well-known/agent-registration.json";
/// Entries in the catalog.
pub const ENTRIES_MAX: usize = 1_000;
/// Characters in what is searched for.
pub const SEARCH_CHARACTERS_MAX: usize = 256;
/// Bytes of the name of a field in a filter.
pub const FILTER_PATH_BYTES_MAX: usize = 128;
/// Fields that a search may filter by.
pub const FILTERS_MAX: usize = 16;
/// Values that it may name for one of them.
pub const FILTER_VALUES_MAX: usize = 64;
/// Results in one page.
pub const RESULTS_MAX: u32 = 100;
/// Results in a page whose size was not asked for.
pub const RESULTS_DEFAULT: u32 = 10;

const CATALOG: Gives = Gives {
    status: 200,
    description: "What the node offers",
    content: &[(JSON, SchemaGenerator::subschema_for::<Catalog>)],
    headers: &[],
};

/// The table.
pub(crate) static ROUTES: [Route; 4] = [
    Route {
        method: Method::Get,
        path: CATALOG_PATHS[0],
        name: "get_ard",
        summary: "The node's catalog (Agentic Resource Discovery)",
        access: Access::Public,
        parameters: &[],
        takes: None,
        gives: &[CATALOG],
        refusals: &[],
        handler: Some(|ask| Box::pin(catalog(ask))),
    },
    Route {
        method: Method::Get,
        path: CATALOG_PATHS[1],
        name: "get_ai_catalog",
        summary: "The same under its older name",
        access: Access::Public,
        parameters: &[],
        takes: None,
        gives: &[CATALOG],
        refusals: &[],
        handler: Some(|ask| Box::pin(catalog(ask))),
    },
    Route {
        method: Method::Post,
        path: SEARCH_PATH,
        name: "search",
        summary: "Find capabilities by what they do",
        access: Access::Public,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<search::Request>)),
        gives: &[Gives {
            status: 200,
            description: "What fits, best first, with how to reach it",
            content: &[(JSON, SchemaGenerator::subschema_for::<search::Found>)],
            headers: &[],
        }],
        refusals: &[],
        handler: Some(|ask| Box::pin(search::search(ask))),
    },
    Route {
        method: Method::Get,
        path: REGISTRATION_PATH,
        name: "get_agent_registration",
        summary: "The node as an ERC-8004 agent",
        access: Access::Public,
        parameters: &[],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "A registration file",
            content: &[(JSON, registration_shape)],
            headers: &[],
        }],
        refusals: &[],
        handler: Some(|ask| Box::pin(registration(ask))),
    },
];

/// Every route of this module.
pub(crate) fn router() -> Router<Arc<Calls>> {
    route::mount(&ROUTES)
}

/// Whether this path needs no token.
pub(crate) fn is_public(path: &str) -> bool {
    ROUTES.iter().any(|route| route.path == path)
}

/// The node's address as the caller knows it, and its name in identifiers.
struct Origin {
    base: String,
    domain: String,
}

impl Origin {
    fn of(ask: &Ask) -> Result<Self, Refusal> {
        let headers = &ask.headers;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST).and_then(|host| host.parse::<Authority>().ok());
        let host = host.filter(|host| !host.as_str().contains('@'));
        let host =
            host.ok_or_else(|| Refusal::invalid("the request does not say which host it asks"))?;
        // Who puts a proxy with TLS in front says so.
        let is_https = ask.calls.scheme == Scheme::HTTPS
            || text(header::HeaderName::from_static("x-forwarded-proto")) == Some("https");
        let base = format!("{}://{host}", if is_https { "https" } else { "http" });
        let named = |name: &str| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
                && name.bytes().any(|byte| byte.is_ascii_alphabetic())
        };
        // An address is nobody's name.
        let domain = if named(host.host()) { host.host() } else { "localhost" };
        Ok(Self { base, domain: domain.to_ascii_lowercase() })
    }
}

async fn catalog(ask: Ask) -> Result<Response, Refusal> {
    let origin = Origin::of(&ask)?;
    let catalog = ask.run_for_all(move |service| {
        Ok(Catalog::new(catalog::entries(&offered(service)?, &origin), did(service)?))
    });
    reply(StatusCode::OK, &[], &catalog.await?)
}

/// The node's identity, which every receipt names too.
fn did(service: &dyn Service) -> Result<String, Problem> {
    match service.perform(Operation::NodeStatus)? {
        Reply::NodeStatus(status) => Ok(status.did.to_string()),
        other => Err(unexpected(&other)),
    }
}

/// A mark, since the format wants an image.
const IMAGE: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 \
                     9'%3E%3Ccircle cx='4.5' cy='4.5' r='4'/%3E%3C/svg%3E";

async fn registration(ask: Ask) -> Result<Response, Refusal> {
    let Origin { base, .. } = Origin::of(&ask)?;
    let did = ask.run_for_all(did).await?;
    let document = json!({
        "type": "https://eips.ethereum.org/EIPS/eip-8004#registration-v1",
        "name": "ainur",
        "description": "A market where agents compete for tasks, and only accepted work is paid",
        "image": IMAGE,
        "services": [
            { "name": "OpenAPI", "endpoint": format!("{base}{OPENAPI_PATH}"), "version": "3.1" },
            { "name": "ARD", "endpoint": format!("{base}{}", CATALOG_PATHS[0]), "version": "1.0" },
            { "name": "DID", "endpoint": did, "version": "v1" },
        ],
        "x402Support": false,
        "active": true,
        "registrations": [],
        "supportedTrust": ["reputation", "crypto-economic"],
    });
    reply(StatusCode::OK, &[], &document)
}

fn registration_shape(_: &mut SchemaGenerator) -> Schema {
    let text: Value = json!({ "type": "string" });
    schemars::json_schema!({
        "type": "object",
        "properties": {
            "type": { "const": "https://eips.ethereum.org/EIPS/eip-8004#registration-v1" },
            "name": text,
            "description": text,
            "image": text,
            "services": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": { "name": text, "endpoint": text, "version": text },
                    "required": ["name", "endpoint"]
                }
            },
            "x402Support": { "type": "boolean" },
            "active": { "type": "boolean" },
            "registrations": { "type": "array" },
            "supportedTrust": { "type": "array", "items": text }
        },
        "required": ["type", "name", "description", "image", "services", "active"]
    })
}
