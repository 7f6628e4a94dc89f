//! Creating, rotating and giving up identities.
use ainur_identity::{IdentityRecord, Rotation, SignaturePolicy, record::ROTATION_DOMAIN};
use ainur_ledger::identity::{Action, Error, Event, query};
use ainur_ledger::{Outcome, Rejection, balances};
use ainur_primitives::Amount;

use crate::world::*;

fn create(party: u8) -> Action {
    Action::Create { material: Box::new(material(party, 0)) }
}

/// A rotation to another version of the keys, signed by these versions of old and new.
fn rotation(world: &World, to: u8, signed_by: (u8, u8)) -> Rotation {
    let current = query::identity(world.ledger.state(), &did(SELLER)).unwrap().identity;
    rotation_of(&current, to, signed_by)
}

fn rotation_of(current: &IdentityRecord, to: u8, (old, new): (u8, u8)) -> Rotation {
    let material = material(SELLER, to);
    let message = Rotation::message(current, &material);
    let by = |version| toy_sign(&keys(SELLER, version), ROTATION_DOMAIN, &message);
    let key_version = current.key_version + 1;
    Rotation { did: current.did, key_version, material, by_old: by(old), by_new: by(new) }
}

fn rotate(rotation: Rotation) -> Action {
    Action::Rotate { rotation: Box::new(rotation) }
}

#[test]
fn a_newcomer_with_money_creates_itself() {
    let mut world = World::new();
    let deposit = world.ledger.parameters().identity.deposit;
    let events = world.ok(NEWCOMER, create(NEWCOMER));
    assert_eq!(events, [Event::Created { did: did(NEWCOMER), deposit }.into()]);
    assert_eq!(world.totals().deposits, deposit);
    world.ok(NEWCOMER, balances::Action::Burn { amount: Amount(1) });
    assert_eq!(world.fails(NEWCOMER, create(NEWCOMER)), Error::AlreadyExists(did(NEWCOMER)).into());
}

#[test]
fn nobody_creates_another_or_without_identity_does_anything_else() {
    let mut world = World::new();
    let unknown = Rejection::UnknownSender(did(NEWCOMER));
    let other = world.transaction(NEWCOMER, create(PAUPER));
    assert_eq!(world.rejected(other), unknown);
    let burn = world.transaction(NEWCOMER, balances::Action::Burn { amount: Amount(1) });
    assert_eq!(world.rejected(burn), unknown);
    // The right keys, named by the right sender, but signed by somebody else.
    let transaction = world.transaction(NEWCOMER, create(NEWCOMER));
    let mut submission = world.submission(vec![transaction]);
    let digest = submission.transactions[0].transaction.digest();
    let (root, mut proofs) = sign(BUYER, 0, &[digest]);
    submission.transactions[0].proof = proofs.remove(0);
    submission.signatures.push(root);
    let executed = world.commit(&[submission]);
    assert_eq!(executed.outcomes[0].1, Outcome::Rejected(Rejection::Unauthorized));
}

#[test]
fn creation_needs_the_deposit_and_hybrid_keys() {
    let mut genesis = genesis();
    let mut weak = material(NEWCOMER, 0);
    weak.required = SignaturePolicy::Classical;
    genesis.identities.push(weak.clone());
    assert!(ainur_ledger::Ledger::begin(&genesis).is_err());
    genesis.identities.pop();
    genesis.allocations.last_mut().unwrap().1 = Amount::ainu(1);
    let mut world = World::with(&genesis);
    let missing = FEE;
    let short = balances::Error::Insufficient { account: did(NEWCOMER), missing };
    assert_eq!(world.fails(NEWCOMER, create(NEWCOMER)), Error::from(short).into());
}

