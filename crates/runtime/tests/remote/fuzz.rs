//! Servers that answer wrongly in every way a seeded mutation finds: values, bytes, streams of
//! events, messages of HTTP. Whatever they do, a call ends in time with a result or a reason, the
//! node's memory stays bounded, and the pool goes on serving others.
//!
//! `AINUR_FUZZ_SEED` is the number of the first case, 1 when it is not set; `AINUR_FUZZ_CASES` is how
//! many there are, and with `AINUR_FUZZ_SECONDS` it goes on for so long instead.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ainur_primitives::FailureReason;
use ainur_runtime::limits::{REMOTE_DESCRIBE_MS_MAX, REMOTE_HELD_BYTES_MAX};
use ainur_runtime::remote::{
    AgentPeer, ApiDocument, DescribeError, RemotePool, RemoteProgram, ServerEndpoint, ToolServer,
};
use ainur_runtime::{Event, Input, Job, JobId, Program};

use crate::stage::{config, limits};

mod answers;
mod framing;
mod mutate;
mod random;
pub(crate) mod server;

use server::Server;

/// Cases of a run in which nobody asks for more.
const CASES: u64 = 2_000;
/// One of so many cases is a command, which takes longer than all others.
const COMMANDS_EVERY: u64 = 40;
/// Cases at once.
const LANES: u64 = 16;
/// After so many cases of a lane, a good agent is called.
const GOOD_EVERY: u64 = 50;
/// How long a call may take, and how long it may take to say so.
const CALL_MS_MAX: u64 = 3_000;
const GRACE: Duration = Duration::from_secs(20);
/// How long an agent may take to say what it offers, and longer.
const DESCRIBE_MAX: Duration = Duration::from_millis(REMOTE_DESCRIBE_MS_MAX + 10_000);

struct Fuzzer {
    pool: RemotePool,
    server: Server,
    /// Not the same, because connections are kept by address.
    good_server: Server,
    routes: Arc<Mutex<HashMap<JobId, Sender<Event>>>>,
    patience: Duration,
    next_job: AtomicU64,
    next_case: AtomicU64,
    outcomes: Mutex<HashMap<String, u64>>,
    memory_most: AtomicU64,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Bytes this process has in memory.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

pub(crate) fn servers_that_answer_wrongly_do_no_harm() {
    let first = number("AINUR_FUZZ_SEED").unwrap_or(1);
    let cases = number("AINUR_FUZZ_CASES").unwrap_or(CASES);
    let seconds = number("AINUR_FUZZ_SECONDS");
    let routes: Arc<Mutex<HashMap<JobId, Sender<Event>>>> = Arc::default();
    let sink = Arc::clone(&routes);
    let pool = RemotePool::start(config(), move |event| {
        let to = event.job().and_then(|job| sink.lock().unwrap().get(&job).cloned());
        if let Some(to) = to {
            drop(to.send(event));
        }
    });
    let fuzzer = Fuzzer {
        pool: pool.unwrap(),
        server: Server::start(),
        good_server: Server::start(),
        routes,
        // In long runs every case ends, and has to end in time.
        patience: seconds.map_or(Duration::from_secs(1), |_| DESCRIBE_MAX),
        next_job: AtomicU64::new(1),
        next_case: AtomicU64::new(first),
        outcomes: Mutex::default(),
        memory_most: AtomicU64::new(0),
    };
    let (started, before) = (Instant::now(), resident());
    let is_over = |case: u64| match seconds {
        Some(seconds) => started.elapsed() >= Duration::from_secs(seconds),
        None => case >= first + cases,
    };
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| fuzzer.lane(is_over));
        }
    });
    fuzzer.good();
    let most = fuzzer.memory_most.load(Ordering::Relaxed).saturating_sub(before);
    let left = resident().saturating_sub(before);
    let done = fuzzer.next_case.load(Ordering::Relaxed) - first - LANES;
    let mut outcomes: Vec<_> = fuzzer.outcomes.lock().unwrap().clone().into_iter().collect();
    outcomes.sort();
    println!(
        "    {done} cases in {:?}, {} MiB more memory, {} in the end: {outcomes:?}",
        started.elapsed(),
        most >> 20,
        left >> 20
    );
    // The server and its answers are in the same process.
    assert!(most < REMOTE_HELD_BYTES_MAX + (256 << 20), "{most} bytes");
}

