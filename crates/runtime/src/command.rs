//! Guests that are commands of this machine (decision 24; docs/introspection.md is for their
//! authors).
//!
//! A command gets its input on standard input and delivers on standard output; exit code 0 says that
//! it did. It runs in namespaces of its own (users, processes, network, mounts, IPC) and under
//! Landlock, as far as the kernel allows: without network unless granted, reading only the system's
//! programs and libraries, its own files and what it was granted, writing only into a temporary
//! folder that disappears with it. Resource limits are per process. What the kernel does not allow
//! is reported by [`Isolation::probe`], so that the operator knows before trusting it.
use std::path::PathBuf;
use std::sync::Arc;

use ainur_primitives::{DurationMs, ExecutionLimits, TraceContext};

use crate::attempt::Attempt;
use crate::failure::Failure;
use crate::frame::Report;
use crate::input::Input;
use crate::limits::{
    COMMAND_WORDS_MAX, DESCRIBE_MEMORY_BYTES_MAX, DESCRIBE_MS_MAX, MANIFEST_BYTES_MAX,
};

mod isolation;
mod run;
mod sandbox;

pub use isolation::{Isolation, Separation};
pub(crate) use sandbox::{Confinement, Status, main as sandbox_main};

/// A command, as its job names it.
pub(crate) struct Command<'a> {
    pub(crate) argv: &'a [String],
    pub(crate) network: bool,
    pub(crate) readable: &'a [PathBuf],
    /// Where its work belongs in a distributed trace.
    pub(crate) trace: Option<&'a TraceContext>,
}

impl Command<'_> {
    /// `PROGRAM introspect --json`.
    pub(crate) fn describe(&self, attempt: &Arc<Attempt>) -> Result<Report, Failure> {
        let limits = ExecutionLimits {
            fuel_max: 0,
            memory_bytes_max: DESCRIBE_MEMORY_BYTES_MAX,
            duration_ms_max: DurationMs(DESCRIBE_MS_MAX),
            output_bytes_max: MANIFEST_BYTES_MAX as u64,
        };
        let arguments = ["introspect", "--json"];
        let mut manifest = Vec::new();
        self.run(attempt, &arguments, Input::none(), &limits, |_, chunk| {
            manifest.extend_from_slice(&chunk);
            Ok(())
        })?;
        Ok(Report::Described { job: attempt.job(), manifest })
    }

    /// `PROGRAM run CAPABILITY --parameters JSON`.
    pub(crate) fn execute(
        &self,
        attempt: &Arc<Attempt>,
        capability: &str,
        parameters: &str,
        input: Input,
        limits: &ExecutionLimits,
    ) -> Result<Report, Failure> {
        let arguments = ["run", capability, "--parameters", parameters];
        let ended = self
            .run(attempt, &arguments, input, limits, |index, chunk| attempt.emit(index, chunk))?;
        Ok(Report::Executed {
            job: attempt.job(),
            fuel_used: 0,
            chunks: ended.chunks,
            output_bytes: ended.output_bytes,
            duration_ms: ended.duration_ms,
        })
    }

    fn run(
        &self,
        attempt: &Arc<Attempt>,
        arguments: &[&str],
        input: Input,
        limits: &ExecutionLimits,
        deliver: impl FnMut(u32, Vec<u8>) -> Result<(), Failure>,
    ) -> Result<run::Ended, Failure> {
        if self.argv.is_empty() || self.argv.len() > COMMAND_WORDS_MAX {
            let detail = format!("a command has 1 to {COMMAND_WORDS_MAX} words");
            return Err(Failure::infrastructure(detail));
        }
        let mut argv = self.argv.to_vec();
        argv.extend(arguments.iter().map(ToString::to_string));
        run::run(self, attempt, &argv, input, limits, deliver)
    }
}

/// What every command finds in its environment; nothing of the node's own.
pub(crate) const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
