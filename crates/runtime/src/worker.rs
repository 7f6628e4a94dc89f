//! A worker process: takes jobs from its standard input, runs them on a few threads, reports on its
//! standard output, and ends with the node.
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, BufReader};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, thread};

use rustix::process::{Signal, set_parent_process_death_signal};

use crate::attempt::Attempt;
use crate::command;
use crate::component::Components;
use crate::failure::Failure;
use crate::frame::{self, Outbox, Report, Request, Setup};
use crate::job::{Job, JobId};
use crate::limits::{EPOCH_MS, HEARTBEAT_MS};

mod lane;

use lane::Lane;

/// The second argument of the process that confines a command.
pub(crate) const SANDBOX: &str = "sandbox";

/// The whole life of `BINARY worker …`. Call it first thing in `main` when the first argument is
/// `worker`: it reads the arguments itself, and there must be no other thread yet.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(2).collect();
    match arguments.first() {
        None => serve(),
        Some(first) if first == SANDBOX => command::sandbox_main(&arguments[1..]),
        Some(_) => {
            eprintln!("'worker' is started by the node and takes no arguments");
            ExitCode::from(2)
        }
    }
}

fn serve() -> ExitCode {
    match try_serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn try_serve() -> io::Result<()> {
    // The end of the input says the same; this also ends a worker whose reader is stuck.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // When memory runs out, the system should take a worker before the node.
    if let Err(error) = fs::write("/proc/self/oom_score_adj", "500") {
        tracing::debug!(%error, "cannot offer this worker to the system first");
    }
    let mut input = BufReader::with_capacity(64 << 10, io::stdin());
    let mut buffer = Vec::new();
    let Some(Request::Hello(setup)) = frame::read(&mut input, &mut buffer)? else {
        return Err(io::Error::other("the node did not say hello"));
    };
    if setup.version != frame::VERSION {
        return Err(io::Error::other("the node is another version"));
    }
    let worker = Worker::start(setup)?;
    while let Some(request) = frame::read(&mut input, &mut buffer)? {
        worker.handle(request);
    }
    // Attempts that are still running are of no use to anyone: do not wait for them.
    std::process::exit(0);
}

/// The table of attempts, shared by the reader, the lanes and the watchdog.
pub(crate) type Attempts = Mutex<HashMap<JobId, Arc<Attempt>>>;

struct Worker {
    outbox: Arc<Outbox>,
    attempts: Arc<Attempts>,
    short: Arc<Lane>,
    long: Arc<Lane>,
}

impl Worker {
    fn start(setup: Setup) -> io::Result<Self> {
        if tempfile::env::override_temp_dir(&setup.scratch).is_err() {
            return Err(io::Error::other("temporary files were made before the node said where"));
        }
        let calls_max = setup.threads_short + setup.threads_long;
        let components = Components::new(calls_max, setup.cache).map_err(io::Error::other)?;
        let components = Arc::new(components);
        let outbox = Arc::new(Outbox::default());
        let attempts = Arc::new(Attempts::default());
        let writer = Arc::clone(&outbox);
        thread::Builder::new().name("reports".into()).spawn(move || writer.run(io::stdout()))?;
        let start_lane =
            |name: &str, threads: u32| Lane::start(name, threads, &components, &attempts, &outbox);
        let short = start_lane("short", setup.threads_short)?;
        let long = start_lane("long", setup.threads_long)?;
        outbox.send(&Report::Hello { version: frame::VERSION });
        let watch = (Arc::clone(&components), Arc::clone(&attempts), Arc::clone(&outbox));
        thread::Builder::new()
            .name("watchdog".into())
            .spawn(move || watchdog(&watch.0, &watch.1, &watch.2))?;
        Ok(Self { outbox, attempts, short, long })
    }

    fn handle(&self, request: Request) {
        match request {
            // Only the first frame is one.
            Request::Hello(_) => {}
            Request::Dispatch { job, work } => {
                let first_chunk = match &work {
                    Job::Execute { first_chunk, program, .. } if program.resumable() => {
                        *first_chunk
                    }
                    _ => 0,
                };
                let attempt = Arc::new(Attempt::new(job, first_chunk, Arc::clone(&self.outbox)));
                lock(&self.attempts).insert(job, Arc::clone(&attempt));
                let lane = if work.is_short() { &self.short } else { &self.long };
                lane.push(attempt, work);
            }
            Request::Acknowledge { job, index } => {
                if let Some(attempt) = lock(&self.attempts).get(&job) {
                    attempt.acknowledge(index);
                }
            }
            Request::Cancel { job } => {
                if let Some(attempt) = lock(&self.attempts).get(&job) {
                    attempt.cancel();
                }
            }
        }
    }
}

pub(crate) fn lock(attempts: &Attempts) -> std::sync::MutexGuard<'_, HashMap<JobId, Arc<Attempt>>> {
    attempts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves the epoch, so that running guests look at the clock; says that the worker lives; and
/// reports attempts that do not end, so that the pool kills this process.
fn watchdog(components: &Components, attempts: &Attempts, outbox: &Outbox) {
    let ticks_per_heartbeat = HEARTBEAT_MS / EPOCH_MS;
    for tick in 0u64.. {
        thread::sleep(Duration::from_millis(EPOCH_MS));
        components.tick();
        if tick % ticks_per_heartbeat != 0 {
            continue;
        }
        outbox.send(&Report::Alive);
        for (job, attempt) in lock(attempts).iter() {
            if let Some(Failure { reason, detail }) = attempt.wedged() {
                outbox.send(&Report::Wedged { job: *job, reason, detail });
            }
        }
    }
}
