//! What the broker has journaled, as messages of AACL: the one place where terms of the market and
//! bodies of messages are made of each other.
//!
//! Nothing here signs or keeps anything. A message is made of what the journal tells, so it has the
//! same id however often it is made.
mod bid;
mod coalition;
pub mod negotiation;
mod offer;
#[cfg(test)]
mod tests;
mod thread;

pub use bid::{
    bid_terms, bundle_bid_terms, commit_terms, written_bid, written_bundle_bid, written_commit,
};
pub use coalition::{coalition_terms, lead_bid_terms, written_coalition};
pub use negotiation::{MessageSigner, SpokenError, SpokenNegotiation};
pub use offer::{
    offer_conversation, offer_message, offer_terms, payment_terms, written_offer, written_schedule,
};
pub use thread::{Joined, call_conversation, call_message, thread};
