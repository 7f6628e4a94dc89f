//! One market behind every protocol: the same task bought through REST, A2A and MCP leaves the same
//! ledger, and a client that lost its node in the middle of a call finds its task again.
mod place;

use std::time::Duration;

use place::Place;
use serde_json::{Value, json};

/// An agent that answers with its parameters, after as many seconds as its file says.
const ECHO: &str = r#"#!/bin/sh
case "$1" in
  introspect) printf '%s' '{"name":"echo","version":"1","capabilities":[{"name":"json.echo","output_media_type":"application/json"}]}';;
  run) sleep SECONDS; printf '%s' "$4";;
esac
"#;

/// A way in. Each is asked for `json.echo` under a key, and gives the id of the task, and whether
/// the answer has its output.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Protocol {
    Rest,
    A2a,
    A2aRest,
    A2aOld,
    Mcp,
}

const PROTOCOLS: [Protocol; 5] =
    [Protocol::Rest, Protocol::A2a, Protocol::A2aRest, Protocol::A2aOld, Protocol::Mcp];

struct Caller {
    base: String,
    secret: String,
}

impl Caller {
    fn new(place: &Place, secret: &str) -> Self {
        let endpoint = ainur_api::Endpoint::read(&place.data_dir()).expect("readable");
        let address = endpoint.expect("a running node").address;
        Self { base: format!("http://{address}"), secret: secret.to_owned() }
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<Value, String> {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        let mut request = agent
            .post(format!("{}{path}", self.base))
            .header("Authorization", format!("Bearer {}", self.secret))
            .header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.send(body.to_string()).map_err(|error| error.to_string())?;
        let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
    }

    /// Buys under a key.
    fn buy(&self, protocol: Protocol, key: &str) -> Result<(String, bool), String> {
        let said = json!({ "say": "hi" });
        let data = json!({ "capability": "json.echo", "parameters": said });
        let answer = match protocol {
            Protocol::Rest => {
                let body = json!({
                    "capability": "json.echo", "parameters": said, "selection": "scored",
                    "reserve": "1000000000000",
                });
                self.post("/v1/tasks?wait=30", &[("Idempotency-Key", key)], &body)?
            }
            Protocol::A2a | Protocol::A2aRest => {
                let message =
                    json!({ "messageId": key, "role": "ROLE_USER", "parts": [{ "data": data }] });
                let params = json!({ "message": message });
                let version = ("A2A-Version", "1.0");
                if protocol == Protocol::A2aRest {
                    self.post("/a2a/v1/message:send", &[version], &params)?["task"].take()
                } else {
                    let call = json!({
                        "jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params,
                    });
                    self.post("/a2a", &[version], &call)?["result"]["task"].take()
                }
            }
            Protocol::A2aOld => {
                let part = json!({ "kind": "data", "data": data });
                let message = json!({
                    "kind": "message", "messageId": key, "role": "user", "parts": [part],
                });
                let params = json!({ "message": message, "configuration": { "blocking": true } });
                let call = json!({
                    "jsonrpc": "2.0", "id": 1, "method": "message/send", "params": params,
                });
                self.post("/a2a", &[], &call)?["result"].take()
            }
            Protocol::Mcp => return self.call_tool(&said, key),
        };
        let id = answer["id"].as_str().ok_or_else(|| answer.to_string())?.to_owned();
        let state = answer["status"]["state"].as_str().or(answer["phase"].as_str());
        let done = ["TASK_STATE_COMPLETED", "completed", "settled"];
        Ok((id, state.is_some_and(|state| done.contains(&state))))
    }

    fn call_tool(&self, said: &Value, key: &str) -> Result<(String, bool), String> {
        let prefix = "io.modelcontextprotocol";
        let meta = json!({
            "ainur/idempotency-key": key,
            format!("{prefix}/protocolVersion"): "2026-07-28",
            format!("{prefix}/clientInfo"): { "name": "test", "version": "1" },
            format!("{prefix}/clientCapabilities"): {},
        });
        let params = json!({ "name": "json.echo", "arguments": said, "_meta": meta });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let headers = [
            ("Accept", "application/json, text/event-stream"),
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "json.echo"),
        ];
        let answer = self.post("/mcp", &headers, &call)?;
        let result = &answer["result"];
        let id = result["_meta"]["ainur/task"].as_str().ok_or_else(|| answer.to_string())?;
        Ok((id.to_owned(), result["structuredContent"] == *said))
    }
}

