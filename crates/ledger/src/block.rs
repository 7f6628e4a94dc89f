//! Blocks: what happened, in which order, and the roots under which it can be proved.
use alloc::vec::Vec;
use core::fmt;

use ainur_crypto::hash::tagged;
use ainur_crypto::{HybridSignature, PublicKeys, RootSignature, SignatureError, Verifier};
use ainur_primitives::{Did, Digest, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

use crate::transaction::AuthorizedTransaction;

/// The number of a block; genesis is zero.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Height(pub u64);

impl Height {
    /// The number of the next block.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a block commits to; its digest names the block.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Which ledger: the digest of its genesis.
    pub chain_id: Digest,
    /// Which block.
    pub height: Height,
    /// Digest of the header before; zero for genesis.
    pub parent: Digest,
    /// When; never before the parent.
    pub timestamp: Timestamp,
    /// RFC 6962 root over the digests of the transactions.
    pub transactions_root: Digest,
    /// RFC 6962 root over the SCALE encodings of the event records.
    pub events_root: Digest,
    /// Root of the state tree after the block.
    pub state_root: Digest,
}

const HEADER_TAG: &str = "ainur/block-header/v1";

impl Header {
    /// The digest that names the block and that validators sign.
    pub fn digest(&self) -> Digest {
        tagged(HEADER_TAG, &[&self.encode()])
    }
}

/// A validator's signature over a header.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct HeaderSignature {
    /// Who signed.
    pub validator: Did,
    /// With which of their keys, counted from zero at creation.
    pub key_version: u32,
    /// The signature of the header's digest under [`HEADER_DOMAIN`].
    pub signature: HybridSignature,
}

/// The domain under which validators sign the 32 bytes of a header's digest.
pub const HEADER_DOMAIN: &str = "ainur/block-header-signature/v1";

impl HeaderSignature {
    /// Signs a header.
    #[cfg(feature = "std")]
    pub fn sign(
        header: &Header,
        validator: Did,
        key_version: u32,
        key: &ainur_crypto::SigningKey,
    ) -> Self {
        let signature = key.sign(HEADER_DOMAIN, &header.digest().0);
        Self { validator, key_version, signature }
    }

    /// Checks the signature of a header, given by its digest, with the keys the caller knows to be
    /// the validator's.
    ///
    /// # Errors
    /// Which half of the signature failed.
    pub fn verify(
        &self,
        header: Digest,
        keys: &PublicKeys,
        verifier: &impl Verifier,
    ) -> Result<(), SignatureError> {
        verifier.verify(keys, HEADER_DOMAIN, &header.0, &self.signature)
    }
}

/// A block: the header, the transactions in order, and the signatures that authorise them.
///
/// The header does not commit to the signatures, which are randomised; it commits to the
/// transactions they authorise. A block carries exactly the signatures it needs, in the order of
/// their first use.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// What it commits to.
    pub header: Header,
    /// What was asked, in order.
    pub transactions: Vec<AuthorizedTransaction>,
    /// The batch signatures that the transactions' proofs lead to.
    pub signatures: Vec<RootSignature>,
}

/// How many transactions one block holds.
pub const BLOCK_TRANSACTIONS_MAX: usize = 16_384;

/// How large a block is at most, in bytes of SCALE.
pub const BLOCK_BYTES_MAX: usize = 32 << 20;
