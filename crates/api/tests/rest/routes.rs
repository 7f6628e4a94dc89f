//! Everything else that can be asked, and what is refused everywhere.
use serde_json::json;

use crate::market::{ECHO, SLOW};
use crate::served::{Served, task};

#[test]
fn capabilities_are_distinct_contracts_with_their_agents_and_lowest_price() {
    let served = Served::start();
    let all = served.ask("GET /v1/capabilities", &served.owner).json();
    let rows: Vec<_> = all["capabilities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|offer| {
            let name = offer["contract"]["name"].as_str().unwrap().to_owned();
            (name, offer["agents"].as_u64().unwrap(), offer["cheapest"].clone())
        })
        .collect();
    assert_eq!(rows, [(SLOW.into(), 1, json!(null)), (ECHO.into(), 2, json!("2"))]);
    let one = served.ask(&format!("GET /v1/capabilities/{SLOW}"), &served.owner).json();
    assert_eq!(one["capabilities"].as_array().unwrap().len(), 1);
    let none = served.ask("GET /v1/capabilities/no.such", &served.owner);
    none.assert_problem(404, "not-found");
}

#[test]
fn agents_come_and_go() {
    let served = Served::start();
    let owner = &served.owner;
    let body = r#"{"name":"ä/b","program":{"kind":"command","argv":["/bin/cat"],"network":false}}"#;
    let added = served.send("POST /v1/agents", owner, body);
    assert_eq!((added.status, added.header("location")), (201, "/v1/agents/%C3%A4%2Fb"));
    served.send("POST /v1/agents", owner, body).assert_problem(409, "conflict");
    let shown = served.ask("GET /v1/agents/%C3%A4%2Fb", owner);
    assert_eq!((shown.status, &shown.json()["name"]), (200, &"ä/b".into()));
    let count = || {
        let agents = served.ask("GET /v1/agents", owner).json();
        agents["agents"].as_array().unwrap().len()
    };
    assert_eq!(count(), 4);
    let removed = served.ask("DELETE /v1/agents/%C3%A4%2Fb", owner);
    assert_eq!((removed.status, removed.body.len()), (204, 0));
    assert_eq!(count(), 3);
    served.ask("DELETE /v1/agents/nobody", owner).assert_problem(404, "not-found");
    served.ask("GET /v1/agents/nobody", owner).assert_problem(404, "not-found");
}

