//! `ainur aacl …`: this command is the party outside. It signs with keys of its own, and the node
//! sees nothing but what is signed.
use std::path::Path;
use std::process::ExitCode;

use ainur_api::operation::{AaclHolder, AaclIntroduction, AaclQuery, AaclSay};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::AaclThread;
use ainur_api::{Operation, Reply, Service};
use ainur_broker::aacl::MessageSigner;
use ainur_identity::{KeyDocument, SignedKeyDocument};
use ainur_node::keys::KeyPair;
use ainur_primitives::{ConversationId, DurationMs};

use super::{Outcome, ask};
use crate::arguments::Aacl;
use crate::connect::Place;
use crate::output::Output;

mod negotiate;

pub(super) fn run(verb: Aacl, place: &Place, output: &Output) -> Outcome {
    match verb {
        Aacl::Key { file } => make_key(&file, output),
        Aacl::Negotiate(asked) => negotiate::open(*asked, place, output),
        Aacl::Reply(asked) => negotiate::reply(asked, place, output),
    }
}

fn make_key(file: &Path, output: &Output) -> Outcome {
    let keys = KeyPair::generate()?;
    keys.write_new(file)?;
    if output.is_json() {
        output.json(&serde_json::json!({ "did": keys.did(), "file": file }));
    } else {
        output.line(keys.did().to_string());
    }
    Ok(ExitCode::SUCCESS)
}

/// A party that speaks to a node.
struct Party<'a> {
    service: &'a dyn Service,
    keys: KeyPair,
}

impl<'a> Party<'a> {
    /// The party whose keys are in this file; the node knows it from now on.
    fn introduced(service: &'a dyn Service, file: &Path) -> Result<Self, Problem> {
        let keys = KeyPair::read(file)?;
        let failed = |error: ainur_identity::Error| Problem::new(Code::Internal, error.to_string());
        let document = KeyDocument::first(keys.material(), ainur_node::now()).map_err(failed)?;
        let signed = SignedKeyDocument::sign_first(document, &keys.signing).map_err(failed)?;
        let document = text(signed.to_json().map_err(failed)?)?;
        let holder = AaclHolder::default();
        service.perform(Operation::AaclIntroduce(AaclIntroduction { document, holder }))?;
        Ok(Self { service, keys })
    }

    fn signer(&self) -> MessageSigner<'_> {
        MessageSigner { did: self.keys.did(), key_version: 0, key: &self.keys.signing }
    }

    /// Says a signed message.
    fn say(&self, message: Vec<u8>) -> Result<AaclThread, Problem> {
        let say = AaclSay { message: text(message)?, holder: AaclHolder::default() };
        ask(self.service, Operation::AaclSay(say), thread)
    }

    /// A conversation, when more than `after` was said in it or that much time has passed.
    fn conversation(
        &self,
        conversation: ConversationId,
        after: usize,
        wait: u64,
    ) -> Result<AaclThread, Problem> {
        let query = AaclQuery {
            conversation,
            after: u32::try_from(after).unwrap_or(u32::MAX),
            wait_ms: DurationMs::seconds(wait),
            holder: AaclHolder::default(),
        };
        ask(self.service, Operation::AaclThread(query), thread)
    }
}

fn thread(reply: Reply) -> Option<AaclThread> {
    match reply {
        Reply::AaclThread(thread) => Some(*thread),
        _ => None,
    }
}

fn text(json: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(json).map_err(|error| Problem::new(Code::Internal, error.to_string()))
}
