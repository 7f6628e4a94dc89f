//! A market in memory whose agents do what their capability's name says, a server for it, and a
//! plain socket to ask it.
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ainur_api::a2a::Config;
use ainur_api::http::{Bounds, Server, StopSignal, Token};
use ainur_api::operation::{TaskQuery, TaskRequest};
use ainur_api::problem::Code;
use ainur_api::service::{Told, Waiting};
use ainur_api::view::{AgentView, Scope, TaskEvent, TaskNews, TaskPage, TaskPhase, TaskView};
use ainur_api::{Operation, Problem, Reply, Service, access};
use ainur_crypto::hash;
use ainur_primitives::{
    AcceptanceCheck, Amount, BudgetId, CapabilityContract, ContentId, Did, Digest, Ppm,
    SelectionRule, TaskId, Timestamp,
};
use serde_json::{Value, json};

/// Capabilities, their input's media type and their output's.
const CAPABILITIES: [(&str, Option<&str>); 7] = [
    ("text.upper", Some("text/plain")),
    ("json.echo", None),
    ("bytes.make", None),
    ("blob.large", None),
    ("task.wait", None),
    ("word.ask", None),
    ("task.fail", None),
];

/// Length of the output of `blob.large`.
pub(crate) const LARGE_BYTES: usize = 1024 * 1024 + 1;

struct Running {
    view: TaskView,
    events: Vec<TaskEvent>,
    watchers: Vec<(u32, std::sync::Weak<()>, Told)>,
}

/// The market.
#[derive(Default)]
pub(crate) struct Bazaar {
    tasks: Mutex<Vec<Running>>,
    keys: Mutex<BTreeMap<String, TaskId>>,
    blobs: Mutex<BTreeMap<ContentId, Vec<u8>>>,
    pub(crate) requests: Mutex<Vec<TaskRequest>>,
    clients: Mutex<BTreeMap<String, access::Client>>,
}

impl Bazaar {
    /// A token that may spend this much on one task.
    pub(crate) fn client(&self, name: &str, scope: Scope, per_task: Amount) -> Token {
        let token = Token::generate().unwrap();
        let budget = BudgetId(hash::tagged("budget", &[name.as_bytes()]));
        let client = access::Client { name: name.into(), scope, budget, per_task };
        self.clients.lock().unwrap().insert(token.to_text(), client);
        token
    }

    /// Takes a token back.
    pub(crate) fn revoke(&self, token: &Token) {
        self.clients.lock().unwrap().remove(&token.to_text());
    }

    /// Lets something happen to a task.
    pub(crate) fn happen(&self, task: TaskId, kind: &str, detail: &str, phase: TaskPhase) {
        let mut tasks = self.tasks.lock().unwrap();
        let running = tasks.iter_mut().find(|running| running.view.id == task).unwrap();
        if running.view.phase.is_final() {
            return;
        }
        running.view.phase = phase;
        let number = u32::try_from(running.events.len() + 1).unwrap();
        let at = Timestamp(1_700_000_000_000 + u64::from(number));
        let event = TaskEvent { number, at, kind: kind.into(), detail: detail.into() };
        running.events.push(event);
        if phase.is_final() {
            running.view.ended = Some(at);
        }
        let watchers = std::mem::take(&mut running.watchers);
        for (after, kept, told) in watchers {
            if kept.strong_count() > 0 {
                told(Ok(news(running, after)));
            }
        }
    }

    /// How many wait for news of a task.
    pub(crate) fn count_watchers(&self, task: TaskId) -> usize {
        let tasks = self.tasks.lock().unwrap();
        let running = tasks.iter().find(|running| running.view.id == task).unwrap();
        running.watchers.iter().filter(|(_, kept, _)| kept.strong_count() > 0).count()
    }

    pub(crate) fn settle(&self, task: TaskId, output: Vec<u8>) {
        let length = output.len() as u64;
        let content = self.put_blob(&mut output.as_slice()).unwrap().0;
        {
            let mut tasks = self.tasks.lock().unwrap();
            let running = tasks.iter_mut().find(|running| running.view.id == task).unwrap();
            running.view.output = Some(content);
            running.view.output_bytes = length;
            running.view.price = Some(Amount::from_ainu("0.25").unwrap());
            running.view.has_receipt = true;
        }
        self.happen(task, "settled", "0.25 AINU", TaskPhase::Settled);
    }

