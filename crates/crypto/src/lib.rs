//! Hashes, Merkle trees, hybrid post-quantum signatures, key agreement and sealed boxes.
//!
//! Every signature is two signatures, Ed25519 and ML-DSA-65, and every key agreement is two,
//! X25519 and ML-KEM-768: an attacker has to break both. No call verifies or opens with one half
//! alone. What is signed or hashed is always prefixed with the domain it is meant for, so that a
//! signature made for one purpose is worthless for another.
//!
//! Types, hashes, trees and the rules of batch proofs build without the standard library and are
//! deterministic. Generating keys, signing, verifying and sealing need the feature `std`; the
//! ledger gets a [`signature::Verifier`] handed in instead.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod agreement;
pub mod base64url;
pub mod batch;
pub mod draw;
#[cfg(feature = "std")]
pub mod entropy;
pub mod hash;
pub mod merkle;
pub mod signature;
#[cfg(feature = "std")]
#[cfg(test)]
mod vectors;

pub use agreement::AgreementPublicKeys;
#[cfg(feature = "std")]
pub use agreement::{AgreementKey, seal};
pub use batch::{BatchProof, Proof, RootSignature};
pub use signature::{HybridSignature, PublicKeys, SignatureError, Verifier};
#[cfg(feature = "std")]
pub use signature::{HybridVerifier, SigningKey};
