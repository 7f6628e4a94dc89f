//! `/v1/capabilities`: what can be bought, by contract rather than by agent.
use std::collections::BTreeMap;

use ainur_primitives::{Amount, CapabilityContract, CapabilityName};
use axum::http::StatusCode;
use axum::response::Response;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::json;

use super::ask::{Ask, reply, unexpected};
use super::route::{Access, Gives, JSON, Method, Parameter, Route};
use crate::http::document::Refusal;
use crate::operation::{Operation, Reply};
use crate::problem::{Code, Problem};
use crate::schema;
use crate::service::Service;
use crate::view::AgentView;

/// The table.
pub(super) static ROUTES: [Route; 2] = [
    Route {
        method: Method::Get,
        path: "/v1/capabilities",
        name: "list_capabilities",
        summary: "What can be bought now: the distinct contracts of agents that may bid",
        access: Access::Read,
        parameters: &[],
        takes: None,
        gives: &[GIVES],
        refusals: &[],
        handler: Some(|ask| Box::pin(list(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/capabilities/{name}",
        name: "get_capability",
        summary: "The contracts of one capability",
        access: Access::Read,
        parameters: &[Parameter::path(
            "name",
            |generator| json!(generator.subschema_for::<schema::CapabilityName>()),
            "The capability",
        )],
        takes: None,
        gives: &[GIVES],
        refusals: &[404],
        handler: Some(|ask| Box::pin(one(ask))),
    },
];

const GIVES: Gives = Gives {
    status: 200,
    description: "Contracts, by name",
    content: &[(JSON, SchemaGenerator::subschema_for::<Capabilities>)],
    headers: &[],
};

#[derive(Serialize, JsonSchema)]
struct Capabilities {
    capabilities: Vec<Offer>,
}

/// A contract that agents offer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Offer {
    /// What is promised.
    #[schemars(with = "schema::CapabilityContract")]
    pub(crate) contract: CapabilityContract,
    /// How many agents compete for it.
    pub(crate) agents: u32,
    /// The lowest fixed price of one of them; none when all of them quote for each task.
    #[schemars(with = "Option<schema::Amount>")]
    pub(crate) cheapest: Option<Amount>,
}

/// The distinct contracts of agents that may bid, by name.
fn offers(agents: &[AgentView]) -> Vec<Offer> {
    let mut offers = BTreeMap::<CapabilityName, Vec<Offer>>::new();
    for agent in agents {
        for (contract, price) in agent.on_offer() {
            let same_name = offers.entry(contract.name.clone()).or_default();
            let offer = match same_name.iter_mut().find(|offer| offer.contract == *contract) {
                Some(offer) => offer,
                None => {
                    let contract = contract.clone();
                    same_name.push(Offer { contract, agents: 0, cheapest: None });
                    same_name.last_mut().expect("one was just pushed")
                }
            };
            offer.agents = offer.agents.saturating_add(1);
            offer.cheapest = offer.cheapest.into_iter().chain(price).min();
        }
    }
    offers.into_values().flatten().collect()
}

/// What this service offers now.
pub(crate) fn offered(service: &dyn Service) -> Result<Vec<Offer>, Problem> {
    match service.perform(Operation::AgentList)? {
        Reply::Agents(agents) => Ok(offers(&agents)),
        other => Err(unexpected(&other)),
    }
}

async fn list(ask: Ask) -> Result<Response, Refusal> {
    reply(StatusCode::OK, &[], &Capabilities { capabilities: ask.run(offered).await? })
}

async fn one(ask: Ask) -> Result<Response, Refusal> {
    let mut capabilities = ask.run(offered).await?;
    capabilities.retain(|offer| offer.contract.name.as_str() == ask.named());
    if capabilities.is_empty() {
        let message = format!("no agent offers '{}'", ask.named());
        return Err(Problem::new(Code::NotFound, message).next("GET /v1/capabilities").into());
    }
    reply(StatusCode::OK, &[], &Capabilities { capabilities })
}