    fn end(&self, task: TaskId, kind: &str, detail: &str) {
        {
            let mut tasks = self.tasks.lock().unwrap();
            let running = tasks.iter_mut().find(|running| running.view.id == task).unwrap();
            running.view.detail = detail.into();
            running.view.cancelled = kind == "cancelled";
        }
        self.happen(task, kind, detail, TaskPhase::Refunded);
    }

    fn run(self: &Arc<Self>, request: TaskRequest) -> Result<TaskId, Problem> {
        self.requests.lock().unwrap().push(request.clone());
        if request.reserve > Amount::ainu(1_000) {
            return Err(Problem::new(Code::InsufficientFunds, "the account holds 1000 AINU"));
        }
        if let Some(task) = request
            .idempotency_key
            .as_ref()
            .and_then(|key| self.keys.lock().unwrap().get(key).copied())
        {
            return Ok(task);
        }
        let mut tasks = self.tasks.lock().unwrap();
        let number = tasks.len() as u64 + 1;
        let id = TaskId(hash::tagged("task", &[&number.to_le_bytes()]));
        if let Some(key) = &request.idempotency_key {
            self.keys.lock().unwrap().insert(key.clone(), id);
        }
        let view = TaskView {
            id,
            number,
            capability: request.capability.clone(),
            phase: TaskPhase::Announced,
            buyer: Did(Digest([1; 32])),
            seller: Some(Did(Digest([2; 32]))),
            seller_name: Some("worker".into()),
            reserve: request.reserve,
            price: None,
            paid: None,
            service: None,
            budget: request.budget,
            context: request.context.clone(),
            parameters: request.parameters.to_string(),
            input: request.input,
            input_bytes: 0,
            output: None,
            output_bytes: 0,
            check: AcceptanceCheck::Schema,
            selection: SelectionRule::Scored,
            negotiations: Vec::new(),
            attempts: Vec::new(),
            opened: Timestamp(1_700_000_000_000 + number),
            ended: None,
            cancelled: false,
            detail: String::new(),
            has_receipt: false,
            parts: Vec::new(),
            chunks: Vec::new(),
            part_of: None,
        };
        tasks.push(Running { view, events: Vec::new(), watchers: Vec::new() });
        drop(tasks);
        let bazaar = Arc::clone(self);
        std::thread::spawn(move || bazaar.work(id, &request));
        Ok(id)
    }

    fn work(&self, id: TaskId, request: &TaskRequest) {
        let pause = || std::thread::sleep(Duration::from_millis(20));
        pause();
        self.happen(id, "announced", "", TaskPhase::Announced);
        pause();
        self.happen(id, "agreed", "with worker", TaskPhase::Running);
        pause();
        let mut input = Vec::new();
        if let Some(content) = request.input {
            self.get_blob(content, &mut input).unwrap();
        }
        match request.capability.as_str() {
            "text.upper" => self.settle(id, input.to_ascii_uppercase()),
            "json.echo" => self.settle(id, request.parameters.to_string().into_bytes()),
            "bytes.make" => self.settle(id, vec![0xff, 0, 1]),
            "blob.large" => self.settle(id, vec![b'x'; LARGE_BYTES]),
            "word.ask" => self.happen(id, "delivered", "3 bytes", TaskPhase::Verifying),
            "task.fail" => self.end(id, "refunded", "the only agent failed"),
            _ => {}
        }
    }

    fn find(&self, text: &str) -> Result<TaskView, Problem> {
        let tasks = self.tasks.lock().unwrap();
        let found = tasks.iter().find(|running| running.view.id.to_string() == text);
        found
            .map(|running| running.view.clone())
            .ok_or_else(|| Problem::new(Code::NotFound, format!("there is no task '{text}'")))
    }

