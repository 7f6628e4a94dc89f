//! What people are told about errors from below: one table.

use ainur_api::problem::{Code, Problem};
use ainur_broker::Error;
use ainur_broker::aacl::SpokenError;
use ainur_ledger::{TransactionError, balances, exchange};
use ainur_market::exchange as market;

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
        Error::NoCredit(_) => Problem::new(Code::NoBidder, message)
            .next("see what is held and owed: ainur market book CAPABILITY; buy some: ainur market order buy"),
        Error::NoRental(_) => Problem::new(Code::NoBidder, message)
            .next("see what is rented and on offer: ainur market rental list"),
        Error::UnknownRental(_) => {
            Problem::new(Code::NotFound, message).next("see ainur market rental list")
        }
        Error::UnknownOffer(_) => {
            Problem::new(Code::NotFound, message).next("see ainur market offers")
        }
        Error::Spoken(SpokenError::Place(_) | SpokenError::Negotiation(_)) => {
            Problem::new(Code::Conflict, message)
                .next("see what was said: GET /v1/aacl/conversations/{id}")
        }
        Error::Spoken(SpokenError::Meaning(_) | SpokenError::Unwritable(_)) => {
            Problem::new(Code::InvalidRequest, message)
                .next("see docs/market/aacl-negotiation.md for what is said, and when")
        }
        Error::ConversationOver(_) => Problem::new(Code::Conflict, message)
            .next("begin a conversation of your own, with another id"),
        Error::TooManySpoken(..) => {
            Problem::new(Code::LimitReached, message).next("wait until some have ended")
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

/// A failed transaction as a problem.
pub(crate) fn of_transaction(error: &TransactionError) -> Problem {
    match error {
        TransactionError::Exchange(error) => of_exchange(error),
        error => Problem::new(Code::Conflict, with_causes(error)),
    }
}

fn of_exchange(error: &exchange::Error) -> Problem {
    use exchange::Error as Refused;
    let (code, next) = match error {
        Refused::Market(error) => return of_market(error),
        Refused::Balances(balances::Error::Insufficient { .. }) => (
            Code::InsufficientFunds,
            "ask for less, cancel an order, or pay the account: ainur account transfer DID AINU",
        ),
        Refused::UnknownClass(_) => {
            (Code::NotFound, "open it: ainur market credits open CAPABILITY --collateral AINU")
        }
        Refused::ClassOpen(_) => {
            (Code::Conflict, "issue credits of it: ainur market credits issue CAPABILITY QUANTITY")
        }
        Refused::CollateralOutOfRange { .. } => {
            (Code::InvalidRequest, "choose a --collateral between them")
        }
        Refused::NotOffered { .. } => {
            (Code::InvalidRequest, "name an agent that offers it: ainur agent list")
        }
        Refused::InsufficientCredits { .. } => (
            Code::Conflict,
            "see what it has: ainur market book CAPABILITY --agent NAME; an agent that offers the \
             capability can issue more: ainur market credits issue",
        ),
        Refused::NotOwed { .. } => (
            Code::Conflict,
            "retire no more than it owes: ainur market book CAPABILITY --agent NAME",
        ),
        Refused::ExpiresTooLate(_) => (Code::InvalidRequest, "lower --for"),
        Refused::BookFull(_) => (Code::LimitReached, "trade at once: --kind ioc"),
        Refused::PoolOpen => {
            (Code::Conflict, "add to it: ainur market pool add CAPABILITY CREDITS --money-max AINU")
        }
        Refused::NoPool => (
            Code::NotFound,
            "begin it: ainur market pool open CAPABILITY --credits QUANTITY --money AINU",
        ),
        Refused::PoolFeeTooHigh(_) => (Code::InvalidRequest, "lower --fee-bps"),
        Refused::InsufficientShares { .. } => {
            (Code::Conflict, "see how many it has: ainur market pool CAPABILITY --agent NAME")
        }
        Refused::BeyondLimit => (
            Code::Conflict,
            "see the pool: ainur market pool CAPABILITY; then set another limit, or trade less",
        ),
        Refused::NothingTrades => {
            (Code::Conflict, "see prices: ainur market book CAPABILITY; then set another --price")
        }
        Refused::KeyTaken(_) => (Code::Conflict, "choose another key for another request"),
        Refused::QuantityOutOfRange => (Code::InvalidRequest, "name another quantity"),
        _ => (Code::Conflict, "see ainur market book CAPABILITY"),
    };
    Problem::new(code, with_causes(error)).next(next)
}

fn of_market(error: &market::Error) -> Problem {
    use market::Error as Refused;
    let (code, next) = match error {
        Refused::UnknownOrder(_) => {
            (Code::NotFound, "see its orders: ainur market book CAPABILITY --agent NAME".to_owned())
        }
        Refused::BetweenTicks(tick) => (
            Code::InvalidRequest,
            format!("round the price to multiples of {} AINU", tick.to_ainu()),
        ),
        Refused::PoolExhausted => {
            (Code::Conflict, "ask for less: see ainur market pool CAPABILITY".to_owned())
        }
        Refused::TooLittleLiquidity => {
            (Code::InvalidRequest, "begin with more credits or money".to_owned())
        }
        _ => (Code::InvalidRequest, "name another quantity or price".to_owned()),
    };
    Problem::new(code, with_causes(error)).next(next)
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
