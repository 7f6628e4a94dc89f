//! Checking batch signatures, each at most once per block.
//!
//! All signatures handed in are in one pool from the beginning, so that whether something counts
//! as signed does not depend on who handed in what. A signature that verified is remembered by
//! signer, key version, root and size; which keys those are never changes.
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use ainur_crypto::batch::ROOT_DOMAIN;
use ainur_crypto::{
    BatchProof, HybridSignature, PublicKeys, RootSignature, SignatureError, Verifier,
};
use ainur_primitives::{Did, Digest};
use scale::Encode;

/// Whether signatures are checked.
#[derive(Clone, Copy)]
pub enum Signatures<'a> {
    /// Every signature is verified.
    Check(&'a dyn Verifier),
    /// They were checked before and have been kept safe since, as in our own log. That each
    /// transaction is in a signed batch is checked all the same.
    Trusted,
}

impl Verifier for Signatures<'_> {
    fn verify(
        &self,
        keys: &PublicKeys,
        domain: &str,
        message: &[u8],
        signature: &HybridSignature,
    ) -> Result<(), SignatureError> {
        match self {
            Self::Check(verifier) => verifier.verify(keys, domain, message, signature),
            Self::Trusted => Ok(()),
        }
    }
}

/// A signed batch: signer, key version, root and size.
type Batch = (Did, u32, Digest, u64);

/// The signatures handed in with a block.
pub(crate) struct SignaturePool<'a> {
    signatures: Signatures<'a>,
    /// Signatures not tried yet, by batch.
    offered: BTreeMap<Batch, Vec<&'a RootSignature>>,
    verified: BTreeSet<Batch>,
    used: Vec<RootSignature>,
}

impl<'a> SignaturePool<'a> {
    pub(super) fn new(
        signatures: Signatures<'a>,
        offered: impl IntoIterator<Item = &'a RootSignature>,
    ) -> Self {
        let mut pool = BTreeMap::<Batch, Vec<_>>::new();
        for signature in offered {
            let RootSignature { signer, key_version, root, size, .. } = signature;
            pool.entry((*signer, *key_version, *root, *size)).or_default().push(signature);
        }
        // Taken from the end below: first come, first tried.
        pool.values_mut().for_each(|candidates| candidates.reverse());
        Self { signatures, offered: pool, verified: BTreeSet::new(), used: Vec::new() }
    }

    /// Whether an item is in a batch signed by these keys, which are those of the proof's signer
    /// and key version.
    pub(super) fn covers(&mut self, keys: &PublicKeys, item: Digest, proof: &BatchProof) -> bool {
        let Some(root) = proof.root(item) else { return false };
        let batch = (proof.signer, proof.key_version, root, proof.inclusion.size);
        if self.verified.contains(&batch) {
            return true;
        }
        let Some(candidates) = self.offered.get_mut(&batch) else { return false };
        let message = RootSignature::message(batch.0, batch.1, batch.2, batch.3);
        while let Some(candidate) = candidates.pop() {
            let good = self.signatures.verify(keys, ROOT_DOMAIN, &message, &candidate.signature);
            if good.is_ok() {
                self.verified.insert(batch);
                self.used.push(candidate.clone());
                return true;
            }
        }
        false
    }

    /// The bytes the signatures used so far take in a block.
    pub(super) fn used_bytes(&self) -> usize {
        self.used.first().map_or(0, |signature| self.used.len() * signature.encoded_size())
    }

    /// The signatures that were used, in the order of their first use.
    pub(super) fn into_used(self) -> Vec<RootSignature> {
        self.used
    }
}

impl Verifier for SignaturePool<'_> {
    fn verify(
        &self,
        keys: &PublicKeys,
        domain: &str,
        message: &[u8],
        signature: &HybridSignature,
    ) -> Result<(), SignatureError> {
        self.signatures.verify(keys, domain, message, signature)
    }
}