    fn list(&self, query: &TaskQuery) -> TaskPage {
        let tasks = self.tasks.lock().unwrap();
        let mut found: Vec<_> = tasks
            .iter()
            .rev()
            .map(|running| running.view.clone())
            .filter(|view| query.before.is_none_or(|before| view.number < before))
            .filter(|view| query.budget.is_none() || view.budget == query.budget)
            .filter(|view| query.context.is_none() || view.context == query.context)
            .filter(|view| query.phases.is_empty() || query.phases.contains(&view.phase))
            .collect();
        let more = found.len() > query.limit as usize;
        found.truncate(query.limit as usize);
        TaskPage { next: found.last().map(|view| view.number).filter(|_| more), tasks: found }
    }
}

fn news(running: &Running, after: u32) -> TaskNews {
    let events = running.events.iter().filter(|event| event.number > after).cloned().collect();
    TaskNews { events, phase: running.view.phase }
}

/// The market as a service; it starts threads that need it.
pub(crate) struct Stall(pub(crate) Arc<Bazaar>);

impl Service for Stall {
    fn perform(&self, operation: Operation) -> Result<Reply, Problem> {
        let bazaar = &self.0;
        match operation {
            Operation::AgentList => Ok(Reply::Agents(vec![agent()])),
            Operation::TaskRun(request) => {
                bazaar.run(request).map(|task| Reply::TaskAnnounced { task })
            }
            Operation::TaskFind { idempotency_key, .. } => {
                let task = bazaar.keys.lock().unwrap().get(&idempotency_key).copied();
                Ok(Reply::TaskFound { task })
            }
            Operation::TaskShow { task } => {
                bazaar.find(&task).map(|view| Reply::Task(Box::new(view)))
            }
            Operation::TaskEvents { task, after, .. } => {
                let id = bazaar.find(&task)?.id;
                let tasks = bazaar.tasks.lock().unwrap();
                let running = tasks.iter().find(|running| running.view.id == id).unwrap();
                Ok(Reply::TaskEvents(news(running, after).events))
            }
            Operation::TaskList(query) => Ok(Reply::Tasks(bazaar.list(&query))),
            Operation::TaskCancel { task } => {
                let view = bazaar.find(&task)?;
                if view.phase.is_final() {
                    return Err(Problem::new(Code::Conflict, "the task has ended"));
                }
                bazaar.end(view.id, "cancelled", "cancelled by the buyer");
                bazaar.find(&task).map(|view| Reply::Task(Box::new(view)))
            }
            Operation::TaskDecide { task, accept, reason } => {
                let view = bazaar.find(&task)?;
                if view.phase != TaskPhase::Verifying {
                    let message = "the task does not wait for your word";
                    return Err(Problem::new(Code::InvalidRequest, message));
                }
                if accept {
                    bazaar.settle(view.id, b"yes".to_vec());
                } else {
                    bazaar.end(view.id, "refunded", &reason);
                }
                Ok(Reply::Done)
            }
            Operation::BudgetShow { .. } => Err(Problem::new(Code::NotFound, "no such budget")),
            _ => Ok(Reply::Done),
        }
    }

    fn put_blob(&self, source: &mut dyn Read) -> Result<(ContentId, u64), Problem> {
        self.0.put_blob(source)
    }

    fn get_blob(&self, content: ContentId, sink: &mut dyn Write) -> Result<u64, Problem> {
        self.0.get_blob(content, sink)
    }

    fn watch(&self, task: &str, after: u32, told: Told) -> Result<Waiting, Problem> {
        let id = self.0.find(task)?.id;
        let mut tasks = self.0.tasks.lock().unwrap();
        let running = tasks.iter_mut().find(|running| running.view.id == id).unwrap();
        let kept = Arc::new(());
        if running.view.phase.is_final() || running.events.len() > after as usize {
            told(Ok(news(running, after)));
        } else {
            running.watchers.push((after, Arc::downgrade(&kept), told));
        }
        Ok(Waiting(kept))
    }

    fn client(&self, token: &Token) -> Option<access::Client> {
        self.0.clients.lock().unwrap().get(&token.to_text()).cloned()
    }
}

impl Bazaar {
    fn put_blob(&self, source: &mut dyn Read) -> Result<(ContentId, u64), Problem> {
        let mut bytes = Vec::new();
        let failed = |error: std::io::Error| Problem::new(Code::Storage, error.to_string());
        source.read_to_end(&mut bytes).map_err(failed)?;
        let (content, length) = (hash::content_id(&bytes), bytes.len() as u64);
        self.blobs.lock().unwrap().insert(content, bytes);
        Ok((content, length))
    }

