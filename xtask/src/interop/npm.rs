//! The SDKs, kits and reference servers of npm.
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::market::Market;
use super::step;
use crate::crash;
use crate::steps::Tally;
use crate::workspace::{installed, root, run as execute, target_directory};

/// What is copied beside the packages, where they are found.
const FILES: [&str; 4] = ["package.json", "mcp_node.mjs", "a2a_node.mjs", "mcp_suite_client.mjs"];
/// Scenarios of the client suite, and the versions they are run for. Left out, with the reason:
/// `http-custom-headers` (17 of 18 checks: it wants a null sent that the tool's own schema refuses, and
/// what a schema refuses is never sent); `elicitation-sep1034-client-defaults` and
/// `sep-2322-client-request-state` (a hired tool has nobody to ask: its requests for input are
/// refused); `auth/*` (no OAuth: credentials come from files); `sep-2640-*` (skills are not used).
const CLIENT_SCENARIOS: [(&str, &str); 11] = [
    ("initialize", "2025-11-25"),
    ("tools_call", "2025-06-18"),
    ("tools_call", "2025-11-25"),
    ("tools_call", "2026-07-28"),
    ("sse-retry", "2025-11-25"),
    ("request-metadata", "2026-07-28"),
    ("http-standard-headers", "2026-07-28"),
    ("http-invalid-tool-headers", "2026-07-28"),
    ("json-schema-ref-no-deref", "2026-07-28"),
    ("json-schema-2020-12-preservation", "2025-11-25"),
    ("json-schema-2020-12-preservation", "2026-07-28"),
];
/// Time for a reference server to listen.
const START_SECONDS_MAX: u64 = 30;

