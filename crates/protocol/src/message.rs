//! The messages: what each says, and reading one whose type is not known beforehand.
use std::fmt;

use ainur_crypto::{Proof, PublicKeys, Verifier};
use ainur_primitives::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::envelope::{Envelope, MessageHeader};
use crate::error::Error;
use crate::extensions::Extensions;
use crate::limits::{INTEGER_MAX, MESSAGE_BYTES_MAX};

mod answer;
mod bid;
mod call;
mod coalition;
mod negotiate;
mod offer;

pub use answer::{Accept, Reject, RejectReason};
pub use bid::{Bid, BidCommit, BundleBid};
pub use call::{Call, Constraints, ReservePrice, Specification, task_meant};
pub use coalition::{CoalitionBid, CoalitionFailure, CoalitionPlan, MemberBid, MemberShares};
pub use negotiate::{
    CounterTerms, Negotiate, NegotiationOpening, PaymentSchedule, ProposedTerms,
    RelaxedRequirement, ScheduledPayment,
};
pub use offer::{
    OfferedCancellation, OfferedCapacity, OfferedDiscount, OfferedHours, OfferedPricing,
    OfferedTerms, StandingOffer, Withdraw,
};

/// A message of any type, as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A call for proposals.
    Call(Box<Envelope<Call>>),
    /// A sealed bid.
    BidCommit(Box<Envelope<BidCommit>>),
    /// An opened bid.
    Bid(Box<Envelope<Bid>>),
    /// An opened bid of several agents together.
    CoalitionBid(Box<Envelope<CoalitionBid>>),
    /// The award, or agreement to a proposal.
    Accept(Box<Envelope<Accept>>),
    /// The end for one bidder, or of a negotiation.
    Reject(Box<Envelope<Reject>>),
    /// A proposal in a negotiation.
    Negotiate(Box<Envelope<Negotiate>>),
    /// A price that is there before anybody asks.
    StandingOffer(Box<Envelope<StandingOffer>>),
    /// The end of a standing offer.
    Withdraw(Box<Envelope<Withdraw>>),
}

/// What a message is; in JSON `AACL-<Name>-v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MessageType {
    /// A call for proposals.
    #[serde(rename = "AACL-Call-v1")]
    Call,
    /// A sealed bid.
    #[serde(rename = "AACL-BidCommit-v1")]
    BidCommit,
    /// An opened bid.
    #[serde(rename = "AACL-Bid-v1")]
    Bid,
    /// An opened bid of several agents together.
    #[serde(rename = "AACL-CoalitionBid-v1")]
    CoalitionBid,
    /// The award, or agreement to a proposal.
    #[serde(rename = "AACL-Accept-v1")]
    Accept,
    /// The end for one bidder, or of a negotiation.
    #[serde(rename = "AACL-Reject-v1")]
    Reject,
    /// A proposal in a negotiation.
    #[serde(rename = "AACL-Negotiate-v1")]
    Negotiate,
    /// A price that is there before anybody asks.
    #[serde(rename = "AACL-StandingOffer-v1")]
    StandingOffer,
    /// The end of a standing offer.
    #[serde(rename = "AACL-Withdraw-v1")]
    Withdraw,
}

/// The body of one type of message.
///
/// Fields are declared in ascending order of their names, so that what serde writes is canonical.
pub trait Body: Serialize + DeserializeOwned {
    /// Which message it is the body of.
    const TYPE: MessageType;

    /// The optional fields in it.
    fn extensions(&self) -> &Extensions;

    /// Checks what the types alone do not; `created` is the envelope's.
    ///
    /// # Errors
    /// The first field that cannot be so.
    fn validate(&self, created: Timestamp) -> Result<(), Error>;
}

