//! `/v1/budgets`: upper bounds on spending, one inside another.
use ainur_primitives::{Amount, BudgetId, DurationMs};
use axum::http::{StatusCode, header};
use axum::response::Response;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::json;

use super::ask::{Ask, reply, unexpected};
use super::route::{Access, Gives, JSON, Method, Parameter, Route, Takes};
use crate::http::document::Refusal;
use crate::operation::{Operation, Reply};
use crate::schema;
use crate::view::BudgetView;

/// The table.
pub(super) static ROUTES: [Route; 2] = [
    Route {
        method: Method::Post,
        path: "/v1/budgets",
        name: "open_budget",
        summary: "Open a budget for tasks to draw on; a client's lies inside its own",
        access: Access::Spend,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<BudgetOpen>)),
        gives: &[Gives {
            status: 201,
            description: "The budget was opened",
            content: &[(JSON, SchemaGenerator::subschema_for::<BudgetView>)],
            headers: &[("Location", "Where the budget is")],
        }],
        refusals: &[402, 404, 409],
        handler: Some(|ask| Box::pin(open(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/budgets/{id}",
        name: "get_budget",
        summary: "One budget, with what is spent and reserved",
        access: Access::Read,
        parameters: &[Parameter::path(
            "id",
            |generator| json!(generator.subschema_for::<schema::Digest>()),
            "The budget's id",
        )],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "The budget",
            content: &[(JSON, SchemaGenerator::subschema_for::<BudgetView>)],
            headers: &[],
        }],
        refusals: &[404],
        handler: Some(|ask| Box::pin(show(ask))),
    },
];

/// A budget to open.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BudgetOpen {
    /// The most that may be spent under it, in each period when there is one.
    #[schemars(with = "schema::Amount")]
    limit: Amount,
    /// For how long what is spent counts; for ever when absent.
    #[schemars(with = "Option<schema::Milliseconds>")]
    period_ms: Option<DurationMs>,
    /// The budget it lies inside.
    #[schemars(with = "Option<schema::Digest>")]
    parent: Option<BudgetId>,
}

async fn open(ask: Ask) -> Result<Response, Refusal> {
    let BudgetOpen { limit, period_ms, parent } = ask.json()?;
    match ask.perform(Operation::BudgetOpen { limit, period_ms, parent }).await? {
        Reply::Budget(budget) => {
            let location = format!("/v1/budgets/{}", budget.id);
            reply(StatusCode::CREATED, &[(header::LOCATION, &location)], &budget)
        }
        other => Err(unexpected(&other).into()),
    }
}

async fn show(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::BudgetShow { budget: ask.id()? }).await? {
        Reply::Budget(budget) => reply(StatusCode::OK, &[], &budget),
        other => Err(unexpected(&other).into()),
    }
}
