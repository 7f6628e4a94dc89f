//! Stake, ratings, and what follows from outcomes.
use ainur_ledger::reputation::{
    Action, Error, Event, Params, Reputation, VIOLATIONS_MAX, ViolationReason, failure_probability,
    query::rating_average, required_bond,
};
use ainur_ledger::{balances, escrow};
use ainur_primitives::{Amount, Digest, DurationMs, FailureReason, Ppm, Timestamp};

use crate::world::*;

fn report(number: u8, rating: u8) -> Action {
    Action::ReportOutcome { task: task(number), rating, success: rating > 2 }
}

fn dispute(number: u8) -> Action {
    Action::DisputeRating { task: task(number), evidence: Digest([1; 32]) }
}

fn slash(ainu: u64) -> Action {
    Action::Slash { did: did(SELLER), amount: Amount::ainu(ainu), reason: Digest([2; 32]) }
}

#[test]
fn stake_comes_and_goes_but_not_what_is_locked() {
    let mut world = World::new();
    let nothing = Error::from(balances::Error::NothingMoved);
    for action in [Action::Bond { amount: Amount::ZERO }, Action::Unbond { amount: Amount::ZERO }] {
        assert_eq!(world.fails(SELLER, action), nothing.clone().into());
    }
    let all = world.free(SELLER);
    let short = balances::Error::Insufficient { account: did(SELLER), missing: FEE };
    assert_eq!(world.fails(SELLER, Action::Bond { amount: all }), Error::from(short).into());
    world.agree(1);
    let available = Amount::from_ainu("98.8").unwrap();
    let locked = Error::StakeUnavailable { did: did(SELLER), available };
    assert_eq!(world.fails(SELLER, Action::Unbond { amount: Amount::ainu(99) }), locked.into());
    world.ok(SELLER, Action::Unbond { amount: available });
    world.ok(VERIFIER, settle(1, 1));
    let left = Amount::from_ainu("1.2").unwrap();
    let events = world.ok(SELLER, Action::Unbond { amount: left });
    let (did, staked) = (did(SELLER), Amount::ZERO);
    assert_eq!(events, [Event::Unbonded { did, amount: left, staked }.into()]);
}

#[test]
fn a_settled_task_is_rated_once_by_its_buyer_and_disputed_once_by_its_seller() {
    let mut world = World::new();
    world.agree(1);
    assert_eq!(world.fails(BUYER, report(1, 5)), Error::NotSettled(task(1)).into());
    world.ok(VERIFIER, settle(1, 1));
    assert_eq!(world.fails(BUYER, report(1, 0)), Error::RatingOutOfRange.into());
    assert_eq!(world.fails(BUYER, report(1, 6)), Error::RatingOutOfRange.into());
    assert_eq!(world.fails(RIVAL, report(1, 5)), Error::NotParty.into());
    assert_eq!(world.fails(SELLER, dispute(1)), Error::NothingToDispute(task(1)).into());
    let events = world.ok(BUYER, report(1, 1));
    let (task, did) = (task(1), did(SELLER));
    assert_eq!(events, [Event::OutcomeReported { task, did, rating: 1, success: false }.into()]);
    assert_eq!(world.fails(BUYER, report(1, 5)), Error::AlreadyRated(task).into());
    assert_eq!(rating_average(&world.reputation(SELLER)), Some(1_000_000));
    assert_eq!(world.reputation(SELLER).complaints, 1);
    assert_eq!(world.fails(BUYER, dispute(1)), Error::NotParty.into());
    world.ok(SELLER, dispute(1));
    assert_eq!(rating_average(&world.reputation(SELLER)), None);
    assert_eq!(world.reputation(SELLER).complaints, 0);
    assert_eq!(world.fails(SELLER, dispute(1)), Error::NothingToDispute(task).into());
}

#[test]
fn forgotten_and_refunded_tasks_are_not_rated() {
    let mut world = World::new();
    world.agree(1);
    world.agree(2);
    world.ok(VERIFIER, settle(1, 1));
    world.ok(VERIFIER, fail(2, 1, FailureReason::Crashed));
    world.ok(BUYER, escrow::Action::Refund { task: task(2) });
    assert_eq!(world.fails(BUYER, report(2, 5)), Error::NotSettled(task(2)).into());
    world.later(DurationMs(DAY.0 + 1));
    world.commit(&[]);
    assert_eq!(world.fails(BUYER, report(1, 5)), Error::NotSettled(task(1)).into());
    assert_eq!(world.fails(SELLER, dispute(1)), Error::NotSettled(task(1)).into());
}

