//! Good answers of servers of every kind, which are then mutated.
use serde_json::{Value, json};

use super::random::Random;

/// What an MCP server answers to a message; nothing if it is no request.
pub(crate) fn mcp(request: &Value, is_new: bool) -> Option<Value> {
    let id = request.get("id")?.clone();
    let result = match request["method"].as_str()? {
        "server/discover" if is_new => json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28", "2025-11-25"],
            "capabilities": {"tools": {"listChanged": true}}, "ttlMs": 1_000,
            "cacheScope": "public",
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "fuzz", "version": "1"}},
        }),
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "capabilities": {"tools": {"listChanged": true}},
            "serverInfo": {"name": "fuzz", "version": "1", "description": "is mutated"},
        }),
        "tools/list" => json!({"resultType": "complete", "tools": [
            tool("echo", json!({"type": "object"})),
            tool("sum", json!({"type": "object", "properties": {"a": {"type": "integer"}}})),
        ]}),
        "tools/call" => json!({
            "resultType": "complete",
            "content": [{"type": "text", "text": "done"}, {"type": "text", "text": "é"}],
            "structuredContent": {"sum": 3},
        }),
        "ping" => json!({"resultType": "complete"}),
        _ => {
            let error = json!({"code": -32601, "message": "no such method"});
            return Some(json!({"jsonrpc": "2.0", "id": id, "error": error}));
        }
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

fn tool(name: &str, schema: Value) -> Value {
    json!({
        "name": name, "title": name, "description": "does something", "inputSchema": schema,
        "annotations": {"readOnlyHint": true},
    })
}

/// What a server says unasked.
pub(crate) fn unasked(random: &mut Random) -> Value {
    match random.below(7) {
        0 => json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}),
        1 => json!({"jsonrpc": "2.0", "method": "notifications/message",
            "params": {"level": "info", "data": {"a": [1, 2]}}}),
        2 => json!({"jsonrpc": "2.0", "method": "notifications/progress",
            "params": {"progressToken": random.below(3), "progress": 0.5, "total": 1}}),
        3 => json!({"jsonrpc": "2.0", "id": random.below(9), "method": "ping"}),
        4 => json!({"jsonrpc": "2.0", "id": "s", "method": "roots/list"}),
        5 => json!({"jsonrpc": "2.0", "id": random.below(9), "result": {"tools": []}}),
        _ => json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": {"requestId": random.below(5), "reason": "why not"}}),
    }
}

/// The card of an A2A agent that is asked at a URL.
pub(crate) fn card(url: &str, is_old: bool) -> Value {
    let skills = json!([
        {"id": "write", "name": "w", "description": "writes", "tags": ["t"]},
        {"id": "read", "name": "r", "description": "reads", "tags": []},
    ]);
    if is_old {
        return json!({
            "name": "fuzz", "description": "old", "version": "1", "protocolVersion": "0.3.0",
            "url": url, "preferredTransport": "JSONRPC", "capabilities": {},
            "defaultInputModes": [], "defaultOutputModes": [], "skills": skills,
        });
    }
    json!({
        "name": "fuzz", "description": "new", "version": "1", "capabilities": {},
        "supportedInterfaces": [
            {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0", "tenant": "t"},
        ],
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": skills,
    })
}

/// What an A2A agent answers.
pub(crate) fn a2a(random: &mut Random, request: &Value) -> Value {
    let is_old = request["method"].as_str().is_some_and(|method| method.contains('/'));
    let is_first = matches!(request["method"].as_str(), Some("SendMessage" | "message/send"));
    let state = match (is_first && random.once_in(2), is_old) {
        (true, false) => "TASK_STATE_WORKING",
        (true, true) => "working",
        (false, false) => "TASK_STATE_COMPLETED",
        (false, true) => "completed",
    };
    let part = if is_old { json!({"kind": "text", "text": "x"}) } else { json!({"text": "x"}) };
    let role = if is_old { "agent" } else { "ROLE_AGENT" };
    let message = json!({"kind": "message", "messageId": "m", "role": role, "parts": [part]});
    let task = json!({
        "kind": "task", "id": "t", "contextId": "c",
        "status": {"state": state, "message": message},
        "artifacts": [{"artifactId": "a", "parts": [part, part]}],
    });
    let result = match (is_first, is_old) {
        (true, false) if random.once_in(2) => json!({ "message": message }),
        (true, false) => json!({ "task": task }),
        _ => task,
    };
    json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
}

/// The document of an HTTP service that is asked at a URL.
pub(crate) fn document(url: &str, is_old: bool) -> Value {
    let item = json!({"$ref": "#/components/schemas/Item"});
    let json = |schema: &Value| json!({"application/json": {"schema": schema}});
    json!({
        "openapi": if is_old { "3.0.3" } else { "3.1.0" },
        "info": {"title": "fuzz", "version": "1", "description": "is mutated"},
        "servers": [{"url": url, "variables": {"v": {"default": "v1"}}}],
        "paths": {
            "/items/{id}": {
                "parameters": [{"$ref": "#/components/parameters/Id"}],
                "get": {
                    "operationId": "findItem", "summary": "finds",
                    "parameters": [
                        {"name": "tags", "in": "query", "style": "form", "explode": false,
                         "schema": {"type": "array", "items": {"type": "string"}}},
                        {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                    ],
                    "responses": {"200": {"description": "", "content": json(&item)}},
                },
            },
            "/items": {"post": {
                "operationId": "addItem",
                "requestBody": {"required": false, "content": json(&item)},
                "responses": {"201": {"$ref": "#/components/responses/Made"}},
            }},
        },
        "components": {
            "parameters": {"Id": {
                "name": "id", "in": "path", "required": true, "schema": {"type": "string"},
            }},
            "responses": {"Made": {"description": "", "content": json(&item)}},
            "schemas": {
                "Item": {
                    "type": "object", "required": ["name", "secret"], "nullable": true,
                    "properties": {
                        "name": {"$ref": "#/components/schemas/Name"}, "parent": item,
                        "secret": {"type": "string", "readOnly": true},
                        "kind": {"enum": ["a", "b"], "default": "a"},
                    },
                    "oneOf": [{"required": ["name"]}, {"not": {"required": ["name"]}}],
                },
                "Name": {"type": "string", "minLength": 1, "pattern": "^a"},
            },
        },
    })
}
