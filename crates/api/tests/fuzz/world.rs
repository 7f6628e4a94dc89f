//! Servers over markets in memory, one for each kind of caller, which watch what reaches them.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use ainur_api::a2a::{Config, Delivery};
use ainur_api::http::{Bounds, Server, StopSignal, Token};
use ainur_api::operation::{TaskQuery, TaskRequest};
use ainur_api::problem::Code;
use ainur_api::service::{Told, Waiting};
use ainur_api::view::{Scope, TaskPhase};
use ainur_api::{Operation, Problem, Reply, Service, access};
use ainur_primitives::{Amount, BudgetId, ContentId, Did, Digest};
use serde_json::json;

use crate::market::{ECHO, Market, SLOW, now};

/// What the owner of every server shows.
pub(crate) const OWNER: &str = "OwnerAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// What a client shows that may spend.
pub(crate) const SPENDER: &str = "SpenderAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// What a client shows that may look.
pub(crate) const READER: &str = "ReaderAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// How long the servers of a short run wait for anything, so that what is left alone ends soon.
pub(crate) const SHORT_MS: u64 = 300;
/// The same in a long run, which may share the machine with others.
pub(crate) const LONG_MS: u64 = 1_500;
/// How long a task of [`SLOW`] takes.
const SLOW_MS: u64 = 150;
/// How often it is looked which have taken as long.
const TICK_MS: u64 = 20;
/// Budgets looked through on the way to a client's own.
const PARENTS_MAX: usize = 16;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The owner, who may do everything.
    Owner,
    /// A client with a budget.
    Spender,
    /// Nobody that is known, or a client that may only look.
    Stranger,
    /// Whoever tries out the fixtures.
    Fixtures,
}

/// What requests may name because it is there.
#[derive(Clone, Default)]
pub(crate) struct Names {
    /// A task that has ended.
    pub(crate) ended: String,
    /// A task that runs for a while.
    pub(crate) running: String,
    pub(crate) budget: String,
    pub(crate) blob: String,
    /// A session of MCP.
    pub(crate) session: String,
}