/// A folder with the packages and the scripts.
pub(super) fn environment() -> anyhow::Result<PathBuf> {
    ensure!(installed("npm"), "npm is missing (Debian: npm)");
    let folder = target_directory().join("interop-npm");
    std::fs::create_dir_all(&folder)?;
    for file in FILES {
        let from = root().join("xtask/interop").join(file);
        std::fs::copy(&from, folder.join(file))
            .with_context(|| format!("cannot copy {}", from.display()))?;
    }
    let mut install = Command::new("npm");
    install.args(["install", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder);
    execute(&mut install)?;
    ensure!(node(&folder).exists(), "npm's package node brought no binary");
    Ok(folder)
}

/// Every client and server, each on a market of its own.
pub(super) fn run(folder: &Path) -> Tally {
    let mut tally = step("@modelcontextprotocol/sdk and inspector (npm)", || sdk(folder));
    tally += step("@a2a-js/sdk (npm)", || a2a(folder));
    tally += step("@modelcontextprotocol/conformance (npm), server suite", || conformance(folder));
    for (scenario, version) in CLIENT_SCENARIOS {
        let name = format!("@modelcontextprotocol/conformance (npm), client: {scenario} {version}");
        tally += step(&name, || client_scenario(folder, scenario, version));
    }
    tally += step("reference MCP servers (npm) hired as agents", || servers(folder));
    tally
}

fn node(folder: &Path) -> PathBuf {
    folder.join("node_modules/node/bin/node")
}

/// Node with a script, finding the packages and their commands.
fn script(folder: &Path, name: &str) -> Command {
    let mut command = Command::new(node(folder));
    let path = std::env::var("PATH").unwrap_or_default();
    let own = folder.join("node_modules/.bin").display().to_string();
    command.env("PATH", format!("{own}:{path}")).current_dir(folder).arg(name);
    command
}

fn sdk(folder: &Path) -> anyhow::Result<()> {
    let market = Market::start("mcp-npm", &[])?;
    let rich = market.token(&["rich", "--limit", "100", "--per-task", "1"])?;
    // What it may spend on one call is more than the budget it lies inside holds.
    let budget = market.ainur(&["--json", "budget", "open", "1"])?;
    let budget: Value = serde_json::from_str(&budget)?;
    let budget = budget["id"].as_str().context("no budget")?.to_owned();
    let poor = market.token(&["poor", "--limit", "1", "--parent", &budget])?;
    let spend = ["task", "run", "json.echo", "--reserve", "0.5", "--budget", &budget];
    market.ainur(&spend)?;
    execute(script(folder, "mcp_node.mjs").args([&market.base, &rich, "json.echo", &poor]))?;
    market.close()
}

fn a2a(folder: &Path) -> anyhow::Result<()> {
    let market = Market::start("a2a-npm", &[])?;
    let secret = market.token(&["a2a", "--limit", "100", "--per-task", "1"])?;
    let run = [&market.base[..], &secret, "--slow", "work.hang"];
    execute(script(folder, "a2a_node.mjs").args(run))?;
    market.close()?;
    let market = Market::start("a2a-npm-conformance", &["--conformance"])?;
    let secret = market.token(&["a2a", "--limit", "1"])?;
    execute(script(folder, "a2a_node.mjs").args([&market.base, &secret, "--conformance"]))?;
    market.close()
}

fn conformance(folder: &Path) -> anyhow::Result<()> {
    let market = Market::start("mcp-conformance", &["--conformance"])?;
    let url = format!("{}/mcp", market.base);
    let expected = root().join("xtask/interop/mcp_conformance_expected.yaml");
    let kit = folder.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let mut suite = script(folder, &kit.display().to_string());
    suite.args(["server", "--url", &url, "--suite", "all", "--expected-failures"]).arg(expected);
    execute(&mut suite)?;
    market.close()
}

/// Our client, which is the binary hiring the tools of the suite's server.
fn client_scenario(folder: &Path, scenario: &str, version: &str) -> anyhow::Result<()> {
    let kit = folder.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let client = [
        node(folder).display().to_string(),
        folder.join("mcp_suite_client.mjs").display().to_string(),
        crash::binary().display().to_string(),
    ];
    let mut suite = script(folder, &kit.display().to_string());
    suite.args(["client", "--scenario", scenario, "--spec-version", version]);
    execute(suite.arg("--command").arg(client.join(" ")))
}

/// `server-filesystem` and `server-everything`, over their standard streams and over HTTP.
fn servers(folder: &Path) -> anyhow::Result<()> {
    let market = Market::start("mcp-servers", &[])?;
    let packages = folder.join("node_modules");
    let program = |name: &str| {
        packages.join(format!("@modelcontextprotocol/{name}/dist/index.js")).display().to_string()
    };
    let (node, packages) = (node(folder).display().to_string(), packages.display().to_string());
    let shared = market.folder().join("shared");
    std::fs::create_dir_all(&shared)?;
    std::fs::write(shared.join("note.txt"), "what the note says")?;
    let shared = shared.display().to_string();
    let add = |name: &str, options: &[&str], server: &[&str]| {
        let price = ["agent", "add", "--name", name, "--price", "0.1", "--read", &packages];
        market.ainur(&[&price, options, &["--", &node], server].concat())
    };
    add("files", &["--write", &shared], &[&program("server-filesystem"), &shared])?;
    add("everything", &[], &[&program("server-everything"), "stdio"])?;
    let note = format!("{shared}/note.txt");
    let read = hire(&market, "files.read-text-file", &json!({ "path": note }))?;
    ensure!(read.to_string().contains("what the note says"), "{read}");
    let written = format!("{shared}/new.txt");
    hire(&market, "files.write-file", &json!({ "path": written, "content": "new" }))?;
    ensure!(std::fs::read_to_string(&written)? == "new", "nothing was written");
    let outside = hire(&market, "files.read-text-file", &json!({ "path": "/etc/passwd" }));
    ensure!(outside.is_err(), "a file outside was read");
    let sum = hire(&market, "everything.get-sum", &json!({ "a": 2, "b": 3 }))?;
    ensure!(sum.to_string().contains('5'), "{sum}");
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let mut server = script(folder, &program("server-everything"));
    let server = server.arg("streamableHttp").env("PORT", &port).stderr(Stdio::piped()).spawn()?;
    let _server = Listening::wait(server)?;
    let url = format!("http://127.0.0.1:{port}/mcp");
    let web = ["agent", "add", &url, "--private", "--name", "web", "--price", "0.1"];
    market.ainur(&web)?;
    let said = hire(&market, "web.echo", &json!({ "message": "over HTTP" }))?;
    ensure!(said.to_string().contains("over HTTP"), "{said}");
    println!("server-filesystem and server-everything were hired, over pipes and over HTTP");
    market.close()
}

/// Buys, and gives the output.
fn hire(market: &Market, capability: &str, parameters: &Value) -> anyhow::Result<Value> {
    let output = market.folder().join("output").display().to_string();
    let parameters = parameters.to_string();
    let run = ["task", "run", capability, "--reserve", "1", "--output", &output];
    market.ainur(&[&run[..], &["--parameters", &parameters]].concat())?;
    Ok(serde_json::from_slice(&std::fs::read(output)?)?)
}

/// A server that says on its error output that it listens.
struct Listening(Child);

impl Listening {
    fn wait(mut server: Child) -> anyhow::Result<Self> {
        let errors = server.stderr.take().context("no error output")?;
        let listening = Self(server);
        let until = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        for line in BufReader::new(errors).lines() {
            if line?.contains("listening on port") {
                return Ok(listening);
            }
            ensure!(Instant::now() < until, "the reference server does not listen");
        }
        bail!("the reference server ended")
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
