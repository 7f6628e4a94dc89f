//! Runs a confined command from start to end.
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, ChildStdin, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ainur_primitives::{ExecutionLimits, FailureReason, TraceContext};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::sandbox::{Confinement, Status};
use super::{Command, SEARCH_PATH};
use crate::attempt::Attempt;
use crate::failure::Failure;
use crate::input::{Input, Reader};
use crate::limits::{COMMAND_CHUNK_BYTES, COMMAND_STDERR_BYTES_MAX};
use crate::worker::SANDBOX;

/// A command that delivered.
pub(super) struct Ended {
    pub(super) chunks: u32,
    pub(super) output_bytes: u64,
    pub(super) duration_ms: u64,
}

/// How often a running command is looked at.
const LOOK_MS: u64 = 5;

pub(super) fn run(
    command: &Command<'_>,
    attempt: &Arc<Attempt>,
    argv: &[String],
    input: Input,
    limits: &ExecutionLimits,
    deliver: impl FnMut(u32, Vec<u8>) -> Result<(), Failure>,
) -> Result<Ended, Failure> {
    let ours = |error: io::Error| Failure::infrastructure(format!("cannot run commands: {error}"));
    // The pool gives each worker a temporary folder that goes away with it.
    let folder = tempfile::tempdir().map_err(ours)?;
    let operator_words = command.argv.len();
    let confinement =
        Confinement::new(folder.path(), command.network, command.readable, operator_words)
            .map_err(ours)?
            .with_limits(limits);
    attempt.begin(limits.duration_ms_max);
    let started = Instant::now();
    let mut child = spawn(&confinement, argv, command.trace).map_err(ours)?;
    let stdin = child.stdin.take().expect("it was asked for");
    let stdout = child.stdout.take().expect("it was asked for");
    let stderr = child.stderr.take().expect("it was asked for");
    let keeper = Keeper { attempt, stop: Mutex::new(None), changed: Condvar::new() };
    let (delivered, status, tail) = thread::scope(|scope| {
        let feeder = scope.spawn(move || feed(Reader::new(input), stdin));
        let tail = scope.spawn(move || read_tail(stderr));
        let ended = scope.spawn(|| keeper.keep(&mut child));
        let delivered = read_chunks(stdout, limits.output_bytes_max, deliver);
        if let Err(failure) = &delivered {
            keeper.stop(failure.clone());
        }
        let status = ended.join().unwrap_or_else(|_| Err(io::Error::other("a bug in the keeper")));
        // The feeder ends with the command, which no longer reads.
        let fed = feeder.join().unwrap_or_else(|_| Err(io::Error::other("a bug in the feeder")));
        let tail = tail.join().unwrap_or_default();
        (fed.map_err(ours).and(delivered), status, tail)
    });
    let stopped = keeper.stop.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = stopped {
        return Err(failure);
    }
    judge(status.map_err(ours)?, &confinement, &tail)?;
    let (chunks, output_bytes) = delivered?;
    Ok(Ended { chunks, output_bytes, duration_ms: started.elapsed().as_millis() as u64 })
}