#[test]
fn budgets_and_tokens_are_made_and_taken_back() {
    let served = Served::start();
    let owner = &served.owner;
    let opened = served.send("POST /v1/budgets", owner, r#"{"limit":"7"}"#);
    assert_eq!(opened.status, 201, "{opened:?}");
    let shown = served.ask(&format!("GET {}", opened.header("location")), owner);
    assert_eq!(shown.json(), opened.json());
    served.ask("GET /v1/budgets/nothing", owner).assert_problem(400, "invalid-request");
    let unknown = format!("GET /v1/budgets/{}", "0".repeat(64));
    served.ask(&unknown, owner).assert_problem(404, "not-found");

    let body = r#"{"name":"ci","scope":"spend","limit":"10"}"#;
    let created = served.send("POST /v1/tokens", owner, body);
    assert_eq!((created.status, created.header("cache-control")), (201, "no-store"));
    let secret = created.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(served.ask("GET /v1/limits", &secret).status, 200);
    served.send("POST /v1/tokens", owner, body).assert_problem(409, "conflict");
    let listed = served.ask("GET /v1/tokens", owner);
    assert!(!listed.text().contains(&secret));
    assert_eq!(listed.json()["tokens"][0]["name"], "ci");
    assert_eq!(served.ask("DELETE /v1/tokens/ci", owner).status, 204);
    served.ask("GET /v1/limits", &secret).assert_problem(401, "unauthorized");
    served.ask("DELETE /v1/tokens/none", owner).assert_problem(404, "not-found");
}

#[test]
fn node_limits_and_ledger_are_shown() {
    let served = Served::start();
    assert_eq!(served.ask("GET /v1/node", &served.owner).json()["height"], 42);
    let limits = served.ask("GET /v1/limits", &served.owner).json();
    assert_eq!(limits["limits"][0]["name"], "SOMETHING_MAX");
    let ledger = served.ask("GET /v1/ledger", &served.owner).json();
    assert_eq!(ledger["totals"][0][1], u128::MAX.to_string());
}

#[test]
fn unknown_parameters_and_fields_are_refused_by_name() {
    let served = Served::start();
    let owner = &served.owner;
    let ten_phases = format!("GET /v1/tasks?{}", "phase=running&".repeat(10));
    for (line, name) in [
        ("GET /v1/tasks?colour=red", "`colour`"),
        ("GET /v1/tasks?limit=1&limit=2", "`limit`"),
        ("GET /v1/tasks?limit=0", "`limit`"),
        ("GET /v1/tasks?limit=1001", "`limit`"),
        ("GET /v1/tasks?limit=%2B1", "`limit`"),
        ("GET /v1/tasks?before=-1", "`before`"),
        ("GET /v1/tasks?phase=gone", "`phase`"),
        (ten_phases.as_str(), "`phase`"),
        ("GET /v1/tasks?budget=x", "`budget`"),
        ("GET /v1/tasks/0123456", "0123456"),
        ("GET /v1/tasks/0123456G", "0123456G"),
        ("GET /v1/node?verbose", "`verbose`"),
        ("GET /openapi.json?x=1", "`x`"),
    ] {
        let message = served.ask(line, owner).assert_problem(400, "invalid-request");
        assert!(message.contains(name), "{line}: {message}");
    }
    let wait = served.send("POST /v1/tasks?wait=61", owner, &task(ECHO));
    assert!(wait.assert_problem(400, "invalid-request").contains("`wait`"));
    for (path, body, name) in [
        ("/v1/tasks", r#"{"capability":"a.b","parameters":1,"reserve":"1","x":1}"#, "`x`"),
        ("/v1/tasks", r#"{"capability":"a.b","parameters":1,"reserve":"1","wait":true}"#, "'wait'"),
        ("/v1/tasks", r#"{"capability":"a.b","reserve":"1"}"#, "`parameters`"),
        ("/v1/tasks", r#"{"capability":"a.b","parameters":1,"reserve":1}"#, "integer `1`"),
        ("/v1/budgets", r#"{"limit":"1","daily":true}"#, "`daily`"),
        ("/v1/tokens", r#"{"name":"a","scope":"god","limit":"1"}"#, "`god`"),
        ("/v1/receipts/verify", "[]", "invalid type"),
    ] {
        let message = served
            .send(&format!("POST {path}"), owner, body)
            .assert_problem(400, "invalid-request");
        assert!(message.contains(name), "{body}: {message}");
    }
}

#[test]
fn purchases_that_cannot_be_are_refused_with_their_own_status() {
    let served = Served::start();
    let owner = &served.owner;
    served
        .send("POST /v1/tasks", owner, &task("no.such"))
        .assert_problem(422, "unknown-capability");
    let opened = served.send("POST /v1/budgets", owner, r#"{"limit":"7"}"#).json();
    let with = |budget: &str| {
        task(ECHO).replace('}', "").replace(
            r#""parameters":{"say":"hi""#,
            &format!(r#""parameters":{{}},"budget":"{budget}""#),
        ) + "}"
    };
    let body = with(opened["id"].as_str().unwrap());
    served.send("POST /v1/tasks", owner, &body).assert_problem(402, "budget-exceeded");
    let body = with(&"0".repeat(64));
    served.send("POST /v1/tasks", owner, &body).assert_problem(404, "not-found");
}

#[test]
fn paths_methods_and_media_types_that_are_not_known_are_refused() {
    let served = Served::start();
    let owner = &served.owner;
    for line in ["GET /v1", "GET /v1/task", "GET /v1/tasks/", "GET /V1/tasks"] {
        served.ask(line, owner).assert_problem(404, "not-found");
    }
    for (line, allowed) in [
        ("PATCH /v1/tasks", "GET,HEAD,POST"),
        ("DELETE /v1/tasks/0", "GET,HEAD"),
        ("GET /v1/tasks/0/cancel", "POST"),
        ("PUT /v1/agents/a", "GET,HEAD,DELETE"),
        ("POST /openapi.json", "GET,HEAD"),
    ] {
        let answer = served.ask(line, owner);
        answer.assert_problem(405, "invalid-request");
        let mut allow: Vec<_> = answer.header("allow").split(',').collect();
        let mut allowed: Vec<_> = allowed.split(',').collect();
        allow.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(allow, allowed, "{line}");
    }
    let text = "Content-Type: text/plain\r\nContent-Length: 2\r\n";
    for path in ["/v1/tasks", "/v1/budgets", "/v1/tokens", "/v1/agents", "/v1/receipts/verify"] {
        let line = format!("POST {path}");
        served.ask_with(&line, owner, text, b"{}").assert_problem(415, "invalid-request");
        served.ask(&line, owner).assert_problem(415, "invalid-request");
    }
    let big = format!("{{\"limit\":\"{}\"}}", "1".repeat(1024 * 1024));
    served.send("POST /v1/budgets", owner, &big).assert_problem(413, "limit-reached");
    let head = served.ask("HEAD /v1/node", owner);
    assert_eq!((head.status, head.body.len()), (200, 0));
}
