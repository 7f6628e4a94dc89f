//! What a ledger keeps about an identity, and how it may change.
//!
//! Every function is pure: it takes the record as it is and returns the record as it will be.
use alloc::vec::Vec;

use ainur_crypto::{HybridSignature, PublicKeys, Verifier};
use ainur_primitives::{Did, Digest};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::material::KeyMaterial;

/// The current state of an identity.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct IdentityRecord {
    /// The name, which never changes.
    pub did: Did,
    /// How often the keys were rotated.
    pub key_version: u32,
    /// The keys in force.
    pub material: KeyMaterial,
    /// False after deactivation, which is final.
    pub active: bool,
}

/// A change of keys, signed by the old and the new key.
///
/// The old key's signature is the party's will; the new key's proves that the party has it, so that
/// nobody rotates to a key they do not hold.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Whose keys.
    pub did: Did,
    /// The version of the new keys.
    pub key_version: u32,
    /// The new keys.
    pub material: KeyMaterial,
    /// The signature of the keys in force before.
    pub by_old: HybridSignature,
    /// The signature of the new keys.
    pub by_new: HybridSignature,
}

/// The domain under which rotations are signed.
pub const ROTATION_DOMAIN: &str = "ainur/key-rotation/v1";

impl IdentityRecord {
    /// A new identity. Its name follows from its keys, so there is nobody to ask; that its creator
    /// holds the keys is shown by the signature on whatever carries the creation.
    ///
    /// # Errors
    /// When the keys would accept classical signatures.
    pub fn create(material: KeyMaterial) -> Result<Self, Error> {
        material.check()?;
        Ok(Self { did: material.did(), key_version: 0, material, active: true })
    }

    /// The keys that verify what this party signs now.
    ///
    /// # Errors
    /// When the signer is someone else, the key is not the one in force, or the identity was
    /// deactivated.
    pub fn keys_for(&self, signer: Did, key_version: u32) -> Result<&PublicKeys, Error> {
        self.check_subject(signer)?;
        if key_version != self.key_version {
            return Err(Error::KeyVersion { expected: self.key_version, found: key_version });
        }
        Ok(&self.material.signing)
    }

    /// The record after a rotation.
    ///
    /// # Errors
    /// When the rotation is for another identity or version, downgrades or reuses keys, or either
    /// signature is wrong.
    pub fn rotate(&self, rotation: &Rotation, verifier: &impl Verifier) -> Result<Self, Error> {
        self.check_subject(rotation.did)?;
        check_next_version(self.key_version, rotation.key_version)?;
        check_replacement(&self.material, &rotation.material)?;
        let message = Rotation::message(self, &rotation.material);
        verifier
            .verify(&self.material.signing, ROTATION_DOMAIN, &message, &rotation.by_old)
            .map_err(Error::OldKeySignature)?;
        verifier
            .verify(&rotation.material.signing, ROTATION_DOMAIN, &message, &rotation.by_new)
            .map_err(Error::NewKeySignature)?;
        Ok(Self {
            did: self.did,
            key_version: rotation.key_version,
            material: rotation.material.clone(),
            active: true,
        })
    }

    /// The record after its party gave the identity up for good. The caller has checked with
    /// [`IdentityRecord::keys_for`] that the party signed this.
    ///
    /// # Errors
    /// When that was done before.
    pub fn deactivate(&self) -> Result<Self, Error> {
        self.check_subject(self.did)?;
        Ok(Self { active: false, ..self.clone() })
    }

    fn check_subject(&self, did: Did) -> Result<(), Error> {
        if did != self.did {
            return Err(Error::AnotherIdentity { expected: self.did, found: did });
        }
        if self.active { Ok(()) } else { Err(Error::Deactivated(self.did)) }
    }
}

impl Rotation {
    /// The bytes both keys sign under [`ROTATION_DOMAIN`]: they bind the keys being replaced, so a
    /// rotation counts once and in its place only.
    pub fn message(current: &IdentityRecord, material: &KeyMaterial) -> Vec<u8> {
        let next_version = u64::from(current.key_version) + 1;
        let replaced: Digest = current.material.digest();
        (current.did, next_version, replaced, material).encode()
    }

    /// Signs the rotation of a record to new keys.
    ///
    /// # Errors
    /// When either signing key is not the one its material names, or the rotation would be refused.
    #[cfg(feature = "std")]
    pub fn sign(
        current: &IdentityRecord,
        material: KeyMaterial,
        old_key: &ainur_crypto::SigningKey,
        new_key: &ainur_crypto::SigningKey,
    ) -> Result<Self, Error> {
        let matches =
            old_key.public() == current.material.signing && new_key.public() == material.signing;
        if !matches {
            return Err(Error::AnotherSigningKey);
        }
        check_replacement(&current.material, &material)?;
        let key_version = current.key_version.checked_add(1).ok_or(Error::KeyVersionsExhausted)?;
        let message = Self::message(current, &material);
        Ok(Self {
            did: current.did,
            key_version,
            material,
            by_old: old_key.sign(ROTATION_DOMAIN, &message),
            by_new: new_key.sign(ROTATION_DOMAIN, &message),
        })
    }
}

/// Accepts only the version after the current one.
pub(crate) fn check_next_version(current: u32, next: u32) -> Result<(), Error> {
    let expected = current.checked_add(1).ok_or(Error::KeyVersionsExhausted)?;
    if next == expected { Ok(()) } else { Err(Error::KeyVersion { expected, found: next }) }
}

/// Accepts keys that may replace others: as strong, and both halves new, since a rotation after a
/// theft is no help when a stolen half stays.
pub(crate) fn check_replacement(old: &KeyMaterial, new: &KeyMaterial) -> Result<(), Error> {
    new.check()?;
    let (old, new) = (&old.signing, &new.signing);
    if old.ed25519 == new.ed25519 || old.ml_dsa_65 == new.ml_dsa_65 {
        return Err(Error::KeyReused);
    }
    Ok(())
}
