//! Identities are created, rotated and deactivated only by whoever holds the keys, and never
//! weakened.

use ainur_crypto::{
    AgreementKey, AgreementPublicKeys, HybridVerifier, PublicKeys, SignatureError, SigningKey,
};
use ainur_identity::{Error, IdentityRecord, KeyMaterial, Rotation, SignaturePolicy};
use ainur_primitives::{Did, Digest};
use scale::{Decode, Encode};

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32]).expect("a seed gives a key")
}

fn material(number: u8) -> KeyMaterial {
    let agreement = AgreementKey::generate().expect("there is randomness").public();
    KeyMaterial::hybrid(key(number).public(), agreement)
}

fn record(number: u8) -> IdentityRecord {
    IdentityRecord::create(material(number)).expect("hybrid keys are accepted")
}

fn rotation(current: &IdentityRecord, from: u8, to: u8) -> Rotation {
    Rotation::sign(current, material(to), &key(from), &key(to)).expect("the keys match")
}

#[test]
fn a_new_identity_is_named_by_its_keys() {
    let record = record(1);
    assert_eq!(record.did, record.material.did());
    assert_eq!((record.key_version, record.active), (0, true));
    let mut other = record.material.clone();
    other.agreement.x25519[0] ^= 1;
    assert_ne!(other.did(), record.did, "every key is part of the name");
    assert_eq!(record.keys_for(record.did, 0).unwrap(), &key(1).public());
}

#[test]
fn keys_that_accept_classical_signatures_are_refused() {
    let classical = KeyMaterial { required: SignaturePolicy::Classical, ..material(1) };
    assert_ne!(classical.did(), material(1).did());
    assert!(matches!(IdentityRecord::create(classical.clone()), Err(Error::Downgrade)));

    let current = record(1);
    let signed = Rotation::sign(&current, classical.clone(), &key(1), &key(1));
    assert!(matches!(signed, Err(Error::Downgrade)));
    // A foreign program may sign it anyway.
    let mut forged = rotation(&current, 1, 2);
    forged.material.required = SignaturePolicy::Classical;
    let message = Rotation::message(&current, &forged.material);
    forged.by_old = key(1).sign(ainur_identity::record::ROTATION_DOMAIN, &message);
    forged.by_new = key(2).sign(ainur_identity::record::ROTATION_DOMAIN, &message);
    assert!(matches!(current.rotate(&forged, &HybridVerifier), Err(Error::Downgrade)));
}

#[test]
fn a_rotation_replaces_the_keys_and_keeps_the_name() {
    let first = record(1);
    let second = first.rotate(&rotation(&first, 1, 2), &HybridVerifier).unwrap();
    assert_eq!((second.did, second.key_version), (first.did, 1));
    assert_eq!(second.keys_for(first.did, 1).unwrap(), &key(2).public());
    let stale = second.keys_for(first.did, 0);
    assert!(matches!(stale, Err(Error::KeyVersion { expected: 1, found: 0 })));
    let third = second.rotate(&rotation(&second, 2, 3), &HybridVerifier).unwrap();
    assert_eq!((third.did, third.key_version), (first.did, 2));
}

#[test]
fn a_rotation_needs_the_signatures_of_both_keys() {
    let current = record(1);
    let good = rotation(&current, 1, 2);
    let thief = Rotation { by_old: good.by_new.clone(), ..good.clone() };
    let refused = current.rotate(&thief, &HybridVerifier);
    assert!(matches!(refused, Err(Error::OldKeySignature(SignatureError::Ed25519))));
    let unheld = Rotation { by_new: good.by_old.clone(), ..good.clone() };
    let refused = current.rotate(&unheld, &HybridVerifier);
    assert!(matches!(refused, Err(Error::NewKeySignature(SignatureError::Ed25519))));
    let mut stripped = good.clone();
    stripped.by_old.ml_dsa_65.fill(0);
    let refused = current.rotate(&stripped, &HybridVerifier);
    assert!(matches!(refused, Err(Error::OldKeySignature(SignatureError::MlDsa65))));
    let mut swapped = good;
    swapped.material.agreement.x25519[0] ^= 1;
    let refused = current.rotate(&swapped, &HybridVerifier);
    assert!(matches!(refused, Err(Error::OldKeySignature(_))));
}

