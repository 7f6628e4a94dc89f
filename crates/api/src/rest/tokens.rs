//! `/v1/tokens`: who else may ask, and how much that may cost.
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::json;

use super::ask::{Ask, reply, unexpected};
use super::route::{Access, Gives, JSON, Method, Parameter, Route, Takes};
use crate::http::document::Refusal;
use crate::operation::{Operation, Reply, TokenCreate};
use crate::view::TokenView;

/// The table.
pub(super) static ROUTES: [Route; 3] = [
    Route {
        method: Method::Post,
        path: "/v1/tokens",
        name: "create_token",
        summary: "Make a token with a scope, a budget of its own and an end",
        access: Access::Admin,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<TokenCreate>)),
        gives: &[Gives {
            status: 201,
            description: "The token; its secret is shown only here",
            content: &[(JSON, SchemaGenerator::subschema_for::<Created>)],
            headers: &[],
        }],
        refusals: &[402, 404, 409, 422],
        handler: Some(|ask| Box::pin(create(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/tokens",
        name: "list_tokens",
        summary: "All tokens, without their secrets",
        access: Access::Admin,
        parameters: &[],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "Tokens",
            content: &[(JSON, SchemaGenerator::subschema_for::<Tokens>)],
            headers: &[],
        }],
        refusals: &[],
        handler: Some(|ask| Box::pin(list(ask))),
    },
    Route {
        method: Method::Delete,
        path: "/v1/tokens/{name}",
        name: "revoke_token",
        summary: "Take a token back",
        access: Access::Admin,
        parameters: &[Parameter::path(
            "name",
            |_| json!({ "type": "string", "minLength": 1 }),
            "The token's name",
        )],
        takes: None,
        gives: &[Gives {
            status: 204,
            description: "It opens nothing any more",
            content: &[],
            headers: &[],
        }],
        refusals: &[404, 409],
        handler: Some(|ask| Box::pin(revoke(ask))),
    },
];

/// A new token.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TokenCreated")]
struct Created {
    /// What its holder sends.
    secret: String,
    /// What it stands for.
    token: TokenView,
}

#[derive(Serialize, JsonSchema)]
struct Tokens {
    tokens: Vec<TokenView>,
}

async fn create(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::TokenCreate(ask.json()?)).await? {
        Reply::TokenCreated { secret, token } => {
            let no_store = [(header::CACHE_CONTROL, "no-store")];
            reply(StatusCode::CREATED, &no_store, &Created { secret, token })
        }
        other => Err(unexpected(&other).into()),
    }
}

async fn list(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::TokenList).await? {
        Reply::Tokens(tokens) => reply(StatusCode::OK, &[], &Tokens { tokens }),
        other => Err(unexpected(&other).into()),
    }
}

async fn revoke(ask: Ask) -> Result<Response, Refusal> {
    ask.perform(Operation::TokenRevoke { token: ask.named().to_owned() }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
