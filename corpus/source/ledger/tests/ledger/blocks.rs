//! Admission, blocks, replay, events and their proofs.
use ainur_crypto::{HybridVerifier, SigningKey, batch};
use ainur_identity::KeyMaterial;
use ainur_ledger::balances::Action;
use ainur_ledger::{
    AuthorizedTransaction, Block, Error, Event, EventProof, Genesis, Ledger, Outcome, Rejection,
    Signatures, Submission, Transaction,
};
use ainur_primitives::{Amount, Digest, DurationMs, Timestamp};

use crate::world::*;

fn burn() -> Action {
    Action::Burn { amount: Amount(1) }
}

#[test]
fn what_is_not_admissible_costs_nothing() {
    let mut world = World::new();
    let good = world.transaction(BUYER, burn());
    let minimum = world.ledger.parameters().fee_min;
    let all = world.free(BUYER);
    let edits: Vec<(Box<dyn Fn(&mut Transaction)>, Rejection)> = vec![
        (Box::new(|t| t.chain_id = Digest::ZERO), Rejection::AnotherLedger(Digest::ZERO)),
        (Box::new(|t| t.expires = START), Rejection::Expired(START)),
        (Box::new(|t| t.fee = Amount::ZERO), Rejection::FeeTooLow { minimum }),
        (Box::new(|t| t.nonce = 1), Rejection::Nonce { expected: 0, found: 1 }),
        (
            Box::new(move |t| t.fee = all.checked_add(Amount(1)).unwrap()),
            Rejection::CannotPayFee { missing: Amount(1) },
        ),
    ];
    for (edit, rejection) in edits {
        let mut transaction = good.clone();
        edit(&mut transaction);
        assert_eq!(world.rejected(transaction), rejection);
    }
    let pauper = world.transaction(PAUPER, burn());
    assert_eq!(world.rejected(pauper), Rejection::CannotPayFee { missing: FEE });
}

#[test]
fn a_transaction_counts_only_as_its_sender_signed_it() {
    let mut world = World::new();
    let transaction = world.transaction(BUYER, burn());
    let good = world.submission(vec![transaction]);
    let edits: Vec<Box<dyn Fn(&mut Submission)>> = vec![
        Box::new(|s| s.transactions[0].transaction.fee = Amount(FEE.0 + 1)),
        Box::new(|s| s.signatures.clear()),
        Box::new(|s| s.signatures[0].signature.ed25519[0] ^= 1),
        Box::new(|s| s.transactions[0].proof.key_version = 1),
        Box::new(|s| s.transactions[0].proof.signer = did(SELLER)),
        Box::new(|s| s.transactions[0].proof.inclusion.index = 1),
        Box::new(|s| s.transactions[0].transaction.sender = did(VERIFIER)),
    ];
    for (which, edit) in edits.iter().enumerate() {
        let mut submission = good.clone();
        edit(&mut submission);
        let executed = world.commit(&[submission]);
        let outcome = &executed.outcomes[0].1;
        assert_eq!(outcome, &Outcome::Rejected(Rejection::Unauthorized), "change {which}");
        assert!(executed.block.transactions.is_empty() && executed.block.signatures.is_empty());
    }
    let executed = world.commit(&[good]);
    assert!(matches!(executed.outcomes[0].1, Outcome::Applied { .. }));
}

#[test]
fn a_transaction_is_taken_in_once() {
    let mut world = World::new();
    let transaction = world.transaction(BUYER, burn());
    let submission = world.submission(vec![transaction]);
    let executed = world.commit(&[submission.clone(), submission.clone()]);
    assert!(matches!(executed.outcomes[0].1, Outcome::Applied { .. }));
    assert_eq!(executed.outcomes[1].1, Outcome::Rejected(Rejection::Duplicate));
    assert_eq!((executed.block.transactions.len(), executed.block.signatures.len()), (1, 1));
    let executed = world.commit(&[submission]);
    let used = Rejection::Nonce { expected: 1, found: 0 };
    assert_eq!(executed.outcomes[0].1, Outcome::Rejected(used));
}

