//! `cargo xtask crash`: the real binary runs tasks while it is killed with SIGKILL at every durable
//! step and at random moments; afterwards every task is paid once or refunded once, every trade on the
//! exchange is made once, and money, credits, blocks and logs add up.
//!
//! A client that does not know of the kills announces tasks under idempotency keys and announces
//! them again when the connection breaks, as a real one would. What happened to each task is read
//! from the exported blocks, not from the node's word.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::steps::Tally;
use crate::workspace::{self, cargo, root};

mod chunks;
mod client;
mod commands;
mod exchange;
mod node;

use client::Client;
use node::NodeProcess;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Kills at random moments, beside one at every durable step.
    pub(crate) kills: u32,
    /// Where the moments come from.
    pub(crate) seed: u64,
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self { kills: 200, seed: 1 };
        let mut rest = arguments;
        loop {
            rest = match rest {
                [] => return Ok(options),
                ["--kills", kills, rest @ ..] => {
                    options.kills = kills.parse().context("--kills takes a number")?;
                    rest
                }
                ["--seed", seed, rest @ ..] => {
                    options.seed = seed.parse().context("--seed takes a number")?;
                    rest
                }
                unknown => bail!("crash takes --kills N and --seed S, not {}", unknown.join(" ")),
            };
        }
    }
}

/// Tasks announced between two kills.
const TASKS_A_KILL: u32 = 6;
/// Tasks whose negotiations are looked at when all is over.
const NEGOTIATED_LOOKED_AT: usize = 12;
/// How long a node may take to come up, and tasks to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Builds the binary and runs the test.
///
/// # Errors
/// When a task was not paid or refunded exactly once, or something does not add up.
pub(crate) fn run(options: Options) -> anyhow::Result<()> {
    workspace::run(&mut cargo(&["build", "--package", "ainur"]))?;
    let tally = run_built(options)?;
    println!("{tally}");
    ensure!(tally.failed == 0, "see above");
    Ok(())
}

/// Runs the test with the binary that is built already.
pub(crate) fn run_built(options: Options) -> anyhow::Result<Tally> {
    let place = Place::new(options.seed)?;
    println!(
        "seed {}; again with: cargo xtask crash --kills {} --seed {}",
        options.seed, options.kills, options.seed
    );
    place.prepare()?;
    let mut random = Random(options.seed.wrapping_mul(2).wrapping_add(1));
    let mut keys = 0;
    let mut tally = Tally::default();
    let points = place.crash_points()?;
    tally += commands::run(&place, &points)?;
    for point in points.iter().filter(|point| !point.starts_with(commands::JOIN)) {
        // The first pass through a point is often that of starting up; later ones differ.
        let hit = 1 + random.below(2);
        let died = place.round(&mut keys, &Death::At(format!("{point}:{hit}")))?;
        println!("{point:<20} hit {hit}  {}", if died { "killed" } else { "not reached" });
        tally += Tally::PASSED;
    }
    for kill in 0..options.kills {
        let after = Duration::from_millis(random.below(900));
        place.round(&mut keys, &Death::After(after))?;
        if (kill + 1) % 10 == 0 {
            println!("{} random kills", kill + 1);
        }
        tally += Tally::PASSED;
    }
    place.judge(keys)?;
    std::fs::remove_dir_all(&place.folder).context("removing the data directory")?;
    Ok(tally)
}

/// The binary as `cargo build` leaves it.
pub(crate) fn binary() -> PathBuf {
    workspace::target_directory().join("debug/ainur")
}

/// A component that delivers its input.
fn echo() -> String {
    root().join("agents/prebuilt/echo.wasm").to_string_lossy().into_owned()
}

/// How the node dies.
enum Death {
    /// By its own hand, at a named point.
    At(String),
    /// By ours, some time after it came up.
    After(Duration),
}

/// A data directory under test.
struct Place {
    folder: PathBuf,
    binary: PathBuf,
}

