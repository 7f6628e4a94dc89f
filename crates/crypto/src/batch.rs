//! One signature for many items: the root of their Merkle tree is signed, and each item carries its
//! path to it.
//!
//! A hybrid signature has 3,373 bytes; beside it a path of ten hashes is cheap. The signed
//! message binds signer, key version, number of items and root. Whoever verifies chooses the keys
//! by signer and key version, from what the ledger or a key document says.
use alloc::vec::Vec;

use ainur_primitives::{Did, Digest};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::merkle::{InclusionProof, leaf_hash};
use crate::signature::{HybridSignature, PublicKeys, SignatureError, Verifier};

mod proof;
#[cfg(feature = "std")]
mod sign;

pub use proof::Proof;
#[cfg(feature = "std")]
pub use sign::{prove_all, sign_batch};

/// The domain under which roots are signed.
pub const ROOT_DOMAIN: &str = "ainur/batch-root/v1";

/// A signature over all items of a batch.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct RootSignature {
    /// Who signed.
    pub signer: Did,
    /// With which of their keys, counted from zero at creation.
    pub key_version: u32,
    /// The root over the items.
    pub root: Digest,
    /// How many items there are.
    pub size: u64,
    /// The signature over the four fields above.
    pub signature: HybridSignature,
}

/// What an item carries: where in whose batch it is.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct BatchProof {
    /// Who signed the batch.
    pub signer: Did,
    /// With which of their keys.
    pub key_version: u32,
    /// The way from the item to the root.
    pub inclusion: InclusionProof,
}

/// Why an item is not accepted as signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The proof is for another signer or another of their keys than the signature.
    #[error("the proof names another signer or key version than the signature")]
    DifferentSigner,
    /// The path does not lead from the item to the signed root.
    #[error("the item is not in the signed batch")]
    NotIncluded,
    /// The signature itself is wrong.
    #[error("the batch signature is not valid")]
    Signature(#[from] SignatureError),
}

impl RootSignature {
    /// The bytes signed under [`ROOT_DOMAIN`].
    pub fn message(signer: Did, key_version: u32, root: Digest, size: u64) -> Vec<u8> {
        (signer, key_version, root, size).encode()
    }

    /// Checks the signature with keys that the caller found for this signer and key version.
    ///
    /// # Errors
    /// Which half of the signature failed.
    pub fn verify(
        &self,
        keys: &PublicKeys,
        verifier: &impl Verifier,
    ) -> Result<(), SignatureError> {
        let message = Self::message(self.signer, self.key_version, self.root, self.size);
        verifier.verify(keys, ROOT_DOMAIN, &message, &self.signature)
    }

    /// True when the proof leads from the item to this root. Says nothing about the signature, so
    /// that it can be checked once for many items.
    ///
    /// # Errors
    /// When the proof is for another signature or another item.
    pub fn includes(&self, proof: &BatchProof, item: Digest) -> Result<(), Error> {
        if (proof.signer, proof.key_version) != (self.signer, self.key_version) {
            return Err(Error::DifferentSigner);
        }
        if proof.inclusion.size != self.size || proof.root(item) != Some(self.root) {
            return Err(Error::NotIncluded);
        }
        Ok(())
    }
}

impl BatchProof {
    /// The root that must have been signed for this item to count as signed.
    pub fn root(&self, item: Digest) -> Option<Digest> {
        self.inclusion.root_from(leaf_hash(&item.0))
    }
}

/// Checks that an item is in a signed batch, signature included.
///
/// # Errors
/// What does not fit.
pub fn verify_item(
    proof: &BatchProof,
    root_signature: &RootSignature,
    keys: &PublicKeys,
    verifier: &impl Verifier,
    item: Digest,
) -> Result<(), Error> {
    root_signature.includes(proof, item)?;
    Ok(root_signature.verify(keys, verifier)?)
}
