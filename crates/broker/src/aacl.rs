//! What the market says, as AACL messages: terms and acts become bodies, and bodies terms and acts.
pub mod negotiation;

pub use negotiation::{MessageSigner, SpokenError, SpokenNegotiation};
