//! Messages as people read them.
use ainur_api::view::AaclThread;
use ainur_primitives::Amount;
use ainur_protocol::{Message, ReservePrice};
use serde_json::{Value, json};

use crate::output::{Column, Output, ainu};

const COLUMNS: [Column; 5] = [
    Column("at", false),
    Column("message", false),
    Column("from", false),
    Column("price", true),
    Column("what", false),
];

/// A list of messages, each checked.
pub(super) fn messages(messages: &[Message], output: &Output) {
    if output.is_json() {
        return output.json(&json!({ "messages": all(messages) }));
    }
    output.table(&COLUMNS, messages.iter().map(row).collect());
}

/// A thread that was checked.
pub(super) fn thread(thread: &AaclThread, messages: &[Message], output: &Output) {
    if output.is_json() {
        let (task, over) = (thread.task, thread.over);
        return output.json(&json!({ "task": task, "over": over, "messages": all(messages) }));
    }
    output.table(&COLUMNS, messages.iter().map(row).collect());
    let unsigned = messages.iter().filter(|message| message.proof().is_none()).count();
    let signed = messages.len() - unsigned;
    output.line(output.good(&format!("{signed} signed messages, each in its place")));
    if unsigned > 0 {
        output.line(format!("{unsigned} of sellers whose keys are not on the node any more"));
    }
    if let Some(task) = thread.task {
        output.line(format!("task {task}"));
    }
}

fn all(messages: &[Message]) -> Vec<Value> {
    let value = |message: &Message| {
        let bytes = message.to_json().ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    messages.iter().filter_map(value).collect()
}

fn row(message: &Message) -> Vec<String> {
    let header = message.header();
    let (price, what) = said(message);
    let name = header.message_type.as_str();
    let name = name.trim_start_matches("AACL-").trim_end_matches("-v1");
    vec![
        header.created.to_string(),
        name.to_owned(),
        header.from.short(),
        price.map(ainu).unwrap_or_default(),
        what,
    ]
}

/// The amount in a message, and the rest in a few words.
fn said(message: &Message) -> (Option<Amount>, String) {
    match message {
        Message::Call(call) => {
            let specification = &call.body().specification;
            let reserve = match specification.reserve {
                ReservePrice::Open(reserve) => Some(reserve),
                ReservePrice::Sealed(_) => None,
            };
            (reserve, format!("{} for this at most", specification.capability))
        }
        Message::BidCommit(commit) => {
            (None, format!("sealed {}", commit.body().commitment.short()))
        }
        Message::Bid(bid) => {
            let bid = bid.body();
            let parts = match bid.bundles.len() {
                0 => String::new(),
                count => format!(", the first of {count} bundles"),
            };
            (Some(bid.price), format!("within {}{parts}", bid.estimated_duration_ms))
        }
        Message::CoalitionBid(bid) => {
            let bid = bid.body();
            (Some(bid.total_bid), format!("{} members together", bid.members.len()))
        }
        Message::Accept(accept) => {
            let accept = accept.body();
            (Some(accept.price), format!("agreed: task {}", accept.task.short()))
        }
        Message::Reject(reject) => {
            let reject = reject.body();
            (None, format!("{:?} {}", reject.reason, reject.detail).trim_end().to_lowercase())
        }
        Message::Negotiate(proposal) => {
            let proposal = proposal.body();
            (Some(proposal.proposal.price), format!("round {}", proposal.round))
        }
        Message::StandingOffer(offer) => {
            let offer = offer.body();
            let names: Vec<_> = offer.capabilities.iter().map(ToString::to_string).collect();
            (Some(offer.pricing.base_price), format!("{} until {}", names.join(", "), offer.expiry))
        }
        Message::Withdraw(withdraw) => (None, format!("offer {}", withdraw.body().offer.short())),
    }
}
