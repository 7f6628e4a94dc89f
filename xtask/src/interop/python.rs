//! The SDKs and kits of PyPI.
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::market::Market;
use super::step;
use crate::crash;
use crate::steps::Tally;
use crate::workspace::{installed, root, run as execute, target_directory};

/// The packages, pinned.
const PACKAGES: [&str; 8] = [
    "mcp==2.3.0",
    "a2a-sdk[grpc]==1.3.0",
    "httpx==0.28.1",
    "PyJWT==2.15.1",
    "cryptography==50.0.2",
    "schemathesis==4.32.5",
    "opentelemetry-sdk==1.45.2",
    "opentelemetry-proto==1.45.2",
];

/// A Python with the packages.
pub(super) fn environment() -> anyhow::Result<PathBuf> {
    let folder = target_directory().join("interop");
    let python = folder.join("bin/python");
    if !python.exists() {
        anyhow::ensure!(installed("python3"), "python3 is missing (Debian: python3-venv)");
        execute(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    execute(install.args(PACKAGES))?;
    Ok(python)
}

/// Every client, each on a market of its own.
pub(super) fn run(python: &Path) -> Tally {
    let mut tally = step("mcp (PyPI) over standard input and output", || mcp_stdio(python));
    tally += step("mcp (PyPI) over HTTP", || mcp_http(python));
    tally += step("a2a-sdk (PyPI)", || a2a(python));
    tally += step("opentelemetry (PyPI) as a buyer and a collector", || traces(python));
    tally += step("schemathesis (PyPI) on the OpenAPI document", || rest(python));
    tally
}

fn script(python: &Path, name: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new(python);
    // Schemathesis is found beside the interpreter.
    let folder = python.parent().unwrap_or(Path::new("."));
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", folder.display()));
    command.arg(root().join("xtask/interop").join(name)).args(arguments);
    execute(&mut command)
}

fn mcp_stdio(python: &Path) -> anyhow::Result<()> {
    let market = Market::new("mcp-stdio")?;
    let binary = crash::binary().display().to_string();
    script(python, "mcp_stdio.py", &[&binary, &market.folder().display().to_string()])?;
    market.close()
}

fn mcp_http(python: &Path) -> anyhow::Result<()> {
    let market = Market::start("mcp-http", &[])?;
    let secret = market.token(&["mcp", "--limit", "2"])?;
    script(python, "mcp_http.py", &[&market.base, &secret])?;
    market.close()
}

fn a2a(python: &Path) -> anyhow::Result<()> {
    let market = Market::start("a2a", &[])?;
    let secret = market.token(&["a2a", "--limit", "100", "--per-task", "1"])?;
    let slow = ["--slow", "work.hang"];
    script(python, "a2a_client.py", &[&[&market.base[..], &secret], &slow[..]].concat())?;
    market.close()?;
    let market = Market::start("a2a-conformance", &["--conformance"])?;
    let secret = market.token(&["a2a", "--limit", "1"])?;
    script(python, "a2a_client.py", &[&market.base, &secret, "--conformance"])?;
    market.close()
}

fn traces(python: &Path) -> anyhow::Result<()> {
    // Free for a moment at least; nobody else is asked for it.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let endpoint = format!("http://127.0.0.1:{port}");
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint)];
    let market = Market::start_in("traces", &[], &environment)?;
    let secret = market.token(&["traces", "--limit", "10", "--per-task", "1"])?;
    script(python, "traces.py", &[&market.base, &secret, &port])?;
    market.close()
}

fn rest(python: &Path) -> anyhow::Result<()> {
    let market = Market::start("rest", &[])?;
    let secret =
        market.token(&["fuzz", "--limit", "100", "--per-task", "1", "--scope", "admin"])?;
    script(python, "rest_fuzz.py", &[&market.base, &secret, "10"])?;
    market.close()
}
