//! Asks a running node over HTTP, as if it were in this process.
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ainur_crypto::hash::ContentHasher;
use ainur_primitives::{ContentId, DurationMs};
use serde::de::DeserializeOwned;
use ureq::http::{Response, header};
use ureq::{Agent, Body, RequestBuilder, SendBody, Timeout};

use super::bounds::{
    BLOB_BYTES_MAX, HEADER_MS_MAX, OPERATION_BYTES_MAX, REPLY_BYTES_MAX, WAIT_MS_MAX,
};
use super::document::{Document, code_of};
use super::{BLOBS_PATH, JSON, OCTETS, OPERATIONS_PATH, Stored, Token};
use crate::access::Client as AccessClient;
use crate::operation::{Operation, Reply};
use crate::problem::{Code, Problem};
use crate::service::{Service, Told, Waiting};
use crate::view::TaskNews;

/// Time for a connection to be taken.
pub const CONNECT_MS_MAX: u64 = 5_000;
/// Time for an operation to be answered when it was not asked to wait for less.
pub const CALL_MS_MAX: u64 = 600_000;
/// Time for a node to answer beyond the time it was asked to wait.
pub const WAIT_MARGIN_MS: u64 = 30_000;
/// Time without a byte going either way while a blob is transferred.
pub const BLOB_STALL_MS_MAX: u64 = 60_000;
/// How long one question for news waits at the node.
const WATCH_MS: u64 = 10_000;
/// Connections kept for the next request.
const IDLE_CONNECTIONS_MAX: usize = 8;
/// Bytes read from a node before they are written on.
const COPY_BYTES: usize = 64 * 1024;

/// A node that is reached over HTTP.
///
/// ```no_run
/// # fn example(token: ainur_api::http::Token) -> Result<(), ainur_api::Problem> {
/// use ainur_api::{Operation, Service, http::Client};
///
/// let node = Client::new(([127, 0, 0, 1], 7117).into(), token)?;
/// let reply = node.perform(Operation::NodeStatus)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    token: Token,
    agent: Agent,
}

impl Client {
    /// A client of the node on this machine that listens on `address`. Connects on first use.
    ///
    /// # Errors
    /// When the address is not loopback: the token and everything else would cross the network in
    /// the clear.
    pub fn new(address: SocketAddr, token: Token) -> Result<Self, Problem> {
        if !address.ip().is_loopback() {
            let message =
                format!("{address} is not this machine, and the connection is not secret");
            return Err(Problem::new(Code::InvalidRequest, message)
                .next("forward the port over a secured channel and use its local end"));
        }
        Ok(Self::in_the_clear(address, token))
    }

    /// A client of a node anywhere, for networks that keep secrets themselves.
    pub fn in_the_clear(address: SocketAddr, token: Token) -> Self {
        let ms = Duration::from_millis;
        let agent = Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(ms(CONNECT_MS_MAX)))
            .max_idle_connections(IDLE_CONNECTIONS_MAX)
            .max_idle_connections_per_host(IDLE_CONNECTIONS_MAX)
            // Well before the server gives a kept connection up.
            .max_idle_age(ms(HEADER_MS_MAX / 2))
            .build()
            .new_agent();
        Self { address, token, agent }
    }

    /// The address of the node.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// News of a task, after waiting for some.
    fn news(&self, task: &str, after: u32) -> Result<TaskNews, Problem> {
        let unexpected = || Problem::new(Code::Internal, "the node answers something else");
        let show = Operation::TaskShow { task: task.to_owned() };
        let Reply::Task(view) = self.perform(show)? else { return Err(unexpected()) };
        // Looked at first: a task that ends meanwhile is found ended by the next question.
        let wait_ms = DurationMs(if view.phase.is_final() { 0 } else { WATCH_MS });
        let events = Operation::TaskEvents { task: task.to_owned(), after, wait_ms };
        let Reply::TaskEvents(events) = self.perform(events)? else { return Err(unexpected()) };
        Ok(TaskNews { events, phase: view.phase })
    }

    fn with_token<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        request.header(header::AUTHORIZATION, format!("Bearer {}", self.token.to_text()))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What went wrong on the way.
    fn unreachable(&self, error: &ureq::Error) -> Problem {
        let address = self.address;
        let start = "start it with: ainur node start";
        match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Problem::new(Code::Busy, format!("no node answers on {address}")).next(start)
            }
            ureq::Error::Timeout(Timeout::Connect) | ureq::Error::ConnectionFailed => {
                Problem::new(Code::Busy, format!("no node answers on {address}")).next(start)
            }
            ureq::Error::Timeout(_) => {
                Problem::new(Code::Busy, format!("the node on {address} takes too long to answer"))
                    .next("what was asked may still be done: look before asking again")
            }
            error => Problem::new(Code::Busy, format!("the node on {address} broke off: {error}"))
                .next("see whether it runs with: ainur node status"),
        }
    }

    /// The answer, or the problem that was sent in its place.
    fn accepted(&self, response: Response<Body>) -> Result<Response<Body>, Problem> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.read_body(response)?;
        Err(match serde_json::from_slice::<Document<'_>>(&body) {
            Ok(document) => document.into(),
            Err(_) => Problem::new(code_of(status), format!("the node answered {status}")),
        })
    }

    fn read_body(&self, response: Response<Body>) -> Result<Vec<u8>, Problem> {
        let reading = response.into_body().into_with_config().limit(REPLY_BYTES_MAX).read_to_vec();
        reading.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => Problem::new(
                Code::LimitReached,
                format!("the node's answer is longer than {REPLY_BYTES_MAX} bytes"),
            ),
            error => self.unreachable(&error),
        })
    }

    fn read_json<T: DeserializeOwned>(&self, response: Response<Body>) -> Result<T, Problem> {
        let body = self.read_body(self.accepted(response)?)?;
        serde_json::from_slice(&body).map_err(|error| {
            Problem::new(Code::Internal, format!("the node's answer is not understood: {error}"))
                .next("use the same version of ainur that runs the node")
        })
    }
}

