//! Selling with a key of one's own: standing offers, their end, and sealed bids.
use std::path::{Path, PathBuf};
use std::time::Duration;

use ainur_api::operation::{AaclHolder, AaclListing, AaclSay};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::{AaclThread, AgentView};
use ainur_api::{Operation, Reply, Service};
use ainur_node::keys::KeyPair;
use ainur_node::offers::offer_terms;
use ainur_node::own_keys::speech::{self, BidAsk, BidOpening};
use ainur_primitives::{Did, DurationMs};
use serde_json::json;

use super::read_key;
use crate::arguments::{AaclBidArguments, AaclOfferArguments};
use crate::command::agent::standing_of;
use crate::command::ask;
use crate::command::market::offer::draft;
use crate::output::{Output, ainu, io_problem};

/// Publishes an offer that the agent's own key signs.
pub(super) fn offer(
    asked: AaclOfferArguments,
    service: &dyn Service,
    output: &Output,
) -> Result<(), Problem> {
    let keys = read_key(&asked.key)?;
    if let Some(offer) = &asked.offer.withdraw {
        return withdraw(offer, &keys, service, output);
    }
    let draft = draft(asked.offer)?;
    let agent = agent(service, &draft.agent)?;
    if agent.did != keys.did() {
        let message = format!("the key is not that of {}", agent.name);
        return Err(Problem::new(Code::InvalidRequest, message).next("name the agent's own key"));
    }
    let named = (agent.name.as_str(), agent.did, agent.card);
    let terms = offer_terms(draft, named, &agent.capabilities)?;
    say(service, speech::say_offer(&keys, &terms)?)?;
    if output.is_json() {
        output.json(&json!({ "offer": terms.digest(), "terms": terms }));
    } else {
        output.line(format!("{} offers {}", agent.name, terms.digest().short()));
        output.line(format!("next: ainur aacl withdraw {} --key FILE", terms.digest().short()));
    }
    Ok(())
}

/// Takes an offer back: on the ledger first, so that no copy of it can be taken.
pub(super) fn withdraw(
    text: &str,
    keys: &KeyPair,
    service: &dyn Service,
    output: &Output,
) -> Result<(), Problem> {
    let mut found = Vec::new();
    for message in messages(service, Operation::AaclOffers)? {
        let terms = speech::offered_terms(&message)?;
        if terms.digest().to_string().starts_with(text) {
            found.push((message, terms));
        }
    }
    let (Some((message, terms)), true) = (found.pop(), found.is_empty()) else {
        return Err(not_found("one offer", text, "see ainur market offers --json"));
    };
    let digest = terms.digest();
    let said = speech::say_withdraw(keys, operator(service)?, &message)?;
    let (standing, _) = standing_of(keys, service)?;
    let revoked =
        service.perform(Operation::LedgerSubmit { submission: standing.revoke(keys, terms) });
    // When that was done before, the node says so by taking the message.
    let said = say(service, said);
    match (revoked, said) {
        (Err(problem), Err(_)) | (Ok(_), Err(problem)) => return Err(problem),
        (_, Ok(_)) => {}
    }
    if output.is_json() {
        output.json(&json!({ "withdrawn": digest }));
    } else {
        output.line(format!("{} cannot be taken any more; tasks under way go on", digest.short()));
    }
    Ok(())
}

