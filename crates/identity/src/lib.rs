//! DID documents, key rotation and agent cards: the rules, without I/O.
//!
//! A DID is the digest of its first keys, so whoever has those keys can be checked against the name
//! without asking anyone. Keys change only when the old and the new key both sign, and what a
//! party's signatures must satisfy is part of the signed keys: nobody can talk a verifier down.
//!
//! [`KeyMaterial`], [`IdentityRecord`] and the limits of an [`AgentCard`] build without the standard
//! library and serve the ledger. JSON documents need the feature `std`.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod card;
pub mod error;
#[cfg(feature = "std")]
pub mod key_document;
pub mod material;
pub mod record;

#[cfg(feature = "std")]
pub use card::SignedAgentCard;
pub use card::{AgentCard, ProgramRef};
pub use error::Error;
#[cfg(feature = "std")]
pub use key_document::{KeyDocument, KeyHistory, SignedKeyDocument};
pub use material::{KeyMaterial, SignaturePolicy};
pub use record::{IdentityRecord, Rotation};
