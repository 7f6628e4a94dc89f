//! What people are told about errors from below: one table.

use ainur_api::problem::{Code, Problem};
use ainur_broker::Error;

/// A broker's error as a problem.
pub fn of_broker(error: &Error) -> Problem {
    let message = with_causes(error);
    match error {
        Error::UnknownCapability { offered, .. } => {
            let mut offered: Vec<&str> = offered.iter().map(|name| name.as_str()).collect();
            offered.dedup();
            let next = if offered.is_empty() {
                "add an agent that does: ainur agent add ./component.wasm".to_owned()
            } else {
                format!("what is offered: {}; or add an agent that does", offered.join(", "))
            };
            Problem::new(Code::UnknownCapability, message).next(next)
        }
        Error::Invalid(_) | Error::Deadline(_) => Problem::new(Code::InvalidRequest, message),
        Error::InsufficientFunds { .. } => Problem::new(Code::InsufficientFunds, message)
            .next("lower --reserve, or wait until open tasks have ended"),
        Error::Budget(_) => Problem::new(Code::BudgetExceeded, message)
            .next("lower --reserve, or open a larger budget: ainur budget open AINU"),
        Error::TooManyTasks(_) => {
            Problem::new(Code::LimitReached, message).next("wait until some have ended")
        }
        Error::TooManyWatchers(_) => {
            Problem::new(Code::LimitReached, message).next("ask once with ainur task show")
        }
        Error::NoOffer(_) => Problem::new(Code::NoBidder, message)
            .next("see what is on offer: ainur market offers; or let agents bid: --venue auction"),
        Error::UnknownOffer(_) => {
            Problem::new(Code::NotFound, message).next("see ainur market offers")
        }
        Error::UnknownTask(_) => Problem::new(Code::NotFound, message).next("see ainur task list"),
        Error::AmbiguousTask(_) => {
            Problem::new(Code::InvalidRequest, message).next("write more of the id")
        }
        Error::Illegal(_) => Problem::new(Code::Conflict, message).next("see ainur task show"),
        Error::Storage(storage) => of_storage(storage),
        Error::Format { .. } => Problem::new(Code::Corrupted, message)
            .next("use the version of ainur that made this data directory, or a new directory"),
        Error::Undecodable(_) | Error::Missing(_) => {
            Problem::new(Code::Corrupted, message).next("run ainur ledger audit")
        }
        Error::Ledger(_) | Error::Audit(_) => Problem::new(Code::Storage, message)
            .next("nothing was lost; start the node again, then run ainur ledger audit"),
        Error::LedgerBusy => Problem::new(Code::Busy, message).next("do the same again"),
        Error::Entropy(_) | Error::ArchiveLost => Problem::new(Code::Internal, message),
    }
}

/// A storage error as a problem.
pub fn of_storage(error: &ainur_storage::Error) -> Problem {
    let message = with_causes(error);
    if matches!(error, ainur_storage::Error::Held { .. }) {
        return Problem::new(Code::Busy, message)
            .next("stop that process, or name another folder with --data-dir FOLDER");
    }
    if error.is_full() {
        return Problem::new(Code::Storage, message)
            .next("free some space; nothing was lost, the same command goes on");
    }
    if error.is_damage() {
        return Problem::new(Code::Corrupted, message)
            .next("restore the named file from a backup; ainur ledger audit checks everything");
    }
    Problem::new(Code::Storage, message).next("check who may write in the data directory")
}

/// An error and what caused it, in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let detail = error.to_string();
        if !text.contains(&detail) {
            text = format!("{text}: {detail}");
        }
        cause = error.source();
    }
    text
}