fn spawn(
    confinement: &Confinement,
    argv: &[String],
    trace: Option<&TraceContext>,
) -> io::Result<Child> {
    let context = trace.map(|trace| ("TRACEPARENT", trace.traceparent()));
    let state = trace.and_then(TraceContext::tracestate).map(|state| ("TRACESTATE", state.into()));
    std::process::Command::new("/proc/self/exe")
        .arg("worker")
        .arg(SANDBOX)
        .args(confinement.arguments(argv)?)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("LANG", "C.UTF-8")
        .env("HOME", &confinement.home)
        .env("TMPDIR", &confinement.home)
        .envs(context.into_iter().chain(state))
        .current_dir(&confinement.home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Watches over the command: stops it when its time is over, and everything it left behind when it
/// ends.
struct Keeper<'a> {
    attempt: &'a Attempt,
    stop: Mutex<Option<Failure>>,
    changed: Condvar,
}

impl Keeper<'_> {
    fn stop(&self, failure: Failure) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.changed.notify_all();
    }

    fn keep(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let group = Pid::from_child(child);
        let pause = Duration::from_millis(LOOK_MS);
        let mut stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if stop.is_none() {
                *stop = self.attempt.check().err();
            }
            // Not waited for yet, so that the number of the group cannot mean another one.
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            let ended = waitid(WaitId::Pid(group), look)?.is_some();
            if ended || stop.is_some() {
                drop(stop);
                if let Err(error) = kill_process_group(group, Signal::KILL) {
                    tracing::debug!(%error, "nothing is left of a command");
                }
                child.kill()?;
                return child.wait();
            }
            stop = self.changed.wait_timeout(stop, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Writes the input. A command that does not read all of it is no error.
fn feed(mut input: Reader, mut stdin: ChildStdin) -> io::Result<()> {
    let mut offset = 0;
    while offset < input.bytes() {
        let piece = input.read(offset, COMMAND_CHUNK_BYTES)?;
        offset += piece.len() as u64;
        if stdin.write_all(&piece).is_err() {
            break;
        }
    }
    Ok(())
}

fn read_chunks(
    mut stdout: impl Read,
    output_bytes_max: u64,
    mut deliver: impl FnMut(u32, Vec<u8>) -> Result<(), Failure>,
) -> Result<(u32, u64), Failure> {
    let (mut chunks, mut bytes) = (0u32, 0u64);
    loop {
        let mut chunk = Vec::new();
        (&mut stdout)
            .take(COMMAND_CHUNK_BYTES as u64)
            .read_to_end(&mut chunk)
            .map_err(|error| Failure::infrastructure(format!("cannot read output: {error}")))?;
        if chunk.is_empty() {
            return Ok((chunks, bytes));
        }
        bytes += chunk.len() as u64;
        if bytes > output_bytes_max {
            return Err(Failure::limit(format!("more than {output_bytes_max} bytes of output")));
        }
        deliver(chunks, chunk)?;
        chunks = chunks.checked_add(1).ok_or_else(|| Failure::limit("too many chunks"))?;
    }
}

/// The last [`COMMAND_STDERR_BYTES_MAX`] bytes of the error output.
fn read_tail(mut stderr: ChildStderr) -> String {
    let mut tail = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stderr.read(&mut buffer) {
        tail.extend_from_slice(&buffer[..length]);
        if tail.len() > 2 * COMMAND_STDERR_BYTES_MAX {
            tail.drain(..tail.len() - COMMAND_STDERR_BYTES_MAX);
        }
    }
    let from = tail.len().saturating_sub(COMMAND_STDERR_BYTES_MAX);
    String::from_utf8_lossy(&tail[from..]).into_owned()
}

fn judge(status: ExitStatus, confinement: &Confinement, tail: &str) -> Result<(), Failure> {
    match confinement.read_status() {
        Status::Failed(detail) => return Err(Failure::crashed(detail)),
        Status::Unknown => {
            let detail = format!("the sandbox could not be set up ({status}): {}", last_line(tail));
            return Err(Failure::infrastructure(detail));
        }
        Status::Entered(_) => {}
    }
    if status.success() {
        return Ok(());
    }
    let said = last_line(tail);
    // The confining process passes on what ended the command as a shell would.
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    let signal = code - 128;
    if signal == Signal::XCPU.as_raw() {
        return Err(Failure::new(FailureReason::TimedOut, "its processor time ran out"));
    }
    if signal == Signal::XFSZ.as_raw() {
        return Err(Failure::limit("it wrote a file larger than its output may be"));
    }
    Err(Failure::crashed(format!("exit code {code}: {said}")))
}

fn last_line(text: &str) -> &str {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no error output")
}
