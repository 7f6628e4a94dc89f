//! Private keys on disk, and the identities they make.
use std::path::Path;

use ainur_api::problem::{Code, Problem};
use ainur_crypto::agreement::AgreementKey;
use ainur_crypto::signature::SigningKey;
use ainur_identity::{KeyMaterial, SignaturePolicy};
use ainur_primitives::Did;
use scale::{Decode, Encode};

use crate::directory::DataDirectory;

/// All private keys of one party.
pub struct KeyPair {
    /// It signs with this.
    pub signing: SigningKey,
    /// It is written to with this.
    pub agreement: AgreementKey,
}

/// The file: a version, then both keys.
#[derive(Encode, Decode)]
struct Stored {
    version: u8,
    signing: Vec<u8>,
    agreement: Vec<u8>,
}

const VERSION: u8 = 1;

impl KeyPair {
    /// New keys.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn generate() -> Result<Self, Problem> {
        let failed = |error: &dyn std::error::Error| {
            Problem::new(Code::Internal, format!("cannot make keys: {error}"))
        };
        Ok(Self {
            signing: SigningKey::generate().map_err(|error| failed(&error))?,
            agreement: AgreementKey::generate().map_err(|error| failed(&error))?,
        })
    }

    /// The public half, whose digest is the identity.
    pub fn material(&self) -> KeyMaterial {
        KeyMaterial {
            signing: self.signing.public(),
            agreement: self.agreement.public(),
            required: SignaturePolicy::Hybrid,
        }
    }

    /// The identity these keys begin.
    pub fn did(&self) -> Did {
        self.material().did()
    }

    /// Writes the keys to a file in the data directory, mode 600.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn store(&self, directory: &DataDirectory, inside: &str) -> Result<(), Problem> {
        let stored = Stored {
            version: VERSION,
            signing: self.signing.to_bytes().to_vec(),
            agreement: self.agreement.to_bytes().to_vec(),
        };
        directory.write(inside, &stored.encode())
    }

    /// Reads keys from a file in the data directory; `None` when there is none.
    ///
    /// # Errors
    /// When the system refuses or the file is not a key file.
    pub fn load(directory: &DataDirectory, inside: &str) -> Result<Option<Self>, Problem> {
        let Some(bytes) = directory.read(inside)? else { return Ok(None) };
        Self::decode(&bytes, &directory.path(inside)).map(Some)
    }

    /// Reads keys from a file anywhere.
    ///
    /// # Errors
    /// When the system refuses or the file is not a key file.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let bytes = std::fs::read(path).map_err(|error| {
            Problem::new(Code::Storage, format!("cannot read {}: {error}", path.display()))
                .next("make a key: ainur aacl key FILE")
        })?;
        Self::decode(&bytes, path)
    }

    fn decode(bytes: &[u8], path: &Path) -> Result<Self, Problem> {
        let damaged = || {
            Problem::new(Code::Corrupted, format!("{} is not a key file", path.display()))
                .next("restore it from a backup; without it nobody can act as this identity")
        };
        let stored = Stored::decode(&mut &bytes[..]).map_err(|_| damaged())?;
        if stored.version != VERSION {
            return Err(damaged());
        }
        Ok(Self {
            signing: SigningKey::from_bytes(&stored.signing).map_err(|_| damaged())?,
            agreement: AgreementKey::from_bytes(&stored.agreement).map_err(|_| damaged())?,
        })
    }
}
