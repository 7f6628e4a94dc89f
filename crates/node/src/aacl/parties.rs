//! Outside parties whose keys were introduced: one file each in the data directory.
//!
//! A DID is the digest of its first keys, so a party's first key document shows by itself whose it
//! is. Keys of parties that the ledger knows come from the ledger.
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use ainur_api::operation::{AaclIntroduction, Reply};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::{AaclKeys, AaclParty};
use ainur_crypto::{HybridVerifier, PublicKeys};
use ainur_identity::{KeyMaterial, SignedKeyDocument};
use ainur_ledger::identity;
use ainur_primitives::Did;
use serde::{Deserialize, Serialize};

use crate::directory::DataDirectory;
use crate::node::Node;
use crate::problem::with_causes;

/// Outside parties that one node remembers.
pub(crate) const PARTIES_MAX: usize = 10_000;
/// Outside parties that the holder of one token introduces.
pub(crate) const PARTIES_PER_TOKEN_MAX: usize = 256;

const FOLDER: &str = "parties";

/// All outside parties of a node.
pub(crate) struct Parties(RwLock<BTreeMap<Did, KnownParty>>);

/// A party as it is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownParty {
    /// With whose token it was introduced; empty for the owner.
    token: String,
    document: SignedKeyDocument,
}

impl Parties {
    /// The parties of a data directory.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged.
    pub(crate) fn load(directory: &DataDirectory) -> Result<Self, Problem> {
        let mut known = BTreeMap::new();
        for name in directory.list(FOLDER)? {
            let inside = format!("{FOLDER}/{name}");
            // What a crash left of a file that was being written.
            if !name.ends_with(".json") {
                directory.remove(&inside)?;
                continue;
            }
            let Some(bytes) = directory.read(&inside)? else { continue };
            let party: KnownParty = serde_json::from_slice(&bytes).map_err(|error| {
                let path = directory.path(&inside);
                Problem::new(Code::Corrupted, format!("{} is damaged: {error}", path.display()))
                    .next(
                        "restore it from a backup, or remove it: its party introduces itself again",
                    )
            })?;
            known.insert(party.document.document.did, party);
        }
        Ok(Self(RwLock::new(known)))
    }

    fn keys(&self, party: &Did) -> Option<KeyMaterial> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(party).map(|party| party.document.document.material.clone())
    }

    /// Keeps a party that is not known yet; true when it is new.
    fn keep(&self, directory: &DataDirectory, party: KnownParty) -> Result<bool, Problem> {
        let did = party.document.document.did;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.contains_key(&did) {
            return Ok(false);
        }
        if known.len() >= PARTIES_MAX {
            let message = format!("a node remembers at most {PARTIES_MAX} parties (PARTIES_MAX)");
            return Err(Problem::new(Code::LimitReached, message));
        }
        let own = known.values().filter(|other| other.token == party.token).count();
        if own >= PARTIES_PER_TOKEN_MAX && !party.token.is_empty() {
            let message = format!(
                "at most {PARTIES_PER_TOKEN_MAX} parties are introduced with one token \
                 (PARTIES_PER_TOKEN_MAX)"
            );
            return Err(Problem::new(Code::LimitReached, message)
                .next("speak with keys that are known, or ask the node's operator for a token"));
        }
        let json = serde_json::to_vec(&party)
            .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        directory.write(&format!("{FOLDER}/{}.json", did.0), &json)?;
        known.insert(did, party);
        Ok(true)
    }
}

impl Node {
    /// Takes the first key document of a party.
    pub(crate) fn introduce(&self, introduction: &AaclIntroduction) -> Result<AaclParty, Problem> {
        let refuse = |error: ainur_identity::Error| {
            Problem::new(Code::InvalidRequest, with_causes(&error)).next(
                "send the party's first key document, signed by its own keys, in canonical form",
            )
        };
        let bytes = introduction.document.as_bytes();
        let document = SignedKeyDocument::from_json(bytes).map_err(refuse)?;
        document.verify_first(&HybridVerifier).map_err(refuse)?;
        let party = document.document.did;
        if let Some(known) = self.read(|state| identity::query::identity(state, &party)) {
            let key_version = known.identity.key_version;
            let operator = self.did;
            return Ok(AaclParty { party, key_version, is_new: false, operator });
        }
        let token = introduction.holder.token.clone();
        let is_new = self.aacl.parties.keep(&self.directory, KnownParty { token, document })?;
        Ok(AaclParty { party, key_version: 0, is_new, operator: self.did })
    }

    /// The public keys that verify a party's signatures: what the ledger says, or what was
    /// introduced.
    pub(crate) fn party_keys(&self, party: Did, key_version: u32) -> Option<PublicKeys> {
        if let Some(known) = self.read(|state| identity::query::identity(state, &party)) {
            let identity = known.identity;
            let in_force = identity.active && identity.key_version == key_version;
            return in_force.then_some(identity.material.signing);
        }
        let introduced = self.aacl.parties.keys(&party).filter(|_| key_version == 0);
        introduced.map(|material| material.signing)
    }

    /// A party's keys as they are now.
    pub(crate) fn shown_keys(&self, party: Did) -> Result<Reply, Problem> {
        let known = self.read(|state| identity::query::identity(state, &party));
        let known = known.map(|known| (known.identity.key_version, known.identity.material));
        let known = known.or_else(|| self.aacl.parties.keys(&party).map(|material| (0, material)));
        let (key_version, material) = known.ok_or_else(|| {
            Problem::new(Code::NotFound, format!("the keys of {party} are not known"))
                .next("introduce them: PUT /v1/aacl/parties")
        })?;
        let material = serde_json::to_value(material)
            .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        Ok(Reply::AaclKeys(Box::new(AaclKeys { party, key_version, material })))
    }
}
