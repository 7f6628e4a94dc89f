//! `/v1/market`: standing offers, open calls, and bids on them.
use ainur_primitives::{Amount, CapabilityName, Digest, DurationMs, QualityLevel};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ask::{Ask, reply, unexpected};
use super::route::{Access, Gives, JSON, Method, OF_CAPABILITY, Parameter, Route, TASK, Takes};
use crate::http::document::Refusal;
use crate::operation::{BidDraft, OfferDraft, Operation, Reply};
use crate::schema;
use crate::view::{OfferView, OpenCall};

/// The table.
pub(super) static ROUTES: [Route; 5] = [
    Route {
        method: Method::Get,
        path: "/v1/market/offers",
        name: "list_offers",
        summary: "Standing offers that can be taken now, cheapest first",
        access: Access::Read,
        parameters: &[OF_CAPABILITY],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "Offers",
            content: &[(JSON, SchemaGenerator::subschema_for::<Offers>)],
            headers: &[],
        }],
        refusals: &[],
        handler: Some(|ask| Box::pin(offers(ask))),
    },
    Route {
        method: Method::Post,
        path: "/v1/market/offers",
        name: "publish_offer",
        summary: "Publish a standing offer of an agent of this node",
        access: Access::Admin,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<OfferDraft>)),
        gives: &[Gives {
            status: 201,
            description: "The offer can be taken",
            content: &[(JSON, SchemaGenerator::subschema_for::<OfferView>)],
            headers: &[("Location", "Where the offer is withdrawn")],
        }],
        refusals: &[404, 409],
        handler: Some(|ask| Box::pin(publish(ask))),
    },
    Route {
        method: Method::Delete,
        path: "/v1/market/offers/{id}",
        name: "withdraw_offer",
        summary: "Withdraw a standing offer; tasks under way go on",
        access: Access::Admin,
        parameters: &[Parameter::path(
            "id",
            |generator| json!(generator.subschema_for::<schema::Digest>()),
            "The offer's digest",
        )],
        takes: None,
        gives: &[Gives {
            status: 204,
            description: "Nobody can take it any more",
            content: &[],
            headers: &[],
        }],
        refusals: &[402, 404, 409],
        handler: Some(|ask| Box::pin(withdraw(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/market/calls",
        name: "list_calls",
        summary: "Calls for proposals that take bids, oldest first",
        access: Access::Admin,
        parameters: &[],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "Calls",
            content: &[(JSON, SchemaGenerator::subschema_for::<Calls>)],
            headers: &[],
        }],
        refusals: &[],
        handler: Some(|ask| Box::pin(calls(ask))),
    },
    Route {
        method: Method::Post,
        path: "/v1/market/calls/{id}/bids",
        name: "place_bid",
        summary: "Bid for an agent of this node, sealed like every bid",
        access: Access::Admin,
        parameters: &[TASK],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<BidOnCall>)),
        gives: &[Gives {
            status: 204,
            description: "The bid is sealed",
            content: &[],
            headers: &[],
        }],
        refusals: &[404, 409],
        handler: Some(|ask| Box::pin(bid(ask))),
    },
];

#[derive(Serialize, JsonSchema)]
struct Offers {
    offers: Vec<OfferView>,
}

#[derive(Serialize, JsonSchema)]
struct Calls {
    calls: Vec<OpenCall>,
}

/// A bid by the owner of an agent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BidOnCall {
    /// DID, or the agent's name.
    agent: String,
    /// What it asks for accepted work.
    #[schemars(with = "schema::Amount")]
    price: Amount,
    /// How long it expects to take; half of what it may when absent.
    #[schemars(with = "Option<schema::Milliseconds>")]
    estimated_duration_ms: Option<DurationMs>,
    /// The quality it offers.
    #[serde(default)]
    #[schemars(with = "schema::QualityLevel")]
    quality_level: QualityLevel,
}

async fn offers(ask: Ask) -> Result<Response, Refusal> {
    let capability: Option<CapabilityName> = ask.parameter("capability")?;
    match ask.perform(Operation::OfferList { capability }).await? {
        Reply::Offers(offers) => reply(StatusCode::OK, &[], &Offers { offers }),
        other => Err(unexpected(&other).into()),
    }
}

async fn publish(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::OfferPublish(ask.json()?)).await? {
        Reply::Offer(offer) => {
            let location = format!("/v1/market/offers/{}", offer.offer);
            reply(StatusCode::CREATED, &[(header::LOCATION, &location)], &*offer)
        }
        other => Err(unexpected(&other).into()),
    }
}

async fn withdraw(ask: Ask) -> Result<Response, Refusal> {
    let offer: Digest = ask.id()?;
    ask.perform(Operation::OfferWithdraw { offer: offer.to_string() }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn calls(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::CallList).await? {
        Reply::Calls(calls) => reply(StatusCode::OK, &[], &Calls { calls }),
        other => Err(unexpected(&other).into()),
    }
}

async fn bid(ask: Ask) -> Result<Response, Refusal> {
    let BidOnCall { agent, price, estimated_duration_ms, quality_level } = ask.json()?;
    let task = ask.task_id()?;
    let draft = BidDraft { task, agent, price, estimated_duration_ms, quality_level };
    ask.perform(Operation::BidPlace(draft)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
