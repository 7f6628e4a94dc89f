//! One worker process and the two threads that talk with it.
use std::io::{BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use tempfile::TempDir;

use super::reports;
use super::state::{Lane, Shared};
use crate::executor::{Error, Event};
use crate::frame::{self, CacheSetup, Outbox, Report, Request, Setup};

/// A worker process that was not waited for yet.
pub(super) struct Process {
    pub(super) pid: u32,
    child: Child,
    pub(super) outbox: Arc<Outbox>,
    pub(super) last_heard: Instant,
    /// Why it was killed, when it was.
    why: Option<String>,
    /// Its temporary files, which it may not live to remove itself.
    scratch: TempDir,
}

impl Process {
    /// Kills it at once. Its reader notices and clears up.
    pub(super) fn kill(&mut self, why: &str) {
        self.why.get_or_insert_with(|| why.into());
        self.outbox.close();
        if let Err(error) = self.child.kill() {
            tracing::warn!(pid = self.pid, %error, "cannot kill a worker");
        }
    }

    pub(super) fn is_killed(&self) -> bool {
        self.why.is_some()
    }

    /// Kills it if it still lives, waits for it, and says how it ended.
    fn end(mut self) -> String {
        self.kill("closed its output");
        let status = match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        if let Err(error) = self.scratch.close() {
            tracing::warn!(%error, "cannot remove a worker's temporary files");
        }
        match self.why {
            Some(why) => format!("{why} ({status})"),
            None => status,
        }
    }
}

/// Starts a process on a seat. Must be called on a thread that lives as long as the pool, because
/// the system ends a worker with the thread that started it.
pub(super) fn start(shared: &Arc<Shared>, seat: u32) -> Result<(), Error> {
    let config = &shared.config;
    let spawn_error = |source| Error::Spawn {
        command: config.command.join(" ".as_ref()).to_string_lossy().into_owned(),
        source,
    };
    let scratch =
        tempfile::Builder::new().prefix("ainur-worker-").tempdir().map_err(spawn_error)?;
    let mut child = Command::new(&config.command[0])
        .args(&config.command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // An interrupt from the terminal is for the node, which then ends its workers.
        .process_group(0)
        .spawn()
        .map_err(spawn_error)?;
    let input = child.stdin.take().expect("it was asked for");
    let output = child.stdout.take().expect("it was asked for");
    let outbox = Arc::new(Outbox::default());
    outbox.send(&Request::Hello(Setup {
        version: frame::VERSION,
        threads_short: config.threads_short as u32,
        threads_long: config.threads_long as u32,
        scratch: scratch.path().to_owned(),
        cache: config
            .cache
            .as_ref()
            .map(|cache| CacheSetup { folder: cache.folder.clone(), key: cache.key }),
    }));
    let pid = child.id();
    let now = Instant::now();
    let process =
        Process { pid, child, outbox: Arc::clone(&outbox), last_heard: now, why: None, scratch };
    let mut state = shared.lock();
    let place = &mut state.seats[seat as usize];
    place.process = Some(process);
    place.vacant = false;
    place.ready = false;
    drop(state);
    let writer = move || outbox.run(input);
    let for_reader = Arc::clone(shared);
    let reader = move || read(&for_reader, seat, pid, output);
    thread::Builder::new()
        .name(format!("worker-{seat}-in"))
        .spawn(writer)
        .and_then(|_| thread::Builder::new().name(format!("worker-{seat}-out")).spawn(reader))
        .map(drop)
        .map_err(spawn_error)
}

/// Handles what a worker says until it is gone, then clears up behind it.
fn read(shared: &Shared, seat: u32, pid: u32, output: impl Read) {
    let mut output = BufReader::with_capacity(64 << 10, output);
    let mut buffer = Vec::new();
    let protocol_error = loop {
        match frame::read::<Report>(&mut output, &mut buffer) {
            Ok(None) => break None,
            Err(error) => break Some(error.to_string()),
            Ok(Some(report)) => {
                if let Err(broken) = reports::handle(shared, seat, pid, report) {
                    break Some(broken.into());
                }
            }
        }
    };
    let mut state = shared.lock();
    let place = &mut state.seats[seat as usize];
    place.ready = false;
    place.deaths += 1;
    let process = place.process.take();
    let tickets = std::mem::take(&mut place.tickets);
    let lost: Vec<_> =
        tickets.into_iter().filter_map(|ticket| state.finish_on_dead_seat(ticket)).collect();
    let stopped = state.stopped;
    drop(state);
    let detail = process.map_or_else(String::new, |mut process| {
        if let Some(error) = &protocol_error {
            process.kill(&format!("broke the protocol: {error}"));
        }
        process.end()
    });
    if !stopped {
        tracing::warn!(worker = seat, pid, %detail, lost = lost.len(), "a worker stopped");
        for job in lost {
            (shared.events)(Event::Lost { job });
        }
        (shared.events)(Event::WorkerStopped { worker: seat, pid, detail });
    }
    let mut state = shared.lock();
    state.seats[seat as usize].vacant = true;
    state.assign(Lane::Short);
    state.assign(Lane::Long);
    drop(state);
    shared.changed.notify_all();
}
