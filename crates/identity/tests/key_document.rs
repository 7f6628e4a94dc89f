//! A history of keys verifies offline, and no document in it can be weakened, replaced or reordered.

use ainur_crypto::{AgreementKey, HybridVerifier, Proof, SigningKey};
use ainur_identity::{
    Error, KeyDocument, KeyHistory, KeyMaterial, SignaturePolicy, SignedKeyDocument,
};
use ainur_primitives::{Did, Digest, Timestamp};

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32]).expect("a seed gives a key")
}

fn material(number: u8) -> KeyMaterial {
    let agreement = AgreementKey::generate().expect("there is randomness").public();
    KeyMaterial::hybrid(key(number).public(), agreement)
}

fn first() -> SignedKeyDocument {
    let document = KeyDocument::first(material(1), Timestamp(1_000)).expect("hybrid keys");
    SignedKeyDocument::sign_first(document, &key(1)).expect("the key matches")
}

fn successor(previous: &KeyDocument, from: u8, to: u8) -> SignedKeyDocument {
    let document = previous.successor(material(to), Timestamp(2_000)).expect("it follows");
    SignedKeyDocument::sign_successor(document, previous, &key(from), &key(to))
        .expect("the keys match")
}

fn verify(documents: &[SignedKeyDocument]) -> Result<KeyHistory, Error> {
    KeyHistory::verify(documents, &HybridVerifier)
}

#[test]
fn a_history_verifies_and_gives_the_keys_of_every_version() {
    let first = first();
    let second = successor(&first.document, 1, 2);
    let third = successor(&second.document, 2, 3);
    let did = first.document.did;
    let history = verify(&[first, second, third]).unwrap();
    for version in 0..3u8 {
        let keys = history.keys_for(did, u32::from(version)).unwrap();
        assert_eq!(keys, &key(version + 1).public());
    }
    assert!(matches!(history.keys_for(did, 3), Err(Error::KeyVersion { .. })));
    let other = Did(Digest([9; 32]));
    assert!(matches!(history.keys_for(other, 0), Err(Error::AnotherIdentity { .. })));
    let record = history.record();
    assert_eq!((record.did, record.key_version, record.active), (did, 2, true));
}

