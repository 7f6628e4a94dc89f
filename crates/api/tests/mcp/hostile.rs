//! Requests that must be refused, whoever answers.
use std::io::Write;
use std::time::{Duration, Instant};

use ainur_api::http::Bounds;
use ainur_api::http::bounds::OPERATION_BYTES_MAX;
use serde_json::json;

use crate::served::{Answer, STATELESS, Served, stateless};

fn both() -> [Served; 2] {
    [Served::market(), Served::fixtures()]
}

#[test]
fn stateless_requests_without_their_headers_are_refused() {
    const HEADER_MISMATCH: i64 = -32020;
    for served in both() {
        let (name, token) = served.authorization();
        let list = stateless("tools/list", &json!({}));
        let version = ("MCP-Protocol-Version", STATELESS);
        let method = ("Mcp-Method", "tools/list");
        let asked = |headers: &[(&str, &str)]| {
            let mut headers = headers.to_vec();
            headers.push((name, &token));
            served.post(&headers, &list)
        };
        assert_eq!(asked(&[version, method]).status, 200);
        asked(&[method]).assert_error(400, HEADER_MISMATCH);
        asked(&[version]).assert_error(400, HEADER_MISMATCH);
        asked(&[version, ("Mcp-Method", "prompts/list")]).assert_error(400, HEADER_MISMATCH);
        asked(&[method, ("MCP-Protocol-Version", "2025-11-25")]).assert_error(400, HEADER_MISMATCH);
        let call = stateless("tools/call", &json!({ "name": "any", "arguments": {} }));
        let headers = [version, ("Mcp-Method", "tools/call"), (name, &token)];
        served.post(&headers, &call).assert_error(400, HEADER_MISMATCH);
    }
}

#[test]
fn stateless_requests_without_their_metadata_are_refused() {
    for served in both() {
        let (name, token) = served.authorization();
        let headers = [
            ("MCP-Protocol-Version", STATELESS),
            ("Mcp-Method", "tools/list"),
            (name, token.as_str()),
        ];
        let bare = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
        served.post(&headers, &bare).assert_error(400, -32602);
        let unknown = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": { "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2999-01-01",
                "io.modelcontextprotocol/clientCapabilities": {},
            } },
        });
        let headers = [
            ("MCP-Protocol-Version", "2999-01-01"),
            ("Mcp-Method", "tools/list"),
            (name, token.as_str()),
        ];
        let refused = served.post(&headers, &unknown);
        refused.assert_error(400, -32022);
        let supported = refused.message()["error"]["data"]["supported"].clone();
        assert!(supported.as_array().unwrap().contains(&json!(STATELESS)), "{supported}");
    }
}

#[test]
fn bodies_over_the_limit_are_refused() {
    for served in both() {
        let (name, token) = served.authorization();
        let text = "a".repeat(OPERATION_BYTES_MAX + 1);
        let call = stateless("tools/call", &json!({ "name": "any", "arguments": { "a": text } }));
        let headers = [
            ("MCP-Protocol-Version", STATELESS),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "any"),
            (name, token.as_str()),
        ];
        assert_eq!(served.post(&headers, &call).status, 413);
    }
}

#[test]
fn deep_and_broken_json_is_an_error_of_the_protocol() {
    for served in both() {
        let (name, token) = served.authorization();
        let headers = [
            ("MCP-Protocol-Version", STATELESS),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "any"),
            (name, token.as_str()),
        ];
        let send = |body: &str| Answer::read(served.send("POST", &headers, body.as_bytes()));
        let call = stateless("tools/call", &json!({ "name": "any", "arguments": { "a": "X" } }));
        let nested = |depth: usize| {
            let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            call.to_string().replace("\"X\"", &deep)
        };
        // An unknown tool, and no more than that.
        assert!(send(&nested(10)).assert_error(200, -32602).contains("any"));
        for body in [nested(1_000), nested(100_000), "{".into(), "[]".into(), String::new()] {
            send(&body).assert_error(400, -32700);
        }
        let foreign = [("Content-Type", "text/plain"), (name, token.as_str())];
        assert_eq!(Answer::read(served.send("POST", &foreign, b"{}")).status, 415);
    }
}

#[test]
fn body_that_never_comes_is_waited_for_as_long_as_the_server_says() {
    let bounds = Bounds { operation_ms_max: 200, ..Bounds::default() };
    for served in Served::both_within(bounds) {
        let (name, token) = served.authorization();
        let mut stream = served.connect();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\n{name}: {token}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{",
            served.address
        );
        stream.write_all(head.as_bytes()).unwrap();
        let began = Instant::now();
        assert_eq!(Answer::read(stream).status, 408);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}
