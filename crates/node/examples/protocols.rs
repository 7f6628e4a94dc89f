//! What the protocols cost: `cargo run --release -p ainur-node --example protocols -- [FOLDER]
//! [SECONDS]`.
//!
//! A real node behind its real server, and clients on kept connections in the same process:
//! submissions per second through each protocol beside what the same server answers to a bare
//! request; a tool of an MCP server hired as an agent beside the same tool called directly; and the
//! memory of a thousand open event streams.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ainur_api::Service;
use ainur_api::a2a::Desk;
use ainur_api::http::{Server, StopSignal, Token};
use ainur_api::operation::{
    AgentAdd, McpCommand, Operation, ProgramSource, Reply, TaskRequest, TokenCreate,
};
use ainur_api::view::Scope;
use ainur_node::{DataDirectory, Node, Options};
use ainur_primitives::task::SelectionRule;
use ainur_primitives::{AcceptanceCheck, Amount, DurationMs};
use serde_json::{Value, json};

use figure::Figure;

#[path = "../../../benches/figure.rs"]
mod figure;

// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Clients at once.
const CLIENTS: usize = 16;
/// Event streams that are kept open.
const STREAMS: usize = 1_000;
/// Streams of one task.
const STREAMS_A_TASK: usize = 50;
/// Calls of the tool, one after the other.
const CALLS: usize = 300;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => return ainur_runtime::worker::main(),
        Some("mcp-server") => return serve_mcp(),
        _ => {}
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("protocols: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let folder = tempfile::tempdir_in(parent)?;
    let node = Arc::new(open(&folder.path().join("data"))?);
    let token = Token::generate()?;
    let server =
        Server::bind(([127, 0, 0, 1], 0).into(), token)?.with_a2a(node.a2a(Desk::Market, None)?);
    let (address, stop) = (server.address(), StopSignal::new());
    let (service, signal) = (Arc::clone(&node) as Arc<dyn Service>, stop.clone());
    let serving = std::thread::spawn(move || server.serve(service, signal));
    let secret = client_token(&node)?;
    submissions(address, &secret, Duration::from_secs(seconds))?;
    hired_tool(&node, address, &secret)?;
    streams(&node, address, &secret)?;
    stop.stop();
    serving.join().map_err(|_| "the server panicked")??;
    node.close()?;
    Ok(())
}

/// A node with an agent that echoes at a fixed price, and the MCP server as another.
fn open(root: &Path) -> Outcome<Node> {
    let node = Node::open(DataDirectory::new(Some(root.into()))?, Options::default())?;
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agents/prebuilt/echo.wasm");
    let (content, _) = node.put_blob(&mut std::fs::File::open(component)?)?;
    add(&node, "echo", ProgramSource::Component { content })?;
    let binary = std::env::current_exe()?.display().to_string();
    let argv = vec![binary, "mcp-server".into()];
    add(&node, "tools", ProgramSource::McpCommand(McpCommand { argv, ..McpCommand::default() }))?;
    Ok(node)
}

fn add(node: &Node, name: &str, program: ProgramSource) -> Outcome {
    node.perform(Operation::AgentAdd(AgentAdd {
        name: Some(name.into()),
        program,
        price: Some(Amount::from_ainu("0.001")?),
        prices: std::collections::BTreeMap::new(),
        tactic: ainur_market::negotiation::TacticName::default(),
        strategy: None,
        stake: None,
        capability: None,
        team: None,
        own_key: None,
    }))?;
    Ok(())
}

fn client_token(node: &Node) -> Outcome<String> {
    let create = Operation::TokenCreate(TokenCreate {
        name: "bench".into(),
        scope: Scope::Spend,
        limit: Amount::ainu(100_000),
        daily: None,
        per_task: Some(Amount::from_ainu("0.01")?),
        parent: None,
        expires_ms: None,
        weight: std::num::NonZeroU16::MIN,
    });
    match node.perform(create)? {
        Reply::TokenCreated { secret, .. } => Ok(secret),
        other => Err(format!("another answer: {other:?}").into()),
    }
}

/// A kept connection.
struct Connection {
    stream: BufReader<TcpStream>,
    secret: String,
}

impl Connection {
    fn open(address: SocketAddr, secret: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), secret: secret.into() })
    }

    fn send(&mut self, line: &str, headers: &str, body: &str) -> Outcome {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.stream.get_ref().peer_addr()?,
            self.secret,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        Ok(())
    }

    /// The status line, and the length of the body when it is stated.
    fn head(&mut self) -> Outcome<(String, Option<usize>)> {
        let (mut status, mut length) = (String::new(), None);
        self.stream.read_line(&mut status)?;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            if line.trim_end().is_empty() {
                return Ok((status, length));
            }
            let lower = line.to_ascii_lowercase();
            if let Some(stated) = lower.strip_prefix("content-length:") {
                length = Some(stated.trim().parse()?);
            }
        }
    }

    fn ask(&mut self, line: &str, headers: &str, body: &str) -> Outcome<Vec<u8>> {
        self.send(line, headers, body)?;
        let (status, length) = self.head()?;
        let mut answer = vec![0; length.ok_or("a body of unknown length")?];
        self.stream.read_exact(&mut answer)?;
        if !status.contains(" 20") {
            return Err(format!("{status}{}", String::from_utf8_lossy(&answer)).into());
        }
        Ok(answer)
    }
}

