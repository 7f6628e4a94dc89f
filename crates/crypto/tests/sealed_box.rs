//! A sealed box opens for its recipient with its associated data, and in no other case.

use ainur_crypto::agreement::{
    AGREEMENT_KEY_BYTES, AgreementKeyError, Error, SEALED_OVERHEAD_BYTES,
    SEALED_PLAINTEXT_BYTES_MAX,
};
use ainur_crypto::{AgreementKey, AgreementPublicKeys, seal};
use scale::{Decode, Encode};

#[test]
fn only_the_recipient_opens_it_and_only_with_the_same_data() {
    let (key, other) = (AgreementKey::generate().unwrap(), AgreementKey::generate().unwrap());
    for plaintext in [&b""[..], b"secret", &[7; 5000]] {
        let sealed = seal(&key.public(), b"task 7", plaintext).unwrap();
        assert_eq!(sealed.len(), SEALED_OVERHEAD_BYTES + plaintext.len());
        assert_eq!(key.open(b"task 7", &sealed).unwrap(), plaintext);
        assert!(matches!(key.open(b"task 8", &sealed), Err(Error::NotAuthentic)));
        assert!(matches!(other.open(b"task 7", &sealed), Err(Error::NotAuthentic)));
    }
}

#[test]
fn one_half_of_the_recipients_key_does_not_open_it() {
    let (key, other) = (AgreementKey::generate().unwrap(), AgreementKey::generate().unwrap());
    let sealed = seal(&key.public(), b"", b"secret").unwrap();
    let (ours, theirs) = (key.to_bytes(), other.to_bytes());
    let classical_stolen = [&ours[..33], &theirs[33..]].concat();
    let post_quantum_stolen = [&theirs[..33], &ours[33..]].concat();
    for thief in [classical_stolen, post_quantum_stolen] {
        let thief = AgreementKey::from_bytes(&thief).unwrap();
        assert!(matches!(thief.open(b"", &sealed), Err(Error::NotAuthentic)));
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let key = AgreementKey::generate().unwrap();
    let sealed = seal(&key.public(), b"", b"secret").unwrap();
    for at in 0..sealed.len() {
        let mut flipped = sealed.clone();
        flipped[at] ^= 1;
        let result = key.open(b"", &flipped);
        let expected = match at {
            0 => matches!(result, Err(Error::Version(0))),
            _ => matches!(result, Err(Error::NotAuthentic)),
        };
        assert!(expected, "byte {at}: {result:?}");
    }
    for length in [0, 1, 33, SEALED_OVERHEAD_BYTES - 1] {
        assert!(matches!(key.open(b"", &sealed[..length]), Err(Error::TooShort)), "{length}");
    }
}

#[test]
fn two_boxes_with_the_same_content_differ() {
    let key = AgreementKey::generate().unwrap();
    let boxes = [seal(&key.public(), b"", b"x").unwrap(), seal(&key.public(), b"", b"x").unwrap()];
    assert_ne!(boxes[0][1..33], boxes[1][1..33]);
    assert_ne!(boxes[0][SEALED_OVERHEAD_BYTES..], boxes[1][SEALED_OVERHEAD_BYTES..]);
}

#[test]
fn more_than_a_box_holds_is_refused_on_both_sides() {
    let key = AgreementKey::generate().unwrap();
    let plaintext = vec![0; SEALED_PLAINTEXT_BYTES_MAX + 1];
    assert!(matches!(seal(&key.public(), b"", &plaintext), Err(Error::TooLarge(_))));
    let mut sealed = vec![1; SEALED_OVERHEAD_BYTES + SEALED_PLAINTEXT_BYTES_MAX + 1];
    sealed[0] = 1;
    assert!(matches!(key.open(b"", &sealed), Err(Error::TooLarge(_))));
}

#[test]
fn a_recipient_without_a_real_key_is_refused() {
    let good = AgreementKey::generate().unwrap().public();
    let no_classical = AgreementPublicKeys { x25519: [0; 32], ..good.clone() };
    assert!(matches!(seal(&no_classical, b"", b"x"), Err(Error::RecipientKey)));
    // Coefficients of 4095 are above the modulus.
    let no_post_quantum = AgreementPublicKeys { ml_kem_768: Box::new([0xff; 1184]), ..good };
    assert!(matches!(seal(&no_post_quantum, b"", b"x"), Err(Error::RecipientKey)));
}

#[test]
fn a_stored_key_reads_back_and_other_formats_are_refused() {
    let key = AgreementKey::generate().unwrap();
    let stored = key.to_bytes();
    let read = AgreementKey::from_bytes(&stored).unwrap();
    assert_eq!(read.public(), key.public());
    let sealed = seal(&key.public(), b"", b"secret").unwrap();
    assert_eq!(read.open(b"", &sealed).unwrap(), b"secret");

    let mut newer = stored.to_vec();
    newer[0] = 2;
    assert!(matches!(AgreementKey::from_bytes(&newer), Err(AgreementKeyError::Version(2))));
    for length in [0, 1, AGREEMENT_KEY_BYTES - 1] {
        let result = AgreementKey::from_bytes(&stored[..length]);
        assert!(matches!(result, Err(AgreementKeyError::Length(found)) if found == length));
    }
}

#[test]
fn public_keys_survive_both_encodings() {
    let keys = AgreementKey::generate().unwrap().public();
    let encoded = keys.encode();
    assert_eq!(encoded.len(), 32 + 1184);
    assert_eq!(AgreementPublicKeys::decode(&mut encoded.as_slice()).unwrap(), keys);
    let json = serde_json::to_string(&keys).unwrap();
    assert_eq!(serde_json::from_str::<AgreementPublicKeys>(&json).unwrap(), keys);
}
