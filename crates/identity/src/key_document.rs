//! Key documents: the history of a party's keys as signed JSON that anybody can verify offline.
//!
//! The first document is signed by its own keys, whose digest is the DID. Each later one names the
//! digest of the one before and is signed by the keys before and its own. A history shows what the
//! keys were; that it is complete only the ledger can say.
use ainur_crypto::hash::tagged;
use ainur_crypto::{Proof, SigningKey, Verifier};
use ainur_primitives::canonical_json::{from_canonical_json, to_canonical_json};
use ainur_primitives::{Did, Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::{Error, at_most};
use crate::material::KeyMaterial;
use crate::record::{check_next_version, check_replacement};

mod history;

pub use history::{KEY_DOCUMENTS_MAX, KeyHistory};

/// One version of a party's keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyDocument {
    /// Kind and version of the document.
    #[serde(rename = "type")]
    pub kind: KeyDocumentKind,
    /// Whose keys.
    pub did: Did,
    /// How often they were rotated before.
    pub key_version: u32,
    /// The keys.
    pub material: KeyMaterial,
    /// When they came into force, as the party says.
    pub created: Timestamp,
    /// The digest of the document before; none in the first.
    pub previous: Option<Digest>,
}

/// The kinds of key document this version reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum KeyDocumentKind {
    /// The first.
    #[default]
    #[serde(rename = "ainur-key-document-v1")]
    V1,
}

/// A key document with its proofs: one on the first (its own keys), two on later ones (the keys
/// before, then its own).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedKeyDocument {
    /// The document.
    #[serde(flatten)]
    pub document: KeyDocument,
    /// The proofs over its digest.
    pub proofs: Vec<Proof>,
}

/// The largest key document that is read, in bytes.
pub const KEY_DOCUMENT_BYTES_MAX: usize = 32 << 10;
const KEY_DOCUMENT_TAG: &str = "ainur/key-document/v1";

impl KeyDocument {
    /// The first document of an identity.
    ///
    /// # Errors
    /// When the keys would accept classical signatures.
    pub fn first(material: KeyMaterial, created: Timestamp) -> Result<Self, Error> {
        material.check()?;
        Ok(Self {
            kind: KeyDocumentKind::V1,
            did: material.did(),
            key_version: 0,
            material,
            created,
            previous: None,
        })
    }

    /// The document that replaces this one's keys.
    ///
    /// # Errors
    /// When the new keys would be refused.
    pub fn successor(&self, material: KeyMaterial, created: Timestamp) -> Result<Self, Error> {
        let key_version = self.key_version.checked_add(1).ok_or(Error::KeyVersionsExhausted)?;
        let previous = Some(self.digest()?);
        let kind = KeyDocumentKind::V1;
        let next = Self { kind, did: self.did, key_version, material, created, previous };
        next.check_successor(self)?;
        Ok(next)
    }

    /// What the proofs sign and the next document names.
    ///
    /// # Errors
    /// Never for a document of this type; the encoder's signature has one.
    pub fn digest(&self) -> Result<Digest, Error> {
        Ok(tagged(KEY_DOCUMENT_TAG, &[&to_canonical_json(self)?]))
    }

    fn check_first(&self) -> Result<(), Error> {
        self.material.check()?;
        if self.key_version != 0 {
            return Err(Error::KeyVersion { expected: 0, found: self.key_version });
        }
        if self.previous.is_some() {
            return Err(Error::Chain("the first key document follows no other"));
        }
        if self.did == self.material.did() { Ok(()) } else { Err(Error::NotTheseKeys(self.did)) }
    }

    fn check_successor(&self, previous: &Self) -> Result<(), Error> {
        if self.did != previous.did {
            return Err(Error::AnotherIdentity { expected: previous.did, found: self.did });
        }
        check_next_version(previous.key_version, self.key_version)?;
        check_replacement(&previous.material, &self.material)?;
        if self.previous != Some(previous.digest()?) {
            return Err(Error::Chain("it names another key document"));
        }
        if self.created < previous.created {
            return Err(Error::Chain("it is older than the key document it replaces"));
        }
        Ok(())
    }
}