impl Place {
    fn new(seed: u64) -> anyhow::Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("ainur-crash-{seed}-{}", std::process::id()));
        let binary = binary();
        ensure!(binary.is_file(), "{} is not built", binary.display());
        Ok(Self { folder, binary })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--json").arg("--data-dir").arg(&self.folder).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// Three agents with prices of their own, one of them with a standing offer beside it, and snapshots so often that they are killed too.
    fn prepare(&self) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.folder).context("making the data directory")?;
        let settings = "snapshot_tasks = 3\nsnapshot_blocks = 5\n";
        std::fs::write(self.folder.join("config.toml"), settings).context("writing settings")?;
        for (name, price) in [("one", "1"), ("two", "1.5"), ("three", "2")] {
            let echo = echo();
            // Slashed again and again, and still not barred.
            let arguments =
                ["agent", "add", &echo, "--name", name, "--price", price, "--stake", "100000"];
            // They bid in coalitions for parts of a task that are done at once, and owe one
            // another something when they fail.
            let team = ["--team-saving", "40%", "--insurance", "1"];
            let clauses = ["--penalty", "failed:members:20%", "--penalty", "failed:backup:15%"];
            let words = [&arguments[..], &team, &clauses].concat();
            workspace::output(&mut self.command(&words))?;
        }
        // Taken by some tasks, full for others; cheaper than what an auction would pay.
        let offer = ["market", "offer", "two", "--price", "1.2", "--discount", "50:10%"];
        let capacity = ["--concurrent", "1", "--queue", "1", "--for", "600"];
        workspace::output(&mut self.command(&[&offer[..], &capacity[..]].concat()))?;
        chunks::prepare(self)?;
        exchange::prepare(self)
    }

    fn crash_points(&self) -> anyhow::Result<Vec<String>> {
        let text = workspace::output(&mut self.command(&["introspect"]))?;
        let introspection: Value = serde_json::from_str(&text)?;
        let points = introspection["crash_points"].as_array().context("no crash points")?;
        Ok(points.iter().filter_map(|point| point.as_str().map(Into::into)).collect())
    }

    /// One life of the node: tasks are announced, it dies, it comes back, and they all end.
    fn round(&self, keys: &mut u32, death: &Death) -> anyhow::Result<bool> {
        let first = *keys;
        *keys += TASKS_A_KILL;
        let died = self.die(first..*keys, death)?;
        let mut node = NodeProcess::start(self, None)?;
        let client = node.client(PATIENCE)?;
        for key in first..*keys {
            client.announce(key)?;
            exchange::trade(&client, key)?;
        }
        self.wait_until_idle(&client)?;
        exchange::check(&client)?;
        node.stop(&client)?;
        Ok(died)
    }

    fn die(&self, keys: std::ops::Range<u32>, death: &Death) -> anyhow::Result<bool> {
        let point = match death {
            Death::At(point) => Some(point.as_str()),
            Death::After(_) => None,
        };
        let mut node = NodeProcess::start(self, point)?;
        if let Ok(client) = node.client(PATIENCE) {
            for key in keys {
                // The node may be gone: that is the point.
                let asked = client.announce(key).and_then(|()| exchange::trade(&client, key));
                if asked.is_err() {
                    break;
                }
            }
        }
        match death {
            Death::After(after) => {
                std::thread::sleep(*after);
                node.kill()?;
                Ok(true)
            }
            Death::At(_) => {
                if node.wait_for_death(Duration::from_millis(1_500))? {
                    return Ok(true);
                }
                // Some points are only passed when a node stops in good order.
                if let Ok(client) = node.client(PATIENCE) {
                    drop(client.perform(&json!({ "operation": "node-stop" })));
                }
                let died = node.wait_for_death(Duration::from_secs(10))?;
                Ok(died && node.was_killed()?)
            }
        }
    }

    fn wait_until_idle(&self, client: &Client) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let status = client.perform(&json!({ "operation": "node-status" }))?;
            if status["value"]["tasks_open"] == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < until, "tasks did not end: {status}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Reads what happened from the exported blocks, and audits everything.
    fn judge(&self, keys: u32) -> anyhow::Result<()> {
        let audit = workspace::output(&mut self.command(&["ledger", "audit"]))?;
        let audit: Value = serde_json::from_str(&audit)?;
        ensure!(audit["ok"] == true, "the audit found: {audit:#}");
        let export = self.folder.join("export");
        let folder = export.to_string_lossy();
        workspace::output(&mut self.command(&["ledger", "export", &folder]))?;
        let blocks = export.join("blocks.jsonl");
        self.judge_bonds(&blocks)?;
        chunks::judge(&blocks)?;
        exchange::judge(&blocks, keys)?;
        let endings = endings(&blocks)?;
        let tasks = self.tasks(keys)?;
        ensure!(tasks.len() == keys as usize, "{} tasks for {keys} keys", tasks.len());
        let (mut settled, mut refunded) = (0, 0);
        for task in &tasks {
            let id = task["id"].as_str().unwrap_or_default();
            let ending = endings.get(id).copied().unwrap_or_default();
            match task["phase"].as_str() {
                Some("settled") if ending == (1, 0) => settled += 1,
                Some("refunded") if ending == (0, 1) => refunded += 1,
                phase => bail!(
                    "task {id} is {phase:?}; the ledger paid {} and refunded {} times",
                    ending.0,
                    ending.1
                ),
            }
        }
        ensure!(settled > 0 && refunded > 0, "settled {settled}, refunded {refunded}");
        self.judge_negotiated(&tasks)?;
        println!("{settled} tasks paid once, {refunded} refunded once, none lost; books balance");
        Ok(())
    }

    /// Every attempt was awarded once, offers were taken, and no bond is locked any more.
    fn judge_bonds(&self, blocks: &Path) -> anyhow::Result<()> {
        let (awards, by_offer) = awards(blocks)?;
        for ((task, attempt), count) in &awards {
            ensure!(*count == 1, "attempt {attempt} of task {task} was awarded {count} times");
        }
        let taken = by_offer.values().max().copied().unwrap_or_default();
        ensure!(taken > 1, "no standing offer was taken");
        for agent in ["one", "two", "three"] {
            let shown = workspace::output(&mut self.command(&["agent", "show", agent]))?;
            let shown: Value = serde_json::from_str(&shown)?;
            let did = shown["did"].as_str().context("an agent has a DID")?;
            let account = workspace::output(&mut self.command(&["account", "show", did]))?;
            let account: Value = serde_json::from_str(&account)?;
            ensure!(account["locked"] == "0", "{agent} has a bond left: {account}");
        }
        println!("{} awards, each once; {taken} under the standing offer", awards.len());
        Ok(())
    }

    /// Of the last tasks some were negotiated, each awarded to at most one seller an attempt.
    fn judge_negotiated(&self, tasks: &[Value]) -> anyhow::Result<()> {
        let mut negotiated = 0;
        for task in tasks.iter().take(NEGOTIATED_LOOKED_AT) {
            let id = task["id"].as_str().context("a task has an id")?;
            let shown = workspace::output(&mut self.command(&["task", "show", id]))?;
            let shown: Value = serde_json::from_str(&shown)?;
            let threads = shown["negotiations"].as_array().cloned().unwrap_or_default();
            let awarded = threads.iter().filter(|thread| thread["awarded"] == true).count();
            ensure!(awarded <= 1, "{awarded} agreements of task {id} were awarded at once");
            negotiated += usize::from(!threads.is_empty());
        }
        ensure!(negotiated > 0, "no task was negotiated");
        println!("{negotiated} of the last {NEGOTIATED_LOOKED_AT} tasks were negotiated");
        Ok(())
    }

    fn tasks(&self, keys: u32) -> anyhow::Result<Vec<Value>> {
        let mut tasks: Vec<Value> = Vec::new();
        loop {
            let before = tasks.last().map(|task| task["number"].to_string());
            let mut arguments = vec!["task", "list", "--limit", "500"];
            arguments.extend(before.iter().flat_map(|number| ["--before", number.as_str()]));
            let page = workspace::output(&mut self.command(&arguments))?;
            let page: Vec<Value> = serde_json::from_str(&page)?;
            if page.is_empty() || tasks.len() > keys as usize {
                return Ok(tasks);
            }
            tasks.extend(page);
        }
    }
}

