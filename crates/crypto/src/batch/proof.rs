//! The proof a signed JSON document carries: a batch signature and a path in one, verifiable
//! alone.
use ainur_primitives::{Did, Digest};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{BatchProof, Error, RootSignature};
use crate::merkle::InclusionProof;
use crate::signature::{HybridSignature, PublicKeys, Verifier};

/// A signature over a batch with the path of one item.
///
/// The root is not stated but follows from item and path, so no two fields can disagree.
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
pub struct Proof {
    /// Who signed.
    pub signer: Did,
    /// With which of their keys.
    pub key_version: u32,
    /// The way from the item to the signed root.
    pub inclusion: InclusionProof,
    /// The signature over signer, key version, root and size.
    pub signature: HybridSignature,
}

impl Proof {
    /// Joins the two parts; `None` when they are not about the same batch.
    pub fn join(root_signature: &RootSignature, proof: BatchProof) -> Option<Self> {
        let same = proof.signer == root_signature.signer
            && proof.key_version == root_signature.key_version
            && proof.inclusion.size == root_signature.size;
        same.then(|| Self {
            signer: proof.signer,
            key_version: proof.key_version,
            inclusion: proof.inclusion,
            signature: root_signature.signature.clone(),
        })
    }

    /// Takes the two parts apart again; `None` when the path does not fit its index and size.
    pub fn split(&self, item: Digest) -> Option<(RootSignature, BatchProof)> {
        let inclusion = self.inclusion.clone();
        let proof = BatchProof { signer: self.signer, key_version: self.key_version, inclusion };
        let root = proof.root(item)?;
        let root_signature = RootSignature {
            signer: self.signer,
            key_version: self.key_version,
            root,
            size: self.inclusion.size,
            signature: self.signature.clone(),
        };
        Some((root_signature, proof))
    }

    /// Checks that the holder of these keys signed the item. The caller found the keys by
    /// [`Proof::signer`] and [`Proof::key_version`].
    ///
    /// # Errors
    /// What does not fit.
    pub fn verify(
        &self,
        item: Digest,
        keys: &PublicKeys,
        verifier: &impl Verifier,
    ) -> Result<(), Error> {
        let (root_signature, _) = self.split(item).ok_or(Error::NotIncluded)?;
        Ok(root_signature.verify(keys, verifier)?)
    }
}
