//! One trace from a buyer through the node to the agents it hires, as a collector sees it.
#![expect(clippy::panic, reason = "a test says what it did not find")]

mod agents;
mod buyer;
mod collector;
#[path = "../place.rs"]
mod place;
mod web;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use buyer::{
    Buyer, SECRET, SPAN, add, announce, context, output, start, until_running, with_command,
};
use collector::{Collector, Seen, attributes};
use place::Place;
use serde_json::{Value, json};
use web::Web;

/// The span of the whole task, and those below it by name.
fn tree(spans: &[Seen]) -> (&Seen, BTreeMap<&str, &Seen>) {
    let whole =
        spans.iter().find(|span| span.name.starts_with("invoke_workflow ")).expect("a task");
    let below = spans.iter().filter(|span| span.id != whole.id).inspect(|span| {
        assert_eq!(span.parent, whole.id, "{span:?}");
        assert!(whole.began <= span.began && span.began <= span.ended, "{span:?}");
        assert!(span.ended <= whole.ended, "{span:?}");
    });
    (whole, below.map(|span| (&*span.name, span)).collect())
}

fn get<'a>(span: &'a Seen, attribute: &str) -> &'a str {
    span.attributes.get(attribute).unwrap_or_else(|| panic!("no {attribute}: {span:?}"))
}

#[test]
fn one_trace_leads_from_the_buyer_to_every_kind_of_agent() {
    let place = with_command("0");
    let (talk, service, wire) = (agents::a2a(), agents::http(), agents::mcp());
    let pipe = place.file("pipe.sh", agents::MCP.as_bytes());
    let collector = Collector::start();
    let node = start(&place, collector.endpoint());
    add(&place, "pipe", &["--mcp", &pipe]);
    add(&place, "wire", &["--private", &wire.base]);
    add(&place, "talk", &["--private", &talk.base]);
    add(&place, "service", &["--private", &format!("{}/openapi.json", service.base)]);
    let buyer = Buyer::new(&place);
    let kinds: [(&str, &str, &str, i32, Option<&Web>); 5] = [
        ("command.work", "invoke_agent command", "command", 1, None),
        ("pipe.work", "execute_tool work", "mcp", 3, None),
        ("wire.work", "execute_tool work", "mcp", 3, Some(&wire)),
        ("talk.work", "invoke_agent talk", "a2a", 3, Some(&talk)),
        ("service.work", "execute_tool GET /work", "http", 3, Some(&service)),
    ];
    for (number, (capability, name, kind, span_kind, web)) in (1..).zip(kinds) {
        let (trace, parent) = context(number, "01");
        let headers = [("traceparent", &*parent), ("tracestate", "vendor=1")];
        let task = buyer.buy(capability, &headers);
        assert_eq!(task["phase"], "settled", "{capability}: {task}");
        let spans = collector.trace(&trace);
        let (whole, below) = tree(&spans);
        assert_eq!((&*whole.parent, whole.kind, &*whole.state), (SPAN, 2, "vendor=1"));
        assert_eq!(whole.name, format!("invoke_workflow {capability}"));
        assert_eq!(get(whole, "gen_ai.operation.name"), "invoke_workflow");
        assert_eq!(get(whole, "ainur.task.id"), task["id"]);
        assert_eq!(get(whole, "ainur.outcome"), "settled");
        assert_eq!(get(whole, "ainur.budget.id"), task["budget"]);
        assert_eq!((get(whole, "ainur.reserve"), get(whole, "ainur.paid")), ("1", "1"));
        assert_eq!(get(whole, "ainur.mechanism"), "scored");
        let names: Vec<&str> = below.keys().copied().collect();
        let mut wanted = vec!["agreement", "auction", "settlement", "verification", name];
        wanted.sort_unstable();
        assert_eq!(names, wanted, "{capability}");
        let work = below[name];
        assert_eq!((get(work, "ainur.agent.kind"), work.kind), (kind, span_kind));
        assert_eq!(get(work, "gen_ai.operation.name"), name.split(' ').next().expect("a word"));
        assert_eq!(get(work, "gen_ai.agent.id"), task["seller"]);
        assert_eq!(get(work, "gen_ai.agent.name"), capability.split('.').next().expect("a word"));
        assert!(below["auction"].moments.contains(&"ainur.bid".to_owned()));
        assert!(spans.iter().all(|span| !span.failed));
        assert!(!format!("{spans:?}").contains(SECRET));
        // What the agent was told is the span of its work.
        let told = format!("00-{trace}-{}-01", work.id);
        match web {
            None => {
                let output = output(&place, &task);
                assert!(output.contains(&told) && output.contains("vendor=1"), "{output}");
            }
            Some(web) => {
                let calls = agents::calls(web);
                let call = calls.last().expect("a call");
                assert_eq!(call.headers.get("traceparent"), Some(&told), "{capability}");
                assert_eq!(call.headers["tracestate"], "vendor=1");
                let meta = serde_json::from_slice::<Value>(&call.body).unwrap_or_default();
                if capability == "wire.work" {
                    assert_eq!(meta["params"]["_meta"]["traceparent"], told);
                }
            }
        }
    }
    let requests = collector.requests();
    let resource = &requests[0].resource_spans[0];
    let about = attributes(&resource.resource.as_ref().expect("a resource").attributes);
    assert_eq!((&*about["service.name"], &*about["telemetry.sdk.language"]), ("market", "rust"));
    assert_eq!(resource.schema_url, "https://opentelemetry.io/schemas/1.41.0");
    assert!(collector.headers("x-key").iter().all(|key| key.as_deref() == Some("abc")));
    let added = collector.spans().into_iter().filter(|span| span.name.starts_with("create_agent "));
    assert_eq!(added.count(), 4);
    let status = place.json(&["node", "status"]);
    assert_eq!(status["traces"]["collector"], collector.endpoint());
    assert_eq!(status["traces"]["dropped"], 0);
    let metrics = buyer.ask("/metrics", &[], None);
    assert!(metrics.contains("ainur_trace_spans_exported_total 34"), "{metrics}");
    drop(node);
}

