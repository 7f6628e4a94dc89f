//! A signature with anything changed, missing or borrowed from elsewhere is refused.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use ainur_crypto::signature::{SIGNING_KEY_BYTES, SigningKeyError};
use ainur_crypto::{
    HybridSignature, HybridVerifier, PublicKeys, SignatureError, SigningKey, Verifier,
};
use ainur_primitives::Digest;
use scale::{Decode, Encode};

const DOMAIN: &str = "example/v1";
const MESSAGE: &[u8] = b"pay 5 AINU";

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32]).unwrap()
}

fn verify(keys: &PublicKeys, signature: &HybridSignature) -> Result<(), SignatureError> {
    HybridVerifier.verify(keys, DOMAIN, MESSAGE, signature)
}

#[test]
fn a_good_signature_is_accepted_and_only_for_its_domain_message_and_key() {
    let signature = key(1).sign(DOMAIN, MESSAGE);
    let keys = key(1).public();
    assert_eq!(verify(&keys, &signature), Ok(()));
    let refused = Err(SignatureError::Ed25519);
    assert_eq!(verify(&key(2).public(), &signature), refused);
    assert_eq!(HybridVerifier.verify(&keys, DOMAIN, b"pay 6 AINU", &signature), refused);
    assert_eq!(HybridVerifier.verify(&keys, "example/v2", MESSAGE, &signature), refused);
    // The boundary between domain and message is signed too.
    assert_eq!(HybridVerifier.verify(&keys, "example/v1p", b"ay 5 AINU", &signature), refused);
}

#[test]
fn each_half_alone_is_refused() {
    let (ours, other) = (key(1), key(2));
    let good = ours.sign(DOMAIN, MESSAGE);
    let by_other = other.sign(DOMAIN, MESSAGE);
    let keys = ours.public();

    let classical_only = [
        HybridSignature { ml_dsa_65: Box::new([0; 3309]), ..good.clone() },
        HybridSignature { ml_dsa_65: by_other.ml_dsa_65.clone(), ..good.clone() },
        HybridSignature { ml_dsa_65: ours.sign(DOMAIN, b"other").ml_dsa_65, ..good.clone() },
    ];
    for signature in &classical_only {
        assert_eq!(verify(&keys, signature), Err(SignatureError::MlDsa65));
    }
    let post_quantum_only = [
        HybridSignature { ed25519: [0; 64], ..good.clone() },
        HybridSignature { ed25519: by_other.ed25519, ..good.clone() },
    ];
    for signature in &post_quantum_only {
        assert_eq!(verify(&keys, signature), Err(SignatureError::Ed25519));
    }
}

#[test]
fn every_flipped_byte_is_refused() {
    let signature = key(1).sign(DOMAIN, MESSAGE);
    let keys = key(1).public();
    let encoded = signature.encode();
    assert_eq!(encoded.len(), 64 + 3309);
    // Every byte of the Ed25519 half, and a spread over the other: challenge, response, hints.
    for at in
        (0..64).chain((64..encoded.len()).step_by(37)).chain(encoded.len() - 61..encoded.len())
    {
        let mut flipped = encoded.clone();
        flipped[at] ^= 0x10;
        let flipped = HybridSignature::decode(&mut flipped.as_slice()).unwrap();
        let half = if at < 64 { SignatureError::Ed25519 } else { SignatureError::MlDsa65 };
        assert_eq!(verify(&keys, &flipped), Err(half), "byte {at}");
    }
}

#[test]
fn keys_for_which_anybody_can_sign_are_refused() {
    let signature = key(1).sign(DOMAIN, MESSAGE);
    let good = key(1).public();
    // The neutral element of the curve: a point, of order one.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let weak = PublicKeys { ed25519: neutral, ..good.clone() };
    assert_eq!(verify(&weak, &signature), Err(SignatureError::Ed25519Key));
    let mut zeroed = good.clone();
    zeroed.ml_dsa_65[32..].fill(0);
    assert_eq!(verify(&zeroed, &signature), Err(SignatureError::MlDsa65Key));
}

#[test]
fn a_signature_in_json_has_one_spelling_and_both_halves() {
    let signature = key(1).sign(DOMAIN, MESSAGE);
    let json = serde_json::to_value(&signature).unwrap();
    assert_eq!(serde_json::from_value::<HybridSignature>(json.clone()).unwrap(), signature);
    let refused = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json = json.clone();
        change(&mut json);
        assert!(serde_json::from_value::<HybridSignature>(json).is_err());
    };
    let text = |json: &serde_json::Value| json["ml_dsa_65"].as_str().unwrap().to_owned();
    refused(&|json| drop(json.as_object_mut().unwrap().remove("ml_dsa_65")));
    refused(&|json| json["ml_dsa_65"] = "".into());
    refused(&|json| json["ml_dsa_65"] = serde_json::Value::Null);
    refused(&|json| json["ml_dsa_65"] = text(json)[4..].into());
    refused(&|json| json["ml_dsa_65"] = format!("{}AAAA", text(json)).into());
    refused(&|json| json["ed25519"] = format!("{}==", json["ed25519"].as_str().unwrap()).into());
    refused(&|json| json["policy"] = "classical".into());
    // 64 bytes leave four unused bits in the last of 86 letters; they have to be zero.
    refused(&|json| {
        let mut letters = json["ed25519"].as_str().unwrap().to_owned();
        let last = letters.pop().unwrap();
        letters.push(char::from(last as u8 + 1));
        json["ed25519"] = letters.into();
    });
}

#[test]
fn a_cut_off_signature_does_not_decode() {
    let encoded = key(1).sign(DOMAIN, MESSAGE).encode();
    for length in [0, 63, 64, 65, encoded.len() - 1] {
        assert!(HybridSignature::decode(&mut &encoded[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_stored_key_reads_back_and_other_formats_are_refused() {
    let stored = key(1).to_bytes();
    let read = SigningKey::from_bytes(stored.as_ref()).unwrap();
    assert_eq!(read.public(), key(1).public());
    assert_eq!(verify(&key(1).public(), &read.sign(DOMAIN, MESSAGE)), Ok(()));

    let mut newer = stored.to_vec();
    newer[0] = 2;
    assert!(matches!(SigningKey::from_bytes(&newer), Err(SigningKeyError::Version(2))));
    for length in [0, 1, SIGNING_KEY_BYTES - 1] {
        let result = SigningKey::from_bytes(&stored[..length]);
        assert!(matches!(result, Err(SigningKeyError::Length(found)) if found == length));
    }
}

#[test]
fn keys_and_their_encoding_never_change() {
    let digest: Digest = ainur_crypto::hash::sha256(&[&key(1).public().encode()]);
    assert_eq!(
        digest.to_string(),
        "0976895bd6f4a8afd5113097df91b1d931fd3c1553184bdd37a1ca5d20b0e969"
    );
}

#[test]
fn debug_output_does_not_show_a_private_key() {
    let stored = key(1).to_bytes();
    let shown = format!("{:?}", key(1));
    assert!(shown.starts_with("SigningKey { public: PublicKeys("), "{shown}");
    let secret = data_encoding::HEXLOWER.encode(&stored[1..9]);
    assert!(!shown.contains(&secret) && shown.len() < 80, "{shown}");
}
