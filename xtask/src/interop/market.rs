//! A node to be hired through: a data directory of its own, and the binary running on it.
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::crash;
use crate::workspace::{output, root};

/// Time for a node to listen.
const START_SECONDS_MAX: u64 = 60;

/// See the module. Dropping it ends the node and removes its data.
pub(super) struct Market {
    folder: PathBuf,
    node: Option<Child>,
    /// Where the node listens, such as `http://127.0.0.1:7117`.
    pub(super) base: String,
}

impl Market {
    /// A data directory with the agents `json.echo` and `work.hang`.
    pub(super) fn new(name: &str) -> anyhow::Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("ainur-interop-{name}-{}", std::process::id()));
        let market = Self { folder, node: None, base: String::new() };
        let agent = |name: &str| root().join("xtask/interop").join(name).display().to_string();
        market.ainur(&["agent", "add", &agent("json-echo"), "--price", "0.1"])?;
        let hang = agent("work-hang");
        market.ainur(&["agent", "add", "--price", "0.1", "--capability", "work.hang", &hang])?;
        Ok(market)
    }

    /// The same with the node running.
    pub(super) fn start(name: &str, options: &[&str]) -> anyhow::Result<Self> {
        Self::start_in(name, options, &[])
    }

    /// The same in another environment.
    pub(super) fn start_in(
        name: &str,
        options: &[&str],
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut market = Self::new(name)?;
        let node = market
            .command()
            .args(["node", "start", "--listen", "127.0.0.1:0"])
            .args(options)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .context("starting the node")?;
        market.node = Some(node);
        let until = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        let file = market.folder.join("node.json");
        while !file.exists() {
            if Instant::now() > until {
                bail!("the node does not come up");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let status = market.ainur(&["--json", "node", "status"])?;
        let status: serde_json::Value = serde_json::from_str(&status)?;
        let listen = status["listen"].as_str().context("the node does not say where it listens")?;
        market.base = format!("http://{listen}");
        Ok(market)
    }

    /// The data directory.
    pub(super) fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    fn command(&self) -> Command {
        let mut command = Command::new(crash::binary());
        command.arg("--data-dir").arg(&self.folder);
        command
    }

    /// Runs a command on the market and gives what it printed.
    pub(super) fn ainur(&self, arguments: &[&str]) -> anyhow::Result<String> {
        output(self.command().args(arguments))
    }

    /// Makes a token and gives its secret.
    pub(super) fn token(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let made = self.ainur(&[&["--json", "token", "create"][..], arguments].concat())?;
        let made: serde_json::Value = serde_json::from_str(&made)?;
        Ok(made["secret"].as_str().context("no secret")?.to_owned())
    }

    /// Ends the node and looks whether its books are good.
    pub(super) fn close(mut self) -> anyhow::Result<()> {
        if let Some(mut node) = self.node.take() {
            self.ainur(&["node", "stop"])?;
            node.wait()?;
        }
        self.ainur(&["ledger", "audit"]).map(drop)
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        if let Some(mut node) = self.node.take() {
            drop(node.kill());
            drop(node.wait());
        }
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
