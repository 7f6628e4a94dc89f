//! `/v1/market/rentals`: slots of agents, for so many periods, with a quota and a promised service.
use ainur_primitives::{CapabilityName, Digest};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::json;

use super::ask::{Ask, reply, unexpected};
use super::route::{Access, Gives, JSON, Method, OF_CAPABILITY, Parameter, Route, Takes};
use crate::http::document::Refusal;
use crate::operation::{Operation, RentalDraft, Reply};
use crate::schema;
use crate::view::RentalView;

const RENTAL: Parameter = Parameter::path(
    "id",
    |generator| json!(generator.subschema_for::<schema::Digest>()),
    "The digest of the rental's terms",
);

const PERIOD: Parameter = Parameter::path(
    "period",
    |_| json!({ "type": "integer", "minimum": 0, "maximum": 999 }),
    "Which period, from zero",
);

const SHOWN: Gives = Gives {
    status: 200,
    description: "The rental, and what its periods came to",
    content: &[(JSON, SchemaGenerator::subschema_for::<RentalView>)],
    headers: &[],
};

/// The table.
pub(super) static ROUTES: [Route; 6] = [
    Route {
        method: Method::Get,
        path: "/v1/market/rentals",
        name: "list_rentals",
        summary: "What can be rented, and, with every right, what the node rents",
        access: Access::Read,
        parameters: &[OF_CAPABILITY],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "Rentals",
            content: &[(JSON, SchemaGenerator::subschema_for::<Rentals>)],
            headers: &[],
        }],
        refusals: &[],
        handler: Some(|ask| Box::pin(rentals(ask))),
    },
    Route {
        method: Method::Post,
        path: "/v1/market/rentals",
        name: "offer_rental",
        summary: "Rent out slots of an agent of this node",
        access: Access::Admin,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<RentalDraft>)),
        gives: &[Gives {
            status: 201,
            description: "It can be rented",
            content: &[(JSON, SchemaGenerator::subschema_for::<RentalView>)],
            headers: &[("Location", "Where it is shown, rented and withdrawn")],
        }],
        refusals: &[404, 409],
        handler: Some(|ask| Box::pin(offer(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/market/rentals/{id}",
        name: "get_rental",
        summary: "A rental: how it is used, and what its periods came to",
        access: Access::Admin,
        parameters: &[RENTAL],
        takes: None,
        gives: &[SHOWN],
        refusals: &[404],
        handler: Some(|ask| Box::pin(show(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/market/rentals/{id}/statements/{period}",
        name: "get_rental_statement",
        summary: "What a period of a rental came to, with the ledger's proofs",
        access: Access::Admin,
        parameters: &[RENTAL, PERIOD],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "The statement, byte for byte",
            content: &[(JSON, |_| schemars::json_schema!({ "type": "object" }))],
            headers: &[],
        }],
        refusals: &[404],
        handler: Some(|ask| Box::pin(statement(ask))),
    },
    Route {
        method: Method::Put,
        path: "/v1/market/rentals/{id}",
        name: "rent",
        summary: "Rent it: the price of all periods is locked. Doing it again does no harm",
        access: Access::Admin,
        parameters: &[RENTAL],
        takes: None,
        gives: &[SHOWN],
        refusals: &[402, 404, 409],
        handler: Some(|ask| Box::pin(rent(ask))),
    },
    Route {
        method: Method::Delete,
        path: "/v1/market/rentals/{id}",
        name: "withdraw_rental",
        summary: "Take back what nobody has rented",
        access: Access::Admin,
        parameters: &[RENTAL],
        takes: None,
        gives: &[Gives {
            status: 204,
            description: "Nobody can rent it any more",
            content: &[],
            headers: &[],
        }],
        refusals: &[402, 404, 409],
        handler: Some(|ask| Box::pin(withdraw(ask))),
    },
];

#[derive(Serialize, JsonSchema)]
struct Rentals {
    rentals: Vec<RentalView>,
}

async fn rentals(ask: Ask) -> Result<Response, Refusal> {
    let capability: Option<CapabilityName> = ask.parameter("capability")?;
    match ask.perform(Operation::RentalList { capability }).await? {
        Reply::Rentals(rentals) => reply(StatusCode::OK, &[], &Rentals { rentals }),
        other => Err(unexpected(&other).into()),
    }
}

async fn offer(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::RentalOffer(ask.json()?)).await? {
        Reply::Rental(rental) => {
            let location = format!("/v1/market/rentals/{}", rental.rental);
            reply(StatusCode::CREATED, &[(header::LOCATION, &location)], &*rental)
        }
        other => Err(unexpected(&other).into()),
    }
}

async fn show(ask: Ask) -> Result<Response, Refusal> {
    let rental = named(&ask)?;
    shown(&ask, Operation::RentalShow { rental }).await
}

async fn statement(ask: Ask) -> Result<Response, Refusal> {
    let (rental, text) = (named(&ask)?, ask.named_second());
    let wrong = |_| Refusal::invalid(format!("'{text}' is no number of a period"));
    let period = text.parse().map_err(wrong)?;
    match ask.perform(Operation::RentalStatement { rental, period }).await? {
        Reply::Receipt { receipt } => Ok(([(header::CONTENT_TYPE, JSON)], receipt).into_response()),
        other => Err(unexpected(&other).into()),
    }
}

async fn rent(ask: Ask) -> Result<Response, Refusal> {
    let rental = named(&ask)?;
    shown(&ask, Operation::RentalRent { rental }).await
}

async fn shown(ask: &Ask, operation: Operation) -> Result<Response, Refusal> {
    match ask.perform(operation).await? {
        Reply::Rental(rental) => reply(StatusCode::OK, &[], &*rental),
        other => Err(unexpected(&other).into()),
    }
}

async fn withdraw(ask: Ask) -> Result<Response, Refusal> {
    let rental = named(&ask)?;
    ask.perform(Operation::RentalWithdraw { rental }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn named(ask: &Ask) -> Result<String, Refusal> {
    let rental: Digest = ask.id()?;
    Ok(rental.to_string())
}
