//! What the tests of this folder share: a pool, a server, and a way to call it.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ainur_primitives::{DurationMs, ExecutionLimits, FailureReason};
use ainur_runtime::remote::{
    Config, DescribeError, Description, RemotePool, RemoteProgram, ServerEndpoint, ToolServer,
};
use ainur_runtime::{Event, Input, Job, JobId, Program};
use serde_json::Value;
use tempfile::TempDir;

use crate::server::WITNESS;

/// How long any answer may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Stage {
    pub(crate) pool: RemotePool,
    pub(crate) events: Receiver<Event>,
    pub(crate) witness: TempDir,
    next: AtomicU64,
}

/// What came of a job.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) output: Vec<u8>,
    pub(crate) chunks: u32,
    pub(crate) progress: Vec<(u64, u64)>,
    pub(crate) last: Event,
}

pub(crate) fn config() -> Config {
    let binary = std::env::current_exe().unwrap();
    let command = vec![binary.into_os_string(), "worker".into()];
    Config { command, ..Config::this_binary() }
}

/// This binary as a server in a mode, which may write into the folder of traces.
pub(crate) fn command(witness: &Path, mode: &str) -> ToolServer {
    let binary = std::env::current_exe().unwrap().to_string_lossy().into_owned();
    ToolServer::new(ServerEndpoint::Command {
        argv: vec![binary, "mcp-server".into(), mode.into()],
        network: false,
        readable: Vec::new(),
        writable: vec![witness.to_owned()],
        environment: BTreeMap::from([(WITNESS.into(), witness.to_string_lossy().into_owned())]),
    })
}

pub(crate) fn limits(duration_ms: u64) -> ExecutionLimits {
    ExecutionLimits { duration_ms_max: DurationMs(duration_ms), ..ExecutionLimits::default() }
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: Config) -> Self {
        let (sender, events) = channel();
        let pool = RemotePool::start(config, move |event| drop(sender.send(event))).unwrap();
        let witness = tempfile::Builder::new().prefix("ainur-remote-").tempdir().unwrap();
        Self { pool, events, witness, next: AtomicU64::new(1) }
    }

    /// A server of this binary.
    pub(crate) fn server(&self, mode: &str) -> ToolServer {
        command(self.witness.path(), mode)
    }

    pub(crate) fn describe(&self, server: &ToolServer) -> Result<Description, DescribeError> {
        self.pool
            .describe(RemoteProgram::mcp(server.clone()))
            .unwrap()
            .recv_timeout(PATIENCE)
            .unwrap()
    }

    /// A remote as an agent that was added.
    pub(crate) fn accepted(&self, program: RemoteProgram) -> Arc<RemoteProgram> {
        let answer = self.pool.describe(program.clone()).unwrap().recv_timeout(PATIENCE).unwrap();
        Arc::new(program.with_tools(answer.unwrap().tools))
    }

    /// A server as an agent that was added.
    pub(crate) fn added(&self, server: &ToolServer) -> Arc<RemoteProgram> {
        self.accepted(RemoteProgram::mcp(server.clone()))
    }

    pub(crate) fn start(
        &self,
        program: &Arc<RemoteProgram>,
        tool: &str,
        parameters: Value,
        limits: ExecutionLimits,
    ) -> JobId {
        let job = JobId(self.next.fetch_add(1, Ordering::Relaxed));
        let work = Job::Execute {
            program: Program::Remote(Arc::clone(program)),
            capability: match tool.contains('.') {
                true => tool.parse().unwrap(),
                false => format!("test-tool-server.{tool}").parse().unwrap(),
            },
            parameters: parameters.to_string(),
            input: Input::none(),
            first_chunk: 0,
            limits,
            trace: None,
        };
        self.pool.dispatch(job, work).unwrap();
        job
    }

    /// Waits for the end of a job, which must be the only one.
    pub(crate) fn finish(&self, job: JobId) -> Outcome {
        let (mut output, mut chunks, mut progress) = (Vec::new(), 0, Vec::new());
        loop {
            let event = self.events.recv_timeout(PATIENCE).expect("an event");
            assert_eq!(event.job(), Some(job));
            match event {
                Event::Chunk { index, data, .. } => {
                    assert_eq!(index, chunks);
                    chunks += 1;
                    output.extend(data);
                    self.pool.acknowledge(job, index);
                }
                Event::Progress { done, total, .. } => progress.push((done, total)),
                last => return Outcome { output, chunks, progress, last },
            }
        }
    }

    pub(crate) fn call(
        &self,
        program: &Arc<RemoteProgram>,
        tool: &str,
        parameters: Value,
    ) -> Outcome {
        self.finish(self.start(program, tool, parameters, limits(20_000)))
    }

    /// The text of a call that succeeds.
    pub(crate) fn text(
        &self,
        program: &Arc<RemoteProgram>,
        tool: &str,
        parameters: Value,
    ) -> String {
        let outcome = self.call(program, tool, parameters);
        let output: Value = serde_json::from_slice(&outcome.output)
            .unwrap_or_else(|_| panic!("{:?} should have delivered", outcome.last));
        output["content"][0]["text"].as_str().unwrap().to_owned()
    }
}

impl Outcome {
    /// Checks that it failed, and gives what it said.
    #[track_caller]
    pub(crate) fn failed(&self, expected: FailureReason) -> &str {
        match &self.last {
            Event::Failed { reason, detail, .. } if *reason == expected => detail,
            other => panic!("{other:?} should have failed as {expected:?}"),
        }
    }
}
