//! Who is let in, and where the fixtures are.
use ainur_api::view::Scope;
use serde_json::{Value, json};

use crate::market::ECHO;
use crate::served::{Answer, STATELESS, Served, stateless};

fn names(list: &Value) -> Vec<&str> {
    list["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

fn list(served: &Served, more: &[(&str, &str)]) -> Answer {
    let mut headers = vec![("MCP-Protocol-Version", STATELESS), ("Mcp-Method", "tools/list")];
    headers.extend(more);
    served.post(&headers, &stateless("tools/list", &json!({})))
}

#[test]
fn market_needs_a_token_and_fixtures_need_none() {
    let (market, fixtures) = (Served::market(), Served::fixtures());
    list(&market, &[]).assert_problem(401, "unauthorized");
    list(&market, &[("Authorization", "Bearer wrong")]).assert_problem(401, "unauthorized");
    assert_eq!(list(&fixtures, &[]).status, 200);
    let open = Served::fixtures_for_all();
    list(&open, &[]).assert_problem(401, "unauthorized");
    let (name, token) = open.authorization();
    assert_eq!(list(&open, &[(name, &token)]).status, 200);
}

#[test]
fn fixtures_are_there_in_conformance_mode_alone() {
    let (market, fixtures) = (Served::market(), Served::fixtures());
    let sold = market.result("tools/list", &json!({}));
    assert!(names(&sold).contains(&ECHO), "{sold}");
    assert!(!names(&sold).iter().any(|name| name.starts_with("test_")), "{sold}");
    let call = json!({ "name": "test_simple_text", "arguments": {} });
    market.call("tools/call", &call).assert_error(200, -32602);
    let shown = fixtures.result("tools/list", &json!({}));
    assert!(names(&shown).contains(&"test_simple_text"), "{shown}");
    assert!(!names(&shown).contains(&ECHO), "{shown}");
    let said = fixtures.result("tools/call", &call);
    assert_eq!(said["content"][0]["text"], "This is a simple text response for testing.");
}

#[test]
fn conformance_mode_opens_no_other_path() {
    let served = Served::fixtures();
    // Those of A2A are open to strangers as well: what they ask for is answered by fixtures.
    for path in ["/v1/operations", "/v1/tasks", "/mcp/", "/v1/blobs/x"] {
        let stream = served.send_to(&format!("POST {path}"), &[], b"");
        Answer::read(stream).assert_problem(401, "unauthorized");
    }
}

#[test]
fn one_switch_serves_the_fixtures_of_a2a_too() {
    let served = Served::fixtures();
    let (name, token) = served.authorization();
    let message = json!({
        "messageId": "tck-complete-task-1", "role": "ROLE_USER", "parts": [{ "text": "hi" }],
    });
    let request = json!({
        "jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": { "message": message },
    });
    let headers = [(name, token.as_str()), ("A2A-Version", "1.0")];
    let stream = served.send_to("POST /a2a", &headers, request.to_string().as_bytes());
    let answer = Answer::read(stream).message();
    let status = &answer["result"]["task"]["status"];
    assert_eq!(status["message"]["parts"][0]["text"], "Hello from TCK", "{answer}");
}

#[test]
fn foreign_pages_and_foreign_hosts_are_refused_by_both() {
    for served in [Served::market(), Served::fixtures()] {
        let (name, token) = served.authorization();
        let port = served.address.port();
        let foreign = list(&served, &[(name, &token), ("Origin", "http://evil.example")]);
        foreign.assert_problem(403, "forbidden");
        let rebound = format!("evil.example:{port}");
        list(&served, &[(name, &token), ("Host", &rebound)]).assert_problem(421, "forbidden");
        let own = format!("http://localhost:{port}");
        assert_eq!(list(&served, &[(name, &token), ("Origin", &own)]).status, 200);
    }
}

#[test]
fn market_keeps_no_sessions() {
    let served = Served::market();
    let (name, token) = served.authorization();
    let begin = crate::sessions::initialize();
    let begun = served.post(&[(name, &token)], &begin);
    assert_eq!((begun.status, begun.header("mcp-session-id")), (200, None), "{begun:?}");
    let stream = served.ask("GET", &[(name, &token)], &Value::Null);
    assert_eq!(stream.status, 405, "{stream:?}");
}

#[test]
fn what_a_token_does_not_allow_is_the_callers_fault_and_not_the_nodes() {
    let served = Served::market();
    let reader = served.market.token("reader", Scope::Read).to_text();
    let authorization = format!("Bearer {reader}");
    let headers = [
        ("MCP-Protocol-Version", STATELESS),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", ECHO),
        ("Authorization", authorization.as_str()),
    ];
    let call = json!({ "name": ECHO, "arguments": { "sentence": "hi" } });
    let refused = served.post(&headers, &stateless("tools/call", &call));
    let message = refused.assert_error(200, -32600);
    assert!(message.contains("the token 'reader' may not do this"), "{message}");
}
