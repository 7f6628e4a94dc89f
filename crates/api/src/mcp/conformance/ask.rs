//! Tools that ask the client while they run, as the versions before 2026-07-28 let a server do.
use std::time::Duration;

use rmcp::model::{
    CallToolResult, ClientCapabilities, ClientResult, ContentBlock, CreateMessageRequest,
    ElicitRequest, ServerRequest,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::limits::CLIENT_ANSWER_MS_MAX;
use super::tools::said;

/// Asks the client's model.
pub(super) async fn model(
    context: &RequestContext<RoleServer>,
    prompt: &str,
) -> Result<CallToolResult, ErrorData> {
    if declared(context).sampling.is_none() {
        return Ok(failed("the client has no model to ask"));
    }
    let request: CreateMessageRequest = stated(model_request(prompt))?;
    let answer = answered(context, ServerRequest::CreateMessageRequest(request)).await;
    Ok(match answer {
        Ok(ClientResult::CreateMessageResult(result)) => {
            let block = result.message.content.first();
            let text = block.and_then(|block| block.as_text()).map(|text| text.text.as_str());
            said(&format!("LLM response: {}", text.unwrap_or("nothing in words")))
        }
        Ok(_) => failed("the client answered something else"),
        Err(why) => failed(&why),
    })
}

/// Asks the user.
pub(super) async fn user(
    context: &RequestContext<RoleServer>,
    message: &str,
    schema: Value,
) -> Result<CallToolResult, ErrorData> {
    if declared(context).elicitation.is_none() {
        return Ok(failed("the client has no user to ask"));
    }
    let request: ElicitRequest = stated(user_request(message, schema))?;
    let answer = answered(context, ServerRequest::ElicitRequest(request)).await;
    Ok(match answer {
        Ok(ClientResult::ElicitResult(result)) => {
            let content = result.content.unwrap_or_default();
            let action = json!(result.action);
            let action = action.as_str().unwrap_or_default();
            said(&format!("Elicitation completed: action={action}, content={content}"))
        }
        Ok(_) => failed("the client answered something else"),
        Err(why) => failed(&why),
    })
}

/// Refuses clients that have no model.
pub(super) fn need_model(
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    if declared(context).sampling.is_some() {
        return Ok(said("The client has a model."));
    }
    let required = stated(json!({ "sampling": {} }))?;
    Err(ErrorData::missing_required_client_capability(required))
}

/// What the client said it can do.
pub(super) fn declared(context: &RequestContext<RoleServer>) -> ClientCapabilities {
    context.client_capabilities().unwrap_or_default()
}

/// A request to the client's model.
pub(super) fn model_request(prompt: &str) -> Value {
    let messages = json!([{ "role": "user", "content": { "type": "text", "text": prompt } }]);
    json!({
        "method": "sampling/createMessage",
        "params": { "messages": messages, "maxTokens": 100 },
    })
}

/// A request to the user, to be answered with an object of this schema.
pub(super) fn user_request(message: &str, schema: Value) -> Value {
    let params = json!({ "mode": "form", "message": message, "requestedSchema": schema });
    json!({ "method": "elicitation/create", "params": params })
}

/// A value of the protocol that is written out in JSON here.
pub(super) fn stated<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value)
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

/// What the client answers, within bounds; or why it does not.
async fn answered(
    context: &RequestContext<RoleServer>,
    request: ServerRequest,
) -> Result<ClientResult, String> {
    let answering = context.peer.send_request(request);
    match timeout(Duration::from_millis(CLIENT_ANSWER_MS_MAX), answering).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("the client did not answer in time".into()),
    }
}

fn failed(why: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(why)])
}

/// Two texts that must be given.
pub(super) fn name_and_address() -> Value {
    json!({
        "type": "object",
        "properties": {
            "username": { "type": "string", "description": "User's response" },
            "email": { "type": "string", "description": "User's email address" },
        },
        "required": ["username", "email"],
    })
}

/// One of each simple type, with a default (SEP-1034).
pub(super) fn defaults() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "default": "John Doe" },
            "age": { "type": "integer", "default": 30 },
            "score": { "type": "number", "default": 95.5 },
            "status": {
                "type": "string",
                "enum": ["active", "inactive", "pending"],
                "default": "active",
            },
            "verified": { "type": "boolean", "default": true },
        },
        "required": [],
    })
}

/// Every way to let the user choose (SEP-1330).
pub(super) fn choices() -> Value {
    let titled = |what: &str| {
        let one = |number: u8, ordinal: &str| json!({ "const": format!("value{number}"), "title": format!("{ordinal} {what}") });
        json!([one(1, "First"), one(2, "Second"), one(3, "Third")])
    };
    let untitled = json!(["option1", "option2", "option3"]);
    json!({
        "type": "object",
        "properties": {
            "untitledSingle": { "type": "string", "enum": untitled },
            "titledSingle": { "type": "string", "oneOf": titled("Option") },
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "untitledMulti": { "type": "array", "items": { "type": "string", "enum": untitled } },
            "titledMulti": { "type": "array", "items": { "anyOf": titled("Choice") } },
        },
        "required": [],
    })
}
