//! A finished negotiation as a document: the rules and everything said, which anyone replays.
use alloc::vec::Vec;

use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::message::NegotiationMessage;
use super::terms::NegotiationRules;
use super::{Error, Negotiation};

/// The rules of a negotiation and everything said under them, in order.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct NegotiationThread {
    /// What it is about and when it ends.
    pub rules: NegotiationRules,
    /// What was said; each message covers all before it.
    pub messages: Vec<NegotiationMessage>,
}

impl NegotiationThread {
    /// The thread of a negotiation.
    pub fn of(session: &Negotiation) -> Self {
        Self { rules: session.rules().clone(), messages: session.messages().to_vec() }
    }

    /// The negotiation it leads to, with every message checked as if it came just now. When it was
    /// said is no part of a message: whoever took it has seen that it was in time.
    ///
    /// # Errors
    /// The first message that has no place where it is, or rules that cannot be.
    pub fn replay(&self) -> Result<Negotiation, Error> {
        let mut session = Negotiation::open(self.rules.clone())?;
        for message in &self.messages {
            session.take(self.rules.opened, message.clone())?;
        }
        Ok(session)
    }
}