#[test]
fn every_protocol_says_where_a_task_belongs_in_its_own_way() {
    let place = with_command("0");
    let collector = Collector::start();
    let node = start(&place, collector.endpoint());
    let buyer = Buyer::new(&place);
    let data = json!({ "capability": "command.work", "parameters": {} });
    let wanted = |number: u32| {
        let spans = collector.trace(&context(number, "01").0);
        assert_eq!(tree(&spans).0.parent, SPAN, "{number}");
    };

    let message = json!({ "messageId": "1", "role": "ROLE_USER", "parts": [{ "data": data }] });
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": { "message": message },
    });
    let parent = context(1, "01").1;
    buyer.post("/a2a", &[("A2A-Version", "1.0"), ("traceparent", &parent)], &call);
    wanted(1);

    let message = json!({ "messageId": "2", "role": "ROLE_USER", "parts": [{ "data": data }] });
    let parent = context(2, "01").1;
    let headers = [("A2A-Version", "1.0"), ("traceparent", &*parent)];
    buyer.post("/a2a/v1/message:send", &headers, &json!({ "message": message }));
    wanted(2);

    // Over MCP the message itself says it, and what its transport says counts only then.
    for (number, in_meta) in [(3, true), (4, false)] {
        let (other, own) = (context(99, "01").1, context(number, "01").1);
        let mut meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        if in_meta {
            meta["traceparent"] = json!(own);
        }
        let params = json!({ "name": "command.work", "arguments": {}, "_meta": meta });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let headers = [
            ("Accept", "application/json, text/event-stream"),
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "command.work"),
            ("traceparent", if in_meta { &*other } else { &*own }),
        ];
        let answer = buyer.post("/mcp", &headers, &call);
        assert!(answer["result"]["structuredContent"]["parent"].is_string(), "{answer}");
        wanted(number);
    }
    assert!(collector.spans().iter().all(|span| span.trace != context(99, "01").0));

    // The command line has it from its environment.
    let run = ["task", "run", "command.work", "--reserve", "1", "--check", "schema"];
    let ran = Command::new(env!("CARGO_BIN_EXE_ainur"))
        .arg("--data-dir")
        .arg(place.data_dir())
        .args(run)
        .env("TRACEPARENT", context(5, "01").1)
        .output()
        .expect("runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    wanted(5);

    // Malformed: a trace of its own. Not sampled: passed along, and nothing recorded.
    let task = buyer.buy("command.work", &[("traceparent", "00-zz-b7ad6b7169203331-01")]);
    let (trace, parent) = context(7, "00");
    let unsampled = buyer.buy("command.work", &[("traceparent", &parent)]);
    let told = output(&place, &unsampled);
    assert!(told.contains(&parent), "{told}");
    let until = Instant::now() + Duration::from_secs(30);
    let own = loop {
        let spans = collector.spans();
        let is_it = |span: &&Seen| {
            span.attributes.get("ainur.task.id").is_some_and(|id| task["id"] == **id)
        };
        if let Some(own) = spans.iter().find(is_it) {
            break own.clone();
        }
        assert!(Instant::now() < until, "nothing of {task}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!((&*own.parent, own.kind), ("", 1));
    drop(node);
    assert!(collector.spans().iter().all(|span| span.trace != trace));
}

#[test]
fn a_market_that_hires_another_is_one_trace_with_it() {
    let (near, far) = (Place::new(), with_command("0"));
    let collector = Collector::start();
    let (first, second) = (start(&near, collector.endpoint()), start(&far, collector.endpoint()));
    let there = Buyer::new(&far);
    let file = near.file("credential", there.secret.as_bytes());
    add(&near, "peer", &["--private", &there.base, "--credential", &file]);
    let (trace, parent) = context(1, "01");
    let data = json!({ "parameters": {} });
    let body = json!({
        "capability": "peer.command-work", "parameters": { "data": data },
        "reserve": "1000000000000", "check": { "kind": "schema" },
    });
    let task = Buyer::new(&near).post("/v1/tasks?wait=30", &[("traceparent", &parent)], &body);
    assert_eq!(task["phase"], "settled", "{task}");
    let until = Instant::now() + Duration::from_secs(30);
    let spans = loop {
        let spans = collector.trace(&trace);
        if spans.iter().filter(|span| span.name.starts_with("invoke_workflow ")).count() == 2 {
            break spans;
        }
        assert!(Instant::now() < until, "one market said nothing: {spans:?}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let named = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no {name}: {spans:?}"))
    };
    let here = named("invoke_workflow peer.command-work");
    let hired = named("invoke_agent peer");
    let elsewhere = named("invoke_workflow command.work");
    let work = named("invoke_agent command");
    assert_eq!(here.parent, SPAN);
    assert_eq!(hired.parent, here.id);
    assert_eq!(elsewhere.parent, hired.id);
    assert_eq!(work.parent, elsewhere.id);
    assert!(output(&near, &task).contains(&format!("00-{trace}-{}-01", work.id)));
    drop((first, second));
}

#[test]
fn a_failed_task_says_so_in_our_words_only() {
    let place = Place::new();
    let script = place.file("broken.sh", agents::BROKEN.as_bytes());
    add(&place, "broken", &[&script]);
    let collector = Collector::start();
    let node = start(&place, collector.endpoint());
    let (trace, parent) = context(1, "01");
    let task = Buyer::new(&place).buy("broken.work", &[("traceparent", &parent)]);
    assert_eq!(task["phase"], "refunded", "{task}");
    assert!(task.to_string().contains(SECRET), "the agent said it: {task}");
    let spans = collector.trace(&trace);
    let (whole, below) = tree(&spans);
    let work = below["invoke_agent broken"];
    assert!(whole.failed && work.failed);
    assert_eq!((get(whole, "error.type"), get(work, "error.type")), ("crashed", "crashed"));
    assert_eq!((get(whole, "ainur.outcome"), get(whole, "ainur.paid")), ("refunded", "0"));
    assert!(!below["agreement"].failed && below.contains_key("refund"), "{below:?}");
    assert!(below["settlement"].moments.contains(&"ainur.slash".to_owned()), "{below:?}");
    assert!(!format!("{spans:?}").contains(SECRET));
    drop(node);
}

#[test]
fn every_attempt_has_spans_of_its_own() {
    let place = with_command("0");
    let script = agents::BROKEN.replace("broken.work", "command.work");
    let script = place.file("broken.sh", script.as_bytes());
    place.succeeds(&["agent", "add", "--price", "0.1", "--name", "broken", &script]);
    let collector = Collector::start();
    let node = start(&place, collector.endpoint());
    let (trace, parent) = context(1, "01");
    let task = Buyer::new(&place).buy("command.work", &[("traceparent", &parent)]);
    assert_eq!(task["phase"], "settled", "{task}");
    let spans = collector.trace(&trace);
    let (whole, _) = tree(&spans);
    assert_eq!((get(whole, "ainur.attempts"), get(whole, "ainur.bids")), ("2", "2"));
    assert!(!whole.failed);
    let told = |name: &str| {
        let named = spans.iter().filter(|span| span.name == name);
        let attempt = |span: &Seen| span.attributes.get("ainur.attempt").cloned();
        named.map(|span| (attempt(span), span.failed)).collect::<Vec<_>>()
    };
    let attempt = |number: &str| Some(number.to_owned());
    assert_eq!(told("auction"), [(None, false)]);
    assert_eq!(told("agreement"), [(attempt("1"), false), (attempt("2"), false)]);
    assert_eq!(told("invoke_agent broken"), [(attempt("1"), true)]);
    assert_eq!(told("settlement"), [(attempt("1"), false), (attempt("2"), false)]);
    assert_eq!(told("invoke_agent command"), [(attempt("2"), false)]);
    assert_eq!(told("verification"), [(None, false)]);
    let mut ids: Vec<&str> = spans.iter().map(|span| &*span.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), spans.len());
    // One after the other, without gaps.
    let steps: Vec<&Seen> = spans.iter().filter(|span| span.id != whole.id).collect();
    assert!(steps.windows(2).all(|pair| pair[0].ended == pair[1].began), "{steps:?}");
    drop(node);
}