impl Fuzzer {
    fn lane(&self, is_over: impl Fn(u64) -> bool) {
        for count in 1.. {
            let case = self.next_case.fetch_add(1, Ordering::Relaxed);
            if is_over(case) {
                return;
            }
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.case(case)));
            if result.is_err() {
                panic!("replay: AINUR_FUZZ_SEED={case} AINUR_FUZZ_CASES=1, test fuzz");
            }
            if count % GOOD_EVERY == 0 {
                self.good();
            }
            self.memory_most.fetch_max(resident(), Ordering::Relaxed);
        }
    }

    fn program(&self, case: u64) -> RemoteProgram {
        let place =
            |kind: &str, rest: &str| format!("http://{}/{kind}/{case}/{rest}", self.server.address);
        if case % COMMANDS_EVERY == 7 {
            let binary = std::env::current_exe().unwrap().to_string_lossy().into_owned();
            return RemoteProgram::mcp(ToolServer::new(ServerEndpoint::Command {
                argv: vec![binary, "mcp-fuzz".into(), case.to_string()],
                network: false,
                readable: Vec::new(),
                writable: Vec::new(),
                environment: Default::default(),
            }));
        }
        match random::Random::new(case, "kind").below(10) {
            0..5 => RemoteProgram::mcp(ToolServer::new(ServerEndpoint::Url {
                url: place("mcp", ""),
                allow_private: true,
            })),
            5..7 => RemoteProgram::a2a(AgentPeer::new(place("a2a", "card"), true)),
            _ => RemoteProgram::openapi(ApiDocument::new(place("api", "openapi.json"), true)),
        }
    }

    fn count(&self, outcome: &str) {
        *self.outcomes.lock().unwrap().entry(outcome.to_owned()).or_default() += 1;
    }

    /// Asks an agent what it offers, and for the first of it.
    fn case(&self, case: u64) {
        let program = self.program(case);
        let answer = self.pool.describe(program.clone()).unwrap();
        let description = match answer.recv_timeout(self.patience) {
            // Who never answers is waited for longer than there is time here.
            Err(RecvTimeoutError::Timeout) if self.patience < DESCRIBE_MAX => {
                return self.count("slow");
            }
            answer => answer.expect("an answer"),
        };
        let description = match description {
            Ok(description) => description,
            Err(DescribeError::Remote(said) | DescribeError::Unasked(said)) => {
                check(&said);
                return self.count("refused");
            }
            Err(other) => panic!("{other}"),
        };
        let program = Arc::new(program.with_tools(description.tools.clone()));
        for (capability, _) in description.tools.iter().take(2) {
            let parameters = match &*program {
                RemoteProgram::Mcp(_) => r#"{"a": 1}"#,
                RemoteProgram::A2a(_) => r#"{"text": "x"}"#,
                RemoteProgram::OpenApi(_) if capability.as_str().ends_with("find-item") => {
                    r#"{"id": "1", "tags": ["a"]}"#
                }
                RemoteProgram::OpenApi(_) => "{}",
            };
            let (last, output) = self.call(&program, capability.as_str(), parameters);
            match last {
                Event::Executed { output_bytes, .. } => {
                    assert_eq!(output_bytes, output.len() as u64);
                    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&output).is_ok();
                    assert!(is_json || matches!(&*program, RemoteProgram::OpenApi(_)));
                    self.count("executed");
                }
                Event::Failed { reason, detail, .. } => {
                    check(&detail);
                    assert_ne!(reason, FailureReason::Infrastructure, "{detail}");
                    self.count(&format!("{reason:?}"));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn call(&self, program: &Arc<RemoteProgram>, tool: &str, said: &str) -> (Event, Vec<u8>) {
        let job = JobId(self.next_job.fetch_add(1, Ordering::Relaxed));
        let (sender, events) = channel();
        self.routes.lock().unwrap().insert(job, sender);
        let work = Job::Execute {
            program: Program::Remote(Arc::clone(program)),
            capability: tool.parse().unwrap(),
            parameters: said.to_owned(),
            input: Input::none(),
            first_chunk: 0,
            limits: limits(CALL_MS_MAX),
            trace: None,
        };
        let started = Instant::now();
        self.pool.dispatch(job, work).unwrap();
        let mut output = Vec::new();
        let last = loop {
            match events.recv_timeout(GRACE).expect("an event in time") {
                Event::Chunk { index, data, .. } => {
                    output.extend(data);
                    self.pool.acknowledge(job, index);
                }
                Event::Progress { .. } => {}
                last => break last,
            }
        };
        assert!(started.elapsed() < GRACE, "{:?}", started.elapsed());
        self.routes.lock().unwrap().remove(&job);
        (last, output)
    }

    /// Agents that answer well are served.
    fn good(&self) {
        let place =
            |kind: &str, rest: &str| format!("http://{}/{kind}/0/{rest}", self.good_server.address);
        let url = ServerEndpoint::Url { url: place("mcp", ""), allow_private: true };
        for program in [
            RemoteProgram::mcp(ToolServer::new(url)),
            RemoteProgram::a2a(AgentPeer::new(place("a2a", "card"), true)),
            RemoteProgram::openapi(ApiDocument::new(place("api", "openapi.json"), true)),
        ] {
            let answer = self.pool.describe(program.clone()).unwrap();
            let description = answer.recv_timeout(GRACE).unwrap().expect("a good agent is heard");
            let program = Arc::new(program.with_tools(description.tools));
            let tool = program.tools().keys().next().unwrap().as_str().to_owned();
            let said = if tool.contains("read") { r#"{"text": "x"}"# } else { "{}" };
            let (last, _) = self.call(&program, &tool, said);
            assert!(matches!(last, Event::Executed { .. }), "{last:?}");
        }
    }
}

/// What is said about a failure is fit for people, and no failure is our own.
fn check(said: &str) {
    assert!(!said.contains("has a bug"), "{said}");
    assert!(said.len() <= 1_024 && !said.chars().any(char::is_control), "{said}");
}