impl SignedKeyDocument {
    /// Signs the first document with its own key.
    ///
    /// # Errors
    /// When the document is not a first one or the key not its own.
    pub fn sign_first(document: KeyDocument, key: &SigningKey) -> Result<Self, Error> {
        document.check_first()?;
        check_key(key, &document.material)?;
        let proofs = vec![Proof::sign(key, document.did, 0, document.digest()?)];
        Ok(Self { document, proofs })
    }

    /// Signs a later document with the key before and its own.
    ///
    /// # Errors
    /// When it does not follow the previous document or a key does not match.
    pub fn sign_successor(
        document: KeyDocument,
        previous: &KeyDocument,
        old_key: &SigningKey,
        new_key: &SigningKey,
    ) -> Result<Self, Error> {
        document.check_successor(previous)?;
        check_key(old_key, &previous.material)?;
        check_key(new_key, &document.material)?;
        let digest = document.digest()?;
        let proofs = vec![
            Proof::sign(old_key, document.did, previous.key_version, digest),
            Proof::sign(new_key, document.did, document.key_version, digest),
        ];
        Ok(Self { document, proofs })
    }

    /// Reads a document from its canonical form. It is not verified yet.
    ///
    /// # Errors
    /// When it is too large, another kind of document, or in any other spelling.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        at_most("a key document, in bytes,", bytes.len(), KEY_DOCUMENT_BYTES_MAX)?;
        Ok(from_canonical_json(bytes)?)
    }

    /// The canonical form.
    ///
    /// # Errors
    /// Never for a document of this type; the encoder's signature has one.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        Ok(to_canonical_json(self)?)
    }

    /// Verifies a first document by itself.
    ///
    /// # Errors
    /// What does not fit.
    pub fn verify_first(&self, verifier: &impl Verifier) -> Result<(), Error> {
        self.document.check_first()?;
        self.check_proofs(&[(0, &self.document.material)], verifier)
    }

    /// Verifies a later document against the one before, which was verified.
    ///
    /// # Errors
    /// What does not fit.
    pub fn verify_successor(
        &self,
        previous: &KeyDocument,
        verifier: &impl Verifier,
    ) -> Result<(), Error> {
        self.document.check_successor(previous)?;
        let due = [
            (previous.key_version, &previous.material),
            (self.document.key_version, &self.document.material),
        ];
        self.check_proofs(&due, verifier)
    }

    fn check_proofs(
        &self,
        due: &[(u32, &KeyMaterial)],
        verifier: &impl Verifier,
    ) -> Result<(), Error> {
        if self.proofs.len() != due.len() {
            return Err(Error::ProofCount { expected: due.len(), found: self.proofs.len() });
        }
        let digest = self.document.digest()?;
        for (proof, (key_version, material)) in self.proofs.iter().zip(due) {
            check_proof(proof, self.document.did, *key_version, digest, material, verifier)?;
        }
        Ok(())
    }
}

fn check_proof(
    proof: &Proof,
    signer: Did,
    key_version: u32,
    digest: Digest,
    material: &KeyMaterial,
    verifier: &impl Verifier,
) -> Result<(), Error> {
    if proof.signer != signer {
        return Err(Error::AnotherIdentity { expected: signer, found: proof.signer });
    }
    if proof.key_version != key_version {
        return Err(Error::KeyVersion { expected: key_version, found: proof.key_version });
    }
    proof.verify(digest, &material.signing, verifier).map_err(|source| Error::Proof {
        signer,
        key_version,
        source,
    })
}

fn check_key(key: &SigningKey, material: &KeyMaterial) -> Result<(), Error> {
    if key.public() == material.signing { Ok(()) } else { Err(Error::AnotherSigningKey) }
}