/// A server; dropping it stops it.
pub(crate) struct World {
    pub(crate) standing: Standing,
    pub(crate) address: SocketAddr,
    pub(crate) names: Mutex<Names>,
    pub(crate) watched: Arc<Watched>,
    stop: StopSignal,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl World {
    /// A server that waits so long for its callers.
    pub(crate) fn start(standing: Standing, patience_ms: u64) -> Self {
        let bounds = Bounds {
            header_ms_max: patience_ms,
            operation_ms_max: patience_ms,
            stall_ms_max: patience_ms,
            keep_alive_ms: patience_ms,
            stop_ms_max: patience_ms,
            blob_bytes_max: 1024 * 1024,
            prompt_calls_max: 512,
            ..Bounds::default()
        };
        let deliver = Arc::new(|_| Box::pin(async { Ok(()) }) as Delivery);
        let config = Config { deliver: Some(deliver), ..Config::default() };
        let token = Token::from_text(OWNER).unwrap();
        let server = Server::bind(([127, 0, 0, 1], 0).into(), token).unwrap();
        let server = server.with_bounds(bounds).with_a2a(config);
        let server =
            if standing == Standing::Fixtures { server.with_conformance() } else { server };
        let (address, stop) = (server.address(), StopSignal::new());
        let watched = Arc::new(Watched::new(standing));
        let over = Arc::new(AtomicBool::new(false));
        let (service, signal) = (Arc::clone(&watched), stop.clone());
        let serving = std::thread::spawn(move || server.serve(service, signal).unwrap());
        let (works, is_over) = (Arc::clone(&watched), Arc::clone(&over));
        let working = std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                works.work();
                std::thread::sleep(Duration::from_millis(TICK_MS));
            }
        });
        let threads = vec![serving, working];
        let world =
            Self { standing, address, names: Mutex::default(), watched, stop, over, threads };
        world.renew();
        world
    }

    /// Begins anew with a market in which nothing has happened yet.
    pub(crate) fn renew(&self) {
        let mut names = self.watched.renew();
        if self.standing == Standing::Fixtures {
            names.session = self.session();
        }
        *self.names.lock().unwrap() = names;
    }

    pub(crate) fn names(&self) -> Names {
        self.names.lock().unwrap().clone()
    }

    fn session(&self) -> String {
        let post = |session: &str, body: serde_json::Value| {
            let body = body.to_string();
            let session = match session {
                "" => String::new(),
                id => format!("Mcp-Session-Id: {id}\r\n"),
            };
            let headers = format!(
                "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
                 MCP-Protocol-Version: 2025-11-25\r\n{session}"
            );
            self.ask("POST /mcp", &headers, body.as_bytes())
        };
        let begun = post(
            "",
            json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "fuzz", "version": "1" },
        } }),
        );
        let begun = begun.to_ascii_lowercase();
        let id = begun.lines().find_map(|line| line.strip_prefix("mcp-session-id: "));
        let id = id.unwrap_or_else(|| panic!("no session: {begun}")).to_owned();
        let told = post(&id, json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assert!(told.starts_with("HTTP/1.1 202"), "{told}");
        id
    }

    /// Asks as a well-behaved caller does; the whole answer.
    pub(crate) fn ask(&self, line: &str, headers: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// A well-behaved caller is served as ever; what is wrong, when something is.
    pub(crate) fn serves_the_good(&self) -> Result<(), String> {
        let check = |line: &str, headers: &str, body: &str, wanted: &[&str]| {
            let answer = self.ask(line, headers, body.as_bytes());
            match wanted.iter().all(|wanted| answer.contains(wanted)) {
                true => Ok(()),
                false => Err(format!("a good caller's {line} was answered: {answer}")),
            }
        };
        check("GET /healthz", "", "", &["HTTP/1.1 200", r#"{"status":"ok"}"#])?;
        check("GET /.well-known/agent-card.json", "", "", &["HTTP/1.1 200", "protocolVersion"])?;
        let token = match self.standing {
            Standing::Owner => OWNER,
            Standing::Spender => SPENDER,
            Standing::Stranger | Standing::Fixtures => return Ok(()),
        };
        let headers = format!(
            "Authorization: Bearer {token}\r\nContent-Type: application/json\r\nA2A-Version: 1.0\r\n"
        );
        let task = json!({ "capability": ECHO, "parameters": { "say": "good" }, "reserve": "50" });
        check("POST /v1/tasks", &headers, &task.to_string(), &["HTTP/1.1 201", "settled"])?;
        let data = json!({ "capability": ECHO, "parameters": { "say": "better" } });
        let message =
            json!({ "messageId": "good", "role": "ROLE_USER", "parts": [{ "data": data }] });
        let call = json!({ "jsonrpc": "2.0", "id": "good", "method": "SendMessage",
            "params": { "message": message } });
        let wanted = ["HTTP/1.1 200", r#""id":"good""#, "TASK_STATE_COMPLETED", "better"];
        check("POST /a2a", &headers, &call.to_string(), &wanted)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.stop.stop();
        for thread in self.threads.drain(..) {
            // What went wrong there was noticed by the hook.
            drop(thread.join());
        }
    }
}

/// A market that is exchanged from time to time, and notes what should not have reached it.
pub(crate) struct Watched {
    standing: Standing,
    market: RwLock<Arc<Market>>,
    clients: RwLock<Vec<(Token, access::Client)>>,
    breaches: Mutex<Vec<String>>,
}

impl Watched {
    fn new(standing: Standing) -> Self {
        Self {
            standing,
            market: RwLock::new(Arc::new(Market::new())),
            clients: RwLock::default(),
            breaches: Mutex::default(),
        }
    }

    fn market(&self) -> Arc<Market> {
        Arc::clone(&self.market.read().unwrap())
    }

    /// What has reached the market since it was last asked that should not have.
    pub(crate) fn breaches(&self) -> Vec<String> {
        std::mem::take(&mut *self.breaches.lock().unwrap())
    }

    fn renew(&self) -> Names {
        let market = Arc::new(Market::new());
        let clients = [(SPENDER, "spender", Scope::Spend), (READER, "reader", Scope::Read)];
        let clients = clients.map(|(text, name, scope)| {
            let token = market.token(name, scope);
            (Token::from_text(text).unwrap(), market.client(&token).unwrap())
        });
        let budget = clients[0].1.budget;
        let run = |capability: &str| {
            let request = json!({ "capability": capability, "parameters": { "a": 1 },
                "reserve": "50", "budget": budget, "context": "c1" });
            let request: TaskRequest = serde_json::from_value(request).unwrap();
            match market.perform(Operation::TaskRun(request)) {
                Ok(Reply::TaskAnnounced { task }) => task.to_string(),
                other => panic!("{other:?}"),
            }
        };
        let (ended, running) = (run(ECHO), run(SLOW));
        let blob = market.put_blob(&mut b"a blob".as_slice()).unwrap().0.to_string();
        let names =
            Names { ended, running, budget: budget.to_string(), blob, session: String::new() };
        *self.clients.write().unwrap() = clients.into();
        *self.market.write().unwrap() = market;
        names
    }

    /// Ends the tasks that have taken long enough.
    fn work(&self) {
        let market = self.market();
        let query =
            TaskQuery { limit: 10_000, phases: vec![TaskPhase::Running], ..TaskQuery::default() };
        let Ok(Reply::Tasks(page)) = market.perform(Operation::TaskList(query)) else { return };
        for task in page.tasks {
            if task.opened.0 + SLOW_MS < now().0 {
                market.finish(&task.id.to_string(), b"a figure");
            }
        }
    }

    fn note(&self, breach: String) {
        self.breaches.lock().unwrap().push(breach);
    }

    /// Whether a budget is the spender's, or inside it.
    fn is_spenders(&self, budget: Option<BudgetId>) -> bool {
        let own = self.clients.read().unwrap().first().map(|(_, client)| client.budget);
        let mut next = budget;
        for _ in 0..PARENTS_MAX {
            let Some(budget) = next else { return false };
            if Some(budget) == own {
                return true;
            }
            next = match self.market().perform(Operation::BudgetShow { budget }) {
                Ok(Reply::Budget(view)) => view.parent,
                _ => None,
            };
        }
        false
    }

    /// Holds an operation against what those who ask here may do.
    fn check(&self, operation: &Operation) {
        let is_look = matches!(
            operation,
            Operation::NodeStatus
                | Operation::NodeLimits
                | Operation::AgentList
                | Operation::AgentShow { .. }
                | Operation::TaskList(_)
                | Operation::TaskShow { .. }
                | Operation::TaskEvents { .. }
                | Operation::TaskExplain { .. }
                | Operation::CallList
                | Operation::OfferList { .. }
                | Operation::AaclThread(_)
                | Operation::AaclOffers(_)
                | Operation::AaclKeys { .. }
                | Operation::RentalList { .. }
                | Operation::BookShow(_)
                | Operation::BudgetShow { .. }
                | Operation::LedgerStatus
                | Operation::ReceiptShow { .. }
                | Operation::ReceiptVerify { .. }
        );
        let is_fine = is_look
            || match self.standing {
                Standing::Owner => true,
                Standing::Stranger | Standing::Fixtures => false,
                Standing::Spender => match operation {
                    Operation::TaskRun(request) => {
                        request.reserve <= Amount(100) && self.is_spenders(request.budget)
                    }
                    Operation::BudgetOpen { parent, .. } => self.is_spenders(*parent),
                    // What its message would buy is held against its limits where it is read.
                    Operation::AaclSay(say) => say.holder.token == "spender",
                    Operation::AaclIntroduce(introduction) => {
                        introduction.holder.token == "spender"
                    }
                    Operation::AaclCalls(_) => true,
                    Operation::TaskFind { .. }
                    | Operation::TaskCancel { .. }
                    | Operation::TaskDecide { .. }
                    | Operation::TaskRate { .. } => true,
                    _ => false,
                },
            };
        if !is_fine {
            self.note(format!("{:?} had this performed: {operation:?}", self.standing));
        }
    }
}

impl Service for Watched {
    fn perform(&self, operation: Operation) -> Result<Reply, Problem> {
        self.check(&operation);
        match operation {
            // What the market in memory does not keep.
            Operation::AccountShow { .. } | Operation::AccountTransfer { .. } => {
                let nobody = Did(Digest([0; 32]));
                Err(Problem::new(Code::NotFound, format!("there is no account {nobody}")))
            }
            Operation::AgentAccept { agent } => {
                Err(Problem::new(Code::NotFound, format!("there is no agent {agent}")))
            }
            Operation::LedgerAudit | Operation::LedgerExport { .. } | Operation::NodeStop => {
                Err(Problem::new(Code::Conflict, "not now"))
            }
            operation => self.market().perform(operation),
        }
    }

    fn put_blob(&self, source: &mut dyn Read) -> Result<(ContentId, u64), Problem> {
        if matches!(self.standing, Standing::Stranger | Standing::Fixtures) {
            self.note(format!("{:?} stored a blob", self.standing));
        }
        self.market().put_blob(source)
    }

    fn watch(&self, task: &str, after: u32, told: Told) -> Result<Waiting, Problem> {
        self.market().watch(task, after, told)
    }

    fn client(&self, token: &Token) -> Option<access::Client> {
        let clients = self.clients.read().unwrap();
        clients.iter().find(|(held, _)| held == token).map(|(_, client)| client.clone())
    }

    fn get_blob(&self, content: ContentId, sink: &mut dyn Write) -> Result<u64, Problem> {
        self.market().get_blob(content, sink)
    }
}
