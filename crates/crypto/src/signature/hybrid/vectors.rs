//! Published vectors against the shipped code, and the shipped code against a second
//! implementation (RustCrypto `ml-dsa`).
use curve25519_dalek::Scalar;
use ml_dsa::signature::Verifier as _;
use ml_dsa::{ExpandedSigningKey, MlDsa65, Signature, VerifyingKey};
use sha2::{Digest as _, Sha512};

use super::*;
use crate::signature::ML_DSA_65_PUBLIC_KEY_BYTES;
use crate::vectors::{bytes, each_test, is_valid};

#[test]
fn ed25519_wycheproof() {
    let count = each_test("wycheproof/ed25519_test.json", |group, test| {
        let key: [u8; 32] = bytes(&group["publicKey"], "pk").try_into().unwrap();
        let accepted = <[u8; 64]>::try_from(bytes(test, "sig"))
            .is_ok_and(|signature| verify_ed25519(&key, &bytes(test, "msg"), &signature).is_ok());
        assert_eq!(accepted, is_valid(test), "{test}");
    });
    assert_eq!(count, 151);
}

/// The library as it is called by the shipped verifier, without our own refusal of weak keys.
fn verify_with_shipped_library(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ML_DSA_65, key).verify(message, signature).is_ok()
}

fn verify_with_second_library(
    key: &[u8],
    context: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let (Ok(key), Ok(signature)) = (key.try_into(), Signature::<MlDsa65>::try_from(signature))
    else {
        return false;
    };
    VerifyingKey::<MlDsa65>::decode(key).verify_with_context(message, context, &signature)
}

#[test]
fn ml_dsa_65_verify_wycheproof() {
    let (mut weak, mut with_context) = (0, 0);
    let count = each_test("wycheproof/mldsa_65_verify_test.json", |group, test| {
        let (key, message) = (bytes(group, "publicKey"), bytes(test, "msg"));
        let (context, signature) = (bytes(test, "ctx"), bytes(test, "sig"));
        let second = verify_with_second_library(&key, &context, &message, &signature);
        assert_eq!(second, is_valid(test), "second library: {test}");
        // The shipped library offers no context; the protocol puts its domain into the message.
        if !context.is_empty() {
            with_context += 1;
            assert!(!verify_with_shipped_library(&key, &message, &signature), "{test}");
            return;
        }
        let shipped = verify_with_shipped_library(&key, &message, &signature);
        assert_eq!(shipped, is_valid(test), "shipped library: {test}");
        let sizes = (
            <[u8; ML_DSA_65_PUBLIC_KEY_BYTES]>::try_from(key),
            <[u8; super::super::ML_DSA_65_SIGNATURE_BYTES]>::try_from(signature),
        );
        let (Ok(key), Ok(signature)) = sizes else {
            assert!(!is_valid(test), "a vector of another size cannot be valid: {test}");
            return;
        };
        let result = verify_ml_dsa_65(&key, &message, &signature);
        if key[32..] == [0; ML_DSA_65_PUBLIC_KEY_BYTES - 32] {
            weak += 1;
            assert_eq!(result, Err(SignatureError::MlDsa65Key), "{test}");
        } else {
            assert_eq!(result.is_ok(), is_valid(test), "{test}");
        }
    });
    assert_eq!((count, weak, with_context), (210, WEAK_KEY_VECTORS, 7));
}

/// Vectors with an all-zero t1. Two of them carry a signature that FIPS 204 accepts although nobody
/// made it with a private key, which is why the shipped verifier refuses such keys.
const WEAK_KEY_VECTORS: usize = 51;

