//! A server over a market in memory, with or without the fixtures, and a plain socket to ask it.
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ainur_api::http::{Bounds, Server, StopSignal, Token};
use serde_json::{Value, json};

use crate::market::Market;

/// The version in which each request stands for itself.
pub(crate) const STATELESS: &str = "2026-07-28";
/// The version before it.
pub(crate) const STATEFUL: &str = "2025-11-25";

/// A server that runs; dropping it stops it.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) token: Token,
    pub(crate) market: Arc<Market>,
    pub(crate) stop: StopSignal,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// The market.
    pub(crate) fn market() -> Self {
        Self::start([127, 0, 0, 1], |server| server)
    }

    /// The market with other bounds.
    pub(crate) fn bounded(bounds: Bounds) -> Self {
        Self::start([127, 0, 0, 1], |server| server.with_bounds(bounds))
    }

    /// The fixtures.
    pub(crate) fn fixtures() -> Self {
        Self::start([127, 0, 0, 1], Server::with_conformance)
    }

    /// The market and the fixtures, within these bounds.
    pub(crate) fn both_within(bounds: Bounds) -> [Self; 2] {
        let listen = [127, 0, 0, 1];
        [
            Self::start(listen, |server| server.with_bounds(bounds)),
            Self::start(listen, |server| server.with_bounds(bounds).with_conformance()),
        ]
    }

    /// The fixtures, for other machines too.
    pub(crate) fn fixtures_for_all() -> Self {
        Self::start([0, 0, 0, 0], Server::with_conformance)
    }

    fn start(address: [u8; 4], configure: impl FnOnce(Server) -> Server) -> Self {
        let token = Token::generate().unwrap();
        let server = Server::bind((address, 0).into(), token.clone()).unwrap();
        let (server, stop) = (configure(server), StopSignal::new());
        let (address, signal, market) = (server.address(), stop.clone(), Arc::new(Market::new()));
        let service = Arc::clone(&market);
        let thread = std::thread::spawn(move || server.serve(service, signal).unwrap());
        Self { address, token, market, stop, thread: Some(thread) }
    }

    pub(crate) fn authorization(&self) -> (&'static str, String) {
        ("Authorization", format!("Bearer {}", self.token.to_text()))
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Sends a request to the MCP server; headers given replace those that are sent otherwise.
    pub(crate) fn send(&self, method: &str, headers: &[(&str, &str)], body: &[u8]) -> TcpStream {
        self.send_to(&format!("{method} /mcp"), headers, body)
    }

    /// Sends a request, which is a method and a path.
    pub(crate) fn send_to(
        &self,
        request: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> TcpStream {
        let (host, length) = (self.address.to_string(), body.len().to_string());
        let usual = [
            ("Host", host.as_str()),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("Content-Length", length.as_str()),
            ("Connection", "close"),
        ];
        let given = |name: &str| headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        let mut head = format!("{request} HTTP/1.1\r\n");
        for (name, value) in usual.iter().filter(|(name, _)| !given(name)).chain(headers) {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let mut stream = self.connect();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // A server that has refused the request already need not take the body.
        drop(stream.write_all(body));
        stream
    }

    pub(crate) fn ask(&self, method: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        Answer::read(self.send(method, headers, &body))
    }

    pub(crate) fn post(&self, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.ask("POST", headers, body)
    }

    /// A call of the version without sessions, with all that it requires.
    pub(crate) fn call(&self, method: &str, params: &Value) -> Answer {
        self.call_as(&self.token, method, params)
    }

    pub(crate) fn call_as(&self, token: &Token, method: &str, params: &Value) -> Answer {
        let name = params["name"].as_str().or(params["uri"].as_str()).unwrap_or_default();
        let authorization = ("Authorization", format!("Bearer {}", token.to_text()));
        let mut headers = vec![
            ("MCP-Protocol-Version", STATELESS),
            ("Mcp-Method", method),
            (authorization.0, authorization.1.as_str()),
        ];
        if !name.is_empty() {
            headers.push(("Mcp-Name", name));
        }
        self.post(&headers, &stateless(method, params))
    }

    /// What such a call results in.
    #[track_caller]
    pub(crate) fn result(&self, method: &str, params: &Value) -> Value {
        let answer = self.call(method, params);
        let mut message = answer.message();
        assert!(message["result"].is_object(), "{answer:?}");
        message["result"].take()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// A request of the version without sessions, from a client that can do everything.
pub(crate) fn stateless(method: &str, params: &Value) -> Value {
    let mut params = params.clone();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities":
            { "sampling": {}, "elicitation": {}, "roots": {} },
    });
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// What came back on a socket.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A refusal may come with the connection's end before all was sent.
        drop(stream.read_to_end(&mut bytes));
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer's head");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(start.as_str()))
    }

    /// Every message, whether alone or in a stream of events.
    pub(crate) fn messages(&self) -> Vec<Value> {
        if let Ok(message) = serde_json::from_str(&self.body) {
            return vec![message];
        }
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
        data.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
    }

    /// The last message: the answer proper.
    #[track_caller]
    pub(crate) fn message(&self) -> Value {
        self.messages().pop().unwrap_or_else(|| panic!("no message in {self:?}"))
    }

    /// Checks that it is an error of the protocol; returns its message.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: i64) -> String {
        let message = self.message();
        let error = &message["error"];
        assert_eq!((self.status, error["code"].as_i64()), (status, Some(code)), "{self:?}");
        error["message"].as_str().unwrap().to_owned()
    }

    /// Checks that it is a problem document.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        let document: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!((self.status, document["code"].as_str()), (status, Some(code)), "{self:?}");
    }
}
