//! How a node begins: keys, key document, genesis.
use std::path::PathBuf;

use ainur_api::problem::{Code, Problem};
use ainur_crypto::HybridVerifier;
use ainur_identity::{KeyDocument, SignedKeyDocument};
use ainur_ledger::{Genesis, Parameters};
use ainur_primitives::{Amount, Did, Digest, Timestamp};

use crate::directory::DataDirectory;
use crate::keys::KeyPair;

/// What the owner of a new embedded ledger begins with.
pub const GENESIS_ALLOCATION: Amount = Amount::ainu(1_000_000);

pub(crate) const KEY_FILE: &str = "keys/node.key";
const DOCUMENT_FILE: &str = "key-document.json";
const GENESIS_FILE: &str = "genesis.json";

/// What a data directory says of its node.
pub struct Founded {
    /// Where it is.
    pub data_dir: PathBuf,
    /// The node's identity.
    pub did: Did,
    /// Its ledger.
    pub chain_id: Digest,
    /// It was made just now.
    pub created: bool,
    /// The node's keys.
    pub keys: KeyPair,
    /// What the ledger began with.
    pub genesis: Genesis,
}

/// Opens the data directory, making what is not there. An interrupted beginning is continued:
/// genesis is written last.
///
/// # Errors
/// When the system refuses or what is there does not fit together.
pub fn found(directory: &DataDirectory, now: Timestamp) -> Result<Founded, Problem> {
    directory.create()?;
    let keys = match KeyPair::load(directory, KEY_FILE)? {
        Some(keys) => keys,
        None if directory.exists() => {
            return Err(Problem::new(
                Code::Corrupted,
                format!("{} is missing", directory.path(KEY_FILE).display()),
            )
            .next("restore it from a backup; without it nobody can act as this node"));
        }
        None => {
            let keys = KeyPair::generate()?;
            keys.store(directory, KEY_FILE)?;
            keys
        }
    };
    let did = keys.did();
    if directory.read(DOCUMENT_FILE)?.is_none() {
        directory.write(DOCUMENT_FILE, &key_document(&keys, now)?)?;
    }
    let (genesis, created) = match directory.read(GENESIS_FILE)? {
        Some(bytes) => (read_genesis(&bytes)?, false),
        None => {
            let genesis = new_genesis(&keys, now);
            let json = serde_json::to_vec_pretty(&genesis).map_err(internal)?;
            directory.write(GENESIS_FILE, &json)?;
            (genesis, true)
        }
    };
    if !genesis.validators.contains(&did) {
        return Err(Problem::new(
            Code::Corrupted,
            format!("{} is of another node's ledger", directory.path(GENESIS_FILE).display()),
        )
        .next("restore the data directory from a backup as a whole"));
    }
    let chain_id = genesis.chain_id();
    Ok(Founded { data_dir: directory.root().to_owned(), did, chain_id, created, keys, genesis })
}

/// Reads a genesis document.
///
/// # Errors
/// When it is not one.
pub fn read_genesis(bytes: &[u8]) -> Result<Genesis, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::new(Code::Corrupted, format!("this is not a genesis document: {error}"))
            .next("name the genesis.json of a node's data directory")
    })
}

fn new_genesis(keys: &KeyPair, now: Timestamp) -> Genesis {
    let did = keys.did();
    Genesis {
        name: "embedded".into(),
        timestamp: now,
        parameters: Parameters::with_authority(did),
        identities: vec![keys.material()],
        allocations: vec![(did, GENESIS_ALLOCATION)],
        validators: vec![did],
    }
}

fn key_document(keys: &KeyPair, now: Timestamp) -> Result<Vec<u8>, Problem> {
    let document = KeyDocument::first(keys.material(), now).map_err(internal)?;
    let signed = SignedKeyDocument::sign_first(document, &keys.signing).map_err(internal)?;
    signed.verify_first(&HybridVerifier).map_err(internal)?;
    signed.to_json().map_err(internal)
}

fn internal(error: impl std::error::Error) -> Problem {
    Problem::new(Code::Internal, error.to_string())
}
