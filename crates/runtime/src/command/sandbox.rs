//! The two small processes between a worker and a command, both this same binary.
//!
//! The first one (`confine`) leaves the namespaces of the node and waits for the second one
//! (`enter`), which is process 1 of the new process namespace, takes away what is left of its
//! rights, and becomes the command. When either dies, the kernel ends everything inside. No code
//! runs between fork and exec, so none of this needs `unsafe`.
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use ainur_primitives::ExecutionLimits;
use rustix::process::{
    Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit, setsid,
};
use rustix::thread::{UnshareFlags, set_no_new_privs};
use serde::{Deserialize, Serialize};

use super::isolation::{Isolation, Separation};
use crate::limits::{
    COMMAND_FILES_MAX, COMMAND_PROCESSES_MAX, SERVER_FILE_BYTES_MAX, SERVER_MEMORY_BYTES_MAX,
};
use crate::worker::SANDBOX;

mod files;
mod rights;

/// Everything the sandbox is told, as one JSON argument.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Confinement {
    stage: Stage,
    /// Where the command may write: its working folder.
    pub(crate) home: PathBuf,
    /// Where the sandbox says how far it came; out of the command's reach.
    status: PathBuf,
    network: bool,
    readable: Vec<PathBuf>,
    /// What the command may change beside its working folder.
    #[serde(default)]
    writable: Vec<PathBuf>,
    /// The first words of the command line, which are the operator's and may name files. What comes
    /// after them (a capability, parameters) is the buyer's and grants nothing.
    operator_words: usize,
    memory_bytes_max: u64,
    file_bytes_max: u64,
    /// No limit when `None`: for a server that is there for days.
    cpu_seconds_max: Option<u64>,
    /// What leaving the namespaces came to.
    isolation: Option<Isolation>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Stage {
    Confine,
    Enter,
}

/// How far the sandbox came.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// Not even to the point where it could say so.
    Unknown,
    /// The command was started, so well confined.
    Entered(Isolation),
    /// The command could not be started.
    Failed(String),
}

/// Reserved address space is not memory; runtimes with garbage collection reserve gigabytes.
const ADDRESS_SPACE_SLACK_BYTES: u64 = 16 << 30;

impl Confinement {
    pub(crate) fn new(
        folder: &Path,
        network: bool,
        readable: &[PathBuf],
        operator_words: usize,
    ) -> io::Result<Self> {
        let home = folder.join("home");
        fs::DirBuilder::new().mode(0o700).create(&home)?;
        Ok(Self {
            stage: Stage::Confine,
            home,
            status: folder.join("status"),
            network,
            readable: readable.to_vec(),
            writable: Vec::new(),
            operator_words,
            memory_bytes_max: 64 << 20,
            file_bytes_max: 1 << 20,
            cpu_seconds_max: Some(10),
            isolation: None,
        })
    }

    pub(super) fn with_limits(self, limits: &ExecutionLimits) -> Self {
        Self {
            memory_bytes_max: limits.memory_bytes_max,
            file_bytes_max: limits.output_bytes_max,
            cpu_seconds_max: Some(limits.duration_ms_max.0.div_ceil(1_000) + 1),
            ..self
        }
    }

    /// For a command that is kept running between calls, and may change what it was granted.
    pub(crate) fn for_server(self, writable: &[PathBuf]) -> Self {
        Self {
            writable: writable.to_vec(),
            memory_bytes_max: SERVER_MEMORY_BYTES_MAX,
            file_bytes_max: SERVER_FILE_BYTES_MAX,
            cpu_seconds_max: None,
            ..self
        }
    }

    /// The arguments after `worker sandbox`.
    pub(crate) fn arguments(&self, argv: &[String]) -> io::Result<Vec<OsString>> {
        let mut arguments = vec![serde_json::to_string(self)?.into()];
        arguments.extend(argv.iter().map(OsString::from));
        Ok(arguments)
    }

    pub(crate) fn read_status(&self) -> Status {
        let text = fs::read(&self.status).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or(Status::Unknown)
    }
}

/// `worker sandbox CONFINEMENT COMMAND…`
pub(crate) fn main(arguments: &[OsString]) -> ExitCode {
    let result = match arguments.split_first() {
        Some((confinement, argv)) if !argv.is_empty() => confinement
            .to_str()
            .ok_or_else(|| io::Error::other("not text"))
            .and_then(|text| Ok(serde_json::from_str::<Confinement>(text)?))
            .and_then(|confinement| match confinement.stage {
                Stage::Confine => confine(confinement, argv),
                Stage::Enter => Err(enter(confinement, argv)),
            }),
        _ => Err(io::Error::other("'worker sandbox' is started by a worker")),
    };
    result.unwrap_or_else(|error| {
        eprintln!("sandbox: {error}");
        ExitCode::from(SETUP_FAILED)
    })
}

