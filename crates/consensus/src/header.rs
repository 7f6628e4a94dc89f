//! Signed headers: what a validator says about a block, and how a stranger checks it offline.
use ainur_crypto::{HybridVerifier, SignatureError};
use ainur_identity::KeyMaterial;
use ainur_ledger::{Genesis, Header, HeaderSignature};
use ainur_primitives::Did;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// A header and the signature that makes it the ledger's.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct SignedHeader {
    /// The header.
    pub header: Header,
    /// The signature.
    pub signature: HeaderSignature,
}

/// Why a header is not the ledger's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It belongs to another ledger.
    #[error("the header is another ledger's")]
    AnotherLedger,
    /// Its signer does not keep the ledger.
    #[error("{0} is not a validator of this ledger")]
    NotValidator(Did),
    /// Genesis does not say which keys these are.
    #[error("{validator} signed with key {key_version}, which is not the one in genesis")]
    UnknownKey {
        /// Who signed.
        validator: Did,
        /// With which key.
        key_version: u32,
    },
    /// The signature is wrong.
    #[error("the header's signature is not valid: {0}")]
    Signature(#[from] SignatureError),
}

impl SignedHeader {
    /// Checks, with genesis alone, that the header is the ledger's. A validator that rotated its
    /// keys since is unknown to genesis; check its rotation first and use
    /// [`HeaderSignature::verify`] with the new keys.
    ///
    /// # Errors
    /// When it is another ledger's or its signature is not a validator's.
    pub fn verify(&self, genesis: &Genesis) -> Result<(), HeaderError> {
        let HeaderSignature { validator, key_version, .. } = self.signature;
        if self.header.chain_id != genesis.chain_id() {
            return Err(HeaderError::AnotherLedger);
        }
        if !genesis.validators.contains(&validator) {
            return Err(HeaderError::NotValidator(validator));
        }
        let material = genesis.identities.iter().find(|material| material.did() == validator);
        match material {
            Some(KeyMaterial { signing, .. }) if key_version == 0 => {
                let digest = self.header.digest();
                Ok(self.signature.verify(digest, signing, &HybridVerifier)?)
            }
            _ => Err(HeaderError::UnknownKey { validator, key_version }),
        }
    }
}
