//! Budgets and the chain of budgets above.
use ainur_ledger::budget::{Action, BUDGET_DEPTH_MAX, BUDGET_PERIOD_MS_MIN, Error, Event, query};
use ainur_ledger::escrow;
use ainur_primitives::{Amount, BudgetId, Digest, DurationMs, FailureReason, Timestamp};

use crate::world::*;

fn id(number: u8) -> BudgetId {
    BudgetId(Digest([number; 32]))
}

fn open(number: u8, parent: Option<u8>, ainu: u64, expires: Timestamp) -> Action {
    let (budget, parent) = (id(number), parent.map(id));
    Action::Open { budget, parent, limit: Amount::ainu(ainu), period: None, expires }
}

/// A budget that is whole again each hour.
fn open_hourly(number: u8, parent: Option<u8>, ainu: u64, expires: Timestamp) -> Action {
    let (budget, parent, period) = (id(number), parent.map(id), Some(HOUR));
    Action::Open { budget, parent, limit: Amount::ainu(ainu), period, expires }
}

fn exceeded(number: u8, limit: u64, missing: u64) -> Error {
    let (limit, missing) = (Amount::ainu(limit), Amount::ainu(missing));
    Error::Exceeded { budget: id(number), limit, period: None, missing }
}

const HOUR: DurationMs = DurationMs::seconds(3_600);

fn agree(world: &mut World, number: u8, from: u8) -> escrow::Action {
    let mut action = world.agreement(number, SELLER);
    if let escrow::Action::Agree { budget, .. } = &mut action {
        *budget = Some(id(from));
    }
    action
}

/// (reserved, spent) in AINU.
fn used(world: &World, number: u8) -> (Amount, Amount) {
    let budget = query::budget(world.ledger.state(), &id(number)).unwrap();
    (budget.reserved, budget.spent)
}

#[test]
fn what_is_paid_is_spent_in_the_whole_chain_and_the_rest_is_free_again() {
    let mut world = World::new();
    let end = START.plus(DAY);
    world.ok(BUYER, open(1, None, 30, end));
    world.ok(BUYER, open(2, Some(1), 20, end));
    let action = agree(&mut world, 1, 2);
    world.ok(BUYER, action);
    for budget in [1, 2] {
        assert_eq!(used(&world, budget), (Amount::ainu(10), Amount::ZERO));
    }
    world.ok(VERIFIER, settle(1, 1));
    for budget in [1, 2] {
        assert_eq!(used(&world, budget), (Amount::ZERO, Amount::ainu(6)));
    }
    let action = agree(&mut world, 2, 2);
    world.ok(BUYER, action);
    world.ok(VERIFIER, fail(2, 1, FailureReason::Crashed));
    world.ok(BUYER, escrow::Action::Refund { task: task(2) });
    for budget in [1, 2] {
        assert_eq!(used(&world, budget), (Amount::ZERO, Amount::ainu(6)));
    }
}

#[test]
fn the_budget_that_is_short_is_named_with_what_is_missing() {
    let mut world = World::new();
    let end = START.plus(DAY);
    world.ok(BUYER, open(1, None, 15, end));
    world.ok(BUYER, open(2, Some(1), 15, end));
    world.ok(BUYER, open(3, Some(1), 7, end));
    let action = agree(&mut world, 1, 3);
    let short = exceeded(3, 7, 3);
    assert_eq!(world.fails(BUYER, action), escrow::Error::from(short).into());
    let action = agree(&mut world, 1, 2);
    world.ok(BUYER, action);
    // The inner budget has five left as has the outer one; the inner is asked first.
    let action = agree(&mut world, 2, 2);
    let short = exceeded(2, 15, 5);
    assert_eq!(world.fails(BUYER, action), escrow::Error::from(short).into());
    world.ok(BUYER, open(4, Some(1), 15, end));
    let action = agree(&mut world, 2, 4);
    let short = exceeded(1, 15, 5);
    assert_eq!(world.fails(BUYER, action), escrow::Error::from(short).into());
}

#[test]
fn budgets_of_others_closed_expired_or_unknown_are_refused() {
    let mut world = World::new();
    let end = START.plus(DAY);
    let refused =
        |error: Error| -> ainur_ledger::TransactionError { escrow::Error::from(error).into() };
    world.ok(RIVAL, open(1, None, 30, end));
    let action = agree(&mut world, 1, 1);
    assert_eq!(world.fails(BUYER, action), refused(Error::NotOwner(id(1))));
    let action = agree(&mut world, 1, 9);
    assert_eq!(world.fails(BUYER, action), refused(Error::Unknown(id(9))));
    world.ok(BUYER, open(2, None, 30, end));
    let events = world.ok(BUYER, Action::Close { budget: id(2) });
    assert_eq!(events, [Event::Closed { budget: id(2), spent: Amount::ZERO }.into()]);
    let action = agree(&mut world, 1, 2);
    assert_eq!(world.fails(BUYER, action), refused(Error::Closed(id(2))));
    let soon = START.plus(DurationMs(1));
    world.ok(BUYER, open(3, None, 30, soon));
    world.later(DurationMs(1));
    let action = agree(&mut world, 1, 3);
    let expired = Error::Expired { budget: id(3), expires: soon };
    assert_eq!(world.fails(BUYER, action), refused(expired));
}