/// Exit code when there was no command to take one from.
const SETUP_FAILED: u8 = 125;

fn confine(mut confinement: Confinement, argv: &[OsString]) -> io::Result<ExitCode> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    setsid()?;
    confinement.isolation = Some(leave_namespaces(confinement.network));
    confinement.stage = Stage::Enter;
    let status = Command::new("/proc/self/exe")
        .arg("worker")
        .arg(SANDBOX)
        .arg(serde_json::to_string(&confinement)?)
        .args(argv)
        .status()?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(SETUP_FAILED)))
}

/// Leaves as many of the node's namespaces as the kernel lets us. Some kernels refuse user
/// namespaces to everyone but root, who does not need them.
fn leave_namespaces(network: bool) -> Isolation {
    let mut flags = UnshareFlags::NEWPID | UnshareFlags::NEWNS | UnshareFlags::NEWIPC;
    if !network {
        flags |= UnshareFlags::NEWNET;
    }
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    let result = unshare(flags | UnshareFlags::NEWUSER)
        .and_then(|()| {
            fs::write("/proc/self/uid_map", format!("0 {} 1", uid.as_raw()))?;
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/gid_map", format!("0 {} 1", gid.as_raw()))
        })
        .or_else(|error| unshare(flags).map_err(|_| error));
    let separation = Separation::from_result(result);
    Isolation {
        network: if network {
            Separation::NotIsolated("granted".into())
        } else {
            separation.clone()
        },
        processes: separation.clone(),
        files: separation,
    }
}

#[expect(
    deprecated,
    reason = "unsafe only for FILES and FS among threads; this process has one thread and does \
              not use them"
)]
fn unshare(flags: UnshareFlags) -> io::Result<()> {
    Ok(rustix::thread::unshare(flags)?)
}

/// Becomes the command; returns only when that failed.
fn enter(confinement: Confinement, argv: &[OsString]) -> io::Error {
    match try_enter(&confinement, argv) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn try_enter(confinement: &Confinement, argv: &[OsString]) -> io::Result<std::convert::Infallible> {
    // Opened now: later it is out of reach. Closed when the command begins.
    let mut status = File::create(&confinement.status)?;
    let mut isolation = confinement
        .isolation
        .clone()
        .ok_or_else(|| io::Error::other("the first stage was left out"))?;
    let own_mounts = isolation.files.is_isolated();
    if own_mounts {
        files::mount(&confinement.home, confinement.file_bytes_max)?;
        std::env::set_current_dir(&confinement.home)?;
    }
    let program = match files::find_program(&argv[0]) {
        Ok(program) => program,
        Err(error) => {
            status.write_all(&serde_json::to_vec(&Status::Failed(error.to_string()))?)?;
            return Err(error);
        }
    };
    let restricted = files::restrict(confinement, &program, argv, own_mounts);
    isolation.files = Separation::from_result(restricted);
    set_limits(confinement)?;
    rights::give_up()?;
    set_no_new_privs(true)?;
    status.write_all(&serde_json::to_vec(&Status::Entered(isolation))?)?;
    // Last, because giving up rights may clear it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let error = Command::new(&program).args(&argv[1..]).exec();
    let detail = format!("cannot start {}: {error}", program.display());
    status.set_len(0)?;
    rustix::fs::seek(&status, rustix::fs::SeekFrom::Start(0))?;
    status.write_all(&serde_json::to_vec(&Status::Failed(detail))?)?;
    Err(error)
}

fn set_limits(confinement: &Confinement) -> io::Result<()> {
    let address_space = confinement.memory_bytes_max.saturating_add(ADDRESS_SPACE_SLACK_BYTES);
    let limits = [
        (Resource::Core, 0),
        (Resource::Cpu, confinement.cpu_seconds_max.unwrap_or(u64::MAX)),
        (Resource::Data, confinement.memory_bytes_max),
        (Resource::As, address_space),
        (Resource::Fsize, confinement.file_bytes_max),
        (Resource::Nofile, COMMAND_FILES_MAX),
        (Resource::Nproc, COMMAND_PROCESSES_MAX),
    ];
    for (resource, limit) in limits {
        let limit = Some(limit.min(rustix::process::getrlimit(resource).maximum.unwrap_or(limit)));
        setrlimit(resource, Rlimit { current: limit, maximum: limit })?;
    }
    Ok(())
}