#[test]
fn a_cancelled_task_says_where_it_was() {
    let place = with_command("20");
    let collector = Collector::start();
    let node = start(&place, collector.endpoint());
    let buyer = Buyer::new(&place);
    let (trace, parent) = context(1, "01");
    let id = announce(&buyer, &parent);
    until_running(&place, &id);
    buyer.post(&format!("/v1/tasks/{id}/cancel"), &[], &json!({}));
    let spans = collector.trace(&trace);
    let (whole, below) = tree(&spans);
    assert_eq!((get(whole, "error.type"), get(whole, "ainur.outcome")), ("cancelled", "refunded"));
    assert!(whole.moments.contains(&"ainur.cancel".to_owned()), "{whole:?}");
    assert!(below["invoke_agent command"].failed && !below.contains_key("verification"));
    drop(node);
}

#[test]
fn without_a_collector_a_context_is_passed_along_as_it_came() {
    let place = with_command("0");
    let node = place.start_node();
    let buyer = Buyer::new(&place);
    let (_, parent) = context(1, "01");
    let told = buyer.buy("command.work", &[("traceparent", &parent), ("tracestate", "a=1")]);
    let told = serde_json::from_str::<Value>(&output(&place, &told)).expect("JSON");
    assert_eq!(told, json!({ "parent": parent, "state": "a=1" }));
    let told = output(&place, &buyer.buy("command.work", &[]));
    assert_eq!(serde_json::from_str::<Value>(&told).expect("JSON")["parent"], "");
    assert_eq!(place.json(&["node", "status"])["traces"], Value::Null);
    drop(node);
}

