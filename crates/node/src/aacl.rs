//! The node's door for signed messages: outside parties with keys of their own say here what they
//! want, and are answered.
//!
//! What comes in is checked in one order: size and form, whose keys, the signature, freshness, its
//! place in the conversation, and at last what it means. A refusal says what was expected and
//! changes nothing. Which token a message came with says what it may spend; who signed it says who
//! speaks.
use std::sync::{Mutex, PoisonError};

use ainur_api::operation::{AaclHolder, AaclSay, Reply};
use ainur_api::problem::{Code, Problem};
use ainur_crypto::HybridVerifier;
use ainur_primitives::Timestamp;
use ainur_protocol::replay::{self, Window};
use ainur_protocol::{Message, conversation};

use self::parties::Parties;
use crate::directory::DataDirectory;
use crate::node::Node;
use crate::problem::with_causes;

mod call;
mod parley;
pub(crate) mod parties;
mod seller;
pub(crate) mod thread;

/// What the door remembers.
pub(crate) struct AaclDesk {
    parties: Parties,
    /// Messages seen lately.
    window: Mutex<Window>,
    signed: thread::Signed,
}

/// A message whose form and signature were found good.
pub(crate) struct Heard {
    /// Whose token it came with.
    pub(crate) holder: AaclHolder,
    /// What was said.
    pub(crate) message: Message,
    /// The message as it came.
    pub(crate) bytes: String,
    /// When it came.
    pub(crate) now: Timestamp,
}

impl AaclDesk {
    /// What a data directory knows.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged.
    pub(crate) fn load(directory: &DataDirectory) -> Result<Self, Problem> {
        Ok(Self {
            parties: Parties::load(directory)?,
            window: Mutex::default(),
            signed: thread::Signed::default(),
        })
    }
}

impl Node {
    /// Takes a message and answers it.
    pub(crate) fn hear(&self, say: AaclSay) -> Result<Reply, Problem> {
        let AaclSay { message: bytes, holder } = say;
        let message = Message::from_json(bytes.as_bytes()).map_err(|error| of_message(&error))?;
        let heard = Heard { holder, message, bytes, now: crate::now() };
        self.check_signature(&heard.message)?;
        self.check_fresh(&heard)?;
        match &heard.message {
            Message::Call(call) => self.take_call(&heard, call),
            Message::Negotiate(_) | Message::Accept(_) | Message::Reject(_) => {
                self.take_parley(&heard)
            }
            Message::BidCommit(_)
            | Message::Bid(_)
            | Message::CoalitionBid(_)
            | Message::StandingOffer(_)
            | Message::Withdraw(_) => self.take_from_seller(&heard),
        }
    }

    fn check_signature(&self, message: &Message) -> Result<(), Problem> {
        let from = message.header().from;
        let proof = message.proof().ok_or_else(|| of_message(&ainur_protocol::Error::Unsigned))?;
        let keys = self
            .party_keys(from, proof.key_version)
            .ok_or_else(|| of_message(&ainur_protocol::Error::UnknownKeys { signer: from }))?;
        message.verify(&keys, &HybridVerifier).map_err(|error| of_message(&error))
    }

    /// What comes again and was taken before is confirmed: a call, a bid, an acceptance. Every other
    /// message counts once, refused or not.
    fn check_fresh(&self, heard: &Heard) -> Result<(), Problem> {
        let header = heard.message.header();
        let checked = match &heard.message {
            Message::Call(_) | Message::BidCommit(_) | Message::Bid(_) | Message::Accept(_) => {
                replay::check_time(heard.now, header)
            }
            _ => {
                let window = &self.aacl.window;
                let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
                window.take(heard.now, header)
            }
        };
        checked.map_err(|error| of_replay(&error))
    }
}

/// A message that is refused for what it is.
pub(crate) fn of_message(error: &ainur_protocol::Error) -> Problem {
    use ainur_protocol::Error as Refused;
    let text = with_causes(error);
    match error {
        Refused::UnknownKeys { .. } => Problem::new(Code::Forbidden, text)
            .next("introduce them: PUT /v1/aacl/parties with the party's signed key document"),
        Refused::Unsigned | Refused::OtherSigner { .. } | Refused::Proof(_) => {
            Problem::new(Code::Forbidden, text)
                .next("sign the message's id with the sender's own key")
        }
        _ => Problem::new(Code::InvalidRequest, text)
            .next("see docs/market/aacl.md for the fields of each message"),
    }
}

fn of_replay(error: &replay::Error) -> Problem {
    let code = match error {
        replay::Error::Seen(_) => Code::Conflict,
        replay::Error::Forgotten { .. } => Code::LimitReached,
        _ => Code::InvalidRequest,
    };
    Problem::new(code, error.to_string()).next("write the message anew, with the time as it is")
}

/// A message that has no place in its conversation now.
pub(crate) fn of_conversation(error: &conversation::Error) -> Problem {
    Problem::new(Code::Conflict, error.to_string())
        .next("see what was said: GET /v1/aacl/conversations/{id}")
}

/// A message that is understood and cannot be taken here.
pub(crate) fn not_expected(message: &Message, instead: &str) -> Problem {
    let header = message.header();
    let text = format!("{} is not expected here from {}", header.message_type, header.from);
    Problem::new(Code::Conflict, text).next(instead)
}
