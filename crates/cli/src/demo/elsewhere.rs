//! Agents that are not programs of this node: an MCP server that is started here and speaks on its
//! standard streams, and an A2A agent on loopback, which is another market with a ledger of its own.
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use ainur_api::a2a::Desk;
use ainur_api::http::{Server, StopSignal, Token};
use ainur_api::operation::{
    Credential, McpCommand, Operation, ProgramSource, Reply, ServicePlace, TokenCreate,
};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::Scope;
use ainur_api::{Service, view::TaskView};
use ainur_node::{DataDirectory, Node, Options};
use ainur_primitives::{AcceptanceCheck, Amount};
use serde_json::{Value, json};

use super::cast;
use super::hire::{Wish, hire};
use super::narrate::Narrator;
use super::save;
use super::summary::Summary;
use super::workflow::accepted;
use crate::command::ask;
use crate::output::io_problem;

/// The MCP server: a shell script.
const RATIO: &str = include_str!("../../../../agents/commands/ratio-mcp");
/// What the neighbour's market offers.
const LINE_COUNT: &str = include_str!("../../../../agents/commands/line-count");
/// What the neighbour is asked to count.
const TEXT: &str = include_str!("../../../../corpus/MANIFEST.md");

/// Hires both once.
pub(super) fn run(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
    root: &Path,
    compressed: Option<(u64, u64)>,
) -> Result<(), Problem> {
    narrator.scene(
        "Agents from elsewhere",
        "an MCP server over its standard streams, and an A2A agent: a market on loopback",
    );
    let known: Vec<String> = cast::agents(node)?.into_iter().map(|agent| agent.name).collect();
    if !known.iter().any(|name| name == "calculator") {
        let argv = vec!["/bin/sh".into(), script(root, "ratio-mcp.sh", RATIO)?];
        let server = ProgramSource::McpCommand(McpCommand { argv, ..McpCommand::default() });
        cast::add(node, "calculator", server, Amount::from_ainu("0.05").ok())?;
    }
    if let Some((input_bytes, output_bytes)) = compressed {
        let asked = json!({ "input_bytes": input_bytes, "output_bytes": output_bytes });
        let ratio = hire(node, narrator, summary, wish("calculator.compression-ratio", asked))?;
        tell(node, narrator, root, &ratio, "/per_cent", "% of the bytes are left")?;
    }
    let neighbour = Neighbour::open(&root.join("neighbour"))?;
    let place = ServicePlace {
        url: format!("http://{}", neighbour.address),
        allow_private: true,
        credential: Some(Credential(neighbour.secret.clone())),
        credential_header: None,
    };
    // Its port is another each time.
    if known.iter().any(|name| name == "neighbour") {
        node.perform(Operation::AgentRemove { agent: "neighbour".into() })?;
    }
    cast::add(node, "neighbour", ProgramSource::Url(place), Amount::from_ainu("0.3").ok())?;
    let counted =
        hire(node, narrator, summary, wish("neighbour.files-line-count", json!({ "text": TEXT })))?;
    let words = "/artifacts/0/parts/0/data/words";
    tell(node, narrator, root, &counted, words, "words in the corpus' manifest")?;
    neighbour.close()
}

fn wish(capability: &str, parameters: Value) -> Wish<'_> {
    Wish { parameters, ..Wish::without_input(capability, AcceptanceCheck::Schema) }
}

/// Shows one value of a JSON output.
fn tell(
    node: &Node,
    narrator: &Narrator<'_>,
    root: &Path,
    task: &TaskView,
    pointer: &str,
    what: &str,
) -> Result<(), Problem> {
    let Some(output) = accepted(task) else { return Ok(()) };
    let path = root.join("results").join(format!("{}.json", task.capability));
    save(node, output, &path)?;
    let text = std::fs::read(&path)
        .map_err(|error| io_problem(&format!("read {}", path.display()), &error))?;
    let value: Value = serde_json::from_slice(&text).unwrap_or_default();
    if let Some(number) = value.pointer(pointer) {
        narrator.fact("it says", &format!("{number} {what}"));
    }
    Ok(())
}

/// A market beside this one: its own keys, ledger and agents.
struct Neighbour {
    node: Arc<Node>,
    address: SocketAddr,
    secret: String,
    stop: StopSignal,
    serving: JoinHandle<Result<(), ainur_api::http::Error>>,
}

impl Neighbour {
    fn open(root: &Path) -> Result<Self, Problem> {
        let failed = |error: &dyn std::error::Error| {
            Problem::new(Code::Internal, format!("the neighbour does not start: {error}"))
        };
        let directory = DataDirectory::new(Some(root.to_owned()))?;
        let node = Arc::new(Node::open(directory, Options::default())?);
        if cast::agents(&node)?.is_empty() {
            let argv = vec!["/bin/sh".into(), script(root, "line-count.sh", LINE_COUNT)?];
            let program = ProgramSource::Command { argv, network: false, or_mcp: false };
            cast::add(&node, "line-count", program, Amount::from_ainu("0.1").ok())?;
        }
        let limit = Amount::ainu(10);
        let create = Operation::TokenCreate(TokenCreate {
            name: format!("demo-{}", std::process::id()),
            scope: Scope::Spend,
            limit,
            daily: None,
            per_task: None,
            parent: None,
            expires_ms: None,
            weight: std::num::NonZeroU16::MIN,
        });
        let secret = ask(&*node, create, |reply| match reply {
            Reply::TokenCreated { secret, .. } => Some(secret),
            _ => None,
        })?;
        let token = Token::generate().map_err(|error| failed(&error))?;
        let server = Server::bind(([127, 0, 0, 1], 0).into(), token).map_err(|e| failed(&e))?;
        let server = server.with_a2a(node.a2a(Desk::Market, None)?);
        let (address, stop) = (server.address(), StopSignal::new());
        let (service, signal) = (Arc::clone(&node) as Arc<dyn Service>, stop.clone());
        let serving = std::thread::Builder::new()
            .name("neighbour".into())
            .spawn(move || server.serve(service, signal))
            .map_err(|error| failed(&error))?;
        Ok(Self { node, address, secret, stop, serving })
    }

    fn close(self) -> Result<(), Problem> {
        self.stop.stop();
        if self.serving.join().is_err() {
            return Err(Problem::new(Code::Internal, "the neighbour's server panicked"));
        }
        self.node.close()
    }
}

/// Writes a script where it can be run from.
fn script(root: &Path, name: &str, text: &str) -> Result<String, Problem> {
    let path = root.join(name);
    std::fs::write(&path, text)
        .map_err(|error| io_problem(&format!("write {}", path.display()), &error))?;
    Ok(path.display().to_string())
}