/// A way to submit: its name, request line, headers, and body for a number.
struct Way {
    name: &'static str,
    line: &'static str,
    headers: &'static str,
    body: fn(u64) -> Value,
}

const BARE: Way =
    Way { name: "GET /healthz", line: "GET /healthz", headers: "", body: |_| Value::Null };

const WAYS: [Way; 4] = [
    Way {
        name: "REST",
        line: "POST /v1/tasks",
        headers: "",
        body: |number| {
            json!({ "capability": "text.echo", "parameters": { "number": number },
                "reserve": "10000000000", "check": digest_free() })
        },
    },
    Way {
        name: "A2A JSON-RPC",
        line: "POST /a2a",
        headers: "A2A-Version: 1.0\r\n",
        body: |number| json!({ "jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": message(number) }),
    },
    Way {
        name: "A2A HTTP+JSON",
        line: "POST /a2a/v1/message:send",
        headers: "A2A-Version: 1.0\r\n",
        body: message,
    },
    Way {
        name: "MCP, to the result",
        line: "POST /mcp",
        headers: "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n\
                  Mcp-Method: tools/call\r\nMcp-Name: tools.add-numbers\r\n",
        body: call_tool,
    },
];

/// Accepts at once: what is measured is the way in.
fn digest_free() -> Value {
    json!({ "kind": "buyer-word", "window_ms": 1 })
}

fn message(number: u64) -> Value {
    let data = json!({ "capability": "tools.add-numbers", "parameters": { "a": number, "b": 1 } });
    json!({
        "message": { "messageId": format!("m{number}"), "role": "ROLE_USER", "parts": [{ "data": data }] },
        "configuration": { "returnImmediately": true },
    })
}

fn call_tool(number: u64) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({ "jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {
        "name": "tools.add-numbers", "arguments": { "a": number, "b": 1 }, "_meta": meta } })
}

fn submissions(address: SocketAddr, secret: &str, span: Duration) -> Outcome {
    let bare = rate(address, secret, &BARE, span / 2)?;
    for way in &WAYS {
        let value = rate(address, secret, way, span)?;
        let metric = format!("{}, {CLIENTS} clients", way.name);
        let peer = Some((BARE.name, bare));
        Figure { bench: "protocols", metric: &metric, value, unit: "tasks/s", peer }.print();
        // What was submitted is worked off before the next way in is measured.
        let mut probe = Connection::open(address, secret)?;
        while String::from_utf8_lossy(&probe.ask(
            "GET /v1/tasks?limit=1&phase=announced&phase=agreed&phase=running&phase=verifying&\
             phase=accepted",
            "",
            "",
        )?)
        .contains("\"id\"")
        {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

fn rate(address: SocketAddr, secret: &str, way: &Way, span: Duration) -> Outcome<f64> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let started = Instant::now();
    let done: u64 = std::thread::scope(|scope| -> Result<u64, String> {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(move || -> Result<u64, String> {
                    let mut connection =
                        Connection::open(address, secret).map_err(|error| error.to_string())?;
                    let mut done = 0;
                    while started.elapsed() < span {
                        let body = (way.body)(NUMBER.fetch_add(1, Ordering::Relaxed));
                        let body = if body.is_null() { String::new() } else { body.to_string() };
                        connection
                            .ask(way.line, way.headers, &body)
                            .map_err(|error| format!("{}: {error}", way.name))?;
                        done += 1;
                    }
                    Ok(done)
                })
            })
            .collect();
        let ended = |client: std::thread::ScopedJoinHandle<'_, Result<u64, String>>| {
            client.join().map_err(|_| "a client panicked".to_owned())?
        };
        clients.into_iter().map(ended).sum()
    })?;
    Ok(done as f64 / started.elapsed().as_secs_f64())
}

