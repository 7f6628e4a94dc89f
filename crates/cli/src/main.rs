//! The `ainur` command: noun, verb, and an answer as a table or as JSON.
//!
//! Exit codes: 0 done, 1 refused or failed, 2 not understood.
use std::process::ExitCode;

use clap::Parser;

mod arguments;
mod command;
mod connect;
mod demo;
mod introspect;
mod output;

use arguments::{Arguments, LogFormat};
use output::Output;

/// A task is some thousand small allocations, made in one thread and freed in another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Worker processes are this same program; they must not parse arguments or set up logging.
    if std::env::args_os().nth(1).is_some_and(|word| word == "worker") {
        return ainur_runtime::worker::main();
    }
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    start_logging(arguments.verbose, arguments.log_format);
    match command::run(arguments, &output) {
        Ok(code) => code,
        Err(error) => {
            output.problem(&error);
            ExitCode::from(1)
        }
    }
}

/// Logs go to standard error; `AINUR_LOG` takes a filter such as `ainur_broker=debug`.
fn start_logging(verbose: bool, format: LogFormat) {
    // What the library of MCP logs holds words of strangers, and of clients that hung up.
    let default = if verbose { "info,rmcp=off" } else { "error,ainur_node::remote=warn,rmcp=off" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("AINUR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}
