//! `/v1/node`, `/v1/limits`, `/v1/ledger`, `/v1/receipts/verify`: the node, its books, its proofs.
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ask::{Ask, reply, unexpected};
use super::route::{Access, Gives, JSON, Method, Route, Takes};
use super::tasks::any_object;
use crate::http::document::Refusal;
use crate::operation::{Operation, Reply};
use crate::view::{LedgerStatus, Limit, NodeStatus, Verification};

/// The table.
pub(super) static ROUTES: [Route; 5] = [
    Route {
        method: Method::Get,
        path: "/v1/node",
        name: "get_node",
        summary: "How the node is doing",
        access: Access::Admin,
        parameters: &[],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "The node",
            content: &[(JSON, SchemaGenerator::subschema_for::<NodeStatus>)],
            headers: &[],
        }],
        refusals: &[],
        handler: Some(|ask| Box::pin(status(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/limits",
        name: "list_limits",
        summary: "Every named limit",
        access: Access::Read,
        parameters: &[],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "Limits",
            content: &[(JSON, SchemaGenerator::subschema_for::<Limits>)],
            headers: &[],
        }],
        refusals: &[],
        handler: Some(|ask| Box::pin(limits(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/ledger",
        name: "get_ledger",
        summary: "Height, root and totals of the ledger",
        access: Access::Read,
        parameters: &[],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "The ledger",
            content: &[(JSON, SchemaGenerator::subschema_for::<LedgerStatus>)],
            headers: &[],
        }],
        refusals: &[],
        handler: Some(|ask| Box::pin(ledger(ask))),
    },
    Route {
        method: Method::Post,
        path: "/v1/ledger/transactions",
        name: "submit_transactions",
        summary: "Hand the ledger what an agent of this node has signed that keeps its own key",
        access: Access::Admin,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<SignedTransactions>)),
        gives: &[Gives {
            status: 204,
            description: "The ledger did it",
            content: &[],
            headers: &[],
        }],
        refusals: &[402, 404, 409, 422],
        handler: Some(|ask| Box::pin(submit(ask))),
    },
    Route {
        method: Method::Post,
        path: "/v1/receipts/verify",
        name: "verify_receipt",
        summary: "Check a receipt against the node's own genesis and log key",
        access: Access::Read,
        parameters: &[],
        takes: Some(Takes::json(any_object)),
        gives: &[Gives {
            status: 200,
            description: "Every check with its result; `ok` when all passed",
            content: &[(JSON, SchemaGenerator::subschema_for::<Verification>)],
            headers: &[],
        }],
        refusals: &[],
        handler: Some(|ask| Box::pin(verify(ask))),
    },
];

/// What was signed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SignedTransactions {
    /// Transactions and signatures: a submission to the ledger, SCALE in hexadecimal digits.
    submission: String,
}

#[derive(Serialize, JsonSchema)]
struct Limits {
    limits: Vec<Limit>,
}

async fn submit(ask: Ask) -> Result<Response, Refusal> {
    let SignedTransactions { submission } = ask.json()?;
    ask.perform(Operation::LedgerSubmit { submission }).await.map_err(Refusal::unprocessable)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn status(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::NodeStatus).await? {
        Reply::NodeStatus(status) => reply(StatusCode::OK, &[], &status),
        other => Err(unexpected(&other).into()),
    }
}

async fn limits(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::NodeLimits).await? {
        Reply::Limits(limits) => reply(StatusCode::OK, &[], &Limits { limits }),
        other => Err(unexpected(&other).into()),
    }
}

async fn ledger(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::LedgerStatus).await? {
        Reply::Ledger(ledger) => reply(StatusCode::OK, &[], &ledger),
        other => Err(unexpected(&other).into()),
    }
}

async fn verify(ask: Ask) -> Result<Response, Refusal> {
    // A receipt is verified byte for byte; here only what is no JSON object at all is told apart.
    ask.json::<Map<String, Value>>()?;
    let receipt = ask.text()?.to_owned();
    match ask.perform(Operation::ReceiptVerify { receipt }).await? {
        Reply::Verification(verification) => reply(StatusCode::OK, &[], &verification),
        other => Err(unexpected(&other).into()),
    }
}