fn with_agent(seconds: &str) -> Place {
    let place = Place::new();
    let script = place.file("echo.sh", ECHO.replace("SECONDS", seconds).as_bytes());
    place.succeeds(&["agent", "add", &script, "--price", "0.5"]);
    place
}

/// What a task was, without what differs between any two.
fn essence(mut task: Value) -> Value {
    let fields = task.as_object_mut().expect("a task");
    for own in ["id", "number", "budget", "context", "opened", "ended"] {
        fields.remove(own);
    }
    task
}

#[test]
fn the_same_task_through_each_protocol_leaves_the_same_ledger() {
    let place = with_agent("0");
    let node = place.start_node();
    let mut seen: Option<(Value, Value, Value)> = None;
    for protocol in PROTOCOLS {
        let name = format!("{protocol:?}").to_lowercase();
        let secret = place.token(&[&name, "--limit", "5", "--per-task", "1"]);
        let caller = Caller::new(&place, &secret);
        let before = place.json(&["account", "show", "--json"])["free"].clone();
        let (id, done) = caller.buy(protocol, "order 7").expect("bought");
        assert!(done, "{protocol:?}");
        assert_eq!(caller.buy(protocol, "order 7").expect("found again"), (id.clone(), true));
        let task = place.json(&["task", "show", &id]);
        let budget = place.json(&["budget", "show", task["budget"].as_str().expect("a budget")]);
        let after = place.json(&["account", "show"])["free"].clone();
        let amount = |value: &Value| {
            value.as_str().and_then(|text| text.parse::<u128>().ok()).expect("an amount")
        };
        let paid = json!((amount(&before) - amount(&after)).to_string());
        let left = (essence(task), json!([budget["spent"], budget["reserved"]]), paid);
        let first = seen.get_or_insert_with(|| left.clone());
        assert_eq!(*first, left, "{protocol:?}");
        place.succeeds(&["receipt", "show", &id, "--output", &place.path("receipt.json")]);
        place.succeeds(&["receipt", "verify", &place.path("receipt.json")]);
    }
    drop(node);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_client_finds_its_task_again_after_its_node_was_killed_in_the_middle_of_the_call() {
    let place = with_agent("1");
    for protocol in PROTOCOLS {
        let node = place.start_node();
        let name = format!("{protocol:?}").to_lowercase();
        let secret = place.token(&[&name, "--limit", "5"]);
        let caller = Caller::new(&place, &secret);
        let calling = std::thread::spawn(move || caller.buy(protocol, "once"));
        let waiting = std::time::Instant::now();
        let budget_of = |task: &Value| task["phase"] == "running";
        while !place
            .json(&["task", "list", "--limit", "1"])
            .as_array()
            .is_some_and(|tasks| tasks.first().is_some_and(budget_of))
        {
            assert!(waiting.elapsed() < Duration::from_secs(20), "{protocol:?}: not running");
        }
        drop(node); // SIGKILL
        calling.join().expect("no panic").expect_err("the connection broke");
        let node = place.start_node();
        let caller = Caller::new(&place, &secret);
        let (id, done) = caller.buy(protocol, "once").expect("found again");
        assert!(done, "{protocol:?}");
        let newest = place.json(&["task", "list", "--limit", "1"])[0].clone();
        assert_eq!(newest["id"], id, "{protocol:?}: a second task was made");
        let budget = newest["budget"].as_str().expect("a budget").to_owned();
        let budget = place.json(&["budget", "show", &budget]);
        assert_eq!(budget["spent"], newest["price"], "{protocol:?}: paid once");
        assert_eq!(budget["reserved"], "0", "{protocol:?}");
        drop(node);
    }
    assert_eq!(place.json(&["task", "list"]).as_array().map(Vec::len), Some(PROTOCOLS.len()));
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_used_key_finds_its_task_whatever_is_on_offer_by_now() {
    let place = with_agent("0");
    let node = place.start_node();
    let bought = PROTOCOLS.map(|protocol| {
        let name = format!("{protocol:?}").to_lowercase();
        let caller = Caller::new(&place, &place.token(&[&name, "--limit", "5"]));
        let (id, done) = caller.buy(protocol, "order 7").expect("bought");
        assert!(done, "{protocol:?}");
        (protocol, caller, id)
    });
    place.succeeds(&["agent", "remove", "echo"]);
    for (protocol, caller, id) in bought {
        let again = caller.buy(protocol, "order 7").expect("found again");
        assert_eq!(again, (id, true), "{protocol:?}");
        let other = caller.buy(protocol, "order 8");
        assert!(!other.is_ok_and(|(_, done)| done), "{protocol:?}: nobody offers it any more");
    }
    drop(node);
}

#[test]
fn a_key_that_was_used_for_another_request_is_refused() {
    let place = with_agent("0");
    let node = place.start_node();
    let caller = Caller::new(&place, &place.token(&["shop", "--limit", "5"]));
    caller.buy(Protocol::Rest, "order 7").expect("bought");
    let body = json!({ "capability": "json.echo", "parameters": { "say": "more" },
                       "reserve": "1000000000000" });
    let key = [("Idempotency-Key", "order 7")];
    let answer = caller.post("/v1/tasks", &key, &body).expect("an answer");
    assert!(answer["detail"].to_string().contains("used for another request"), "{answer}");
    assert_eq!(place.json(&["task", "list"]).as_array().map(Vec::len), Some(1));
    drop(node);
}

#[test]
fn two_nodes_hire_each_others_agents_and_lose_nothing_when_the_other_dies() {
    let (one, two) = (with_agent("0"), with_agent("0"));
    let (first, second) = (one.start_node(), two.start_node());
    let join = |here: &Place, there: &Place| {
        let secret = there.token(&["neighbour", "--limit", "20", "--per-task", "2"]);
        let file = here.file("credential", secret.as_bytes());
        let base = Caller::new(there, &secret).base;
        let add = ["agent", "add", &base, "--private", "--name", "peer", "--price", "0.7"];
        here.succeeds(&[&add[..], &["--credential", &file]].concat());
    };
    join(&one, &two);
    join(&two, &one);
    let hire = |place: &Place, data: &str| {
        let run = ["--json", "task", "run", "peer.json-echo", "--reserve", "2"];
        let more = ["--parameters", data, "--output", &place.path("out")];
        let output = place.run(&[&run[..], &more].concat());
        serde_json::from_slice::<Value>(&output.stdout).expect("a task")
    };
    for place in [&one, &two] {
        let task = hire(place, r#"{"data":{"parameters":{"say":"hi"}}}"#);
        assert_eq!(task["phase"], "settled", "{task}");
        let out = std::fs::read_to_string(place.path("out")).expect("an output");
        assert!(out.contains(r#""say":"hi""#), "{out}");
    }
    // The other's market is paid by the other's node; a task here costs what was agreed here.
    drop(second);
    let before = one.json(&["account", "show"])["in_escrow"].clone();
    let task = hire(&one, r#"{"data":{"parameters":{}}}"#);
    assert_eq!(task["phase"], "refunded", "{task}");
    assert_eq!(one.json(&["account", "show"])["in_escrow"], before);
    drop(first);
    one.succeeds(&["ledger", "audit"]);
    two.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_notification_to_this_machine_is_not_sent() {
    let place = with_agent("0");
    let node = place.start_node();
    let secret = place.token(&["pushy", "--limit", "5", "--per-task", "1"]);
    let caller = Caller::new(&place, &secret);
    let inside = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    inside.set_nonblocking(true).expect("not blocking");
    let port = inside.local_addr().expect("an address").port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let data = json!({ "capability": "json.echo", "parameters": {} });
        let push = json!({ "url": format!("https://{host}:{port}/hook") });
        let params = json!({
            "message": { "messageId": host, "role": "ROLE_USER", "parts": [{ "data": data }] },
            "configuration": { "taskPushNotificationConfig": push },
        });
        let answer = caller.post("/a2a/v1/message:send", &[("A2A-Version", "1.0")], &params);
        assert_eq!(answer.expect("answered")["task"]["status"]["state"], "TASK_STATE_COMPLETED");
    }
    // Time for a delivery and its first repetitions.
    std::thread::sleep(Duration::from_secs(3));
    assert!(inside.accept().is_err(), "the node came knocking");
    drop(node);
}
