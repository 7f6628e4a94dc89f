//! Names, descriptions and schemas of the tools that the conformance tests call.
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool};
use serde_json::{Value, json};

use super::change::{Change, Changes};

/// A picture of one red pixel, as base64.
pub(super) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC";
/// Four samples of silence, as base64.
pub(super) const WAV: &str = "UklGRigAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQQAAACAgICA";

/// The tool that is there at some times only.
pub(super) const COMES_AND_GOES: &str = "test_dynamic_tool";

/// Tools that take no arguments.
const PLAIN: [(&str, &str); 28] = [
    ("test_simple_text", "Answers with a text"),
    ("test_image_content", "Answers with a picture"),
    ("test_audio_content", "Answers with a sound"),
    ("test_embedded_resource", "Answers with a resource"),
    ("test_multiple_content_types", "Answers with a text, a picture and a resource"),
    ("test_error_handling", "Always fails"),
    ("test_tool_with_logging", "Says three times what it does"),
    ("test_logging_tool", "Says three times what it does"),
    ("test_tool_with_progress", "Tells of its progress three times"),
    ("test_reconnection", "Closes its stream, and answers who comes back"),
    ("test_elicitation_sep1034_defaults", "Asks the user, with defaults"),
    ("test_elicitation_sep1330_enums", "Asks the user to choose, in five ways"),
    ("test_missing_capability", "Needs a client with a model"),
    ("test_streaming_elicitation", "Asks the user, in the stream of its answer"),
    ("test_trigger_tool_change", "Lets a tool come or go"),
    ("test_trigger_prompt_change", "Lets a prompt come or go"),
    ("failing_job", "Becomes a task that fails"),
    ("protocol_error_job", "Becomes a task that breaks"),
    ("multi_input", "Becomes a task that asks for two things at once"),
    ("test_tool_with_task", "Asks for a name, and becomes a task"),
    ("test_input_required_result_elicitation", "Asks for a name and greets"),
    ("test_input_required_result_sampling", "Asks the client's model for a capital"),
    ("test_input_required_result_list_roots", "Asks for the client's roots"),
    ("test_input_required_result_request_state", "Asks for a confirmation, with a sealed state"),
    ("test_input_required_result_multiple_inputs", "Asks for three things at once"),
    ("test_input_required_result_multi_round", "Asks twice, one after the other"),
    ("test_input_required_result_tampered_state", "Refuses a state that was changed"),
    ("test_input_required_result_capabilities", "Asks for what the client can do, no more"),
];

/// Every tool there is now, always in the same order.
pub(super) fn tools(changes: &Changes) -> Vec<Tool> {
    let none = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let mut tools: Vec<_> = PLAIN.iter().map(|(name, what)| tool(name, what, &none)).collect();
    tools.extend([
        tool("test_sampling", "Asks the client's model", &one_text("prompt", "What to ask it")),
        tool("test_elicitation", "Asks the user", &one_text("message", "What to ask them")),
        tool("greet", "Greets", &one_text("name", "Whom to greet")),
        tool("slow_compute", "Becomes a task that takes its time", &seconds()),
        tool("confirm_delete", "Becomes a task that asks first", &one_text("filename", "A file")),
        tool("test_header_parameter", "Takes its argument in a header too", &header_parameter()),
        tool("json_schema_2020_12_tool", "Has a schema of many words", &schema_2020_12()),
    ]);
    if changes.is_there(Change::Tools) {
        tools.push(tool(COMES_AND_GOES, "Comes and goes", &none));
    }
    tools
}

fn tool(name: &'static str, description: &'static str, schema: &Value) -> Tool {
    let schema = schema.as_object().cloned().unwrap_or_else(JsonObject::new);
    Tool::new(name, description, Arc::new(schema))
}

fn one_text(name: &str, description: &str) -> Value {
    json!({
        "type": "object",
        "properties": { name: { "type": "string", "description": description } },
        "required": [name],
    })
}

fn seconds() -> Value {
    json!({
        "type": "object",
        "properties": {
            "seconds": { "type": "integer", "minimum": 0 },
            "label": { "type": "string" },
        },
    })
}

fn header_parameter() -> Value {
    json!({
        "type": "object",
        "properties": { "region": { "type": "string", "x-mcp-header": "Region" } },
        "required": ["region"],
    })
}

fn schema_2020_12() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": {
            "properties": { "contactMethod": { "const": "phone" } },
            "required": ["contactMethod"],
        },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}