#[test]
fn ml_dsa_65_sign_wycheproof_verifies_with_the_shipped_library() {
    let mut signed = 0;
    let count = each_test("wycheproof/mldsa_65_sign_seed_test.json", |group, test| {
        let Ok(seed) = <[u8; 32]>::try_from(bytes(group, "privateSeed")) else {
            assert!(!is_valid(test), "{test}");
            return;
        };
        let shipped = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &seed).unwrap();
        assert_eq!(shipped.public_key().as_ref(), bytes(group, "publicKey"), "{test}");
        let internal = test["msg"].is_null();
        if internal || !test["rnd"].is_null() {
            return;
        }
        let (message, context) = (bytes(test, "msg"), bytes(test, "ctx"));
        let second = ExpandedSigningKey::<MlDsa65>::from_seed(&seed.into());
        let signature = second.sign_deterministic(&message, &context);
        assert_eq!(signature.is_ok(), is_valid(test), "{test}");
        let Ok(signature) = signature else { return };
        assert_eq!(signature.encode().as_slice(), bytes(test, "sig"), "{test}");
        signed += 1;
        if context.is_empty() {
            let key = shipped.public_key().as_ref();
            assert!(verify_with_shipped_library(key, &message, &signature.encode()), "{test}");
        }
    });
    assert_eq!((count, signed), (105, 83));
}

#[test]
fn ml_dsa_65_key_generation_acvp() {
    let count = each_test("acvp/ML-DSA-keyGen-FIPS204.json", |_, test| {
        let seed: [u8; 32] = bytes(test, "seed").try_into().unwrap();
        let shipped = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &seed).unwrap();
        assert_eq!(shipped.public_key().as_ref(), bytes(test, "pk"), "{test}");
        let second = ExpandedSigningKey::<MlDsa65>::from_seed(&seed.into());
        assert_eq!(second.verifying_key().encode().as_slice(), bytes(test, "pk"), "{test}");
        let stored = [&[SIGNING_KEY_VERSION][..], &[7; 32], &seed].concat();
        let key = SigningKey::from_bytes(&stored).unwrap();
        assert_eq!(key.public().ml_dsa_65.as_slice(), bytes(test, "pk"), "{test}");
    });
    assert_eq!(count, 25);
}

#[test]
fn both_libraries_accept_each_others_signatures() {
    let key = SigningKey::from_seed(&[1; 32]).unwrap();
    // The signed bytes are written out here so that the format cannot change unnoticed.
    let signed = b"\x0a\x00\x00\x00example/v1hello";
    let ours = key.sign("example/v1", b"hello");
    let second_key =
        VerifyingKey::<MlDsa65>::decode(key.public().ml_dsa_65.as_slice().try_into().unwrap());
    let as_second = Signature::<MlDsa65>::try_from(ours.ml_dsa_65.as_slice()).unwrap();
    assert!(second_key.verify(signed, &as_second).is_ok());

    let second = ExpandedSigningKey::<MlDsa65>::from_seed(&(*key.ml_dsa_65_seed).into());
    let theirs = second.sign_deterministic(signed, b"").unwrap().encode();
    let mixed = HybridSignature {
        ed25519: key.ed25519.sign(signed).to_bytes(),
        ml_dsa_65: theirs.to_vec().try_into().unwrap(),
    };
    assert_eq!(HybridVerifier.verify(&key.public(), "example/v1", b"hello", &mixed), Ok(()));
}

#[test]
fn an_ed25519_signature_that_hides_no_nonce_is_refused() {
    // R is the neutral element and s = H(R‖A‖M)·a: a plain verifier accepts it, and one that also
    // clears the cofactor would accept variants of it, so nodes could disagree.
    let key = SigningKey::from_seed(&[1; 32]).unwrap();
    let public = key.public().ed25519;
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let hash = Sha512::new().chain_update(neutral).chain_update(public).chain_update(b"hello");
    let challenge = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    let response = challenge * key.ed25519.to_scalar();
    let signature: [u8; 64] = [neutral, response.to_bytes()].concat().try_into().unwrap();

    let plain = ed25519_dalek::VerifyingKey::from_bytes(&public).unwrap();
    let parsed = ed25519_dalek::Signature::from_bytes(&signature);
    assert!(ed25519_dalek::Verifier::verify(&plain, b"hello", &parsed).is_ok());
    assert_eq!(verify_ed25519(&public, b"hello", &signature), Err(SignatureError::Ed25519));
}
