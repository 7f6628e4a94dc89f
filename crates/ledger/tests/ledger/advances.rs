//! Work paid upfront: the seller's stake secures what it has not earned yet.
use ainur_ledger::escrow::{Action, Error, Event, Payout};
use ainur_ledger::{budget, reputation};
use ainur_market::offer::OfferTerms;
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{Amount, BudgetId, Digest, DurationMs, FailureReason, Ppm};

use crate::offers::{award, offer};
use crate::world::*;

/// The offer of 4 AINU, all paid when it is agreed.
fn upfront() -> OfferTerms {
    let cancellation = CancellationPolicy { free_ms: DurationMs(1_000), fee: Ppm(250_000) };
    OfferTerms { payment: PaymentTerms::Upfront, cancellation, ..offer() }
}

fn agree(world: &mut World, number: u8, from: Option<BudgetId>) -> Vec<ainur_ledger::Event> {
    let taken = award(world, upfront(), 4);
    let mut action = with_awards(world.agreement(number, SELLER), vec![taken]);
    if let Action::Agree { budget, .. } = &mut action {
        *budget = from;
    }
    world.ok(BUYER, action)
}

fn ainu(text: &str) -> Amount {
    Amount::from_ainu(text).unwrap()
}

#[test]
fn the_price_is_paid_at_once_and_as_much_stake_is_locked_until_the_work_is_accepted() {
    let mut world = World::new();
    let before = world.free(SELLER);
    let events = agree(&mut world, 1, None);
    assert!(matches!(
        events.as_slice(),
        [ainur_ledger::Event::Escrow(Event::Agreed { sellers, .. })]
            if sellers[0].advanced == Amount::ainu(4) && sellers[0].bond == ainu("0.8")
    ));
    assert_eq!(world.free(SELLER), before.checked_add(Amount::ainu(4)).unwrap());
    assert_eq!(world.totals().escrowed, Amount::ainu(6));
    assert_eq!(world.reputation(SELLER).locked, ainu("4.8"));
    let available = ainu("95.2");
    let unbond = reputation::Action::Unbond { amount: ainu("95.3") };
    let locked = reputation::Error::StakeUnavailable { did: did(SELLER), available };
    assert_eq!(world.fails(SELLER, unbond), locked.into());

    let (seller, buyer) = (world.free(SELLER), world.free(BUYER));
    world.ok(VERIFIER, settle(1, 1));
    assert_eq!(world.free(SELLER), seller, "it has its price already");
    assert_eq!(world.free(BUYER), buyer.checked_add(Amount::ainu(6)).unwrap());
    let record = world.reputation(SELLER);
    assert_eq!((record.locked, record.staked), (Amount::ZERO, Amount::ainu(100)));
    let paid = Payout { payee: did(SELLER), amount: Amount::ainu(4) };
    assert_eq!(closed(&world, 1).payouts, [paid]);
}

#[test]
fn failed_work_is_paid_back_from_the_stake_and_the_whole_reserve_is_there_again() {
    let mut world = World::new();
    agree(&mut world, 1, None);
    let buyer = world.free(BUYER);
    let events = world.ok(VERIFIER, fail(1, 1, FailureReason::CheckFailed));
    let returned =
        Event::AdvanceReturned { task: task(1), seller: did(SELLER), amount: Amount::ainu(4) };
    assert_eq!(events[0], returned.into());
    assert_eq!(world.totals().escrowed, Amount::ainu(10));
    let record = world.reputation(SELLER);
    // The advance, and the bond on top of it.
    assert_eq!((record.staked, record.locked), (ainu("95.2"), Amount::ZERO));
    let awards = vec![world.award(1, RIVAL)];
    world.ok(BUYER, Action::Reaward { task: task(1), awards });
    world.ok(VERIFIER, fail(1, 2, FailureReason::Infrastructure));
    world.ok(VERIFIER, Action::Refund { task: task(1) });
    let fee = FEE;
    let expected = buyer.checked_add(Amount::ainu(10)).unwrap().checked_sub(fee).unwrap();
    assert_eq!(world.free(BUYER), expected);
    assert!(closed(&world, 1).payouts.is_empty());
}