    fn get_blob(&self, content: ContentId, sink: &mut dyn Write) -> Result<u64, Problem> {
        let blobs = self.blobs.lock().unwrap();
        let bytes = blobs.get(&content).ok_or_else(|| Problem::new(Code::NotFound, "no blob"))?;
        sink.write_all(bytes).map_err(|error| Problem::new(Code::Storage, error.to_string()))?;
        Ok(bytes.len() as u64)
    }
}

fn agent() -> AgentView {
    let capabilities = CAPABILITIES.map(|(name, input)| {
        let schema = r#"{"type":"object","properties":{"say":{"default":"hi"}}}"#;
        let contract = json!({
            "name": name, "description": format!("Does {name}."), "input_media_type": input,
            "input_schema": schema, "price_hint": Amount::ainu(1),
        });
        serde_json::from_value::<CapabilityContract>(contract).unwrap()
    });
    AgentView {
        did: Did(Digest([2; 32])),
        card: Digest([13; 32]),
        name: "worker".into(),
        description: String::new(),
        program: String::new(),
        capabilities: capabilities.to_vec(),
        price: None,
        prices: BTreeMap::new(),
        tactic: None,
        strategy: None,
        bidding: BTreeMap::new(),
        quarantined: BTreeMap::new(),
        unreachable: None,
        active: true,
        balance: Amount::ZERO,
        stake: Amount::ZERO,
        completed: 0,
        failed: 0,
        failure_probability: Ppm::default(),
        barred: false,
        own_key: false,
        losses: Vec::new(),
    }
}

/// A served market; dropping it stops the server.
pub(crate) struct Served {
    pub(crate) bazaar: Arc<Bazaar>,
    pub(crate) address: SocketAddr,
    pub(crate) token: Token,
    pub(crate) stop: StopSignal,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    pub(crate) fn start() -> Self {
        Self::with(Config::default(), Bounds::default())
    }

    pub(crate) fn with(config: Config, bounds: Bounds) -> Self {
        Self::over(Arc::new(Bazaar::default()), config, bounds)
    }

    /// A server over a market that is there already.
    pub(crate) fn over(bazaar: Arc<Bazaar>, config: Config, bounds: Bounds) -> Self {
        Self::of(bazaar, |server| server.with_bounds(bounds).with_a2a(config))
    }

    /// A server that is set up as the caller likes.
    pub(crate) fn of(bazaar: Arc<Bazaar>, set_up: impl FnOnce(Server) -> Server) -> Self {
        let stop = StopSignal::new();
        let token = Token::generate().unwrap();
        let server = set_up(Server::bind(([127, 0, 0, 1], 0).into(), token.clone()).unwrap());
        let address = server.address();
        let (service, signal) = (Arc::new(Stall(Arc::clone(&bazaar))), stop.clone());
        let thread = std::thread::spawn(move || server.serve(service, signal).unwrap());
        Self { bazaar, address, token, stop, thread: Some(thread) }
    }

