//! Signed headers: what a validator says about a block, and how a stranger checks it offline.
use ainur_crypto::{
    HybridSignature, HybridVerifier, PublicKeys, SignatureError, SigningKey, Verifier,
};
use ainur_identity::KeyMaterial;
use ainur_ledger::{Genesis, Header};
use ainur_primitives::Did;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// The domain under which validators sign the digests of headers.
pub const HEADER_DOMAIN: &str = "ainur/block-header-signature/v1";

/// A validator's signature over the digest of a header.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct HeaderSignature {
    /// Who signed.
    pub validator: Did,
    /// With which of their keys, counted from zero at creation.
    pub key_version: u32,
    /// The signature.
    pub signature: HybridSignature,
}

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

impl HeaderSignature {
    /// Signs a header.
    pub fn sign(header: &Header, validator: Did, key_version: u32, key: &SigningKey) -> Self {
        let signature = key.sign(HEADER_DOMAIN, &header.digest().0);
        Self { validator, key_version, signature }
    }

    /// Checks the signature with the keys the caller knows to be the validator's.
    ///
    /// # Errors
    /// Which half of the signature failed.
    pub fn verify(&self, header: &Header, keys: &PublicKeys) -> Result<(), HeaderError> {
        let digest = header.digest();
        Ok(HybridVerifier.verify(keys, HEADER_DOMAIN, &digest.0, &self.signature)?)
    }
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
                self.signature.verify(&self.header, signing)
            }
            _ => Err(HeaderError::UnknownKey { validator, key_version }),
        }
    }
}