#[test]
fn each_batch_signature_is_verified_once() {
    struct Counting(std::cell::Cell<u32>);
    impl ainur_crypto::Verifier for Counting {
        fn verify(
            &self,
            keys: &ainur_crypto::PublicKeys,
            domain: &str,
            message: &[u8],
            signature: &ainur_crypto::HybridSignature,
        ) -> Result<(), ainur_crypto::SignatureError> {
            self.0.set(self.0.get() + 1);
            ToyVerifier.verify(keys, domain, message, signature)
        }
    }
    let mut world = World::new();
    let first = world.transaction(BUYER, burn());
    let transactions =
        (0..20).map(|nonce| Transaction { nonce, ..first.clone() }).collect::<Vec<_>>();
    let submission = world.submission(transactions);
    let counting = Counting(std::cell::Cell::new(0));
    let submissions = [submission.clone(), submission];
    let executed = world.ledger.execute(world.now, &submissions, &counting).unwrap();
    assert_eq!((executed.block.transactions.len(), counting.0.get()), (20, 1));
}

#[test]
fn time_does_not_go_back() {
    let mut world = World::new();
    world.later(HOUR);
    world.commit(&[]);
    let (parent, found) = (world.now, START);
    let error = world.ledger.execute(found, &[], &ToyVerifier).unwrap_err();
    assert_eq!(error, Error::TimeWentBack { parent, found });
}

#[test]
fn blocks_that_were_changed_are_refused() {
    let mut world = World::new();
    let transactions = vec![world.transaction(BUYER, burn()), world.transaction(SELLER, burn())];
    let submission = world.submission(transactions);
    let executed = world.ledger.execute(world.now, &[submission], &ToyVerifier).unwrap();
    let edits: Vec<Box<dyn Fn(&mut Block)>> = vec![
        Box::new(|b| b.header.chain_id = Digest::ZERO),
        Box::new(|b| b.header.height.0 += 1),
        Box::new(|b| b.header.parent = Digest::ZERO),
        Box::new(|b| b.header.timestamp = Timestamp(0)),
        Box::new(|b| b.header.transactions_root.0[0] ^= 1),
        Box::new(|b| b.header.events_root.0[0] ^= 1),
        Box::new(|b| b.header.state_root.0[0] ^= 1),
        Box::new(|b| b.transactions.swap(0, 1)),
        Box::new(|b| drop(b.transactions.pop())),
        Box::new(|b| b.transactions.push(b.transactions[0].clone())),
        Box::new(|b| drop(b.signatures.pop())),
        Box::new(|b| b.signatures.push(b.signatures[0].clone())),
        Box::new(|b| b.signatures.swap(0, 1)),
    ];
    for (which, edit) in edits.iter().enumerate() {
        let mut block = executed.block.clone();
        edit(&mut block);
        for signatures in [Signatures::Check(&ToyVerifier), Signatures::Trusted] {
            assert!(world.ledger.replay(&block, signatures).is_err(), "change {which}");
        }
    }
    let mut forged = executed.block.clone();
    forged.signatures[0].signature.ed25519[0] ^= 1;
    let found = world.ledger.replay(&forged, Signatures::Check(&ToyVerifier)).unwrap_err();
    let rejection = Rejection::Unauthorized;
    assert_eq!(found, Error::Inadmissible { index: 0, rejection });
    world.ledger.commit(executed.clone()).unwrap();
    assert!(world.ledger.commit(executed).is_err(), "a block is committed once");
}