impl Service for Client {
    fn perform(&self, operation: Operation) -> Result<Reply, Problem> {
        let body = serde_json::to_vec(&operation).map_err(|error| {
            Problem::new(Code::InvalidRequest, format!("no JSON for this operation: {error}"))
        })?;
        if body.len() > OPERATION_BYTES_MAX {
            let message = format!("an operation holds {OPERATION_BYTES_MAX} bytes at most");
            return Err(Problem::new(Code::LimitReached, message)
                .next("store what is large as a blob and name it"));
        }
        let answer_ms = match operation {
            Operation::TaskEvents { wait_ms, .. } => wait_ms.0.min(WAIT_MS_MAX) + WAIT_MARGIN_MS,
            _ => CALL_MS_MAX,
        };
        let answer = Some(Duration::from_millis(answer_ms));
        let request = self.agent.post(self.url(OPERATIONS_PATH)).config();
        let request = request.timeout_per_call(answer).build().content_type(JSON);
        let response = self.with_token(request).send(&body[..]);
        self.read_json(response.map_err(|error| self.unreachable(&error))?)
    }

    fn put_blob(&self, source: &mut dyn Read) -> Result<(ContentId, u64), Problem> {
        let mut source =
            Outgoing { source, bytes: 0, hasher: ContentHasher::default(), problem: None };
        let request = self.agent.put(self.url(BLOBS_PATH)).config();
        let request = request
            .timeout_per_write(Some(Duration::from_millis(BLOB_STALL_MS_MAX)))
            .timeout_recv_response(Some(Duration::from_millis(CALL_MS_MAX)))
            .build()
            .content_type(OCTETS)
            // A refusal comes before the bytes are sent.
            .header(header::EXPECT, "100-continue");
        let response = self.with_token(request).send(SendBody::from_reader(&mut source));
        if let Some(problem) = source.problem {
            return Err(problem);
        }
        let (content, bytes) = (source.hasher.content_id(), source.bytes);
        let stored: Stored = self.read_json(response.map_err(|error| self.unreachable(&error))?)?;
        if (stored.content, stored.bytes) != (content, bytes) {
            let message = format!("the node stored {} for {content}", stored.content);
            return Err(Problem::new(Code::Corrupted, message));
        }
        Ok((stored.content, stored.bytes))
    }

    fn watch(&self, task: &str, after: u32, told: Told) -> Result<Waiting, Problem> {
        let kept = Arc::new(());
        let (waiting, task) = (Arc::downgrade(&kept), task.to_owned());
        let node =
            Self { address: self.address, token: self.token.clone(), agent: self.agent.clone() };
        let look = move || {
            while waiting.strong_count() > 0 {
                match node.news(&task, after) {
                    Ok(news) if news.events.is_empty() && !news.phase.is_final() => {}
                    news => return told(news),
                }
            }
        };
        std::thread::Builder::new()
            .name("watch".into())
            .spawn(look)
            .map_err(|error| Problem::new(Code::Internal, format!("no thread: {error}")))?;
        Ok(Waiting(kept))
    }

    fn client(&self, _: &Token) -> Option<AccessClient> {
        None
    }

    fn get_blob(&self, content: ContentId, sink: &mut dyn Write) -> Result<u64, Problem> {
        let request = self.agent.get(self.url(&format!("{BLOBS_PATH}/{content}"))).config();
        let request = request
            .timeout_per_read(Some(Duration::from_millis(BLOB_STALL_MS_MAX)))
            .timeout_recv_response(Some(Duration::from_millis(CALL_MS_MAX)))
            .build();
        let response = self.with_token(request).call();
        let response = self.accepted(response.map_err(|error| self.unreachable(&error))?)?;
        let mut body = response.into_body().into_with_config().limit(BLOB_BYTES_MAX).reader();
        let mut buffer = vec![0; COPY_BYTES];
        let (mut bytes, mut hasher) = (0, ContentHasher::default());
        loop {
            let length = match body.read(&mut buffer) {
                Ok(0) if hasher.content_id() == content => return Ok(bytes),
                Ok(0) => {
                    let message = format!("the node sent {} for {content}", hasher.content_id());
                    return Err(Problem::new(Code::Corrupted, message));
                }
                Ok(length) => length,
                Err(error) => {
                    let message = format!("the node broke off after {bytes} bytes: {error}");
                    return Err(Problem::new(Code::Storage, message)
                        .next("check the stored bytes with: ainur ledger audit"));
                }
            };
            hasher.update(&buffer[..length]);
            sink.write_all(&buffer[..length]).map_err(|error| {
                Problem::new(Code::Storage, format!("the blob cannot be written: {error}"))
            })?;
            bytes += u64::try_from(length).expect("a length fits in 64 bits");
        }
    }
}

/// The bytes of a blob on their way out, counted and hashed, with what was wrong with them.
struct Outgoing<'a> {
    source: &'a mut dyn Read,
    bytes: u64,
    hasher: ContentHasher,
    problem: Option<Problem>,
}

impl Read for Outgoing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer).inspect_err(|error| {
            let message = format!("the blob cannot be read: {error}");
            self.problem = Some(Problem::new(Code::Storage, message));
        })?;
        self.hasher.update(&buffer[..length]);
        self.bytes += u64::try_from(length).expect("a length fits in 64 bits");
        Ok(length)
    }
}
