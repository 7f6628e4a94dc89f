//! Settled tasks per second: `cargo run --release -p ainur-node --example settled_tasks -- [FOLDER]
//! [SECONDS]`.
//!
//! A real node with three bidders, each a WASM component that quotes, delivers a few bytes in a
//! worker process, and is checked by digest. Every task is called, committed to, revealed, awarded,
//! agreed, run, checked, paid and entered in the transparency log; it counts when all that is on
//! disk. The bound is what the raw log takes of records of as many bytes as the kernel wrote for a task
//! in all, snapshots included, with one sync for five hundred of them.
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use ainur_api::Service;
use ainur_api::operation::{AgentAdd, Operation, ProgramSource, TaskRequest};
use ainur_broker::task::Phase;
use ainur_crypto::hash;
use ainur_node::{DataDirectory, Node, Options};
use ainur_primitives::task::SelectionRule;
use ainur_primitives::{AcceptanceCheck, Amount};
use ainur_storage::{Log, RealDisk, log};

use figure::Figure;

#[path = "../../../benches/figure.rs"]
mod figure;

// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tasks under way at once when as many as possible are wanted.
const UNDER_WAY: u64 = 5_000;
/// Tasks per second when the time a task takes is measured.
const STEADY_RATE: u64 = 1_000;
/// Tasks a sync of the raw log makes durable.
const RECORDS_A_SYNC: u64 = 500;
/// Bidders.
const BIDDERS: usize = 3;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("worker") {
        return ainur_runtime::worker::main();
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("settled_tasks: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let folder = tempfile::tempdir_in(parent)?;
    for (bidding, quoting) in [("self-quoting", true), ("fixed-price", false)] {
        let root = folder.path().join(bidding);
        let node = Arc::new(open(&root, quoting)?);
        let mut bench = Bench::new(Arc::clone(&node));
        bench.flood(Duration::from_secs(2))?; // compiles, fills caches
        let before = Written::of(&root)?;
        let (tasks, took) = bench.flood(Duration::from_secs(seconds))?;
        let written = Written::of(&root)?.since(&before);
        let rate = tasks as f64 / took.as_secs_f64();
        let steady = bench.steady(Duration::from_secs(seconds))?;
        drop(bench);
        drop(node);
        let bound = raw_log(&folder.path().join("raw"), written.bytes / tasks)?;
        let bound = (format!("raw log, {} B a task", written.bytes / tasks), bound);
        let print = |what: &str, value: f64, unit: &str, peer: Option<(&str, f64)>| {
            let metric = format!("{what}, three {bidding} bidders");
            Figure { bench: "settled-tasks", metric: &metric, value, unit, peer }.print();
        };
        print("durable", rate, "tasks/s", Some((&bound.0, bound.1)));
        print(&format!("P95 at {STEADY_RATE}/s"), milliseconds(steady.p95), "ms", None);
        print(&format!("median at {STEADY_RATE}/s"), milliseconds(steady.median), "ms", None);
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A new node with the bidders.
fn open(root: &Path, quoting: bool) -> Result<Node, Box<dyn std::error::Error>> {
    let node = Node::open(DataDirectory::new(Some(root.into()))?, Options::default())?;
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agents/prebuilt/echo.wasm");
    let (content, _) = node.put_blob(&mut std::fs::File::open(component)?)?;
    for number in 0..BIDDERS {
        node.perform(Operation::AgentAdd(AgentAdd {
            name: Some(format!("echo-{number}")),
            program: ProgramSource::Component { content },
            price: (!quoting).then(|| Amount::from_ainu("0.001").expect("a price")),
            prices: std::collections::BTreeMap::new(),
            tactic: ainur_market::negotiation::TacticName::default(),
            strategy: None,
            stake: None,
            capability: None,
            team: None,
            own_key: None,
        }))?;
    }
    Ok(node)
}

/// Bytes on disk that belong to tasks.
#[derive(Clone, Copy)]
struct Written {
    bytes: u64,
}

impl Written {
    fn of(root: &Path) -> std::io::Result<Self> {
        let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
        let by_kernel = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        match by_kernel.and_then(|text| text.parse().ok()) {
            Some(bytes) => Ok(Self { bytes }),
            None => Ok(Self { bytes: size(root)? }),
        }
    }

    fn since(self, before: &Self) -> Self {
        Self { bytes: self.bytes.saturating_sub(before.bytes) }
    }
}

fn size(path: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// How long a task took, and what became of it.
type Ended = (Duration, Result<(), String>);

struct Bench {
    node: Arc<Node>,
    sender: Sender<Ended>,
    ended: Receiver<Ended>,
    next: u64,
}

struct Steady {
    median: Duration,
    p95: Duration,
}

impl Bench {
    fn new(node: Arc<Node>) -> Self {
        let (sender, ended) = channel();
        Self { node, sender, ended, next: 0 }
    }

    /// Asks for the next task; its end is told with the moment from which it counts.
    fn hire(&mut self, since: Instant) -> Outcome {
        self.next += 1;
        let parameters = serde_json::json!({ "number": self.next });
        let expected = hash::content_id(parameters.to_string().as_bytes());
        let request = TaskRequest {
            capability: "text.echo".parse()?,
            parameters,
            input: None,
            reserve: Amount::from_ainu("0.01")?,
            loss: None,
            budget: None,
            selection: SelectionRule::Scored,
            check: Some(AcceptanceCheck::Digest { expected }),
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
            wait: false,
            trace: None,
        };
        let sender = self.sender.clone();
        self.node.hire(request, move |task| {
            let settled = match task {
                Ok(task) if task.phase == Phase::Settled => Ok(()),
                Ok(task) => Err(format!("task {} ended {:?}", task.number, task.history)),
                Err(problem) => Err(problem.to_string()),
            };
            drop(sender.send((since.elapsed(), settled)));
        })?;
        Ok(())
    }

    /// Waits for the end of one task; how long it took.
    fn wait(&self) -> Result<Duration, Box<dyn std::error::Error>> {
        let (took, settled) = self.ended.recv_timeout(Duration::from_secs(60))?;
        settled?;
        Ok(took)
    }

    /// As many as can be settled; all that were begun are waited for and counted.
    fn flood(&mut self, span: Duration) -> Result<(u64, Duration), Box<dyn std::error::Error>> {
        let begin = Instant::now();
        let (mut under_way, mut settled) = (0, 0);
        while begin.elapsed() < span {
            if under_way < UNDER_WAY {
                self.hire(Instant::now())?;
                under_way += 1;
            } else {
                self.wait()?;
                settled += 1;
                under_way -= 1;
            }
        }
        for _ in 0..under_way {
            self.wait()?;
            settled += 1;
        }
        Ok((settled, begin.elapsed()))
    }

    /// Tasks at an even pace, whether or not earlier ones have ended.
    fn steady(&mut self, span: Duration) -> Result<Steady, Box<dyn std::error::Error>> {
        let begin = Instant::now();
        let total = span.as_secs() * STEADY_RATE;
        let mut took = Vec::new();
        for number in 0..total {
            let due = begin + Duration::from_micros(number * 1_000_000 / STEADY_RATE);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            self.hire(due)?;
        }
        for _ in 0..total {
            took.push(self.wait()?);
        }
        took.sort_unstable();
        Ok(Steady { median: took[took.len() / 2], p95: took[took.len() * 95 / 100] })
    }
}

/// Records of a task's size per second through the raw log, synced together as a turn's are.
fn raw_log(folder: &Path, bytes: u64) -> Result<f64, Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    let (mut log, _) = Log::open(RealDisk::open(folder)?, "log", log::Options::default())?;
    let record = vec![7; usize::try_from(bytes)?.max(1)];
    let begin = Instant::now();
    let mut records = 0;
    while begin.elapsed() < Duration::from_secs(3) {
        for _ in 0..RECORDS_A_SYNC {
            log.append(&record)?;
        }
        log.sync()?;
        records += RECORDS_A_SYNC;
    }
    Ok(records as f64 / begin.elapsed().as_secs_f64())
}
