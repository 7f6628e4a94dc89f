//! Keys that a receipt carries for those who signed in it, proved by the DIDs themselves.
use std::collections::BTreeMap;

use ainur_crypto::{HybridVerifier, PublicKeys};
use ainur_identity::{Error, IdentityRecord, KeyMaterial, Rotation};
use ainur_primitives::Did;
use serde::{Deserialize, Serialize};

/// The keys of one party, from the first (whose digest is the DID) to the last, each rotation
/// signed by the keys before and after. That there are no later ones only the ledger can say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyKeys {
    /// Whose.
    pub did: Did,
    /// The first keys.
    pub first: KeyMaterial,
    /// What replaced them, in order.
    pub rotations: Vec<Rotation>,
}

/// The most rotations shown for one party.
pub const ROTATIONS_MAX: usize = 64;

/// Verification keys by owner and version.
#[derive(Debug, Default)]
pub(super) struct KeyRing {
    keys: BTreeMap<(Did, u32), PublicKeys>,
}

/// Keys that do not prove whose they are.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The DID is not the digest of the first keys.
    #[error("the keys given for {0} are not the ones its DID was made of")]
    NotTheirs(Did),
    /// More rotations than are read.
    #[error("{0} has more than {ROTATIONS_MAX} rotations")]
    TooManyRotations(Did),
    /// Keys or a rotation that do not verify.
    #[error("the keys of {did} do not verify: {source}")]
    Refused {
        /// Whose.
        did: Did,
        /// What is wrong.
        #[source]
        source: Error,
    },
}

impl PartyKeys {
    /// Keys that were never rotated.
    pub fn first(material: KeyMaterial) -> Self {
        Self { did: material.did(), first: material, rotations: Vec::new() }
    }
}

impl KeyRing {
    /// Takes in keys that prove whose they are.
    pub(super) fn add(&mut self, party: &PartyKeys) -> Result<(), KeysError> {
        let refused = |source| KeysError::Refused { did: party.did, source };
        if party.rotations.len() > ROTATIONS_MAX {
            return Err(KeysError::TooManyRotations(party.did));
        }
        let mut record = IdentityRecord::create(party.first.clone()).map_err(refused)?;
        if record.did != party.did {
            return Err(KeysError::NotTheirs(party.did));
        }
        self.keys.insert((record.did, 0), record.material.signing.clone());
        for rotation in &party.rotations {
            record = record.rotate(rotation, &HybridVerifier).map_err(refused)?;
            self.keys.insert((record.did, record.key_version), record.material.signing.clone());
        }
        Ok(())
    }

    pub(super) fn get(&self, did: Did, key_version: u32) -> Option<&PublicKeys> {
        self.keys.get(&(did, key_version))
    }
}
