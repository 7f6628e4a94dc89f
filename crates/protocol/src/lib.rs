//! AACL v2: the signed envelope, its messages, and which message may follow which.
//!
//! A message is one JSON document in the canonical form of RFC 8785; any other spelling is refused.
//! Its id is the digest of that form without `id` and `proof`, so an id cannot lie about its
//! message, and signing the id signs the message. One signature covers many messages: each carries
//! its path to the signed root ([`ainur_crypto::batch`]).
//!
//! [`envelope`] writes, reads and verifies; [`message`] holds the bodies; [`conversation`] says
//! what may follow what; [`replay`] refuses what is stale or was seen before. The time is always
//! an argument.
//!
//! **What is not known.** A field nobody defined is refused, except one whose name begins with
//! `x-`: those are optional by definition, kept, signed and passed on ([`Extensions`]).

mod canonical;
pub mod conversation;
pub mod envelope;
mod error;
mod extensions;
pub mod limits;
pub mod message;
mod recipients;
pub mod replay;

pub use conversation::{Conversation, OfferConversation};
pub use envelope::{Draft, Envelope, MessageHeader};
pub use error::Error;
pub use extensions::{EXTENSION_PREFIX, Extensions};
pub use message::{
    Accept, Bid, BidCommit, Body, BundleBid, Call, CoalitionBid, CoalitionFailure, CoalitionPlan,
    Constraints, CounterTerms, MemberBid, MemberShares, Message, MessageType, Negotiate,
    NegotiationOpening, OfferedCancellation, OfferedCapacity, OfferedDiscount, OfferedHours,
    OfferedPricing, OfferedTerms, PaymentSchedule, ProposedTerms, Reject, RejectReason,
    RelaxedRequirement, ReservePrice, ScheduledPayment, Specification, StandingOffer, Withdraw,
    task_meant,
};
pub use recipients::{Recipients, Topic};