#[test]
fn a_rotation_counts_once_and_in_its_place_only() {
    let first = record(1);
    let to_second = rotation(&first, 1, 2);
    let second = first.rotate(&to_second, &HybridVerifier).unwrap();
    let again = second.rotate(&to_second, &HybridVerifier);
    assert!(matches!(again, Err(Error::KeyVersion { expected: 2, found: 1 })));
    let renumbered = Rotation { key_version: 2, ..to_second.clone() };
    assert!(first.rotate(&renumbered, &HybridVerifier).is_err());
    let back = rotation(&second, 2, 1);
    let third = second.rotate(&back, &HybridVerifier).unwrap();
    // The first rotation, were it renumbered, is about keys of version zero.
    let replayed = Rotation { key_version: 3, ..to_second };
    let refused = third.rotate(&replayed, &HybridVerifier);
    assert!(matches!(refused, Err(Error::OldKeySignature(_))));
    let foreign = record(3).rotate(&rotation(&first, 1, 2), &HybridVerifier);
    assert!(matches!(foreign, Err(Error::AnotherIdentity { .. })));
}

#[test]
fn a_rotation_must_replace_both_halves() {
    let current = record(1);
    let same = Rotation::sign(&current, material(1), &key(1), &key(1));
    assert!(matches!(same, Err(Error::KeyReused)));
    let mut half = rotation(&current, 1, 2);
    half.material.signing = PublicKeys { ed25519: key(1).public().ed25519, ..key(2).public() };
    assert!(matches!(current.rotate(&half, &HybridVerifier), Err(Error::KeyReused)));
    half.material.signing = PublicKeys { ml_dsa_65: key(1).public().ml_dsa_65, ..key(2).public() };
    assert!(matches!(current.rotate(&half, &HybridVerifier), Err(Error::KeyReused)));
}

#[test]
fn only_the_matching_keys_sign_a_rotation() {
    let current = record(1);
    let wrong_old = Rotation::sign(&current, material(2), &key(3), &key(2));
    assert!(matches!(wrong_old, Err(Error::AnotherSigningKey)));
    let wrong_new = Rotation::sign(&current, material(2), &key(1), &key(3));
    assert!(matches!(wrong_new, Err(Error::AnotherSigningKey)));
}

#[test]
fn after_the_last_version_no_rotation_is_possible() {
    let last = IdentityRecord { key_version: u32::MAX, ..record(1) };
    let signed = Rotation::sign(&last, material(2), &key(1), &key(2));
    assert!(matches!(signed, Err(Error::KeyVersionsExhausted)));
    let wrapped = Rotation { key_version: 0, ..rotation(&record(1), 1, 2) };
    let wrapped = Rotation { did: last.did, ..wrapped };
    assert!(matches!(last.rotate(&wrapped, &HybridVerifier), Err(Error::KeyVersionsExhausted)));
}

#[test]
fn deactivation_is_final() {
    let active = record(1);
    let gone = active.deactivate().unwrap();
    assert!(!gone.active);
    assert!(matches!(gone.deactivate(), Err(Error::Deactivated(did)) if did == gone.did));
    assert!(matches!(gone.keys_for(gone.did, 0), Err(Error::Deactivated(_))));
    let revived = gone.rotate(&rotation(&active, 1, 2), &HybridVerifier);
    assert!(matches!(revived, Err(Error::Deactivated(_))));
}

#[test]
fn the_keys_of_another_are_not_given_out() {
    let record = record(1);
    let other = Did(Digest([9; 32]));
    let refused = record.keys_for(other, 0);
    assert!(matches!(refused, Err(Error::AnotherIdentity { found, .. }) if found == other));
}

#[test]
fn a_record_survives_its_encoding() {
    let record = record(1);
    assert_eq!(IdentityRecord::decode(&mut record.encode().as_slice()).unwrap(), record);
}

#[test]
fn names_never_change() {
    let agreement = AgreementPublicKeys { x25519: [2; 32], ml_kem_768: Box::new([3; 1184]) };
    let material = KeyMaterial::hybrid(key(1).public(), agreement);
    assert_eq!(
        material.did().to_string(),
        "did:ainur:ez5svgerqx54l3xcpeoxlugh2plpgl7uysw4oxr75kbnz3a4vlba"
    );
}
