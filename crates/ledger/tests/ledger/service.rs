//! Late work compensates its buyer, and a buyer ends what runs for what was agreed.
use ainur_ledger::escrow::{Action, Closing, Error, Event, Payout, Role, ServiceTerms};
use ainur_market::offer::OfferTerms;
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{Amount, DurationMs, FailureReason, Ppm, Timestamp};

use crate::offers::{award, offer};
use crate::parts::in_milestones;
use crate::world::*;

const LATENCY: DurationMs = DurationMs(5_000);

fn ainu(text: &str) -> Amount {
    Amount::from_ainu(text).unwrap()
}

/// A tenth of the price for work later than five seconds.
fn promise(mut action: Action, share: u32) -> Action {
    if let Action::Agree { service, .. } = &mut action {
        *service = Some(ServiceTerms { latency_ms_max: LATENCY, compensation: Ppm(share) });
    }
    action
}

fn settle_at(number: u8, at: Timestamp) -> Action {
    let mut action = settle(number, 1);
    if let Action::Settle { delivered, .. } = &mut action {
        *delivered = at;
    }
    action
}

#[test]
fn work_delivered_late_gives_up_its_share_to_the_buyer() {
    for (at, compensation) in [(START.plus(LATENCY), "0"), (START.plus(DurationMs(5_001)), "0.6")] {
        let mut world = World::new();
        let action = promise(world.agreement(1, SELLER), 100_000);
        world.ok(BUYER, action);
        let before = (world.free(SELLER), world.free(BUYER));
        world.later(DurationMs(10_000));
        let events = world.ok(VERIFIER, settle_at(1, at));
        let gave_up = ainu(compensation);
        let paid = Amount::ainu(6).checked_sub(gave_up).unwrap();
        assert!(matches!(
            events.as_slice(),
            [ainur_ledger::Event::Escrow(Event::Settled { compensation, .. })]
                if *compensation == gave_up
        ));
        assert_eq!(world.free(SELLER), before.0.checked_add(paid).unwrap());
        let back = Amount::ainu(10).checked_sub(paid).unwrap();
        assert_eq!(world.free(BUYER), before.1.checked_add(back).unwrap());
        assert_eq!(world.reputation(SELLER).completed, 1, "late is not failed");
    }
}

#[test]
fn each_milestone_has_a_time_of_its_own() {
    let mut world = World::new();
    let taken = award(&mut world, in_milestones(), 4);
    let action = with_awards(world.agreement(1, SELLER), vec![taken]);
    world.ok(BUYER, promise(action, 500_000));
    world.later(DurationMs(200_000));
    let late = START.plus(DurationMs(60_001));
    let events = world.ok(VERIFIER, settle_part(1, 0, late));
    assert!(matches!(
        events.as_slice(),
        [ainur_ledger::Event::Escrow(Event::PartSettled { price, compensation, .. })]
            if *price == ainu("0.5") && *compensation == ainu("0.5")
    ));
    world.ok(VERIFIER, settle_part(1, 1, START.plus(DurationMs(120_000))));
    let tombstone = closed(&world, 1);
    assert_eq!((tombstone.paid(), tombstone.refunded), (ainu("3.5"), ainu("6.5")));
}

#[test]
fn an_advance_for_late_work_is_given_back_in_part() {
    let mut world = World::new();
    let upfront = OfferTerms { payment: PaymentTerms::Upfront, ..offer() };
    let taken = award(&mut world, upfront, 4);
    let action = with_awards(world.agreement(1, SELLER), vec![taken]);
    world.ok(BUYER, promise(action, 250_000));
    let (seller, buyer) = (world.free(SELLER), world.free(BUYER));
    world.later(DurationMs(6_000));
    let now = world.now;
    world.ok(VERIFIER, settle_at(1, now));
    assert_eq!(world.free(SELLER), seller);
    assert_eq!(world.reputation(SELLER).staked, Amount::ainu(99));
    assert_eq!(world.reputation(SELLER).locked, Amount::ZERO);
    assert_eq!(world.free(BUYER), buyer.checked_add(Amount::ainu(7)).unwrap());
    let paid = Payout { payee: did(SELLER), amount: Amount::ainu(3) };
    assert_eq!(closed(&world, 1).payouts, [paid]);
}

