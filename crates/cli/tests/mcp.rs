//! `ainur mcp` as an MCP client starts it: one process, JSON-RPC line by line.
mod place;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use place::Place;
use serde_json::{Value, json};

/// A client of one server process.
struct Client {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    last: u64,
}

impl Client {
    /// Starts the server and greets it in the way of 2025-11-25.
    fn start(place: &Place, terms: &[&str]) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_ainur"))
            .arg("--data-dir")
            .arg(place.data_dir())
            .arg("mcp")
            .args(terms)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let input = server.stdin.take().expect("a pipe");
        let output = BufReader::new(server.stdout.take().expect("a pipe"));
        let mut client = Self { server, input, output, last: 0 };
        let hello = json!({
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let answer = client.ask("initialize", hello);
        assert_eq!(answer["result"]["serverInfo"]["name"], "ainur", "{answer}");
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input, "{message}").expect("the server listens");
    }

    /// Sends a request and reads on to its answer.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let id = self.last;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).expect("readable") > 0, "the server hung up");
            let message: Value = serde_json::from_str(&line).expect("nothing but JSON on stdout");
            if message["id"] == id {
                return message;
            }
        }
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    /// Hangs up; the server ends in good order.
    fn hang_up(mut self) {
        drop(self.input);
        assert!(self.server.wait().expect("it ends").success());
    }
}

#[test]
fn a_capability_is_a_tool_and_a_call_is_a_paid_task() {
    let place = Place::with_echo();
    let mut client = Client::start(&place, &[]);
    let tools = client.ask("tools/list", json!({}));
    let tool = &tools["result"]["tools"][0];
    assert_eq!(tool["name"], "text.echo");
    assert_eq!(tool["inputSchema"]["properties"]["input"]["type"], "string", "{tool}");
    let answer = client.call("text.echo", json!({ "say": "hi" }));
    let result = &answer["result"];
    assert_eq!(result["structuredContent"]["say"], "hi", "{answer}");
    assert_eq!(result["isError"], false);
    let answer = client.call("text.echo", json!({ "input_base64": "AP8=" }));
    let resource = &answer["result"]["content"][0]["resource"];
    assert_eq!(resource["blob"], "AP8=", "{answer}");
    let read = client.ask("resources/read", json!({ "uri": resource["uri"] }));
    assert_eq!(read["result"]["contents"][0]["blob"], "AP8=", "{read}");
    let listed = client.ask("resources/list", json!({}));
    assert_eq!(listed["result"]["resources"].as_array().map(Vec::len), Some(2), "{listed}");
    client.hang_up();
    let tasks = place.json(&["task", "list"]);
    assert!(tasks.as_array().is_some_and(|tasks| tasks.iter().all(|t| t["phase"] == "settled")));
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_client_cannot_spend_more_than_its_limit() {
    let place = Place::with_echo();
    let mut client = Client::start(&place, &["--reserve", "1", "--limit", "2"]);
    for _ in 0..2 {
        let answer = client.call("text.echo", json!({}));
        assert_eq!(answer["result"]["isError"], false, "{answer}");
    }
    let answer = client.call("text.echo", json!({}));
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let said = answer["result"]["content"][0]["text"].as_str().expect("text");
    assert!(said.contains("budget"), "{said}");
    client.hang_up();
}

#[test]
fn wrong_calls_are_answered_and_cost_nothing() {
    let place = Place::with_echo();
    let mut client = Client::start(&place, &[]);
    for (tool, arguments) in [
        ("no.such", json!({})),
        ("text.echo", json!({ "input": 7 })),
        ("text.echo", json!({ "input_base64": "not base64!" })),
    ] {
        let answer = client.call(tool, arguments);
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    let key = json!({
        "name": "text.echo", "arguments": {}, "_meta": { "ainur/idempotency-key": "once" },
    });
    let first = client.ask("tools/call", key.clone());
    let second = client.ask("tools/call", key);
    let task = |answer: &Value| answer["result"]["_meta"]["ainur/task"].clone();
    assert_eq!(task(&first), task(&second));
    client.hang_up();
    assert_eq!(place.json(&["task", "list"]).as_array().map(Vec::len), Some(1));
}
