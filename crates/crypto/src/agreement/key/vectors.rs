//! Published vectors against the shipped code, and the shipped code against a second
//! implementation (RustCrypto `ml-kem`).
#[expect(deprecated, reason = "AWS-LC stores the expanded form, which the vectors give too")]
use ml_kem::ExpandedKeyEncoding as _;
use ml_kem::array::Array;
use ml_kem::kem::{Decapsulate as _, KeyExport as _};
use ml_kem::ml_kem_768::{
    DecapsulationKey as SecondDecapsulationKey, EncapsulationKey as SecondEncapsulationKey,
};

use super::*;
use crate::vectors::{bytes, each_test, has_flag, is_valid};

#[test]
fn x25519_wycheproof() {
    let count = each_test("wycheproof/x25519_test.json", |_, test| {
        let secret: [u8; 32] = bytes(test, "private").try_into().unwrap();
        let public: [u8; 32] = bytes(test, "public").try_into().unwrap();
        let shared = agree_x25519(&StaticSecret::from(secret), public);
        let expected = (!has_flag(test, "ZeroSharedSecret")).then(|| bytes(test, "shared"));
        assert_eq!(shared.map(|shared| shared.as_bytes().to_vec()), expected, "{test}");
    });
    assert_eq!(count, 518);
}

fn second_from_seed(seed: &[u8]) -> Option<SecondDecapsulationKey> {
    Some(SecondDecapsulationKey::from_seed(Array::try_from(seed).ok()?))
}

#[expect(deprecated, reason = "AWS-LC stores the expanded form")]
fn expanded(key: &SecondDecapsulationKey) -> Vec<u8> {
    key.to_expanded_bytes().to_vec()
}

/// The key as [`AgreementKey::to_bytes`] would have stored it.
fn stored(decapsulation_key: &[u8]) -> Vec<u8> {
    [&[AGREEMENT_KEY_VERSION][..], &[9; 32], decapsulation_key].concat()
}

#[test]
fn ml_kem_768_key_generation_acvp_and_wycheproof() {
    let check = |seed: &[u8], ek: Vec<u8>, dk: Vec<u8>| {
        let second = second_from_seed(seed).unwrap();
        assert_eq!(second.encapsulation_key().to_bytes().as_slice(), ek);
        assert_eq!(expanded(&second), dk);
        let key = AgreementKey::from_bytes(&stored(&dk)).unwrap();
        assert_eq!(key.public().ml_kem_768.as_slice(), ek);
        assert_eq!(key.to_bytes().as_slice(), stored(&dk));
    };
    let acvp = each_test("acvp/ML-KEM-keyGen-FIPS203.json", |_, test| {
        check(&[bytes(test, "d"), bytes(test, "z")].concat(), bytes(test, "ek"), bytes(test, "dk"));
    });
    let wycheproof = each_test("wycheproof/mlkem_768_keygen_seed_test.json", |_, test| {
        check(&bytes(test, "seed"), bytes(test, "ek"), bytes(test, "dk"));
    });
    assert_eq!((acvp, wycheproof), (25, 100));
}

#[test]
fn ml_kem_768_decapsulation_wycheproof() {
    let count = each_test("wycheproof/mlkem_768_test.json", |_, test| {
        let key = second_from_seed(&bytes(test, "seed"))
            .map(|second| AgreementKey::from_bytes(&stored(&expanded(&second))).unwrap());
        let secret = key.and_then(|key| key.decapsulate(&bytes(test, "c")));
        let expected = is_valid(test).then(|| bytes(test, "K"));
        assert_eq!(secret.map(|secret| secret.to_vec()), expected, "{test}");
    });
    assert_eq!(count, 193);
}

#[test]
fn ml_kem_768_decapsulation_keys_wycheproof() {
    let count = each_test("wycheproof/mlkem_768_semi_expanded_decaps_test.json", |_, test| {
        let secret = AgreementKey::from_bytes(&stored(&bytes(test, "dk")))
            .ok()
            .and_then(|key| key.decapsulate(&bytes(test, "c")));
        let expected = is_valid(test).then(|| bytes(test, "K"));
        assert_eq!(secret.map(|secret| secret.to_vec()), expected, "{test}");
    });
    assert_eq!(count, 9);
}

#[test]
fn ml_kem_768_encapsulation_wycheproof() {
    let count = each_test("wycheproof/mlkem_768_encaps_test.json", |_, test| {
        let ek = bytes(test, "ek");
        let shipped = EncapsulationKey::new(&ML_KEM_768, &ek).and_then(|key| {
            key.encapsulate()
                .map_err(|_| aws_lc_rs::error::KeyRejected::from(aws_lc_rs::error::Unspecified))
        });
        let second =
            ek.as_slice().try_into().ok().and_then(|ek| SecondEncapsulationKey::new(ek).ok());
        let Ok(coins) = Array::try_from(bytes(test, "m").as_slice()) else {
            assert!(!is_valid(test), "{test}");
            return;
        };
        assert_eq!(shipped.is_ok(), is_valid(test), "shipped library: {test}");
        assert_eq!(second.is_some(), is_valid(test), "second library: {test}");
        if let Some(second) = second {
            let (ciphertext, secret) = second.encapsulate_deterministic(&coins);
            assert_eq!(ciphertext.as_slice(), bytes(test, "c"), "{test}");
            assert_eq!(secret.as_slice(), bytes(test, "K"), "{test}");
        }
    });
    assert_eq!(count, 265);
}

#[test]
fn both_libraries_agree_on_a_secret() {
    let key = AgreementKey::generate().unwrap();
    let ek = key.public().ml_kem_768;
    let second = SecondEncapsulationKey::new(ek.as_slice().try_into().unwrap()).unwrap();
    let (ciphertext, secret) = second.encapsulate_deterministic(&Array::from([5; 32]));
    assert_eq!(key.decapsulate(&ciphertext).unwrap().as_slice(), secret.as_slice());

    let second = second_from_seed(&[6; 64]).unwrap();
    let ours = EncapsulationKey::new(&ML_KEM_768, &second.encapsulation_key().to_bytes()).unwrap();
    let (ciphertext, secret) = ours.encapsulate().unwrap();
    let theirs = second.decapsulate(ciphertext.as_ref().try_into().unwrap());
    assert_eq!(theirs.as_slice(), secret.as_ref());
}

#[test]
fn a_key_damaged_in_storage_is_refused() {
    let stored = AgreementKey::generate().unwrap().to_bytes();
    // One place in each part: secret vector, public key, its hash.
    for at in [33, 33 + 700, 33 + 1152, 33 + 2335, 33 + 2336] {
        let mut damaged = stored.to_vec();
        damaged[at] ^= 1;
        let result = AgreementKey::from_bytes(&damaged);
        assert!(matches!(result, Err(AgreementKeyError::Damaged)), "byte {at}");
    }
}