/// The tool, hired and called directly, one call after the other.
fn hired_tool(node: &Node, address: SocketAddr, secret: &str) -> Outcome {
    let mut server = Command::new(std::env::current_exe()?)
        .arg("mcp-server")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = server.stdin.take().ok_or("no pipe")?;
    let mut output = BufReader::new(server.stdout.take().ok_or("no pipe")?);
    let direct = median(|number| {
        writeln!(input, "{}", call_tool(number))?;
        let mut line = String::new();
        output.read_line(&mut line)?;
        Ok(())
    })?;
    drop(input);
    server.wait()?;
    let hired = median(|number| {
        let request = TaskRequest {
            capability: "tools.add-numbers".parse()?,
            parameters: json!({ "a": number, "b": 1 }),
            input: None,
            reserve: Amount::from_ainu("0.01")?,
            loss: None,
            budget: None,
            selection: SelectionRule::Scored,
            check: Some(AcceptanceCheck::Schema),
            deadline_ms: None,
            limits: None,
            graph: None,
            chunks: Vec::new(),
            only: None,
            venue: Default::default(),
            rental: None,
            service: None,
            negotiation: None,
            bidding_ms: None,
            idempotency_key: None,
            request_digest: None,
            context: None,
            wait: true,
            trace: None,
        };
        match node.perform(Operation::TaskRun(request))? {
            Reply::Task(task) if task.output.is_some() => Ok(()),
            other => Err(format!("not done: {other:?}").into()),
        }
    })?;
    let mut connection = Connection::open(address, secret)?;
    let way = &WAYS[3];
    let through = median(|number| {
        connection.ask(way.line, way.headers, &call_tool(number).to_string()).map(drop)
    })?;
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    for (metric, value) in [
        ("MCP tool hired in process, median", hired),
        ("MCP tool hired through /mcp, median", through),
    ] {
        let peer = Some(("called directly", milliseconds(direct)));
        let value = milliseconds(value);
        Figure { bench: "protocols", metric, value, unit: "ms", peer }.print();
    }
    Ok(())
}

fn median(mut call: impl FnMut(u64) -> Outcome) -> Outcome<Duration> {
    for number in 0..20 {
        call(number)?;
    }
    let mut times = Vec::with_capacity(CALLS);
    for number in 0..CALLS as u64 {
        let started = Instant::now();
        call(number)?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times[CALLS / 2])
}

/// Streams of tasks that wait for the buyer's word.
fn streams(node: &Node, address: SocketAddr, secret: &str) -> Outcome {
    let mut buyer = Connection::open(address, secret)?;
    let mut tasks = Vec::new();
    for number in 0..STREAMS.div_ceil(STREAMS_A_TASK) {
        let body = json!({ "capability": "text.echo", "parameters": { "number": number },
            "reserve": "10000000000", "check": { "kind": "buyer-word", "window_ms": 600_000 } });
        let task: Value =
            serde_json::from_slice(&buyer.ask("POST /v1/tasks", "", &body.to_string())?)?;
        tasks.push(task["id"].as_str().ok_or("no id")?.to_owned());
    }
    let wait =
        Operation::TaskEvents { task: tasks[0].clone(), after: 7, wait_ms: DurationMs(2_000) };
    node.perform(wait)?;
    let before = resident_bytes()?;
    let mut open = Vec::with_capacity(STREAMS);
    for number in 0..STREAMS {
        let mut stream = Connection::open(address, secret)?;
        let line = format!("GET /v1/tasks/{}/events", tasks[number / STREAMS_A_TASK]);
        stream.send(&line, "Accept: text/event-stream\r\n", "")?;
        let (status, _) = stream.head()?;
        if !status.contains(" 200") {
            return Err(format!("stream {number}: {status}").into());
        }
        open.push(stream);
    }
    std::thread::sleep(Duration::from_millis(500));
    let grown = resident_bytes()?.saturating_sub(before) as f64 / 1024.0;
    let value = grown / STREAMS as f64;
    let metric = format!("memory of each of {STREAMS} open streams, both ends");
    let peer = None;
    Figure { bench: "protocols", metric: &metric, value, unit: "KiB", peer }.print();
    drop(open);
    for task in tasks {
        node.perform(Operation::TaskDecide { task, accept: true, reason: String::new() })?;
    }
    Ok(())
}

fn resident_bytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// A small MCP server on standard streams: one tool that adds two numbers.
fn serve_mcp() -> ExitCode {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Ok(request) = serde_json::from_str::<Value>(&line) else { continue };
        if request["id"].is_null() {
            continue;
        }
        let arguments = &request["params"]["arguments"];
        let sum = arguments["a"].as_i64().zip(arguments["b"].as_i64()).map(|(a, b)| a + b);
        let number = json!({ "type": "integer" });
        let result = match request["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
                "serverInfo": { "name": "tools", "version": "1" },
            }),
            Some("tools/list") => json!({ "tools": [{
                "name": "add_numbers", "description": "Adds two numbers.",
                "inputSchema": { "type": "object", "properties": { "a": number, "b": number } },
                "outputSchema": { "type": "object", "properties": { "sum": number } },
            }] }),
            Some("tools/call") => {
                let sum = json!({ "sum": sum });
                let text = json!({ "type": "text", "text": sum.to_string() });
                json!({ "content": [text], "structuredContent": sum })
            }
            _ => Value::Null,
        };
        let answer = match result {
            Value::Null => json!({ "jsonrpc": "2.0", "id": request["id"],
                "error": { "code": -32601, "message": "not known here" } }),
            result => json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }),
        };
        if writeln!(output, "{answer}").and_then(|()| output.flush()).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}
