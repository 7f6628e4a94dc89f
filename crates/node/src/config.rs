//! Settings a person may change, in `config.toml`.
use ainur_api::problem::{Code, Problem};
use ainur_broker::limits::ENDED_TASKS_MAX;
use ainur_consensus::chain::SNAPSHOT_BLOCKS;
use ainur_primitives::{Amount, DurationMs};
use serde::{Deserialize, Serialize};

use crate::directory::DataDirectory;

/// The settings of a node. Amounts are in AINU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Worker processes; 0 for one each processor, at least two.
    pub workers: usize,
    /// Stake bonded for a new agent, in AINU.
    pub agent_stake: String,
    /// Time until refund when a task says none, in seconds.
    pub deadline_seconds: u64,
    /// How often agents that live elsewhere are asked whether they are well, in seconds.
    pub health_seconds: u64,
    /// Let clients ask for notifications to this machine and private networks.
    pub allow_private_push: bool,
    /// Where traces are sent over OTLP/HTTP, such as `http://localhost:4318`; nowhere when empty. The
    /// environment variables of OpenTelemetry go before.
    pub otlp_endpoint: String,
    /// What the node is called in traces.
    pub service_name: String,
    /// Ended tasks kept in memory before they are archived.
    pub snapshot_tasks: usize,
    /// Blocks between snapshots of the ledger's state.
    pub snapshot_blocks: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 0,
            agent_stake: "100".into(),
            deadline_seconds: 600,
            health_seconds: 30,
            allow_private_push: false,
            otlp_endpoint: String::new(),
            service_name: "ainur".into(),
            snapshot_tasks: ENDED_TASKS_MAX,
            snapshot_blocks: SNAPSHOT_BLOCKS,
        }
    }
}

const FILE: &str = "config.toml";
const HEADER: &str = "# Settings of this ainur node. Restart it after a change.\n";

impl Config {
    /// Reads the settings, or writes the defaults when there are none.
    ///
    /// # Errors
    /// When the file cannot be read or says something unknown.
    pub fn load(directory: &DataDirectory) -> Result<Self, Problem> {
        let Some(bytes) = directory.read(FILE)? else {
            let config = Self::default();
            let text = toml::to_string(&config).expect("plain fields can be written");
            directory.write(FILE, format!("{HEADER}{text}").as_bytes())?;
            return Ok(config);
        };
        let wrong = |detail: String| {
            let path = directory.path(FILE);
            Problem::new(Code::InvalidRequest, format!("{}: {detail}", path.display()))
                .next("correct the file, or remove it to get the defaults")
        };
        let text = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8".into()))?;
        let config: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        Amount::from_ainu(&config.agent_stake)
            .map_err(|error| wrong(format!("agent_stake: {error}")))?;
        Ok(config)
    }

    /// Stake bonded for a new agent.
    pub fn agent_stake(&self) -> Amount {
        Amount::from_ainu(&self.agent_stake).expect("checked when it was read")
    }

    /// Time until refund when a task says none.
    pub fn deadline(&self) -> DurationMs {
        DurationMs::seconds(self.deadline_seconds)
    }
}