#[test]
fn a_document_reads_back_from_its_canonical_form_only() {
    let signed = first();
    let json = signed.to_json().unwrap();
    assert!(json.starts_with(br#"{"created":"1970-01-01T00:00:01.000Z","did":"did:ainur:"#));
    assert_eq!(SignedKeyDocument::from_json(&json).unwrap(), signed);

    let text = String::from_utf8(json).unwrap();
    let refused = |from: &str, to: &str| {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text);
        let result = SignedKeyDocument::from_json(other.as_bytes());
        assert!(matches!(result, Err(Error::Document(_))), "{to}");
    };
    refused("{\"created\"", "{ \"created\"");
    refused("\"key_version\":0", "\"key_version\":0.0");
    refused("\"key_version\":0", "\"extra\":1,\"key_version\":0");
    refused("\"key_version\":0", "\"key_version\":0,\"key_version\":0");
    refused("\"required\":\"hybrid\"", "\"required\":\"none\"");
    refused(",\"required\":\"hybrid\"", "");
    refused("ainur-key-document-v1", "ainur-key-document-v2");
    assert!(SignedKeyDocument::from_json(&text.as_bytes()[..text.len() - 1]).is_err());
    let huge = vec![b' '; ainur_identity::key_document::KEY_DOCUMENT_BYTES_MAX + 1];
    assert!(matches!(SignedKeyDocument::from_json(&huge), Err(Error::Limit { .. })));
}

#[test]
fn a_policy_changed_to_classical_is_refused() {
    // Changed after signing: the name no longer fits. Signed so: refused as such.
    let mut weakened = first();
    weakened.document.material.required = SignaturePolicy::Classical;
    assert!(matches!(verify(&[weakened.clone()]), Err(Error::Downgrade)));
    weakened.document.did = weakened.document.material.did();
    let digest = weakened.document.digest().unwrap();
    weakened.proofs = vec![Proof::sign(&key(1), weakened.document.did, 0, digest)];
    assert!(matches!(verify(&[weakened.clone()]), Err(Error::Downgrade)));
    let signed = SignedKeyDocument::sign_first(weakened.document, &key(1));
    assert!(matches!(signed, Err(Error::Downgrade)));

    let first = first();
    let mut second = successor(&first.document, 1, 2);
    second.document.material.required = SignaturePolicy::Classical;
    assert!(matches!(verify(&[first, second]), Err(Error::Downgrade)));
}

#[test]
fn keys_of_another_name_are_refused() {
    let mut stolen = first();
    stolen.document.did = Did(Digest([9; 32]));
    let digest = stolen.document.digest().unwrap();
    stolen.proofs = vec![Proof::sign(&key(1), stolen.document.did, 0, digest)];
    assert!(matches!(verify(&[stolen]), Err(Error::NotTheseKeys(_))));
}

#[test]
fn every_field_is_signed() {
    let first = first();
    let mut later = first.clone();
    later.document.created = Timestamp(1_001);
    assert!(matches!(verify(&[later]), Err(Error::Proof { key_version: 0, .. })));
    let mut unproved = first.clone();
    unproved.proofs.clear();
    let refused = verify(&[unproved]);
    assert!(matches!(refused, Err(Error::ProofCount { expected: 1, found: 0 })));
    let mut stripped = first.clone();
    stripped.proofs[0].signature.ml_dsa_65.fill(0);
    assert!(matches!(verify(&[stripped]), Err(Error::Proof { .. })));
    let mut second = successor(&first.document, 1, 2);
    second.document.material.agreement.x25519[0] ^= 1;
    assert!(matches!(verify(&[first, second]), Err(Error::Proof { key_version: 0, .. })));
}

#[test]
fn a_successor_needs_the_proofs_of_both_keys_in_order() {
    let first = first();
    let second = successor(&first.document, 1, 2);
    let verify_with = |proofs: Vec<Proof>| {
        let document = second.document.clone();
        verify(&[first.clone(), SignedKeyDocument { document, proofs }])
    };
    let [by_old, by_new] = [&second.proofs[0], &second.proofs[1]];
    let one = verify_with(vec![by_old.clone()]);
    assert!(matches!(one, Err(Error::ProofCount { expected: 2, found: 1 })));
    let swapped = verify_with(vec![by_new.clone(), by_old.clone()]);
    assert!(matches!(swapped, Err(Error::KeyVersion { expected: 0, found: 1 })));
    let renamed = Proof { key_version: 0, ..by_new.clone() };
    let taken_over = verify_with(vec![renamed, by_new.clone()]);
    assert!(matches!(taken_over, Err(Error::Proof { key_version: 0, .. })));
    let unheld = verify_with(vec![by_old.clone(), Proof { key_version: 1, ..by_old.clone() }]);
    assert!(matches!(unheld, Err(Error::Proof { key_version: 1, .. })));
    let foreign = Proof { signer: Did(Digest::ZERO), ..by_old.clone() };
    let refused = verify_with(vec![foreign, by_new.clone()]);
    assert!(matches!(refused, Err(Error::AnotherIdentity { .. })));
}

#[test]
fn a_history_with_a_gap_or_another_order_is_refused() {
    let first = first();
    let second = successor(&first.document, 1, 2);
    let third = successor(&second.document, 2, 3);
    assert!(matches!(verify(&[]), Err(Error::Empty(_))));
    let without_first = verify(&[second.clone(), third.clone()]);
    assert!(matches!(without_first, Err(Error::KeyVersion { expected: 0, found: 1 })));
    let gap = verify(&[first.clone(), third.clone()]);
    assert!(matches!(gap, Err(Error::KeyVersion { expected: 1, found: 2 })));
    // Another second document by the same keys: the third names the one it was made for.
    let fork = successor(&first.document, 1, 2);
    assert!(matches!(verify(&[first.clone(), fork, third]), Err(Error::Chain(_))));
    let mut second_as_first = second;
    second_as_first.document.key_version = 0;
    assert!(matches!(verify(&[second_as_first]), Err(Error::Chain(_))));
}

#[test]
fn time_does_not_run_backwards_and_keys_do_not_return_at_once() {
    let first = first();
    let earlier = first.document.successor(material(2), Timestamp(999));
    assert!(matches!(earlier, Err(Error::Chain(_))));
    let same = first.document.successor(material(1), Timestamp(2_000));
    assert!(matches!(same, Err(Error::KeyReused)));
}

#[test]
fn only_the_keys_of_the_document_sign_it() {
    let document = first().document;
    let refused = SignedKeyDocument::sign_first(document.clone(), &key(2));
    assert!(matches!(refused, Err(Error::AnotherSigningKey)));
    let next = document.successor(material(2), Timestamp(2_000)).unwrap();
    let refused = SignedKeyDocument::sign_successor(next.clone(), &document, &key(3), &key(2));
    assert!(matches!(refused, Err(Error::AnotherSigningKey)));
    let refused = SignedKeyDocument::sign_successor(next, &document, &key(1), &key(3));
    assert!(matches!(refused, Err(Error::AnotherSigningKey)));
}
