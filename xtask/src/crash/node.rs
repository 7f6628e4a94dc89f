//! A node process: started, found, killed.
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::client::Client;
use super::{Place, reap};

/// A running `ainur node start`.
pub(super) struct NodeProcess {
    child: Child,
    endpoint: PathBuf,
}

impl NodeProcess {
    /// Starts it; with a crash point, it will kill itself there.
    pub(super) fn start(place: &Place, crash_point: Option<&str>) -> anyhow::Result<Self> {
        let endpoint = place.folder.join("node.json");
        // What a killed node left behind would be found before the new one is up.
        if endpoint.exists() {
            std::fs::remove_file(&endpoint)?;
        }
        let mut command = place.command(&["node", "start", "--listen", "127.0.0.1:0"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(point) = crash_point {
            command.env("AINUR_CRASH_AT", point);
        }
        let child = command.spawn().context("starting the node")?;
        Ok(Self { child, endpoint })
    }

    /// Waits until it listens.
    pub(super) fn client(&mut self, patience: Duration) -> anyhow::Result<Client> {
        let until = Instant::now() + patience;
        loop {
            if let Ok(text) = std::fs::read_to_string(&self.endpoint) {
                let endpoint: Value = serde_json::from_str(&text)?;
                let address: SocketAddr =
                    endpoint["address"].as_str().unwrap_or_default().parse()?;
                let token = endpoint["token"].as_str().unwrap_or_default().to_owned();
                return Ok(Client { address, token });
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the node ended with {status} before it listened");
            }
            if Instant::now() > until {
                bail!("the node did not come up in {} s", patience.as_secs());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        reap(&mut self.child)
    }

    /// Waits for it to end; tells whether it did.
    pub(super) fn wait_for_death(&mut self, patience: Duration) -> anyhow::Result<bool> {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if self.child.try_wait()?.is_some() {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(false)
    }

    /// It has ended, and by SIGKILL.
    pub(super) fn was_killed(&mut self) -> anyhow::Result<bool> {
        use std::os::unix::process::ExitStatusExt;
        Ok(self.child.try_wait()?.is_some_and(|status| status.signal() == Some(9)))
    }

    /// Stops it as a person would, and waits.
    pub(super) fn stop(&mut self, client: &Client) -> anyhow::Result<()> {
        client.perform(&json!({ "operation": "node-stop" }))?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the node ended with {status}");
        }
        Ok(())
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        if let Err(error) = reap(&mut self.child) {
            eprintln!("a node may be left behind: {error:#}");
        }
    }
}
