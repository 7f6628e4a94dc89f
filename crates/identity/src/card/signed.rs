//! The signed JSON form of an agent card.
use ainur_crypto::hash::tagged;
use ainur_crypto::{Proof, PublicKeys, SigningKey, Verifier};
use ainur_primitives::Digest;
use ainur_primitives::canonical_json::{from_canonical_json, to_canonical_json};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::AgentCard;
use crate::error::{Error, at_most};

/// A card with the proof of the agent it describes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedAgentCard {
    /// The card.
    #[serde(flatten)]
    pub card: AgentCard,
    /// The proof over its digest.
    pub proof: Proof,
}

/// The largest card that is read, in bytes.
pub const AGENT_CARD_BYTES_MAX: usize = 1 << 20;
const AGENT_CARD_TAG: &str = "ainur/agent-card/v1";

impl AgentCard {
    /// What the proof signs and agreements name: the digest of the canonical form without proof.
    ///
    /// # Errors
    /// Never for a card; the encoder's signature has one.
    pub fn digest(&self) -> Result<Digest, Error> {
        Ok(tagged(AGENT_CARD_TAG, &[&to_canonical_json(self)?]))
    }

    /// Accepts a card as the next version of another.
    ///
    /// # Errors
    /// When it is of another agent or does not follow.
    pub fn check_successor(&self, previous: &Self) -> Result<(), Error> {
        if self.did != previous.did {
            return Err(Error::AnotherIdentity { expected: previous.did, found: self.did });
        }
        if previous.version.checked_add(1) != Some(self.version) {
            return Err(Error::Chain("its version is not the next one"));
        }
        if self.previous != Some(previous.digest()?) {
            return Err(Error::Chain("it names another card"));
        }
        if self.created < previous.created {
            return Err(Error::Chain("it is older than the card it replaces"));
        }
        Ok(())
    }

    /// Checks the card and signs it with a key of the agent it describes.
    ///
    /// # Errors
    /// When the card exceeds a limit or a schema is not JSON.
    pub fn sign(self, key: &SigningKey, key_version: u32) -> Result<SignedAgentCard, Error> {
        self.check()?;
        self.check_schemas()?;
        let proof = Proof::sign(key, self.did, key_version, self.digest()?);
        let signed = SignedAgentCard { card: self, proof };
        at_most("an agent card, in bytes,", signed.to_json()?.len(), AGENT_CARD_BYTES_MAX)?;
        Ok(signed)
    }

    fn check_schemas(&self) -> Result<(), Error> {
        for contract in &self.capabilities {
            for schema in [&contract.input_schema, &contract.output_schema] {
                serde_json::from_str::<IgnoredAny>(schema).map_err(|source| Error::Schema {
                    capability: contract.name.clone(),
                    source,
                })?;
            }
        }
        Ok(())
    }
}

impl SignedAgentCard {
    /// Reads a card from its canonical form. It is not verified yet.
    ///
    /// # Errors
    /// When it is too large, another kind of document, or in any other spelling.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        at_most("an agent card, in bytes,", bytes.len(), AGENT_CARD_BYTES_MAX)?;
        Ok(from_canonical_json(bytes)?)
    }

    /// The canonical form.
    ///
    /// # Errors
    /// Never for a card; the encoder's signature has one.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        Ok(to_canonical_json(self)?)
    }

    /// Checks limits, schemas and the signature. The caller found the keys by the card's DID and
    /// the proof's key version ([`crate::IdentityRecord::keys_for`] or
    /// [`crate::KeyHistory::keys_for`]).
    ///
    /// # Errors
    /// What does not fit.
    pub fn verify(&self, keys: &PublicKeys, verifier: &impl Verifier) -> Result<(), Error> {
        let (signer, key_version) = (self.card.did, self.proof.key_version);
        if self.proof.signer != signer {
            return Err(Error::AnotherIdentity { expected: signer, found: self.proof.signer });
        }
        self.card.check()?;
        self.card.check_schemas()?;
        self.proof.verify(self.card.digest()?, keys, verifier).map_err(|source| Error::Proof {
            signer,
            key_version,
            source,
        })
    }
}
