//! A server that is a command: started confined, spoken to through pipes, ended with its connection.
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, waitid,
};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep, sleep_until};

use crate::command::{Confinement, SEARCH_PATH, Status};
use crate::failure::Failure;
use crate::limits::{
    COMMAND_STDERR_BYTES_MAX, COMMAND_WORDS_MAX, SERVER_ENVIRONMENT_MAX,
    SERVER_STDERR_BYTES_PER_SECOND_MAX,
};
use crate::remote::Config;
use crate::remote::program::ServerEndpoint;
use crate::worker::SANDBOX;

/// The running command. Dropping it ends everything it started.
pub(super) struct Process {
    child: Child,
    confinement: Confinement,
    tail: Arc<Mutex<Vec<u8>>>,
    /// Its temporary files, removed with it.
    _folder: TempDir,
}

/// What it is spoken to through.
pub(super) struct Pipes {
    pub(super) to: pipe::Sender,
    pub(super) from: pipe::Receiver,
}

/// Starts a command. Must be called on a thread that lives as long as the pool, because the system
/// ends the command with the thread that started it.
pub(super) fn start(
    config: &Config,
    endpoint: &ServerEndpoint,
) -> Result<(Process, Pipes), Failure> {
    let ServerEndpoint::Command { argv, environment, .. } = endpoint else {
        return Err(Failure::infrastructure("a server with a URL was to be started"));
    };
    if argv.is_empty() || argv.len() > COMMAND_WORDS_MAX {
        let detail = format!("a command has 1 to {COMMAND_WORDS_MAX} words");
        return Err(Failure::infrastructure(detail));
    }
    if environment.len() > SERVER_ENVIRONMENT_MAX {
        let detail =
            format!("a server's environment has at most {SERVER_ENVIRONMENT_MAX} variables");
        return Err(Failure::infrastructure(detail));
    }
    try_start(config, endpoint)
        .map_err(|error| Failure::infrastructure(format!("cannot start the server: {error}")))
}

fn try_start(config: &Config, endpoint: &ServerEndpoint) -> io::Result<(Process, Pipes)> {
    let ServerEndpoint::Command { argv, network, readable, writable, environment } = endpoint
    else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut builder = tempfile::Builder::new();
    let folder = match &config.scratch {
        Some(scratch) => builder.prefix("server-").tempdir_in(scratch),
        None => builder.prefix("ainur-server-").tempdir(),
    }?;
    let confinement =
        Confinement::new(folder.path(), *network, readable, argv.len())?.for_server(writable);
    let (binary, arguments) = config.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(binary)
        .args(arguments)
        .arg(SANDBOX)
        .args(confinement.arguments(argv)?)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("LANG", "C.UTF-8")
        .envs(environment)
        .env("HOME", &confinement.home)
        .env("TMPDIR", &confinement.home)
        .current_dir(&confinement.home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdin = OwnedFd::from(child.stdin.take().expect("it was asked for"));
    let stdout = OwnedFd::from(child.stdout.take().expect("it was asked for"));
    let stderr = OwnedFd::from(child.stderr.take().expect("it was asked for"));
    let tail = Arc::new(Mutex::new(Vec::new()));
    let process = Process { child, confinement, tail: Arc::clone(&tail), _folder: folder };
    let to = pipe::Sender::from_owned_fd(stdin)?;
    let from = pipe::Receiver::from_owned_fd(stdout)?;
    // Ends with the pipe.
    drop(tokio::spawn(keep_tail(pipe::Receiver::from_owned_fd(stderr)?, tail)));
    Ok((process, Pipes { to, from }))
}

/// Keeps the last [`COMMAND_STDERR_BYTES_MAX`] bytes of the error output, and reads no more than
/// [`SERVER_STDERR_BYTES_PER_SECOND_MAX`]: a server that writes without end is slowed down.
async fn keep_tail(mut stderr: pipe::Receiver, tail: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 4096];
    let (mut second, mut read) = (Instant::now(), 0);
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        read += length;
        if read > SERVER_STDERR_BYTES_PER_SECOND_MAX {
            sleep_until(second + Duration::from_secs(1)).await;
            (second, read) = (Instant::now(), 0);
        }
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(&buffer[..length]);
        let excess = tail.len().saturating_sub(COMMAND_STDERR_BYTES_MAX);
        tail.drain(..excess);
    }
}

/// How often a command whose output ended is looked at, and how many times.
const LOOK_MS: u64 = 10;
const LOOKS_MAX: u32 = 20;

/// Says how a server ended, for people.
pub(super) async fn obituary(process: &Mutex<Process>) -> Failure {
    let mut ended = None;
    for _ in 0..LOOKS_MAX {
        ended = process.lock().unwrap_or_else(PoisonError::into_inner).ended();
        if ended.is_some() {
            break;
        }
        sleep(Duration::from_millis(LOOK_MS)).await;
    }
    let process = process.lock().unwrap_or_else(PoisonError::into_inner);
    let tail = process.tail.lock().unwrap_or_else(PoisonError::into_inner);
    let tail = String::from_utf8_lossy(&tail).into_owned();
    let said = tail.lines().map(str::trim).rfind(|line| !line.is_empty());
    let said = said.unwrap_or("no error output");
    match (process.confinement.read_status(), ended) {
        (Status::Failed(detail), _) => Failure::crashed(detail),
        (Status::Unknown, Some(_)) => {
            Failure::infrastructure(format!("the sandbox could not be set up: {said}"))
        }
        (_, Some(status)) => {
            // The confining process passes on what ended the command as a shell would.
            let code = status
                .exit_status()
                .unwrap_or_else(|| 128 + status.terminating_signal().unwrap_or_default());
            Failure::crashed(format!("the server ended (exit code {code}): {said}"))
        }
        (_, None) => Failure::crashed(format!("the server closed its output: {said}")),
    }
}

impl Process {
    /// How it ended, if it did. It is not waited for yet, so that the number of its group cannot
    /// mean another one.
    fn ended(&self) -> Option<WaitIdStatus> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.child)), look).ok().flatten()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The first process of the sandbox leads a group as soon as it runs; what is inside has
        // namespaces of its own and ends with it, or is in that group.
        if let Err(error) = kill_process_group(Pid::from_child(&self.child), Signal::KILL) {
            tracing::debug!(%error, "a server led no group");
        }
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            tracing::warn!(%error, "cannot end a server");
        }
    }
}
