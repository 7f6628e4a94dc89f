//! A verified sequence of key documents, from the first to the one in force.
use ainur_crypto::{PublicKeys, Verifier};
use ainur_primitives::Did;

use super::{KeyDocument, SignedKeyDocument};
use crate::error::{Error, at_most};
use crate::record::IdentityRecord;

/// All versions of a party's keys. It exists only verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyHistory {
    /// Never empty; the position is the key version.
    documents: Vec<KeyDocument>,
}

/// The most documents in one history.
pub const KEY_DOCUMENTS_MAX: usize = 1024;

impl KeyHistory {
    /// Verifies the documents of one identity, first to last.
    ///
    /// # Errors
    /// What does not fit in which document's place.
    pub fn verify(
        documents: &[SignedKeyDocument],
        verifier: &impl Verifier,
    ) -> Result<Self, Error> {
        at_most("a history, in key documents,", documents.len(), KEY_DOCUMENTS_MAX)?;
        let (first, later) = documents.split_first().ok_or(Error::Empty("the key history"))?;
        first.verify_first(verifier)?;
        let mut previous = &first.document;
        for next in later {
            next.verify_successor(previous, verifier)?;
            previous = &next.document;
        }
        let documents = documents.iter().map(|signed| signed.document.clone()).collect();
        Ok(Self { documents })
    }

    /// The last document.
    pub fn current(&self) -> &KeyDocument {
        self.documents.last().expect("a history begins with a first document")
    }

    /// The keys a party had at a version, for verifying what it signed then.
    ///
    /// # Errors
    /// When the signer is someone else or never had such a version.
    pub fn keys_for(&self, signer: Did, key_version: u32) -> Result<&PublicKeys, Error> {
        let current = self.current();
        if signer != current.did {
            return Err(Error::AnotherIdentity { expected: current.did, found: signer });
        }
        usize::try_from(key_version)
            .ok()
            .and_then(|version| self.documents.get(version))
            .map(|document| &document.material.signing)
            .ok_or(Error::KeyVersion { expected: current.key_version, found: key_version })
    }

    /// The record a ledger would keep.
    pub fn record(&self) -> IdentityRecord {
        let KeyDocument { did, key_version, material, .. } = self.current().clone();
        IdentityRecord { did, key_version, material, active: true }
    }
}