#[test]
fn rotated_keys_replace_the_old_ones() {
    let mut world = World::new();
    let first = rotation(&world, 1, (0, 1));
    let events = world.ok(SELLER, rotate(first.clone()));
    let digest = material(SELLER, 1).digest();
    let rotated = Event::Rotated { did: did(SELLER), key_version: 1, material: digest };
    assert_eq!(events, [rotated.into()]);
    // The old keys count no more, the new ones do.
    let burn = world.transaction(SELLER, balances::Action::Burn { amount: Amount(1) });
    assert_eq!(world.rejected(burn.clone()), Rejection::Unauthorized);
    let mut submission = world.submission(vec![burn]);
    let (root, mut proofs) = sign(SELLER, 1, &[submission.transactions[0].transaction.digest()]);
    submission.transactions[0].proof = proofs.remove(0);
    submission.signatures = vec![root];
    let executed = world.commit(&[submission]);
    assert!(matches!(executed.outcomes[0].1, Outcome::Applied { .. }));
}

#[test]
fn rotations_that_are_not_signed_by_both_or_do_not_follow_are_refused() {
    let mut world = World::new();
    let current = query::identity(world.ledger.state(), &did(SELLER)).unwrap().identity;
    for signers in [(1, 1), (0, 0), (0, 2)] {
        let unsigned = rotate(rotation_of(&current, 1, signers));
        let unsigned = world.transaction(SELLER, unsigned);
        assert_eq!(world.rejected(unsigned), Rejection::Unauthorized, "{signers:?}");
    }
    let same = rotate(rotation_of(&current, 0, (0, 0)));
    assert_eq!(world.fails(SELLER, same), Error::KeyReused.into());
    let mut later = rotation_of(&current, 1, (0, 1));
    later.key_version = 2;
    assert_eq!(world.fails(SELLER, rotate(later)), Error::NotNextRotation.into());
    let mut weak = rotation_of(&current, 1, (0, 1));
    weak.material.required = SignaturePolicy::Classical;
    assert_eq!(world.fails(SELLER, rotate(weak)), Error::Downgrade.into());
    let others = rotate(rotation_of(&current, 1, (0, 1)));
    assert_eq!(world.fails(RIVAL, others), Error::NotNextRotation.into());
}

#[test]
fn a_failed_rotation_leaves_the_keys_usable() {
    let mut world = World::new();
    let same = rotate(rotation(&world, 0, (0, 0)));
    assert_eq!(world.fails(SELLER, same), Error::KeyReused.into());
    world.ok(SELLER, balances::Action::Burn { amount: Amount(1) });
}

#[test]
fn nobody_gives_up_while_something_of_theirs_is_open() {
    let mut world = World::new();
    world.agree(1);
    let give_up = || Action::Deactivate { beneficiary: did(RIVAL) };
    assert_eq!(world.fails(BUYER, give_up()), Error::OpenPositions { open: 1 }.into());
    world.later(HOUR);
    world.later(HOUR);
    world.ok(RIVAL, ainur_ledger::escrow::Action::Expire { task: task(1) });
    world.ok(BUYER, give_up());
}

#[test]
fn giving_up_returns_everything_and_is_final() {
    let mut world = World::new();
    world.ok(NEWCOMER, create(NEWCOMER));
    let give_up = |to| Action::Deactivate { beneficiary: did(to) };
    assert_eq!(world.fails(NEWCOMER, give_up(NEWCOMER)), Error::OwnBeneficiary.into());
    let staked = Amount::ainu(100);
    assert_eq!(world.fails(SELLER, give_up(BUYER)), Error::Staked { staked }.into());
    let deposit = world.ledger.parameters().identity.deposit;
    let left = world.free(NEWCOMER).checked_sub(FEE).unwrap().checked_add(deposit).unwrap();
    let before = world.free(BUYER);
    let events = world.ok(NEWCOMER, give_up(BUYER));
    let (did, beneficiary) = (did(NEWCOMER), did(BUYER));
    assert_eq!(events, [Event::Deactivated { did, beneficiary, amount: left }.into()]);
    assert_eq!(world.free(BUYER), before.checked_add(left).unwrap());
    assert_eq!(world.totals().deposits, Amount::ZERO);
    world.ok(BUYER, balances::Action::Transfer { to: did, amount: Amount::ainu(2) });
    for action in [create(NEWCOMER).into(), ainur_ledger::Action::from(give_up(BUYER))] {
        let transaction = world.transaction(NEWCOMER, action);
        assert_eq!(world.rejected(transaction), Rejection::UnknownSender(did));
    }
}
