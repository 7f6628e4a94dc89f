//! Signing batches.
use ainur_primitives::{Did, Digest};

use super::{BatchProof, Proof, ROOT_DOMAIN, RootSignature};
use crate::merkle::{inclusion_proofs_all, leaf_hash};
use crate::signature::SigningKey;

/// Signs a batch of items, each given by its digest, and returns the proofs in the same order.
///
/// ```
/// use ainur_crypto::{HybridVerifier, SigningKey, batch, hash};
/// use ainur_primitives::{Did, Digest};
/// let key = SigningKey::generate().unwrap();
/// let items = [hash::sha256(&[b"one"]), hash::sha256(&[b"two"])];
/// let (root, proofs) = batch::sign_batch(&key, Did(Digest::ZERO), 0, &items);
/// let keys = key.public();
/// assert!(batch::verify_item(&proofs[1], &root, &keys, &HybridVerifier, items[1]).is_ok());
/// assert!(batch::verify_item(&proofs[1], &root, &keys, &HybridVerifier, items[0]).is_err());
/// ```
pub fn sign_batch(
    key: &SigningKey,
    signer: Did,
    key_version: u32,
    items: &[Digest],
) -> (RootSignature, Vec<BatchProof>) {
    let leaves: Vec<Digest> = items.iter().map(|item| leaf_hash(&item.0)).collect();
    let (root, inclusions) = inclusion_proofs_all(&leaves);
    let size = leaves.len() as u64;
    let message = RootSignature::message(signer, key_version, root, size);
    let signature = key.sign(ROOT_DOMAIN, &message);
    let proofs = inclusions
        .into_iter()
        .map(|inclusion| BatchProof { signer, key_version, inclusion })
        .collect();
    (RootSignature { signer, key_version, root, size, signature }, proofs)
}

/// Signs a batch and gives every item a proof that stands alone.
pub fn prove_all(key: &SigningKey, signer: Did, key_version: u32, items: &[Digest]) -> Vec<Proof> {
    let (root_signature, proofs) = sign_batch(key, signer, key_version, items);
    proofs
        .into_iter()
        .map(|proof| Proof {
            signer,
            key_version,
            inclusion: proof.inclusion,
            signature: root_signature.signature.clone(),
        })
        .collect()
}

impl Proof {
    /// Signs one item alone, as a batch of one.
    pub fn sign(key: &SigningKey, signer: Did, key_version: u32, item: Digest) -> Self {
        prove_all(key, signer, key_version, &[item])
            .pop()
            .expect("a batch of one item has one proof")
    }
}