    /// Sends a request with the owner's token and headers of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Heard {
        self.ask_as(&self.token, method, path, headers, body)
    }

    pub(crate) fn ask_as(
        &self,
        token: &Token,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Heard {
        let authorization = format!("Authorization: Bearer {}\r\n", token.to_text());
        self.ask_without_token(method, path, &format!("{authorization}{headers}"), body)
    }

    pub(crate) fn ask_without_token(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Heard {
        let address = self.address;
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\n\
             Connection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses early may have closed already.
        drop(stream.write_all(body));
        Heard::head(stream)
    }

    /// Asks by JSON-RPC in 1.0; the whole answer.
    pub(crate) fn rpc(&self, method: &str, params: &Value) -> Value {
        self.rpc_as(&self.token, method, params)
    }

    pub(crate) fn rpc_as(&self, token: &Token, method: &str, params: &Value) -> Value {
        self.call_as(token, method, params).json()
    }

    pub(crate) fn call_as(&self, token: &Token, method: &str, params: &Value) -> Heard {
        let version = if method.contains('/') { "0.3" } else { "1.0" };
        let headers = format!("A2A-Version: {version}\r\nContent-Type: application/json\r\n");
        let call = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        self.ask_as(token, "POST", "/a2a", &headers, call.to_string().as_bytes())
    }

    /// The result of a call that is let through.
    #[track_caller]
    pub(crate) fn result(&self, method: &str, params: &Value) -> Value {
        let mut answer = self.rpc(method, params);
        assert_eq!(answer["id"], 7, "{answer}");
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].take()
    }

    /// Checks that a call is refused with this code; what is said about it.
    #[track_caller]
    pub(crate) fn refused(&self, method: &str, params: &Value, code: i64) -> String {
        let answer = self.rpc(method, params);
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert!(answer.get("result").is_none(), "{answer}");
        answer["error"]["message"].as_str().unwrap().into()
    }

    /// A stream by JSON-RPC.
    pub(crate) fn stream(&self, method: &str, params: &Value) -> Heard {
        self.stream_as(&self.token, method, params)
    }

    pub(crate) fn stream_as(&self, token: &Token, method: &str, params: &Value) -> Heard {
        let heard = self.call_as(token, method, params);
        assert!(heard.head.contains("content-type: text/event-stream"), "{}", heard.head);
        heard
    }

    /// Starts `task.wait` and waits until it runs; its id.
    pub(crate) fn start_waiting(&self, message: &str) -> TaskId {
        let mut request = order(message, "task.wait", &json!({}));
        request["configuration"] = json!({ "returnImmediately": true });
        let sent = self.result("SendMessage", &request);
        let id: TaskId = sent["task"]["id"].as_str().unwrap().parse().unwrap();
        for _ in 0..500 {
            let task = self.result("GetTask", &json!({ "id": id }));
            if task["status"]["state"] == "TASK_STATE_WORKING" {
                return id;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the task does not start");
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

/// A message in 1.0 that orders a capability.
pub(crate) fn order(message: &str, capability: &str, parameters: &Value) -> Value {
    json!({ "message": {
        "messageId": message, "role": "ROLE_USER",
        "parts": [{ "data": { "capability": capability, "parameters": parameters } }],
    }})
}

/// A message in 1.0 with these parts.
pub(crate) fn message(id: &str, parts: &Value) -> Value {
    json!({ "message": { "messageId": id, "role": "ROLE_USER", "parts": parts } })
}

/// An answer whose body is still to be read.
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) head: String,
    chunked: bool,
    reader: BufReader<TcpStream>,
}

impl Heard {
    fn head(stream: TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).unwrap(), 0, "an answer's head: {head}");
        }
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let chunked = head.contains("transfer-encoding: chunked");
        Self { status, head, chunked, reader }
    }

    /// The next piece of a body that comes in pieces; empty at the end.
    fn chunk(&mut self) -> Vec<u8> {
        let mut length = String::new();
        self.reader.read_line(&mut length).unwrap();
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        let mut bytes = vec![0; length + 2];
        self.reader.read_exact(&mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    }

    pub(crate) fn body(mut self) -> Vec<u8> {
        let mut body = Vec::new();
        if self.chunked {
            loop {
                let chunk = self.chunk();
                if chunk.is_empty() {
                    return body;
                }
                body.extend(chunk);
            }
        }
        self.reader.read_to_end(&mut body).unwrap();
        body
    }

    pub(crate) fn json(self) -> Value {
        let (head, body) = (self.head.clone(), self.body());
        serde_json::from_slice(&body)
            .unwrap_or_else(|_| panic!("{head} {}", String::from_utf8_lossy(&body)))
    }

    /// The next event of a stream; nothing at its end.
    pub(crate) fn event(&mut self) -> Option<Value> {
        loop {
            let chunk = String::from_utf8(self.chunk()).unwrap();
            if chunk.is_empty() {
                return None;
            }
            let data = chunk.lines().find_map(|line| line.strip_prefix("data: "));
            if let Some(data) = data {
                return Some(serde_json::from_str(data).unwrap());
            }
            assert!(chunk.starts_with(':'), "{chunk}");
        }
    }

    /// Every event to the end.
    pub(crate) fn events(mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.event()).collect()
    }
}
