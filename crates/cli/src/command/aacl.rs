//! `ainur aacl …`: the other side of a node's door, with a key of one's own.
use std::path::Path;
use std::process::ExitCode;

use ainur_api::operation::{AaclHolder, AaclListing, AaclSay};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::AaclThread;
use ainur_api::{Operation, Reply, Service};
use ainur_node::keys::KeyPair;
use ainur_primitives::Did;

use super::{Outcome, ask};
use crate::arguments::Aacl;
use crate::connect::Place;
use crate::output::Output;

mod seller;

pub(super) fn run(verb: Aacl, place: &Place, output: &Output) -> Outcome {
    match verb {
        Aacl::Key { file } => make_key(&file, output)?,
        Aacl::Offer(offer) => seller::offer(*offer, &*place.connect()?, output)?,
        Aacl::Withdraw { offer, key } => {
            seller::withdraw(&offer, &key, &*place.connect()?, output)?;
        }
        Aacl::Bid(bid) => seller::bid(bid, &*place.connect_running()?, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn make_key(file: &Path, output: &Output) -> Result<(), Problem> {
    let keys = KeyPair::generate()?;
    keys.create(file)?;
    if output.is_json() {
        output.json(&serde_json::json!({ "did": keys.did(), "file": file }));
    } else {
        output.line(format!("{} in {}", keys.did(), file.display()));
        output.line("Keep the file: without it nobody can act as this identity.");
    }
    Ok(())
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
    ask(service, Operation::NodeStatus, |reply| match reply {
        Reply::NodeStatus(status) => Some(status.did),
        _ => None,
    })
}

fn not_found(what: &str, text: &str, next: &str) -> Problem {
    Problem::new(Code::NotFound, format!("there is no {what} '{text}'")).next(next)
}
