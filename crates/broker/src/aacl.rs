//! What the broker has journaled, as messages of AACL: the one place where terms of the market and
//! bodies of messages are made of each other.
pub mod negotiation;

pub use negotiation::{MessageSigner, SpokenError, SpokenNegotiation};
