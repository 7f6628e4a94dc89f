//! `ainur aacl …`: an outside party with keys of its own, that speaks to a node in signed messages
//! and believes nothing it cannot check.
use std::path::Path;
use std::process::ExitCode;

use ainur_api::http::{Client, Token};
use ainur_api::operation::{AaclListing, AaclQuery};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::AaclThread;
use ainur_api::{Operation, Reply, Service};
use ainur_node::keys::KeyPair;
use ainur_primitives::{ConversationId, DurationMs};

use super::{Outcome, ask};
use crate::arguments::{AaclNode, AaclVerb};
use crate::connect::Place;
use crate::output::{Output, io_problem};

mod call;
mod check;
mod negotiate;
mod seller;
mod show;

/// How long one question for more of a thread waits.
const WAIT_MS: DurationMs = DurationMs::seconds(30);

pub(super) fn run(verb: AaclVerb, place: &Place, output: &Output) -> Outcome {
    match verb {
        AaclVerb::Key { file } => make_key(&file, output)?,
        AaclVerb::Call(asked) => {
            let service = reach(&asked.node, place)?;
            return call::run(*asked, &*service, output);
        }
        AaclVerb::Negotiate(asked) => {
            let service = reach_running(&asked.node, place)?;
            return negotiate::open(*asked, &*service, output);
        }
        AaclVerb::Reply(asked) => {
            let service = reach_running(&asked.node, place)?;
            return negotiate::reply(&asked, &*service, output);
        }
        AaclVerb::Offers { capability, node } => {
            let listing = Operation::AaclOffers(AaclListing { capability });
            list(&*reach(&node, place)?, listing, output)?;
        }
        AaclVerb::Calls { capability, node } => {
            let listing = Operation::AaclCalls(AaclListing { capability });
            list(&*reach(&node, place)?, listing, output)?;
        }
        AaclVerb::Offer(asked) => {
            let service = reach(&asked.node, place)?;
            seller::offer(*asked, &*service, output)?;
        }
        AaclVerb::Withdraw { offer, key, node } => {
            seller::withdraw(&offer, &read_key(&key)?, &*reach(&node, place)?, output)?;
        }
        AaclVerb::Bid(asked) => {
            let service = reach_running(&asked.node, place)?;
            seller::bid(*asked, &*service, output)?;
        }
        AaclVerb::Thread { conversation, wait, node } => {
            let service = reach(&node, place)?;
            follow(&*service, conversation, wait, output)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The node that was named with a token, or the data directory's own.
fn reach(node: &AaclNode, place: &Place) -> Result<Box<dyn Service>, Problem> {
    let (Some(address), Some(file)) = (node.node, &node.token_file) else {
        return place.connect();
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| io_problem(&format!("read {}", file.display()), &error))?;
    let token = Token::from_text(text.trim()).map_err(|error| {
        let why = format!("{}: {error}", file.display());
        Problem::new(Code::InvalidRequest, why).next("make one: ainur token create")
    })?;
    Ok(Box::new(Client::new(address, token)?))
}

/// The same, when it has to go on after this command.
fn reach_running(node: &AaclNode, place: &Place) -> Result<Box<dyn Service>, Problem> {
    match node.node {
        Some(_) => reach(node, place),
        None => place.connect_running(),
    }
}

fn make_key(file: &Path, output: &Output) -> Result<(), Problem> {
    let keys = KeyPair::generate()?;
    keys.create(file)?;
    let did = keys.did();
    if output.is_json() {
        output.json(&serde_json::json!({ "did": did, "file": file }));
    } else {
        output.facts(&[("did", did.to_string()), ("file", file.display().to_string())]);
        output.line("next: ainur aacl call CAPABILITY --key FILE --reserve AINU");
    }
    Ok(())
}

/// The keys in a file.
fn read_key(file: &Path) -> Result<KeyPair, Problem> {
    KeyPair::read(file)
}

fn list(service: &dyn Service, listing: Operation, output: &Output) -> Result<(), Problem> {
    let messages = ask(service, listing, |reply| match reply {
        Reply::AaclMessages(messages) => Some(messages),
        _ => None,
    })?;
    let messages = check::read_all(&messages)?;
    check::signatures(service, &messages)?;
    show::messages(&messages, output);
    Ok(())
}

/// Shows a conversation, to its end when that is wanted.
fn follow(
    service: &dyn Service,
    conversation: ConversationId,
    wait: bool,
    output: &Output,
) -> Result<AaclThread, Problem> {
    let mut after = 0;
    loop {
        let wait_ms = if wait { WAIT_MS } else { DurationMs(0) };
        let query = AaclQuery { conversation, after, wait_ms, ..AaclQuery::of(conversation) };
        let thread = ask(service, Operation::AaclThread(query), |reply| match reply {
            Reply::AaclThread(thread) => Some(*thread),
            _ => None,
        })?;
        if thread.over || !wait {
            let messages = check::read_all(&thread.messages)?;
            check::conversations(&messages)?;
            check::signatures(service, &messages)?;
            show::thread(&thread, &messages, output);
            return Ok(thread);
        }
        after = u32::try_from(thread.messages.len()).unwrap_or(u32::MAX);
    }
}