#[test]
fn every_event_is_proved_under_its_header() {
    let mut world = World::new();
    let nonce = |n, t: &Transaction| Transaction { nonce: n, ..t.clone() };
    let first = world.transaction(BUYER, burn());
    let failing = world.transaction(SELLER, Action::Burn { amount: Amount::ZERO });
    let submission = world.submission(vec![first.clone(), nonce(1, &first), failing]);
    let executed = world.commit(&[submission]);
    let proofs = EventProof::all(&executed.block.header, &executed.events);
    assert_eq!(proofs.len(), 3);
    assert!(matches!(proofs[2].record.event, Event::Failed(_)));
    for proof in &proofs {
        let json = serde_json::to_string(proof).unwrap();
        let read: EventProof = serde_json::from_str(&json).unwrap();
        assert_eq!(read.verify(), Ok(()));
    }
    let edits: Vec<Box<dyn Fn(&mut EventProof)>> = vec![
        Box::new(|p| p.header.height.0 += 1),
        Box::new(|p| p.header.events_root = Digest::ZERO),
        Box::new(|p| p.record.transaction = Digest::ZERO),
        Box::new(|p| p.record.index += 1),
        Box::new(|p| p.inclusion.index += 1),
    ];
    for (which, edit) in edits.iter().enumerate() {
        let mut proof = proofs[0].clone();
        edit(&mut proof);
        assert!(proof.verify().is_err(), "change {which}");
    }
}

#[test]
fn a_genesis_reads_back_from_json_and_names_its_ledger() {
    let genesis = genesis();
    let json = serde_json::to_string(&genesis).unwrap();
    let read: Genesis = serde_json::from_str(&json).unwrap();
    assert_eq!(read.chain_id(), genesis.chain_id());
    let mut other = read.clone();
    other.name.push('!');
    assert_ne!(other.chain_id(), genesis.chain_id());
    let mut twice = read.clone();
    twice.allocations.push(twice.allocations[0]);
    assert!(Ledger::begin(&twice).is_err());
    let mut rich = read.clone();
    rich.allocations[0].1 = Amount::MAX;
    assert!(Ledger::begin(&rich).is_err());
    let mut forgetful = read;
    forgetful.parameters.escrow.retention_ms = DurationMs(1);
    assert!(Ledger::begin(&forgetful).is_err());
}

#[test]
fn real_signatures_carry_a_transaction_from_key_to_block() {
    let key = SigningKey::from_seed(&[1; 32]).unwrap();
    let other = SigningKey::from_seed(&[2; 32]).unwrap();
    let mut genesis = genesis();
    let material = KeyMaterial::hybrid(key.public(), material(1, 0).agreement);
    let sender = material.did();
    genesis.allocations.push((sender, Amount::ainu(5)));
    genesis.identities.push(material);
    let mut ledger = Ledger::begin(&genesis).unwrap();
    let transactions: Vec<Transaction> = (0..3)
        .map(|nonce| Transaction {
            chain_id: ledger.chain_id(),
            sender,
            nonce,
            expires: START.plus(HOUR),
            fee: FEE,
            action: burn().into(),
        })
        .collect();
    let items: Vec<Digest> = transactions.iter().map(Transaction::digest).collect();
    let submit = |key: &SigningKey| {
        let (root, proofs) = batch::sign_batch(key, sender, 0, &items);
        let authorized = transactions.iter().cloned().zip(proofs);
        Submission {
            transactions: authorized
                .map(|(transaction, proof)| AuthorizedTransaction { transaction, proof })
                .collect(),
            signatures: vec![root],
        }
    };
    let forged = ledger.execute(START, &[submit(&other)], &HybridVerifier).unwrap();
    assert!(forged.block.transactions.is_empty());
    let executed = ledger.execute(START, &[submit(&key)], &HybridVerifier).unwrap();
    assert_eq!(executed.block.transactions.len(), 3);
    ledger.replay(&executed.block, Signatures::Check(&HybridVerifier)).unwrap();
    let mut forged = executed.block.clone();
    forged.signatures = submit(&other).signatures;
    assert!(ledger.replay(&forged, Signatures::Check(&HybridVerifier)).is_err());
    ledger.commit(executed).unwrap();
}
