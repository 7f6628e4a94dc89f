//! One module a noun; each turns arguments into operations and answers into output.
use std::process::ExitCode;

use ainur_api::problem::{Code, Problem};
use ainur_api::{Operation, Reply, Service};

use crate::arguments::{Arguments, Noun};
use crate::connect::Place;
use crate::output::Output;

mod aacl;
mod account;
mod agent;
mod blob;
mod budget;
mod init;
mod ledger;
mod market;
mod mcp;
mod node;
mod receipt;
mod task;
mod token;

pub(crate) use task::pack_input;

/// What every command ends with.
pub(crate) type Outcome = Result<ExitCode, Problem>;

/// Runs a command.
pub(crate) fn run(arguments: Arguments, output: &Output) -> Outcome {
    let place = Place::new(arguments.data_dir)?;
    match arguments.noun {
        Noun::Init => init::run(&place, output),
        Noun::Node(verb) => node::run(verb, &place, output),
        Noun::Agent(verb) => agent::run(verb, &place, output),
        Noun::Task(verb) => task::run(verb, &place, output),
        Noun::Market(verb) => market::run(verb, &place, output),
        Noun::Aacl(verb) => aacl::run(verb, &place, output),
        Noun::Budget(verb) => budget::run(verb, &place, output),
        Noun::Token(verb) => token::run(verb, &place, output),
        Noun::Account(verb) => account::run(verb, &place, output),
        Noun::Ledger(verb) => ledger::run(verb, &place, output),
        Noun::Receipt(verb) => receipt::run(verb, &place, output),
        Noun::Blob(verb) => blob::run(verb, &place, output),
        Noun::Mcp(terms) => mcp::run(&terms, &place),
        Noun::Introspect => {
            output.json(&crate::introspect::describe());
            Ok(ExitCode::SUCCESS)
        }
        Noun::Demo(demo) => crate::demo::run(demo, &place, output),
    }
}

/// Performs an operation and takes the one kind of reply it has.
pub(crate) fn ask<T>(
    service: &dyn Service,
    operation: Operation,
    take: impl FnOnce(Reply) -> Option<T>,
) -> Result<T, Problem> {
    let reply = service.perform(operation)?;
    take(reply).ok_or_else(|| {
        Problem::new(Code::Internal, "the node gave another kind of answer than was asked for")
            .next("use the same version of ainur for the command and the node")
    })
}
