//! A small service that keeps blobs in memory, a server for it, and a plain socket to talk to it.
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ainur_api::http::{Bounds, Client, Error, Server, StopSignal, Token};
use ainur_api::problem::Code;
use ainur_api::service::{Told, Waiting};
use ainur_api::view::{TaskNews, TaskPhase};
use ainur_api::{Operation, Problem, Reply, Service, access};
use ainur_crypto::hash::content_id;
use ainur_primitives::ContentId;

/// Bytes of a blob after which [`Shelf`] finds it damaged, when it was told to.
pub(crate) const DAMAGED_AFTER_BYTES: usize = 1024 * 1024;

/// How a blob begins that [`Shelf`] refuses without reading on.
pub(crate) const REFUSED_BLOB: &[u8] = b"refuse me";

/// Keeps blobs, and answers operations according to their name.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) blobs: Mutex<BTreeMap<ContentId, Vec<u8>>>,
    pub(crate) performed: Mutex<Vec<Operation>>,
    /// The blob that turns out damaged when most of it was written.
    pub(crate) damaged: Mutex<Option<ContentId>>,
    /// Whom tokens stand for, by their text.
    pub(crate) clients: Mutex<BTreeMap<String, access::Client>>,
    watched: Mutex<Vec<u32>>,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Shelf {
    /// Lets every `task-show` of `gate` and every `task-events` answer.
    pub(crate) fn open_gate(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn wait_at_gate(&self, wait: Duration) {
        let open = self.open.lock().unwrap();
        drop(self.opened.wait_timeout_while(open, wait, |open| !*open).unwrap());
    }

    pub(crate) fn count_performed(&self) -> usize {
        self.performed.lock().unwrap().len()
    }
}

impl Service for Shelf {
    fn perform(&self, operation: Operation) -> Result<Reply, Problem> {
        self.performed.lock().unwrap().push(operation.clone());
        match operation {
            Operation::AgentShow { agent } => Err(serde_json::from_str::<Code>(&agent)
                .map(|code| Problem::new(code, format!("it is {agent}")).next("go on"))
                .unwrap()),
            Operation::TaskShow { task } if task == "panic" => panic!("asked to"),
            Operation::TaskShow { task } if task == "gate" => {
                self.wait_at_gate(Duration::from_secs(30));
                Ok(Reply::Done)
            }
            Operation::TaskEvents { wait_ms, .. } => {
                self.wait_at_gate(Duration::from_millis(wait_ms.0));
                Ok(Reply::TaskEvents(Vec::new()))
            }
            Operation::ReceiptVerify { receipt } => Ok(Reply::Receipt { receipt }),
            _ => Ok(Reply::Done),
        }
    }

    fn put_blob(&self, source: &mut dyn Read) -> Result<(ContentId, u64), Problem> {
        let mut bytes = vec![0; REFUSED_BLOB.len()];
        let length = source
            .read(&mut bytes)
            .map_err(|error| Problem::new(Code::Storage, format!("not read: {error}")))?;
        bytes.truncate(length);
        if bytes == REFUSED_BLOB {
            return Err(Problem::new(Code::Storage, "the disk is full"));
        }
        source
            .read_to_end(&mut bytes)
            .map_err(|error| Problem::new(Code::Storage, format!("not read: {error}")))?;
        let content = content_id(&bytes);
        let length = bytes.len() as u64;
        self.blobs.lock().unwrap().insert(content, bytes);
        Ok((content, length))
    }

    fn watch(&self, task: &str, after: u32, told: Told) -> Result<Waiting, Problem> {
        if task != "ended" {
            return Err(Problem::new(Code::NotFound, "there is no such task"));
        }
        told(Ok(TaskNews { events: Vec::new(), phase: TaskPhase::Settled }));
        self.watched.lock().unwrap().push(after);
        Ok(Waiting(Arc::new(())))
    }

    fn client(&self, token: &Token) -> Option<access::Client> {
        self.clients.lock().unwrap().get(&token.to_text()).cloned()
    }

    fn get_blob(&self, content: ContentId, sink: &mut dyn Write) -> Result<u64, Problem> {
        let blobs = self.blobs.lock().unwrap();
        let bytes = blobs
            .get(&content)
            .ok_or_else(|| Problem::new(Code::NotFound, "there is no such blob"))?
            .clone();
        drop(blobs);
        let failed = |error| Problem::new(Code::Storage, format!("not written: {error}"));
        if *self.damaged.lock().unwrap() == Some(content) {
            sink.write_all(&bytes[..bytes.len().min(DAMAGED_AFTER_BYTES)]).map_err(failed)?;
            return Err(Problem::new(Code::Corrupted, "the blob is damaged"));
        }
        sink.write_all(&bytes).map_err(failed)?;
        Ok(bytes.len() as u64)
    }
}

/// A served shelf; dropping it stops the server.
pub(crate) struct Served {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) address: SocketAddr,
    pub(crate) token: Token,
    pub(crate) stop: StopSignal,
    ended: Mutex<Receiver<Result<(), Error>>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    pub(crate) fn start() -> Self {
        Self::with_bounds(Bounds::default())
    }

    pub(crate) fn with_bounds(bounds: Bounds) -> Self {
        let token = Token::generate().unwrap();
        let server = Server::bind(([127, 0, 0, 1], 0).into(), token.clone()).unwrap();
        let server = server.with_bounds(bounds);
        let (address, shelf, stop) =
            (server.address(), Arc::new(Shelf::default()), StopSignal::new());
        let (sender, ended) = channel();
        let (service, signal) = (Arc::clone(&shelf), stop.clone());
        let thread = std::thread::spawn(move || {
            drop(sender.send(server.serve(service, signal)));
        });
        let ended = Mutex::new(ended);
        Self { shelf, address, token, stop, ended, thread: Some(thread) }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address, self.token.clone()).unwrap()
    }

    /// Waits for the server to end by itself.
    pub(crate) fn wait_for_end(&self, wait: Duration) {
        self.ended.lock().unwrap().recv_timeout(wait).expect("the server ends in time").unwrap();
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// The headers that are let in, each line ended.
    pub(crate) fn headers(&self) -> String {
        let (address, token) = (self.address, self.token.to_text());
        format!("Host: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n")
    }

    /// An operation as it is, with the headers given.
    pub(crate) fn post(&self, headers: &str, body: &[u8]) -> Answer {
        let mut request = format!(
            "POST /v1/operations HTTP/1.1\r\n{headers}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.send(&request)
    }

    /// An operation as it is, let in.
    pub(crate) fn post_admitted(&self, body: &[u8]) -> Answer {
        self.post(&self.headers(), body)
    }

    /// Sends bytes and reads until the server closes.
    pub(crate) fn send(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        Answer::read(&mut stream)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shelf.open_gate();
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// What came back on a socket.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer's head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Checks that it is a problem document with this status and code; returns its message.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) -> String {
        let document = self.json();
        assert_eq!((self.status, document["code"].as_str()), (status, Some(code)), "{document}");
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        assert_eq!(document["status"], status);
        document["detail"].as_str().unwrap().into()
    }
}