#[test]
fn without_the_stake_there_is_no_advance_and_losing_it_bars() {
    let mut world = World::new();
    world.ok(SELLER, reputation::Action::Unbond { amount: Amount::ainu(90) });
    agree(&mut world, 1, None);
    agree(&mut world, 2, None);
    // Two agreements lock 9.6 of 10; the third is cheaper and needs 3.6.
    let third = award(&mut world, upfront(), 3);
    let action = with_awards(world.agreement(3, SELLER), vec![third]);
    let available = ainu("0.4");
    let short = reputation::Error::StakeUnavailable { did: did(SELLER), available };
    assert_eq!(world.fails(BUYER, action), Error::from(short).into());
    let events = world.ok(VERIFIER, fail(1, 1, FailureReason::Infrastructure));
    assert!(world.reputation(SELLER).barred);
    let barred = reputation::Event::Barred { did: did(SELLER), staked: Amount::ainu(6) };
    assert!(events.contains(&barred.into()));
    world.ok(VERIFIER, settle(2, 1));
}

#[test]
fn a_budget_keeps_an_advance_reserved_until_it_is_earned() {
    let mut world = World::new();
    let budget = BudgetId(Digest([1; 32]));
    let (limit, expires) = (Amount::ainu(20), START.plus(DAY));
    world.ok(BUYER, budget::Action::Open { budget, parent: None, limit, period: None, expires });
    let used = |world: &World| {
        let found = budget::query::budget(world.ledger.state(), &budget).unwrap();
        (found.reserved, found.spent)
    };
    agree(&mut world, 1, Some(budget));
    assert_eq!(used(&world), (Amount::ainu(10), Amount::ZERO));
    world.ok(VERIFIER, settle(1, 1));
    assert_eq!(used(&world), (Amount::ZERO, Amount::ainu(4)));
    agree(&mut world, 2, Some(budget));
    world.ok(VERIFIER, fail(2, 1, FailureReason::Declined));
    assert_eq!(used(&world), (Amount::ainu(10), Amount::ainu(4)));
    world.ok(BUYER, Action::Refund { task: task(2) });
    assert_eq!(used(&world), (Amount::ZERO, Amount::ainu(4)));
}

#[test]
fn expiry_and_cancellation_take_back_what_was_not_earned() {
    let mut world = World::new();
    agree(&mut world, 1, None);
    agree(&mut world, 2, None);
    agree(&mut world, 3, None);
    world.ok(BUYER, Action::Cancel { task: task(1) });
    let first = closed(&world, 1);
    assert_eq!((first.refunded, first.payouts), (Amount::ainu(10), Vec::new()));
    assert_eq!(world.reputation(SELLER).staked, Amount::ainu(96));
    world.later(DurationMs(1_001));
    world.ok(BUYER, Action::Cancel { task: task(2) });
    // A quarter of 4 after the free second; later tasks had cost 3 by volume, yet 4 was paid.
    let second = closed(&world, 2);
    assert_eq!(second.payouts, [Payout { payee: did(SELLER), amount: Amount::ainu(1) }]);
    assert_eq!(second.refunded, Amount::ainu(9));
    let record = world.reputation(SELLER);
    assert_eq!((record.staked, record.locked), (Amount::ainu(93), ainu("4.8")));
    assert_eq!((record.completed, record.failed, record.running), (0, 0, 1));
    world.later(HOUR);
    world.ok(RIVAL, Action::Expire { task: task(3) });
    assert_eq!(closed(&world, 3).refunded, Amount::ainu(10));
    assert_eq!(world.reputation(SELLER).failed, 1);
}