#[test]
fn promises_the_seller_did_not_make_are_refused() {
    let mut world = World::new();
    let action = promise(world.agreement(1, SELLER), 500_001);
    assert_eq!(world.fails(BUYER, action), Error::CompensationTooLarge(Ppm(500_000)).into());
    let mut slow = world.bid(1, SELLER);
    slow.estimated_duration_ms = DurationMs(5_001);
    let taken = world.award_of(slow, SELLER);
    let action = promise(with_awards(world.agreement(1, SELLER), vec![taken]), 100_000);
    let faster = Error::FasterThanPromised(DurationMs(5_001));
    assert_eq!(world.fails(BUYER, action), faster.into());
    for (offer, needed) in [
        (in_milestones(), 120_000),
        (OfferTerms { estimated_duration_ms: DurationMs(70_000), ..offer() }, 70_000),
    ] {
        let taken = award(&mut world, offer, 4);
        let mut action = with_awards(world.agreement(1, SELLER), vec![taken]);
        if let Action::Agree { deadline, .. } = &mut action {
            *deadline = START.plus(DurationMs(needed - 1));
        }
        let soon = Error::DeadlineTooSoon(DurationMs(needed));
        assert_eq!(world.fails(BUYER, action), soon.into());
    }
}

/// Ten seconds are free, then a quarter of what is unpaid.
fn cancellable(offer: OfferTerms) -> OfferTerms {
    let cancellation = CancellationPolicy { free_ms: DurationMs(10_000), fee: Ppm(250_000) };
    OfferTerms { cancellation, ..offer }
}

fn agree(world: &mut World, number: u8, offer: OfferTerms) {
    let taken = award(world, cancellable(offer), 4);
    let action = with_awards(world.agreement(number, SELLER), vec![taken]);
    world.ok(BUYER, action);
}

fn cancel(number: u8) -> Action {
    Action::Cancel { task: task(number) }
}

#[test]
fn cancelling_is_free_at_first_and_then_pays_the_agreed_fee() {
    for (after, fee) in [(10_000, "0"), (10_001, "1")] {
        let mut world = World::new();
        agree(&mut world, 1, offer());
        world.later(DurationMs(after));
        assert_eq!(world.fails(VERIFIER, cancel(1)), Error::NotParty(Role::Buyer).into());
        let (seller, buyer) = (world.free(SELLER), world.free(BUYER));
        let events = world.ok(BUYER, cancel(1));
        let back = Amount::ainu(10).checked_sub(ainu(fee)).unwrap();
        assert!(matches!(
            events.as_slice(),
            [ainur_ledger::Event::Escrow(Event::Cancelled { fees, refunded, .. })]
                if *fees == ainu(fee) && *refunded == back
        ));
        assert_eq!(world.free(SELLER), seller.checked_add(ainu(fee)).unwrap());
        let paid_for_asking = back.checked_sub(FEE).unwrap();
        assert_eq!(world.free(BUYER), buyer.checked_add(paid_for_asking).unwrap());
        let record = world.reputation(SELLER);
        assert_eq!((record.locked, record.running), (Amount::ZERO, 0));
        assert_eq!((record.completed, record.failed, record.staked), (0, 0, Amount::ainu(100)));
        let ended = Error::AlreadyClosed { task: task(1), closing: Closing::Cancelled };
        assert_eq!(world.fails(BUYER, cancel(1)), ended.clone().into());
        assert_eq!(world.fails(VERIFIER, settle(1, 1)), ended.into());
    }
}

#[test]
fn cancelling_leaves_accepted_milestones_paid() {
    let mut world = World::new();
    agree(&mut world, 1, in_milestones());
    world.ok(VERIFIER, settle_part(1, 0, START));
    world.later(DurationMs(20_000));
    world.ok(BUYER, cancel(1));
    // One for the draft, and a quarter of the other three.
    let tombstone = closed(&world, 1);
    assert_eq!((tombstone.paid(), tombstone.refunded), (ainu("1.75"), ainu("8.25")));
    assert_eq!(world.reputation(SELLER).completed, 0);
}

#[test]
fn who_bid_in_an_auction_is_not_cancelled_and_nobody_is_who_is_not_at_work() {
    let mut world = World::new();
    assert_eq!(world.fails(BUYER, cancel(1)), Error::Unknown(task(1)).into());
    world.agree(1);
    let bound = Error::NotCancellable(did(SELLER));
    assert_eq!(world.fails(BUYER, cancel(1)), bound.clone().into());
    world.ok(VERIFIER, fail(1, 1, FailureReason::Crashed));
    assert_eq!(world.fails(BUYER, cancel(1)), Error::NothingRunning.into());
    // One of two has agreed to it: not without the other.
    let bid = world.award(2, RIVAL);
    let taken = award(&mut world, cancellable(offer()), 4);
    let action = with_awards(world.agreement(2, SELLER), vec![taken, bid]);
    world.ok(BUYER, action);
    let other = Error::NotCancellable(did(RIVAL));
    assert_eq!(world.fails(BUYER, cancel(2)), other.into());
    world.ok(VERIFIER, settle_part(2, 1, START));
    world.ok(BUYER, cancel(2));
    assert_eq!(closed(&world, 2).paid(), Amount::ainu(6));
}
