//! Sessions, which only the fixtures have.
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use ainur_api::mcp::conformance::limits::{AWAY_MS, SESSIONS_MAX};
use serde_json::{Value, json};

use crate::served::{Answer, STATEFUL, Served};

pub(crate) fn initialize() -> Value {
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": STATEFUL,
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    } })
}

/// A client with a session.
struct Session<'a> {
    served: &'a Served,
    id: String,
}

impl<'a> Session<'a> {
    fn begin(served: &'a Served) -> Self {
        let begun = served.post(&[], &initialize());
        assert_eq!(begun.message()["result"]["protocolVersion"], STATEFUL, "{begun:?}");
        let id = begun.header("mcp-session-id").unwrap().to_owned();
        let session = Self { served, id };
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(session.post(&initialized).status, 202);
        session
    }

    fn headers(&self) -> [(&str, &str); 2] {
        [("Mcp-Session-Id", &self.id), ("MCP-Protocol-Version", STATEFUL)]
    }

    fn post(&self, body: &Value) -> Answer {
        self.served.post(&self.headers(), body)
    }

    fn ask(&self, method: &str, params: &Value) -> Answer {
        self.post(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }))
    }
}

#[test]
fn one_session_too_many_ends_the_oldest() {
    let served = Served::fixtures();
    let sessions: Vec<_> = (0..=SESSIONS_MAX).map(|_| Session::begin(&served)).collect();
    assert_eq!(sessions[0].ask("ping", &json!({})).status, 404);
    for session in [&sessions[1], &sessions[SESSIONS_MAX]] {
        assert_eq!(session.ask("ping", &json!({})).message()["result"], json!({}));
    }
}

#[test]
fn ended_and_unknown_sessions_are_not_found() {
    let served = Served::fixtures();
    let session = Session::begin(&served);
    let headers = session.headers();
    let ended = served.ask("DELETE", &headers, &Value::Null);
    assert!((200..300).contains(&ended.status), "{ended:?}");
    assert_eq!(session.ask("ping", &json!({})).status, 404);
    let unknown = Session { served: &served, id: "nobody".into() };
    assert_eq!(unknown.ask("ping", &json!({})).status, 404);
    let none = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(served.post(&[], &none).status, 400, "only initialize begins a session");
}

#[test]
fn answer_waits_for_who_comes_back() {
    let served = Served::fixtures();
    let session = Session::begin(&served);
    let begun = Instant::now();
    let away = session.ask("tools/call", &json!({ "name": "test_reconnection", "arguments": {} }));
    assert!(begun.elapsed() < Duration::from_millis(AWAY_MS), "the stream is closed at once");
    assert!(away.messages().is_empty(), "{away:?}");
    assert!(away.body.contains("retry: "), "{away:?}");
    let last = away.body.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap();
    let mut headers = session.headers().to_vec();
    headers.push(("Last-Event-ID", last));
    let back = served.ask("GET", &headers, &Value::Null);
    let said = back.message()["result"]["content"][0]["text"].clone();
    assert_eq!(said, "The client came back.", "{back:?}");
}

#[test]
fn what_a_session_is_told_stays_in_it() {
    let served = Served::fixtures();
    let (loud, quiet) = (Session::begin(&served), Session::begin(&served));
    quiet.ask("logging/setLevel", &json!({ "level": "error" })).message();
    let call = json!({ "name": "test_tool_with_logging", "arguments": {} });
    for (session, lines) in [(&loud, 3), (&quiet, 0)] {
        session.ask("tools/call", &call).message();
        let stream = served.send("GET", &session.headers(), b"");
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let heard = BufReader::new(stream).lines().map_while(Result::ok);
        assert_eq!(heard.filter(|line| line.contains("notifications/message")).count(), lines);
    }
}

#[test]
fn open_streams_do_not_hold_up_the_end() {
    let served = Served::fixtures();
    let session = Session::begin(&served);
    let mut stream = BufReader::new(served.send("GET", &session.headers(), b""));
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    drop(session);
    let begun = Instant::now();
    drop(served);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
