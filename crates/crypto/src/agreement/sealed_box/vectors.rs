//! Published vectors for the primitives of a box, and a box sealed by hand with a second
//! implementation, which pins the format.
use ml_kem::array::Array;
use ml_kem::ml_kem_768::EncapsulationKey as SecondEncapsulationKey;

use super::*;
use crate::vectors::{bytes, each_test, is_valid};

#[test]
fn hkdf_sha256_wycheproof() {
    let count = each_test("wycheproof/hkdf_sha256_test.json", |_, test| {
        let mut output = vec![0; usize::try_from(test["size"].as_u64().unwrap()).unwrap()];
        let salt = bytes(test, "salt");
        let expanded = Hkdf::<Sha256>::new(Some(&salt), &bytes(test, "ikm"))
            .expand(&bytes(test, "info"), &mut output);
        assert_eq!(expanded.is_ok(), is_valid(test), "{test}");
        if expanded.is_ok() {
            assert_eq!(output, bytes(test, "okm"), "{test}");
        }
    });
    assert_eq!(count, 86);
}

#[test]
fn chacha20_poly1305_wycheproof() {
    let count = each_test("wycheproof/chacha20_poly1305_test.json", |_, test| {
        let Ok(nonce) = Nonce::try_from(bytes(test, "iv").as_slice()) else {
            assert!(!is_valid(test), "{test}");
            return;
        };
        let cipher = ChaCha20Poly1305::new(&Key::try_from(bytes(test, "key").as_slice()).unwrap());
        let (message, aad) = (bytes(test, "msg"), bytes(test, "aad"));
        let sealed = [bytes(test, "ct"), bytes(test, "tag")].concat();
        let opened = cipher.decrypt(&nonce, Payload { msg: &sealed, aad: &aad });
        assert_eq!(opened.ok(), is_valid(test).then(|| message.clone()), "{test}");
        if is_valid(test) {
            let ours = cipher.encrypt(&nonce, Payload { msg: &message, aad: &aad }).unwrap();
            assert_eq!(ours, sealed, "{test}");
        }
    });
    assert_eq!(count, 325);
}

#[test]
fn a_box_sealed_by_another_implementation_opens() {
    let key = AgreementKey::generate().unwrap();
    let recipient = key.public();
    let ephemeral = StaticSecret::from([3; 32]);
    let classical = ephemeral.diffie_hellman(&PublicKey::from(recipient.x25519)).to_bytes();
    let second = SecondEncapsulationKey::new(recipient.ml_kem_768.as_slice().try_into().unwrap());
    let (ciphertext, post_quantum) =
        second.unwrap().encapsulate_deterministic(&Array::from([4; 32]));

    let ephemeral_public = PublicKey::from(&ephemeral).to_bytes();
    let header = [&[1u8][..], &ephemeral_public, ciphertext.as_slice()].concat();
    let secrets = [post_quantum.as_slice(), &classical].concat();
    let info =
        [b"ainur/sealed-box/v1", header.as_slice(), &recipient.x25519, &recipient.ml_kem_768[..]]
            .concat();
    let mut key_and_nonce = [0; 44];
    Hkdf::<Sha256>::new(None, &secrets).expand(&info, &mut key_and_nonce).unwrap();
    let body = ChaCha20Poly1305::new(&Key::try_from(&key_and_nonce[..32]).unwrap())
        .encrypt(
            &Nonce::try_from(&key_and_nonce[32..]).unwrap(),
            Payload { msg: b"secret", aad: b"task 7" },
        )
        .unwrap();

    assert_eq!(key.open(b"task 7", &[header, body].concat()).unwrap(), b"secret");
}