#[test]
fn a_client_that_starts_its_server_says_it_in_meta() {
    let place = with_command("0");
    let parent = context(1, "01").1;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
        "traceparent": parent,
        "tracestate": "a=1",
    });
    let params = json!({ "name": "command.work", "arguments": {}, "_meta": meta });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let mut server = Command::new(env!("CARGO_BIN_EXE_ainur"))
        .arg("--data-dir")
        .arg(place.data_dir())
        .arg("mcp")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = server.stdin.take().expect("it was asked for");
    writeln!(input, "{call}").expect("written");
    let mut answer = String::new();
    let mut output = BufReader::new(server.stdout.take().expect("it was asked for"));
    output.read_line(&mut answer).expect("an answer");
    drop(input);
    assert!(server.wait().expect("ends").success());
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let told = &answer["result"]["structuredContent"];
    assert_eq!(*told, json!({ "parent": parent, "state": "a=1" }), "{answer}");
}

#[test]
fn a_collector_that_is_not_there_costs_a_line_and_the_spans() {
    let place = with_command("0");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let said = std::fs::File::create(place.path("said")).expect("a file");
    let node = place.start_node_with(|command| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).stderr(Stdio::from(said));
    });
    let buyer = Buyer::new(&place);
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(buyer.buy("command.work", &[])["phase"], "settled");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let until = Instant::now() + Duration::from_secs(60);
    while place.json(&["node", "status"])["traces"]["dropped"].as_u64() < Some(30) {
        assert!(Instant::now() < until, "nothing was given up");
        std::thread::sleep(Duration::from_millis(200));
    }
    let metrics = buyer.ask("/metrics", &[], None);
    assert!(metrics.contains("ainur_trace_spans_exported_total 0"), "{metrics}");
    assert!(!metrics.contains("ainur_trace_spans_dropped_total 0"), "{metrics}");
    let began = Instant::now();
    place.succeeds(&["node", "stop"]);
    node.has_ended();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let said = std::fs::read_to_string(place.path("said")).expect("text");
    assert_eq!(said.matches("spans are not taken").count(), 1, "{said}");
}

