//! `/v1/agents`: who works here.
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::json;

use super::ask::{Ask, reply, unexpected};
use super::route::{Access, Gives, JSON, Method, Parameter, Route, Takes};
use super::tasks::location;
use crate::http::document::Refusal;
use crate::operation::{AgentAdd, Operation, Reply};
use crate::view::{AgentView, JoinPapers};

const NAME: Parameter = Parameter::path(
    "name",
    |_| json!({ "type": "string", "minLength": 1 }),
    "The agent's name, or its DID",
);

/// The table.
pub(super) static ROUTES: [Route; 5] = [
    Route {
        method: Method::Get,
        path: "/v1/agents",
        name: "list_agents",
        summary: "All agents, with what they earned and how often they failed",
        access: Access::Read,
        parameters: &[],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "Agents",
            content: &[(JSON, SchemaGenerator::subschema_for::<Agents>)],
            headers: &[],
        }],
        refusals: &[],
        handler: Some(|ask| Box::pin(list(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/agents/{name}",
        name: "get_agent",
        summary: "One agent",
        access: Access::Read,
        parameters: &[NAME],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "The agent",
            content: &[(JSON, SchemaGenerator::subschema_for::<AgentView>)],
            headers: &[],
        }],
        refusals: &[404],
        handler: Some(|ask| Box::pin(show(ask))),
    },
    Route {
        method: Method::Post,
        path: "/v1/agents",
        name: "add_agent",
        summary: "Add an agent and bond its stake",
        access: Access::Admin,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<AgentAdd>)),
        gives: &[Gives {
            status: 201,
            description: "The agent was added",
            content: &[(JSON, SchemaGenerator::subschema_for::<AgentView>)],
            headers: &[("Location", "Where the agent is")],
        }],
        refusals: &[402, 404, 409, 422],
        handler: Some(|ask| Box::pin(add(ask))),
    },
    Route {
        method: Method::Post,
        path: "/v1/agents/papers",
        name: "prepare_agent",
        summary: "What an agent that keeps its own key has to sign before it can be added",
        access: Access::Admin,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<AgentAdd>)),
        gives: &[Gives {
            status: 200,
            description: "Its card and its transactions; nothing was changed",
            content: &[(JSON, SchemaGenerator::subschema_for::<JoinPapers>)],
            headers: &[],
        }],
        refusals: &[402, 404, 409, 422],
        handler: Some(|ask| Box::pin(prepare(ask))),
    },
    Route {
        method: Method::Delete,
        path: "/v1/agents/{name}",
        name: "remove_agent",
        summary: "Remove an agent; its stake returns when no agreement is running",
        access: Access::Admin,
        parameters: &[NAME],
        takes: None,
        gives: &[Gives { status: 204, description: "It bids no more", content: &[], headers: &[] }],
        refusals: &[404, 409],
        handler: Some(|ask| Box::pin(remove(ask))),
    },
];

#[derive(Serialize, JsonSchema)]
struct Agents {
    agents: Vec<AgentView>,
}

async fn list(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::AgentList).await? {
        Reply::Agents(agents) => reply(StatusCode::OK, &[], &Agents { agents }),
        other => Err(unexpected(&other).into()),
    }
}

async fn show(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::AgentShow { agent: ask.named().to_owned() }).await? {
        Reply::Agent(agent) => reply(StatusCode::OK, &[], &agent),
        other => Err(unexpected(&other).into()),
    }
}

async fn add(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::AgentAdd(ask.json()?)).await? {
        Reply::Agent(agent) => {
            let location = location("/v1/agents", &agent.name);
            reply(StatusCode::CREATED, &[(header::LOCATION, &location)], &agent)
        }
        other => Err(unexpected(&other).into()),
    }
}

async fn prepare(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::AgentPrepare(ask.json()?)).await.map_err(Refusal::unprocessable)? {
        Reply::Papers(papers) => reply(StatusCode::OK, &[], &papers),
        other => Err(unexpected(&other).into()),
    }
}

async fn remove(ask: Ask) -> Result<Response, Refusal> {
    ask.perform(Operation::AgentRemove { agent: ask.named().to_owned() }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
