//! Items of a signed batch verify; items, proofs and signatures that do not belong together do not.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use ainur_crypto::batch::{Error, prove_all, sign_batch, verify_item};
use ainur_crypto::{
    BatchProof, HybridVerifier, Proof, RootSignature, SignatureError, SigningKey, hash,
};
use ainur_primitives::canonical_json::{from_canonical_json, to_canonical_json};
use ainur_primitives::{Did, Digest};
use scale::{Decode, Encode};

const SIGNER: Did = Did(Digest([1; 32]));

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32]).unwrap()
}

fn items(count: u8) -> Vec<Digest> {
    (0..count).map(|number| hash::sha256(&[&[number]])).collect()
}

fn verify(proof: &BatchProof, root: &RootSignature, item: Digest) -> Result<(), Error> {
    verify_item(proof, root, &key().public(), &HybridVerifier, item)
}

#[test]
fn every_item_verifies_and_no_other_item_does() {
    for count in [1, 2, 3, 7, 8] {
        let items = items(count);
        let (root, proofs) = sign_batch(&key(), SIGNER, 4, &items);
        assert_eq!((root.signer, root.key_version, root.size), (SIGNER, 4, u64::from(count)));
        for (index, proof) in proofs.iter().enumerate() {
            assert_eq!(verify(proof, &root, items[index]), Ok(()));
            assert_eq!(proof.root(items[index]), Some(root.root));
            let other = hash::sha256(&[b"another item"]);
            assert_eq!(verify(proof, &root, other), Err(Error::NotIncluded));
        }
    }
}

#[test]
fn every_signed_field_is_bound() {
    let items = items(4);
    let (root, proofs) = sign_batch(&key(), SIGNER, 0, &items);
    let refused = Err(Error::Signature(SignatureError::Ed25519));
    let someone = Did(Digest([2; 32]));
    let renamed = (
        BatchProof { signer: someone, ..proofs[0].clone() },
        RootSignature { signer: someone, ..root.clone() },
    );
    assert_eq!(verify(&renamed.0, &renamed.1, items[0]), refused);
    let reversioned = (
        BatchProof { key_version: 1, ..proofs[0].clone() },
        RootSignature { key_version: 1, ..root.clone() },
    );
    assert_eq!(verify(&reversioned.0, &reversioned.1, items[0]), refused);
    // With three leaves the path of the first has the same length as with four.
    let mut resized = proofs[0].clone();
    resized.inclusion.size = 3;
    assert_eq!(verify(&resized, &root, items[0]), Err(Error::NotIncluded));
    assert_eq!(verify(&resized, &RootSignature { size: 3, ..root.clone() }, items[0]), refused);
    let mut rerooted = root.clone();
    rerooted.root = items[0];
    assert_eq!(verify(&proofs[0], &rerooted, items[0]), Err(Error::NotIncluded));
}

#[test]
fn a_proof_of_another_batch_or_signer_is_refused() {
    let items = items(4);
    let (root, proofs) = sign_batch(&key(), SIGNER, 0, &items);
    let (other, _) = sign_batch(&key(), SIGNER, 0, &items[..3]);
    assert_eq!(verify(&proofs[0], &other, items[0]), Err(Error::NotIncluded));
    let newer = BatchProof { key_version: 1, ..proofs[0].clone() };
    assert_eq!(verify(&newer, &root, items[0]), Err(Error::DifferentSigner));
}

#[test]
fn a_node_of_the_tree_is_not_taken_for_an_item() {
    let items = items(2);
    let (root, _) = sign_batch(&key(), SIGNER, 0, &items);
    let inclusion = ainur_crypto::merkle::InclusionProof { index: 0, size: 2, path: vec![] };
    let proof = BatchProof { signer: SIGNER, key_version: 0, inclusion };
    assert_eq!(verify(&proof, &root, root.root), Err(Error::NotIncluded));
}

#[test]
fn a_batch_with_one_half_of_its_signature_is_refused() {
    let items = items(2);
    let (mut root, proofs) = sign_batch(&key(), SIGNER, 0, &items);
    root.signature.ml_dsa_65.fill(0);
    let refused = Err(Error::Signature(SignatureError::MlDsa65));
    assert_eq!(verify(&proofs[0], &root, items[0]), refused);
}

#[test]
fn a_joined_proof_stands_alone_and_comes_apart_again() {
    let items = items(5);
    let (root, parts) = sign_batch(&key(), SIGNER, 2, &items);
    let proof = Proof::join(&root, parts[3].clone()).unwrap();
    let keys = key().public();
    assert_eq!(proof.verify(items[3], &keys, &HybridVerifier), Ok(()));
    assert!(proof.verify(items[2], &keys, &HybridVerifier).is_err());
    assert_eq!(proof.split(items[3]), Some((root.clone(), parts[3].clone())));
    let (smaller, _) = sign_batch(&key(), SIGNER, 2, &items[..4]);
    assert_eq!(Proof::join(&smaller, parts[3].clone()), None);
    for (item, proof) in items.iter().zip(prove_all(&key(), SIGNER, 2, &items)) {
        assert_eq!(proof.verify(*item, &keys, &HybridVerifier), Ok(()));
    }
}

#[test]
fn a_proof_survives_both_encodings() {
    let proof = Proof::sign(&key(), SIGNER, 0, items(1)[0]);
    assert_eq!(Proof::decode(&mut proof.encode().as_slice()).unwrap(), proof);
    let json = to_canonical_json(&proof).unwrap();
    assert_eq!(from_canonical_json::<Proof>(&json).unwrap(), proof);
    let start =
        r#"{"inclusion":{"index":0,"path":[],"size":1},"key_version":0,"signature":{"ed25519":""#;
    assert!(json.starts_with(start.as_bytes()));
}