/// How often each attempt of a task was awarded, and how often each standing offer was taken.
type Awards = (BTreeMap<(String, u64), u32>, BTreeMap<String, u32>);

fn awards(blocks: &Path) -> anyhow::Result<Awards> {
    let text = std::fs::read_to_string(blocks).context("reading the exported blocks")?;
    let (mut awards, mut behind) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        let block: Value = serde_json::from_str(line)?;
        for record in block["events"].as_array().into_iter().flatten() {
            let escrow = &record["event"]["escrow"];
            let first = escrow["agreed"].as_object().map(|award| (award, 1));
            let later = escrow["reawarded"].as_object().map(|award| {
                (award, award.get("attempt").and_then(Value::as_u64).unwrap_or_default())
            });
            let Some((award, attempt)) = first.or(later) else { continue };
            let task = award.get("task").and_then(Value::as_str).context("an award has a task")?;
            *awards.entry((task.to_owned(), attempt)).or_default() += 1;
            let sellers = award.get("sellers").and_then(Value::as_array);
            for hire in sellers.context("an award has sellers")? {
                // An offer is its own document; behind a bid there is a transcript.
                let bid = hire["bid"].as_str().context("an award names what was signed")?;
                if hire["transcript"] == bid {
                    *behind.entry(bid.to_owned()).or_default() += 1;
                }
            }
        }
    }
    Ok((awards, behind))
}

/// How often each task was settled and refunded, by the blocks.
fn endings(blocks: &Path) -> anyhow::Result<BTreeMap<String, (u32, u32)>> {
    let text = std::fs::read_to_string(blocks).context("reading the exported blocks")?;
    let mut endings: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for line in text.lines() {
        let block: Value = serde_json::from_str(line)?;
        for record in block["events"].as_array().into_iter().flatten() {
            let escrow = &record["event"]["escrow"];
            for (kind, paid) in [("settled", true), ("refunded", false)] {
                if let Some(task) = escrow[kind]["task"].as_str() {
                    let ending = endings.entry(task.into()).or_default();
                    if paid { ending.0 += 1 } else { ending.1 += 1 }
                }
            }
        }
    }
    Ok(endings)
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// Ends a child, whatever state it is in.
fn reap(child: &mut Child) -> anyhow::Result<()> {
    if child.try_wait()?.is_none() {
        child.kill()?;
    }
    child.wait().map(|_| ()).context("waiting for the node")
}