impl Message {
    /// Reads a message of any known type; checks all that [`Envelope::from_json`] checks.
    ///
    /// # Errors
    /// As there, and for an unknown type.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Peek {
            r#type: String,
        }
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(Error::TooLarge(bytes.len()));
        }
        let Peek { r#type: name } = canonical::read(bytes)?;
        let message_type = MessageType::ALL.into_iter().find(|known| known.as_str() == name);
        Ok(match message_type.ok_or(Error::UnknownType(name))? {
            MessageType::Call => Self::Call(Box::new(Envelope::from_json(bytes)?)),
            MessageType::BidCommit => Self::BidCommit(Box::new(Envelope::from_json(bytes)?)),
            MessageType::Bid => Self::Bid(Box::new(Envelope::from_json(bytes)?)),
            MessageType::CoalitionBid => Self::CoalitionBid(Box::new(Envelope::from_json(bytes)?)),
            MessageType::Accept => Self::Accept(Box::new(Envelope::from_json(bytes)?)),
            MessageType::Reject => Self::Reject(Box::new(Envelope::from_json(bytes)?)),
            MessageType::Negotiate => Self::Negotiate(Box::new(Envelope::from_json(bytes)?)),
            MessageType::StandingOffer => {
                Self::StandingOffer(Box::new(Envelope::from_json(bytes)?))
            }
            MessageType::Withdraw => Self::Withdraw(Box::new(Envelope::from_json(bytes)?)),
        })
    }

    /// The message in canonical form, with its proof when it has one.
    ///
    /// # Errors
    /// When it is too large with its proof.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Call(envelope) => envelope.to_json(),
            Self::BidCommit(envelope) => envelope.to_json(),
            Self::Bid(envelope) => envelope.to_json(),
            Self::CoalitionBid(envelope) => envelope.to_json(),
            Self::Accept(envelope) => envelope.to_json(),
            Self::Reject(envelope) => envelope.to_json(),
            Self::Negotiate(envelope) => envelope.to_json(),
            Self::StandingOffer(envelope) => envelope.to_json(),
            Self::Withdraw(envelope) => envelope.to_json(),
        }
    }

    /// The signature, when there is one; not yet verified.
    pub fn proof(&self) -> Option<&Proof> {
        match self {
            Self::Call(envelope) => envelope.proof(),
            Self::BidCommit(envelope) => envelope.proof(),
            Self::Bid(envelope) => envelope.proof(),
            Self::CoalitionBid(envelope) => envelope.proof(),
            Self::Accept(envelope) => envelope.proof(),
            Self::Reject(envelope) => envelope.proof(),
            Self::Negotiate(envelope) => envelope.proof(),
            Self::StandingOffer(envelope) => envelope.proof(),
            Self::Withdraw(envelope) => envelope.proof(),
        }
    }

    /// Attaches a proof, as [`Envelope::attach`] does.
    ///
    /// # Errors
    /// When it names another signer than the sender.
    pub fn attach(&mut self, proof: Proof) -> Result<(), Error> {
        match self {
            Self::Call(envelope) => envelope.attach(proof),
            Self::BidCommit(envelope) => envelope.attach(proof),
            Self::Bid(envelope) => envelope.attach(proof),
            Self::CoalitionBid(envelope) => envelope.attach(proof),
            Self::Accept(envelope) => envelope.attach(proof),
            Self::Reject(envelope) => envelope.attach(proof),
            Self::Negotiate(envelope) => envelope.attach(proof),
            Self::StandingOffer(envelope) => envelope.attach(proof),
            Self::Withdraw(envelope) => envelope.attach(proof),
        }
    }

    /// Checks that the sender signed the message, as [`Envelope::verify`] does.
    ///
    /// # Errors
    /// When there is no proof, it is another party's, or it does not hold.
    pub fn verify(&self, keys: &PublicKeys, verifier: &impl Verifier) -> Result<(), Error> {
        match self {
            Self::Call(envelope) => envelope.verify(keys, verifier),
            Self::BidCommit(envelope) => envelope.verify(keys, verifier),
            Self::Bid(envelope) => envelope.verify(keys, verifier),
            Self::CoalitionBid(envelope) => envelope.verify(keys, verifier),
            Self::Accept(envelope) => envelope.verify(keys, verifier),
            Self::Reject(envelope) => envelope.verify(keys, verifier),
            Self::Negotiate(envelope) => envelope.verify(keys, verifier),
            Self::StandingOffer(envelope) => envelope.verify(keys, verifier),
            Self::Withdraw(envelope) => envelope.verify(keys, verifier),
        }
    }

    /// All but the body.
    pub fn header(&self) -> &MessageHeader {
        match self {
            Self::Call(envelope) => envelope.header(),
            Self::BidCommit(envelope) => envelope.header(),
            Self::Bid(envelope) => envelope.header(),
            Self::CoalitionBid(envelope) => envelope.header(),
            Self::Accept(envelope) => envelope.header(),
            Self::Reject(envelope) => envelope.header(),
            Self::Negotiate(envelope) => envelope.header(),
            Self::StandingOffer(envelope) => envelope.header(),
            Self::Withdraw(envelope) => envelope.header(),
        }
    }
}

/// One `From` for each type of message.
macro_rules! messages {
    ($($body:ident),+) => {$(
        impl From<Envelope<$body>> for Message {
            fn from(envelope: Envelope<$body>) -> Self {
                Self::$body(Box::new(envelope))
            }
        }
    )+};
}

messages!(Call, BidCommit, Bid, CoalitionBid, Accept, Reject, Negotiate, StandingOffer, Withdraw);

impl MessageType {
    /// Every type this version knows.
    pub const ALL: [Self; 9] = [
        Self::Call,
        Self::BidCommit,
        Self::Bid,
        Self::CoalitionBid,
        Self::Accept,
        Self::Reject,
        Self::Negotiate,
        Self::StandingOffer,
        Self::Withdraw,
    ];

    /// As in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "AACL-Call-v1",
            Self::BidCommit => "AACL-BidCommit-v1",
            Self::Bid => "AACL-Bid-v1",
            Self::CoalitionBid => "AACL-CoalitionBid-v1",
            Self::Accept => "AACL-Accept-v1",
            Self::Reject => "AACL-Reject-v1",
            Self::Negotiate => "AACL-Negotiate-v1",
            Self::StandingOffer => "AACL-StandingOffer-v1",
            Self::Withdraw => "AACL-Withdraw-v1",
        }
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Refuses an integer that a JSON reader with doubles would change.
fn exact(field: &'static str, integer: u64) -> Result<(), Error> {
    if integer <= INTEGER_MAX {
        Ok(())
    } else {
        Err(Error::field(field, "an integer in JSON is at most 2^53 - 1"))
    }
}

/// Refuses more than certainty.
fn probability(field: &'static str, value: ainur_primitives::Ppm) -> Result<(), Error> {
    if value <= ainur_primitives::Ppm::ONE {
        Ok(())
    } else {
        Err(Error::field(field, "at most 1000000 parts per million"))
    }
}