#[test]
fn below_the_minimum_a_party_is_barred_until_it_bonds_again() {
    let mut world = World::new();
    assert_eq!(world.fails(BUYER, slash(1)), Error::NotAuthority.into());
    assert_eq!(world.fails(AUTHORITY, slash(0)), Error::from(balances::Error::NothingMoved).into());
    let available = Amount::ainu(100);
    let beyond = Error::StakeUnavailable { did: did(SELLER), available };
    assert_eq!(world.fails(AUTHORITY, slash(101)), beyond.into());
    let events = world.ok(AUTHORITY, slash(91));
    let (did, staked, amount) = (did(SELLER), Amount::ainu(9), Amount::ainu(91));
    let reason = ViolationReason::Authority { reason: Digest([2; 32]) };
    let slashed = Event::Slashed { did, amount, to_victim: Amount::ZERO, reason };
    assert_eq!(events, [slashed.into(), Event::Barred { did, staked }.into()]);
    let action = world.agreement(1, SELLER);
    let barred = escrow::Error::from(Error::Barred(did));
    assert_eq!(world.fails(BUYER, action), barred.into());
    world.ok(SELLER, Action::Bond { amount: Amount(1) });
    assert!(world.reputation(SELLER).barred);
    let events = world.ok(SELLER, Action::Bond { amount: Amount::ainu(1) });
    assert!(matches!(events[1], ainur_ledger::Event::Reputation(Event::Unbarred { .. })));
    world.agree(1);
}

#[test]
fn only_the_newest_violations_are_remembered() {
    let mut world = World::new();
    for _ in 0..=VIOLATIONS_MAX {
        world.ok(AUTHORITY, slash(1));
        world.later(DurationMs(1));
    }
    let violations = world.reputation(SELLER).violations;
    assert_eq!(violations.len(), VIOLATIONS_MAX);
    assert_eq!(violations[0].at, START.plus(DurationMs(1)));
}

#[test]
fn good_work_lowers_the_bond_and_bad_work_raises_it() {
    let params = Params::default();
    let price = Amount::ainu(100);
    let newcomer = Reputation::default();
    let now = Timestamp(0);
    assert_eq!(failure_probability(&newcomer, now, &params), Ppm(100_000));
    assert_eq!(required_bond(price, &newcomer, now, &params), Amount::ainu(20));
    let good = Reputation { success_weight: 45_000_000, ..newcomer.clone() };
    assert_eq!(failure_probability(&good, now, &params), Ppm(10_000));
    assert_eq!(required_bond(price, &good, now, &params), Amount::ainu(5), "the floor");
    let bad = Reputation { failure_weight: 45_000_000, ..newcomer.clone() };
    assert_eq!(failure_probability(&bad, now, &params), Ppm(910_000));
    assert_eq!(required_bond(price, &bad, now, &params), price, "never more than the price");
    assert_eq!(required_bond(Amount(1), &newcomer, now, &params), params.bond_min);
}

#[test]
fn reputation_fades_towards_a_newcomers() {
    let params = Params::default();
    let veteran = Reputation { success_weight: 95_000_000, ..Reputation::default() };
    let half_life = params.half_life_ms.0;
    let after =
        |half_lives: u64| failure_probability(&veteran, Timestamp(half_lives * half_life), &params);
    assert_eq!(after(0), Ppm(5_000));
    assert_eq!(after(1), Ppm(9_523), "0.5 / (47.5 + 5)");
    assert_eq!(after(100), Ppm(100_000));
}

#[test]
fn outcomes_move_the_weights_and_old_ones_count_less() {
    let mut world = World::new();
    let half_life = world.ledger.parameters().reputation.half_life_ms;
    world.agree(1);
    world.ok(VERIFIER, settle(1, 1));
    assert_eq!(world.reputation(SELLER).success_weight, 1_000_000);
    world.later(half_life);
    world.agree(2);
    world.ok(VERIFIER, settle(2, 1));
    assert_eq!(world.reputation(SELLER).success_weight, 1_500_000);
}