/// Seals a bid and opens it in time, or does one of the two.
pub(super) fn bid(
    asked: AaclBidArguments,
    service: &dyn Service,
    output: &Output,
) -> Result<(), Problem> {
    let keys = read_key(&asked.key)?;
    if let Some(file) = &asked.open {
        return open(&keys, &read_opening(file)?, service, output);
    }
    let (Some(task), Some(price)) = (&asked.task, asked.price) else {
        let message = "a bid needs a task and --price";
        return Err(Problem::new(Code::InvalidRequest, message).next("see ainur market bid"));
    };
    let mut calls = messages(service, Operation::AaclCalls)?;
    calls.retain(|call| {
        speech::called_task(call).is_some_and(|id| id.to_string().starts_with(task.as_str()))
    });
    let [call] = calls.as_slice() else {
        return Err(not_found("one open call", task, "see ainur market bid"));
    };
    let agent = agent(service, &keys.did().to_string())?;
    let ask = BidAsk {
        card: agent.card,
        price,
        estimated_duration_ms: asked.duration.map(DurationMs::seconds),
        quality_level: asked.quality.into(),
    };
    let (message, opening) = speech::say_commit(&keys, call, ask)?;
    let short = opening.terms.task.to_string()[..8].to_owned();
    let file = asked.opening.unwrap_or_else(|| PathBuf::from(format!("bid-{short}.json")));
    // What opens the bid is kept before anybody could ask for it.
    write_opening(&file, &opening)?;
    say(service, message)?;
    if !output.is_json() {
        output.line(format!("{} has sealed a bid of {}", agent.name, ainu(price)));
        let (from, until) = (opening.from, opening.until);
        output.line(format!("It has to be opened from {from} until before {until}."));
    }
    if asked.detach {
        if output.is_json() {
            output.json(&json!({ "task": opening.terms.task, "opening": file, "from": opening.from, "until": opening.until }));
        } else {
            output.line(format!("next: ainur aacl bid --open {} --key FILE", file.display()));
        }
        return Ok(());
    }
    let wait = opening.from.since(ainur_node::now()).0.saturating_add(OPENING_LATER_MS);
    std::thread::sleep(Duration::from_millis(wait));
    open(&keys, &opening, service, output)
}

/// How long after the end of sealing a bid is opened, for clocks differ.
const OPENING_LATER_MS: u64 = 100;

fn open(
    keys: &KeyPair,
    opening: &BidOpening,
    service: &dyn Service,
    output: &Output,
) -> Result<(), Problem> {
    say(service, speech::say_bid(keys, opening)?)?;
    let task = opening.terms.task;
    if output.is_json() {
        output.json(&json!({ "task": task, "price": opening.terms.price }));
    } else {
        output.line(format!("the bid of {} is open", ainu(opening.terms.price)));
        output.line(format!("next: ainur task watch {}", &task.to_string()[..8]));
    }
    Ok(())
}

fn agent(service: &dyn Service, agent: &str) -> Result<AgentView, Problem> {
    ask(service, Operation::AgentShow { agent: agent.to_owned() }, |reply| match reply {
        Reply::Agent(agent) => Some(agent),
        _ => None,
    })
}

fn read_opening(file: &Path) -> Result<BidOpening, Problem> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| io_problem(&format!("read {}", file.display()), &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Problem::new(Code::InvalidRequest, format!("{} opens no bid: {error}", file.display()))
            .next("name the file that ainur aacl bid wrote")
    })
}

/// Only whoever bids may read it: it is a secret until bids are opened.
fn write_opening(file: &Path, opening: &BidOpening) -> Result<(), Problem> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    let text = serde_json::to_string_pretty(opening)
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let mut options = std::fs::OpenOptions::new();
    let written = options.write(true).create_new(true).mode(0o600).open(file);
    let written = written.and_then(|mut written| {
        written.write_all(text.as_bytes())?;
        written.sync_all()
    });
    written.map_err(|error| io_problem(&format!("write {}", file.display()), &error))
}

/// Says a signed message to the node.
fn say(service: &dyn Service, message: String) -> Result<AaclThread, Problem> {
    let say = AaclSay { message, holder: AaclHolder::default() };
    ask(service, Operation::AaclSay(say), |reply| match reply {
        Reply::AaclThread(thread) => Some(*thread),
        _ => None,
    })
}

/// The messages that anybody may answer.
fn messages(
    service: &dyn Service,
    operation: impl FnOnce(AaclListing) -> Operation,
) -> Result<Vec<String>, Problem> {
    ask(service, operation(AaclListing::default()), |reply| match reply {
        Reply::AaclMessages(messages) => Some(messages),
        _ => None,
    })
}

/// The node's own identity: who buys here.
fn operator(service: &dyn Service) -> Result<Did, Problem> {
    ask(service, Operation::AccountShow { account: None }, |reply| match reply {
        Reply::Account(account) => Some(account.did),
        _ => None,
    })
}

fn not_found(what: &str, text: &str, next: &str) -> Problem {
    Problem::new(Code::NotFound, format!("there is no {what} '{text}'")).next(next)
}