#[test]
fn opening_can_only_narrow() {
    let mut world = World::new();
    let end = START.plus(DAY);
    world.ok(BUYER, open(1, None, 30, end));
    let expired = Error::Expired { budget: id(2), expires: START };
    for (party, action, error) in [
        (BUYER, open(1, None, 5, end), Error::AlreadyExists(id(1))),
        (BUYER, open(2, None, 5, START), expired),
        (BUYER, open(2, Some(9), 5, end), Error::Unknown(id(9))),
        (RIVAL, open(2, Some(1), 5, end), Error::NotOwner(id(1))),
        (BUYER, open(2, Some(1), 31, end), Error::WiderThanParent(id(1))),
        (BUYER, open(2, Some(1), 5, end.plus(DurationMs(1))), Error::WiderThanParent(id(1))),
    ] {
        assert_eq!(world.fails(party, action), error.into());
    }
    for depth in 1..BUDGET_DEPTH_MAX as u8 {
        world.ok(BUYER, open(depth + 1, Some(depth), 30, end));
    }
    let deepest = BUDGET_DEPTH_MAX as u8;
    assert_eq!(world.fails(BUYER, open(50, Some(deepest), 30, end)), Error::TooDeep.into());
    let action = agree(&mut world, 1, deepest);
    world.ok(BUYER, action);
    world.ok(VERIFIER, settle(1, 1));
    assert_eq!(used(&world, 1), (Amount::ZERO, Amount::ainu(6)));
}

#[test]
fn only_the_owner_closes_and_not_while_something_is_reserved() {
    let mut world = World::new();
    let close = |number| Action::Close { budget: id(number) };
    world.ok(BUYER, open(1, None, 30, START.plus(DAY)));
    assert_eq!(world.fails(BUYER, close(2)), Error::Unknown(id(2)).into());
    assert_eq!(world.fails(RIVAL, close(1)), Error::NotOwner(id(1)).into());
    let action = agree(&mut world, 1, 1);
    world.ok(BUYER, action);
    let in_use = Error::InUse { budget: id(1), reserved: Amount::ainu(10) };
    assert_eq!(world.fails(BUYER, close(1)), in_use.into());
    world.ok(VERIFIER, settle(1, 1));
    world.ok(BUYER, close(1));
    assert_eq!(world.fails(BUYER, close(1)), Error::Closed(id(1)).into());
    let inside = open(2, Some(1), 5, START.plus(DAY));
    assert_eq!(world.fails(BUYER, inside), Error::Closed(id(1)).into());
}

#[test]
fn an_hourly_budget_is_whole_again_after_its_hour_and_the_one_around_it_is_not() {
    let mut world = World::new();
    let end = START.plus(DAY);
    world.ok(BUYER, open(1, None, 25, end));
    world.ok(BUYER, open_hourly(2, Some(1), 15, end));
    let action = agree(&mut world, 1, 2);
    world.ok(BUYER, action);
    world.ok(VERIFIER, settle(1, 1));
    let action = agree(&mut world, 2, 2);
    let short = Error::Exceeded {
        budget: id(2),
        limit: Amount::ainu(15),
        period: Some(HOUR),
        missing: Amount::ainu(1),
    };
    assert_eq!(
        short.to_string(),
        format!("budget {} allows 15 AINU each 3600 s and is short of 1 AINU", id(2))
    );
    assert_eq!(world.fails(BUYER, action), escrow::Error::from(short).into());
    world.later(HOUR);
    let action = agree(&mut world, 2, 2);
    world.ok(BUYER, action);
    // What is locked when an hour ends still counts in the next.
    world.later(HOUR);
    let action = agree(&mut world, 3, 2);
    assert!(world.fails(BUYER, action).to_string().contains("short of 5 AINU"));
    world.ok(VERIFIER, settle(2, 1));
    world.later(HOUR);
    // 12 of the outer 25 are spent: whatever the hour, only 13 are left.
    assert_eq!(used(&world, 1), (Amount::ZERO, Amount::ainu(12)));
    let action = agree(&mut world, 3, 2);
    world.ok(BUYER, action);
    world.ok(VERIFIER, settle(3, 1));
    world.later(HOUR);
    let action = agree(&mut world, 4, 2);
    let short = exceeded(1, 25, 3);
    assert_eq!(world.fails(BUYER, action), escrow::Error::from(short).into());
}

#[test]
fn a_period_in_which_nothing_could_be_counted_is_refused() {
    let mut world = World::new();
    let mut action = open_hourly(1, None, 15, START.plus(DAY));
    if let Action::Open { period, .. } = &mut action {
        *period = Some(DurationMs(BUDGET_PERIOD_MS_MIN.0 - 1));
    }
    assert_eq!(world.fails(BUYER, action), Error::PeriodTooShort.into());
}