#[test]
fn a_trace_goes_on_where_it_was_when_its_node_was_killed() {
    let place = with_command("2");
    let collector = Collector::start();
    let node = start(&place, collector.endpoint());
    let buyer = Buyer::new(&place);
    let (trace, parent) = context(1, "01");
    let id = announce(&buyer, &parent);
    until_running(&place, &id);
    drop(node); // SIGKILL
    assert!(collector.spans().iter().all(|span| span.trace != trace));
    let node = start(&place, collector.endpoint());
    let spans = collector.trace(&trace);
    let (whole, below) = tree(&spans);
    assert_eq!((&*whole.parent, get(whole, "ainur.task.id")), (SPAN, &*id));
    let done = place.json(&["task", "show", &id]);
    assert_eq!(done["phase"], "settled", "{done}");
    let told = output(&place, &done);
    let work = below["invoke_agent command"];
    assert!(told.contains(&format!("00-{trace}-{}-01", work.id)), "{told}");
    // One that had been told of is not told of again, though only the journal knows its end.
    drop(node); // SIGKILL
    let before = collector.spans().len();
    let node = start(&place, collector.endpoint());
    std::thread::sleep(Duration::from_secs(2));
    drop(node);
    assert_eq!(collector.spans().len(), before);
}

#[test]
fn the_log_is_json_when_it_is_asked_for_and_names_traces() {
    let place = with_command("0");
    let said = std::fs::File::create(place.path("said")).expect("a file");
    let node = place.start_node_with(|command| {
        command.args(["--log-format", "json", "--verbose"]).stderr(Stdio::from(said));
    });
    let (trace, parent) = context(1, "01");
    let task = Buyer::new(&place).buy("command.work", &[("traceparent", &parent)]);
    place.succeeds(&["node", "stop"]);
    node.has_ended();
    let said = std::fs::File::open(place.path("said")).expect("a file");
    let lines: Vec<Value> = BufReader::new(said)
        .lines()
        .map(|line| serde_json::from_str(&line.expect("text")).expect("JSON"))
        .collect();
    let of_task = lines.iter().find(|line| line["task"] == task["id"]);
    let of_task = of_task.unwrap_or_else(|| panic!("no line of the task: {lines:?}"));
    assert_eq!((&of_task["level"], &of_task["trace_id"]), (&json!("INFO"), &json!(trace)));
    assert_eq!((&of_task["outcome"], &of_task["paid"]), (&json!("settled"), &json!("1")));
}
