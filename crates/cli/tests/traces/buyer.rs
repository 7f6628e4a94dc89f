//! A buyer with a trace of its own, and the markets it buys on.
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::agents;
use super::place::{Place, RunningNode};

/// The buyer's span.
pub(crate) const SPAN: &str = "b7ad6b7169203331";
/// What must not be told.
pub(crate) const SECRET: &str = "hunter2";

/// The context of a buyer, with a trace of its own.
pub(crate) fn context(number: u32, flags: &str) -> (String, String) {
    let trace = format!("{:032x}", 0xabcd_0000 + u128::from(number));
    let parent = format!("00-{trace}-{SPAN}-{flags}");
    (trace, parent)
}

/// A buyer that holds a token of the running node.
pub(crate) struct Buyer {
    pub(crate) base: String,
    pub(crate) secret: String,
}

impl Buyer {
    pub(crate) fn new(place: &Place) -> Self {
        let endpoint = ainur_api::Endpoint::read(&place.data_dir()).expect("readable");
        let base = format!("http://{}", endpoint.expect("a running node").address);
        Self { base, secret: place.token(&["buyer", "--limit", "20", "--per-task", "1"]) }
    }

    pub(crate) fn ask(&self, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> String {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        let url = format!("{}{path}", self.base);
        let authorization = format!("Bearer {}", self.secret);
        let all = [&[("Authorization", &*authorization)], headers].concat();
        let answer = match body {
            None => all
                .iter()
                .fold(agent.get(url), |ask, (name, value)| ask.header(*name, *value))
                .call(),
            Some(body) => all
                .iter()
                .fold(agent.post(url), |ask, (name, value)| ask.header(*name, *value))
                .header("Content-Type", "application/json")
                .send(body.to_string()),
        };
        answer.expect("an answer").body_mut().read_to_string().expect("text")
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Value {
        let text = self.ask(path, headers, Some(body));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Buys over REST and gives the task when it has ended.
    pub(crate) fn buy(&self, capability: &str, headers: &[(&str, &str)]) -> Value {
        // Tools take what they like; a skill wants words.
        let parameters = if capability == "talk.work" {
            json!({ "text": SECRET })
        } else if capability == "service.work" {
            json!({})
        } else {
            json!({ "password": SECRET })
        };
        let body = json!({
            "capability": capability, "parameters": parameters, "reserve": "1000000000000",
            "check": { "kind": "schema" },
        });
        self.post("/v1/tasks?wait=30", headers, &body)
    }
}

pub(crate) fn output(place: &Place, task: &Value) -> String {
    let content = task["output"].as_str().unwrap_or_else(|| panic!("no output: {task}"));
    let output = place.run(&["blob", "get", content]);
    String::from_utf8(output.stdout).expect("text")
}

pub(crate) fn start(place: &Place, endpoint: &str) -> RunningNode {
    place.start_node_with(|command| {
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
            .env("OTEL_SERVICE_NAME", "market");
    })
}

pub(crate) fn add(place: &Place, name: &str, what: &[&str]) {
    let add = ["agent", "add", "--price", "0.5", "--name", name];
    place.succeeds(&[&add[..], what].concat());
}

pub(crate) fn with_command(seconds: &str) -> Place {
    let place = Place::new();
    let script = place.file("command.sh", agents::COMMAND.replace("SECONDS", seconds).as_bytes());
    add(&place, "command", &[&script]);
    place
}

/// Buys work of a command without waiting for it.
pub(crate) fn announce(buyer: &Buyer, parent: &str) -> String {
    let body = json!({
        "capability": "command.work", "parameters": {}, "reserve": "1000000000000",
        "check": { "kind": "schema" },
    });
    let task = buyer.post("/v1/tasks", &[("traceparent", parent)], &body);
    task["id"].as_str().unwrap_or_else(|| panic!("no task: {task}")).to_owned()
}

pub(crate) fn until_running(place: &Place, id: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while place.json(&["task", "show", id])["phase"] != "running" {
        assert!(Instant::now() < until, "not running");
        std::thread::sleep(Duration::from_millis(20));
    }
}
