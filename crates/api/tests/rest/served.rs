//! A served market, and a plain socket to talk to it.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ainur_api::http::{Bounds, Server, StopSignal, Token};
use ainur_api::view::Scope;
use serde_json::Value;

use crate::market::Market;

/// A server; dropping it stops it.
pub(crate) struct Served {
    pub(crate) market: Arc<Market>,
    pub(crate) address: SocketAddr,
    pub(crate) owner: String,
    pub(crate) stop: StopSignal,
    thread: Option<JoinHandle<()>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Served {
    pub(crate) fn start() -> Self {
        Self::with_bounds(Bounds::default())
    }

    pub(crate) fn with_bounds(bounds: Bounds) -> Self {
        Self::bound_to([127, 0, 0, 1], bounds)
    }

    pub(crate) fn bound_to(listen: [u8; 4], bounds: Bounds) -> Self {
        Self::of(listen, |server| server.with_bounds(bounds))
    }

    /// A server that is set up as the caller likes.
    pub(crate) fn of(listen: [u8; 4], set_up: impl FnOnce(Server) -> Server) -> Self {
        let token = Token::generate().unwrap();
        let owner = token.to_text();
        let server = set_up(Server::bind((listen, 0).into(), token).unwrap());
        let (address, market, stop) =
            (server.address(), Arc::new(Market::new()), StopSignal::new());
        let (service, signal) = (Arc::clone(&market), stop.clone());
        let thread = std::thread::spawn(move || server.serve(service, signal).unwrap());
        Self { market, address, owner, stop, thread: Some(thread) }
    }

    pub(crate) fn token(&self, name: &str, scope: Scope) -> String {
        self.market.token(name, scope).to_text()
    }

    /// Sends the head of a request and a body, and leaves the connection open.
    pub(crate) fn open(&self, line: &str, token: &str, more: &str, body: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let authorization = match token {
            "" => String::new(),
            token => format!("Authorization: Bearer {token}\r\n"),
        };
        let address = self.address;
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\n{authorization}Connection: close\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        stream
    }

    /// Asks, with headers that each end their line.
    pub(crate) fn ask_with(&self, line: &str, token: &str, more: &str, body: &[u8]) -> Answer {
        Answer::read(&mut self.open(line, token, more, body))
    }

    /// Asks without a body.
    pub(crate) fn ask(&self, line: &str, token: &str) -> Answer {
        self.ask_with(line, token, "", b"")
    }

    /// Asks with JSON.
    pub(crate) fn send(&self, line: &str, token: &str, body: &str) -> Answer {
        self.send_with(line, token, "", body)
    }

    /// Asks with JSON and headers.
    pub(crate) fn send_with(&self, line: &str, token: &str, more: &str, body: &str) -> Answer {
        let length = body.len();
        let more = format!("{more}Content-Type: application/json\r\nContent-Length: {length}\r\n");
        self.ask_with(line, token, &more, body.as_bytes())
    }

    /// Announces a task; returns its id.
    #[track_caller]
    pub(crate) fn announce(&self, capability: &str, token: &str) -> String {
        let answer = self.send("POST /v1/tasks", token, &task(capability));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
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

/// The body that announces a task.
pub(crate) fn task(capability: &str) -> String {
    format!(r#"{{"capability":"{capability}","parameters":{{"say":"hi"}},"reserve":"50"}}"#)
}

/// Waits for what another thread does.
#[track_caller]
pub(crate) fn eventually(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(10), "it never came true");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Answer {
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer's head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = bytes[end + 4..].to_vec();
        if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            body = unchunked(&body);
        }
        Self { status, head, body }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// A header's value; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value)
    }

    /// Checks that it is a problem document with this status and code; returns its message.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let document = self.json();
        assert_eq!((self.status, document["code"].as_str()), (status, Some(code)), "{document}");
        assert_eq!(document["status"], status);
        document["detail"].as_str().unwrap().into()
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16);
        let length = length.unwrap();
        if length == 0 {
            break;
        }
        whole.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 4 + length..];
    }
    whole
}
