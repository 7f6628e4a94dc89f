//! What the tools answer.
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject,
    LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ResourceContents,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::catalog::{COMES_AND_GOES, PNG, WAV};
use super::change::Change;
use super::limits::{AWAY_MS, STEP_MS};
use super::sessions::ReplyStream;
use super::{Fixtures, ask, input};

/// Calls a tool.
pub(super) async fn call(
    fixtures: &Fixtures,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let arguments = request.arguments.clone().unwrap_or_default();
    if let Some(result) = at_once(&request.name, &arguments)? {
        return Ok(result.into());
    }
    let changes = &fixtures.shared.changes;
    let result = match &*request.name {
        "test_tool_with_logging" | "test_logging_tool" => {
            log(context, fixtures.log_level(context)).await
        }
        "test_tool_with_progress" => progress(context).await,
        "test_reconnection" => come_back(context).await,
        "test_sampling" => ask::model(context, text(&arguments, "prompt")?).await?,
        "test_elicitation" => {
            ask::user(context, text(&arguments, "message")?, ask::name_and_address()).await?
        }
        "test_elicitation_sep1034_defaults" => {
            ask::user(context, "Everything has a default", ask::defaults()).await?
        }
        "test_elicitation_sep1330_enums" => ask::user(context, "Choose", ask::choices()).await?,
        "test_missing_capability" => ask::need_model(context)?,
        "test_trigger_tool_change" => {
            changes.make(Change::Tools);
            said("The list of tools has changed.")
        }
        "test_trigger_prompt_change" => {
            changes.make(Change::Prompts);
            said("The list of prompts has changed.")
        }
        "slow_compute"
        | "failing_job"
        | "protocol_error_job"
        | "confirm_delete"
        | "multi_input"
        | "test_tool_with_task" => {
            return fixtures.shared.jobs.call(&request, &arguments, context).await;
        }
        COMES_AND_GOES if changes.is_there(Change::Tools) => said("I came back."),
        _ => return input::tool(&fixtures.shared.codec, request, context),
    };
    Ok(result.into())
}

/// What the tools answer that need nothing but their arguments.
fn at_once(name: &str, arguments: &JsonObject) -> Result<Option<CallToolResult>, ErrorData> {
    let image = || ContentBlock::image(PNG, "image/png");
    let content = match name {
        "test_simple_text" => vec![words("This is a simple text response for testing.")],
        "test_image_content" => vec![image()],
        "test_audio_content" => vec![ContentBlock::audio(WAV, "audio/wav")],
        "test_embedded_resource" => vec![ContentBlock::resource(ResourceContents::text(
            "This is an embedded resource content.",
            "test://embedded-resource",
        ))],
        "test_multiple_content_types" => {
            let data = json!({ "test": "data", "value": 123 }).to_string();
            let resource = ResourceContents::text(data, "test://mixed-content-resource");
            vec![
                words("Multiple content types test:"),
                image(),
                ContentBlock::resource(resource.with_mime_type("application/json")),
            ]
        }
        "test_error_handling" => {
            let why = words("This tool intentionally returns an error for testing");
            return Ok(Some(CallToolResult::error(vec![why])));
        }
        "test_header_parameter" | "json_schema_2020_12_tool" => {
            vec![words(&Value::Object(arguments.clone()).to_string())]
        }
        "greet" => vec![words(&format!("Hello, {}!", text(arguments, "name")?))],
        _ => return Ok(None),
    };
    Ok(Some(CallToolResult::success(content)))
}

/// Says what it does, as far as the client wants to hear it.
async fn log(context: &RequestContext<RoleServer>, level: Option<LoggingLevel>) -> CallToolResult {
    for line in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
        if level.is_some_and(|level| level as u8 <= LoggingLevel::Info as u8) {
            let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(line));
            // Who has gone hears nothing, and the call is cancelled by the server.
            drop(context.peer.notify_logging_message(message.with_logger("conformance")).await);
        }
        sleep(Duration::from_millis(STEP_MS)).await;
    }
    said("Everything was said.")
}

async fn progress(context: &RequestContext<RoleServer>) -> CallToolResult {
    let token = context.meta.get_progress_token();
    for done in [0.0, 50.0, 100.0] {
        if let Some(token) = token.clone() {
            let progress = ProgressNotificationParam::new(token, done).with_total(100.0);
            // Who has gone hears nothing, and the call is cancelled by the server.
            drop(context.peer.notify_progress(progress).await);
        }
        sleep(Duration::from_millis(STEP_MS)).await;
    }
    said("All of it is done.")
}

/// Closes the stream it is to answer on, and answers when the client had time to come back.
async fn come_back(context: &RequestContext<RoleServer>) -> CallToolResult {
    if let Some(stream) = context.extensions.get::<ReplyStream>() {
        stream.close().await;
        sleep(Duration::from_millis(AWAY_MS)).await;
    }
    said("The client came back.")
}

/// A result of one text.
pub(super) fn said(text: &str) -> CallToolResult {
    CallToolResult::success(vec![words(text)])
}

fn words(text: &str) -> ContentBlock {
    ContentBlock::text(text)
}

/// An argument that is a text.
pub(super) fn text<'a>(arguments: &'a JsonObject, name: &str) -> Result<&'a str, ErrorData> {
    arguments
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| ErrorData::invalid_params(format!("the argument {name} is missing"), None))
}
