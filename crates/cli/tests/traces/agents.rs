//! Agents of every kind that say where in a trace they were asked.
use serde_json::{Value, json};

use super::web::{Asked, Said, Web};

/// A command: answers with what it finds in its environment, after as many seconds as its file says.
pub(crate) const COMMAND: &str = r#"#!/bin/sh
case "$1" in
  introspect) printf '%s' '{"name":"command","version":"1","capabilities":[{"name":"command.work","output_media_type":"application/json"}]}';;
  run) sleep SECONDS; printf '{"parent":"%s","state":"%s"}' "$TRACEPARENT" "$TRACESTATE";;
esac
"#;

/// A command that cannot do what it offers.
pub(crate) const BROKEN: &str = r#"#!/bin/sh
case "$1" in
  introspect) printf '%s' '{"name":"broken","version":"1","capabilities":[{"name":"broken.work","output_media_type":"application/json"}]}';;
  run) echo "no luck with $4" >&2; exit 3;;
esac
"#;

/// An MCP server over its standard streams: its tool says what came in `_meta`.
pub(crate) const MCP: &str = r#"#!/bin/sh
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  parent=$(printf '%s' "$line" | sed -n 's/.*"traceparent":"\([^"]*\)".*/\1/p')
  state=$(printf '%s' "$line" | sed -n 's/.*"tracestate":"\([^"]*\)".*/\1/p')
  case "$line" in
    *'"initialize"'*) r='{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"Pipe","version":"1"}}';;
    *'"tools/list"'*) r='{"tools":[{"name":"work","inputSchema":{"type":"object"}}]}';;
    *'"tools/call"'*) r='{"content":[{"type":"text","text":"'$parent' '$state'"}]}';;
    *'"id"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}\n' "$id"; continue;;
    *) continue;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$r"
done
"#;

const JSON: &str = "application/json";

fn said(value: &Value) -> Said {
    (200, JSON, value.to_string().into_bytes())
}

/// An A2A agent with one skill.
pub(crate) fn a2a() -> Web {
    Web::start(|base, asked| {
        if asked.path.ends_with("/agent-card.json") {
            return said(&json!({
                "name": "talk", "description": "Talks.", "version": "1",
                "supportedInterfaces": [{
                    "url": format!("{base}/rpc"), "protocolBinding": "JSONRPC",
                    "protocolVersion": "1.0",
                }],
                "capabilities": {}, "defaultInputModes": ["text/plain"],
                "defaultOutputModes": ["text/plain"],
                "skills": [{
                    "id": "work", "name": "Work", "description": "Works.", "tags": ["work"],
                }],
            }));
        }
        if asked.path != "/rpc" {
            return (404, JSON, b"{}".to_vec());
        }
        let message = json!({
            "messageId": "m", "role": "ROLE_AGENT", "parts": [{ "text": "done" }],
        });
        let id = serde_json::from_slice::<Value>(&asked.body).unwrap_or_default()["id"].take();
        said(&json!({ "jsonrpc": "2.0", "id": id, "result": { "message": message } }))
    })
}

/// An HTTP service with one operation.
pub(crate) fn http() -> Web {
    Web::start(|base, asked| match asked.path.as_str() {
        "/openapi.json" => {
            let answer = json!({ "description": "done", "content": { JSON: { "schema": {} } } });
            let work = json!({ "operationId": "work", "responses": { "200": answer } });
            said(&json!({
                "openapi": "3.1.0", "info": { "title": "Service", "version": "1" },
                "servers": [{ "url": base }], "paths": { "/work": { "get": work } },
            }))
        }
        "/work" => said(&json!({ "done": true })),
        _ => (404, JSON, b"{}".to_vec()),
    })
}

/// An MCP server over HTTP, of the version before 2026.
pub(crate) fn mcp() -> Web {
    Web::start(|_, asked| {
        let Ok(message) = serde_json::from_slice::<Value>(&asked.body) else {
            return (405, JSON, b"{}".to_vec());
        };
        let result = match message["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
                "serverInfo": { "name": "Wire", "version": "1" },
            }),
            Some("tools/list") => {
                json!({ "tools": [{ "name": "work", "inputSchema": { "type": "object" } }] })
            }
            Some("tools/call") => json!({ "content": [{ "type": "text", "text": "done" }] }),
            _ if message["id"].is_null() => return (202, JSON, Vec::new()),
            _ => {
                let error = json!({ "code": -32601, "message": "no" });
                return said(&json!({ "jsonrpc": "2.0", "id": message["id"], "error": error }));
            }
        };
        said(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }))
    })
}

/// What of an exchange was the work itself.
pub(crate) fn calls(web: &Web) -> Vec<Asked> {
    let is_call = |asked: &Asked| {
        let body = String::from_utf8_lossy(&asked.body);
        asked.path == "/work" || asked.path == "/rpc" || body.contains("tools/call")
    };
    web.asked().into_iter().filter(is_call).collect()
}
