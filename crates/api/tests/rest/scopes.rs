//! What the holders of tokens may do and see.
use ainur_api::view::Scope;

use crate::market::{ECHO, SLOW};
use crate::served::{Served, task};

/// Requests by the least scope that may make them; `ID` is a task of the asker.
const WRITES: [(&str, &str); 6] = [
    ("POST /v1/aacl", "{}"),
    ("POST /v1/tasks", r#"{"capability":"text.echo","parameters":{},"reserve":"5"}"#),
    ("POST /v1/tasks/ID/cancel", "{}"),
    ("POST /v1/tasks/ID/decision", r#"{"accept":true}"#),
    ("POST /v1/tasks/ID/rating", r#"{"rating":3}"#),
    ("POST /v1/budgets", r#"{"limit":"5"}"#),
];
const ADMINISTERS: [(&str, &str); 6] = [
    ("GET /v1/node", ""),
    ("POST /v1/agents", r#"{"program":{"kind":"command","argv":["/bin/cat"],"network":false}}"#),
    ("DELETE /v1/agents/agent-1", ""),
    ("POST /v1/tokens", r#"{"name":"more","scope":"admin","limit":"5"}"#),
    ("GET /v1/tokens", ""),
    ("DELETE /v1/tokens/admin", ""),
];
const READS: [&str; 8] = [
    "GET /v1/aacl/offers",
    "GET /v1/tasks",
    "GET /v1/capabilities",
    "GET /v1/agents",
    "GET /v1/agents/agent-1",
    "GET /v1/ledger",
    "GET /v1/limits",
    "GET /metrics",
];

#[test]
fn every_scope_may_do_what_is_its_and_no_more() {
    let served = Served::start();
    for (scope, name) in [(Scope::Read, "read"), (Scope::Spend, "spend"), (Scope::Admin, "admin")] {
        let token = served.token(name, scope);
        for line in READS {
            assert_eq!(served.ask(line, &token).status, 200, "{name}: {line}");
        }
        for (line, body) in WRITES {
            let line = line.replace("ID", "00000000");
            let answer = served.send(&line, &token, body);
            let is_forbidden = answer.status == 403;
            assert_eq!(is_forbidden, scope < Scope::Spend, "{name}: {line}: {answer:?}");
        }
        for (line, body) in ADMINISTERS {
            let answer = match body {
                "" => served.ask(line, &token),
                body => served.send(line, &token, body),
            };
            if scope == Scope::Admin {
                assert!((200..300).contains(&answer.status), "{name}: {line}: {answer:?}");
            } else {
                answer.assert_problem(403, "forbidden");
            }
        }
    }
}

#[test]
fn without_a_token_only_what_is_public_is_answered() {
    let served = Served::start();
    let lines = READS.iter().filter(|line| !line.ends_with("/metrics")).copied();
    let lines = lines.chain(WRITES.iter().chain(&ADMINISTERS).map(|(line, _)| *line));
    for line in lines.chain(["GET /v1/nothing", "GET /v1/tasks/ID/output"]) {
        let answer = served.ask(line, "");
        answer.assert_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    assert_eq!(served.ask("GET /openapi.json", "").status, 200);
}

#[test]
fn clients_see_only_tasks_under_their_own_budget() {
    let served = Served::start();
    let (one, two) = (served.token("one", Scope::Spend), served.token("two", Scope::Spend));
    let mine = served.announce(SLOW, &one);
    served.announce(SLOW, &served.owner);
    for what in ["", "/events", "/output", "/explanation", "/receipt"] {
        let line = format!("GET /v1/tasks/{mine}{what}");
        served.ask(&line, &two).assert_problem(404, "not-found");
    }
    let stream = "Accept: text/event-stream\r\n";
    let line = format!("GET /v1/tasks/{mine}/events");
    served.ask_with(&line, &two, stream, b"").assert_problem(404, "not-found");
    for (what, body) in
        [("cancel", "{}"), ("decision", r#"{"accept":true}"#), ("rating", r#"{"rating":1}"#)]
    {
        let line = format!("POST /v1/tasks/{mine}/{what}");
        served.send(&line, &two, body).assert_problem(404, "not-found");
    }
    let count = |token: &str| {
        let page = served.ask("GET /v1/tasks", token).json();
        page["tasks"].as_array().unwrap().len()
    };
    assert_eq!((count(&one), count(&two), count(&served.owner)), (1, 0, 2));

    let budget = served.ask(&format!("GET /v1/tasks/{mine}"), &one).json()["budget"].clone();
    let budget = budget.as_str().unwrap();
    served.ask(&format!("GET /v1/budgets/{budget}"), &two).assert_problem(404, "not-found");
    served.ask(&format!("GET /v1/tasks?budget={budget}"), &two).assert_problem(404, "not-found");
}

#[test]
fn a_client_spends_no_more_on_one_task_than_its_token_allows() {
    let served = Served::start();
    let token = served.token("small", Scope::Spend);
    let dear = task(ECHO).replace(r#""50""#, r#""101""#);
    served.send("POST /v1/tasks", &token, &dear).assert_problem(402, "budget-exceeded");
    assert_eq!(served.send("POST /v1/tasks", &served.owner, &dear).status, 201);
}
