//! What a call costs through the pool, beside bare wasmtime doing only the guest's part of it.
//!
//! `cargo run --release -p ainur-runtime --example call_overhead -- [FOLDER]
//! [SECONDS]`.
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use ainur_primitives::{Amount, DurationMs, ExecutionLimits};
use ainur_runtime::pool::Config;
use ainur_runtime::{CallView, Event, Input, Job, JobId, Program, WorkerPool};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, InstanceAllocationStrategy, Store};

use figure::Figure;

#[path = "../../../benches/figure.rs"]
mod figure;

#[path = "../tests/hostile/guest.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "part of a test; only its good guest is wanted")]
mod guest;

/// Calls for each second asked for.
const CALLS_PER_SECOND: u32 = 20_000;

fn root() -> &'static std::path::Path {
    static ROOT: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    ROOT.get_or_init(|| tempfile::tempdir().expect("a temporary folder")).path()
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("worker") {
        return ainur_runtime::worker::main();
    }
    let seconds = std::env::args().nth(2).and_then(|text| text.parse().ok()).unwrap_or(4);
    let calls = seconds * CALLS_PER_SECOND;
    let good = guest::Guest::good();
    let bare_us = bare(&good.bytes(), calls.min(20_000));
    let program = good.program();
    let one_us = sequential(&program, 2_000);
    figure("quote through a worker, one at a time", one_us, "us", Some(bare_us));
    let quotes = flood(calls, |_| quote(&program));
    let each_us = 1e6 / quotes;
    figure("quote through workers, many at once, each", each_us, "us", Some(bare_us));
    let executes = flood(calls / 3, |_| execute(&program));
    figure("executions delivering 1 KiB", executes, "calls/s", None);
    let mixed = flood(calls, |i| if i % 4 == 0 { execute(&program) } else { quote(&program) });
    figure("three quotes to an execution", mixed, "calls/s", None);
    ExitCode::SUCCESS
}

/// The peer is bare wasmtime doing the same quote.
fn figure(metric: &str, value: f64, unit: &str, bare_us: Option<f64>) {
    let peer = bare_us.map(|us| ("bare wasmtime in process, one thread, no limits", us));
    Figure { bench: "wasm-call", metric, value, unit, peer }.print();
}

/// Microseconds for instantiate, `quote`, drop in one process without limits, fuel or epochs.
fn bare(bytes: &[u8], calls: u32) -> f64 {
    let mut config = wasmtime::Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::pooling());
    let engine = Engine::new(&config).expect("an engine");
    let component = Component::new(&engine, bytes).expect("a component");
    let mut linker = Linker::<()>::new(&engine);
    linker.define_unknown_imports_as_traps(&component).expect("imports");
    let ready = linker.instantiate_pre(&component).expect("all imports");
    let call = Val::Record(vec![
        ("capability".into(), Val::String("bytes.copy".into())),
        ("parameters".into(), Val::String("{}".into())),
        ("input-bytes".into(), Val::U64(1)),
        ("reserve".into(), Val::String("1".into())),
        ("deadline-ms".into(), Val::U64(1)),
        ("active-tasks".into(), Val::U32(1)),
    ]);
    let start = Instant::now();
    for _ in 0..calls {
        let mut store = Store::new(&engine, ());
        let instance = ready.instantiate(&mut store).expect("an instance");
        let quote = instance.get_func(&mut store, "quote").expect("quote");
        let mut results = [Val::Bool(false)];
        quote.call(&mut store, std::slice::from_ref(&call), &mut results).expect("a quote");
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

fn quote(program: &Program) -> Job {
    Job::Quote {
        program: program.clone(),
        call: CallView {
            capability: "bytes.copy".parse().expect("a name"),
            parameters: "{}".into(),
            input_bytes: 1_024,
            reserve: Amount::ainu(1),
            deadline_ms: DurationMs(1_000),
            active_tasks: 0,
        },
    }
}

fn execute(program: &Program) -> Job {
    Job::Execute {
        program: program.clone(),
        capability: "bytes.copy".parse().expect("a name"),
        parameters: "{}".into(),
        input: Input::inline(vec![7; 1_024]),
        first_chunk: 0,
        limits: ExecutionLimits::default(),
        trace: None,
    }
}

fn pool() -> (WorkerPool, std::sync::mpsc::Receiver<Event>) {
    let (sender, events) = channel();
    let config = Config::this_binary().expect("this binary");
    let pool = WorkerPool::start(config, move |event| drop(sender.send(event))).expect("a pool");
    (pool, events)
}

fn wait(pool: &WorkerPool, events: &std::sync::mpsc::Receiver<Event>) {
    loop {
        match events.recv_timeout(Duration::from_secs(30)).expect("an event") {
            Event::Chunk { job, index, .. } => pool.acknowledge(job, index),
            event @ (Event::Failed { .. } | Event::Lost { .. }) => unreachable!("{event:?}"),
            event if event.is_last() => return,
            _ => {}
        }
    }
}

/// Microseconds from dispatch to the last event, one job at a time.
fn sequential(program: &Program, calls: u64) -> f64 {
    let (pool, events) = pool();
    pool.dispatch(JobId(u64::MAX), quote(program)).expect("room");
    wait(&pool, &events);
    let start = Instant::now();
    for job in 0..calls {
        pool.dispatch(JobId(job), quote(program)).expect("room");
        wait(&pool, &events);
    }
    start.elapsed().as_secs_f64() * 1e6 / calls as f64
}

/// Jobs per second with up to 2,000 under way.
fn flood(calls: u32, work: impl Fn(u64) -> Job) -> f64 {
    let (pool, events) = pool();
    for job in 0..64 {
        pool.dispatch(JobId(u64::MAX - job), work(job)).expect("room");
    }
    (0..64).for_each(|_| wait(&pool, &events));
    let start = Instant::now();
    let mut under_way = 0;
    for job in 0..u64::from(calls) {
        if under_way == 2_000 {
            wait(&pool, &events);
            under_way -= 1;
        }
        pool.dispatch(JobId(job), work(job)).expect("room");
        under_way += 1;
    }
    (0..under_way).for_each(|_| wait(&pool, &events));
    f64::from(calls) / start.elapsed().as_secs_f64()
}
