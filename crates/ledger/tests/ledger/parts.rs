//! Agreements paid in parts: milestones of one seller, and several sellers with substitutes.
use ainur_ledger::escrow::{
    Action, Closing, Consent, Error, Event, PARTS_MAX, PartState, Payout, Role,
};
use ainur_ledger::{budget, reputation};
use ainur_market::auction::BidTerms;
use ainur_market::offer::OfferTerms;
use ainur_market::payment::{Milestone, PaymentTerms};
use ainur_primitives::{Amount, BudgetId, Digest, DurationMs, FailureReason, Ppm};

use crate::offers::{award, offer};
use crate::world::*;

fn ainu(text: &str) -> Amount {
    Amount::from_ainu(text).unwrap()
}

fn milestone(name: &str, share: u32, due_ms: u64) -> Milestone {
    Milestone { name: name.into(), share: Ppm(share), due_ms: DurationMs(due_ms) }
}

/// The offer of 4 AINU, one of them for a draft.
pub(crate) fn in_milestones() -> OfferTerms {
    let milestones =
        vec![milestone("draft", 250_000, 60_000), milestone("final", 750_000, 120_000)];
    OfferTerms { payment: PaymentTerms::Milestone(milestones), ..offer() }
}

fn agree_in_milestones(world: &mut World, number: u8) {
    let taken = award(world, in_milestones(), 4);
    let action = with_awards(world.agreement(number, SELLER), vec![taken]);
    world.ok(BUYER, action);
}

#[test]
fn milestones_are_paid_in_order_each_once_and_the_last_closes() {
    let mut world = World::new();
    agree_in_milestones(&mut world, 1);
    // A fifth of 4 AINU, divided like the price.
    assert_eq!(world.reputation(SELLER).locked, ainu("0.8"));
    let before = (world.free(SELLER), world.free(BUYER));
    for (party, action, error) in [
        (VERIFIER, settle_part(1, 1, START), Error::PartNotRunning(1)),
        (VERIFIER, settle_part(1, 2, START), Error::UnknownPart(2)),
        (VERIFIER, settle_part(2, 0, START), Error::Unknown(task(2))),
        (BUYER, settle_part(1, 0, START), Error::NotParty(Role::Verifier)),
    ] {
        assert_eq!(world.fails(party, action), error.into());
    }
    let mut stale = settle_part(1, 0, START);
    if let Action::SettlePart { attempt, .. } = &mut stale {
        *attempt = 2;
    }
    let other = Error::NotThisAttempt { current: 1, found: 2 };
    assert_eq!(world.fails(VERIFIER, stale), other.into());

    let events = world.ok(VERIFIER, settle_part(1, 0, START));
    assert!(matches!(
        events.as_slice(),
        [ainur_ledger::Event::Escrow(Event::PartSettled { part: 0, price, .. })]
            if *price == Amount::ainu(1)
    ));
    assert_eq!(world.free(SELLER), before.0.checked_add(Amount::ainu(1)).unwrap());
    assert_eq!(world.totals().escrowed, Amount::ainu(9));
    let record = world.reputation(SELLER);
    assert_eq!((record.locked, record.running, record.completed), (ainu("0.6"), 1, 0));
    let again = Error::PartNotRunning(0);
    assert_eq!(world.fails(VERIFIER, settle_part(1, 0, START)), again.into());

    let events = world.ok(VERIFIER, settle_part(1, 1, START));
    assert!(matches!(events.as_slice(), [_, ainur_ledger::Event::Escrow(Event::Settled { .. })]));
    assert_eq!(world.free(SELLER), before.0.checked_add(Amount::ainu(4)).unwrap());
    assert_eq!(world.free(BUYER), before.1.checked_add(ainu("5.999999")).unwrap());
    let record = world.reputation(SELLER);
    assert_eq!((record.locked, record.running, record.completed), (Amount::ZERO, 0, 1));
    let tombstone = closed(&world, 1);
    assert_eq!(tombstone.payouts, [Payout { payee: did(SELLER), amount: Amount::ainu(4) }]);
    assert_eq!((tombstone.closing, tombstone.event), (Closing::Settled, 1));
    let ended = Error::AlreadyClosed { task: task(1), closing: Closing::Settled };
    assert_eq!(world.fails(VERIFIER, settle_part(1, 1, START)), ended.into());
}

#[test]
fn settling_the_task_pays_what_its_milestones_left() {
    let mut world = World::new();
    agree_in_milestones(&mut world, 1);
    world.ok(VERIFIER, settle_part(1, 0, START));
    let before = world.free(SELLER);
    world.ok(VERIFIER, settle(1, 1));
    assert_eq!(world.free(SELLER), before.checked_add(Amount::ainu(3)).unwrap());
    assert_eq!(closed(&world, 1).paid(), Amount::ainu(4));
}

#[test]
fn accepted_milestones_stay_paid_when_a_later_one_fails() {
    let mut world = World::new();
    let budget = BudgetId(Digest([1; 32]));
    let (limit, expires) = (Amount::ainu(10), START.plus(DAY));
    world.ok(BUYER, budget::Action::Open { budget, parent: None, limit, period: None, expires });
    let taken = award(&mut world, in_milestones(), 4);
    let mut action = with_awards(world.agreement(1, SELLER), vec![taken]);
    if let Action::Agree { budget: from, .. } = &mut action {
        *from = Some(budget);
    }
    world.ok(BUYER, action);
    let used = |world: &World| {
        let found = budget::query::budget(world.ledger.state(), &budget).unwrap();
        (found.reserved, found.spent)
    };
    world.ok(VERIFIER, settle_part(1, 0, START));
    assert_eq!(used(&world), (Amount::ainu(9), Amount::ainu(1)));
    world.ok(VERIFIER, fail(1, 1, FailureReason::CheckFailed));
    // Only the bond of what was not accepted is lost.
    assert_eq!(world.totals().burned, ainu("0.6"));
    assert_eq!(world.reputation(SELLER).failed, 1);

    let mut dear = world.award(1, RIVAL);
    dear.price = ainu("9.000000000001");
    let reaward = Action::Reaward { task: task(1), awards: vec![dear] };
    let short = Error::PriceOutOfRange { asked: Amount::ainu(5), reserve: Amount::ainu(9) };
    assert_eq!(world.fails(BUYER, reaward), short.into());
    let before = world.free(BUYER);
    let events = world.ok(VERIFIER, Action::Refund { task: task(1) });
    let payouts = vec![Payout { payee: did(SELLER), amount: Amount::ainu(1) }];
    let (task, buyer, amount) = (task(1), did(BUYER), Amount::ainu(9));
    let told = Event::Refunded {
        task,
        buyer,
        payouts,
        amount,
        expired: false,
        held: Vec::new(),
        insurance: Vec::new(),
    };
    assert_eq!(events, [told.into()]);
    assert_eq!(world.free(BUYER), before.checked_add(Amount::ainu(9)).unwrap());
    assert_eq!(used(&world), (Amount::ZERO, Amount::ainu(1)));
}

#[test]
fn what_another_is_paid_after_a_milestone_adds_up() {
    let mut world = World::new();
    agree_in_milestones(&mut world, 1);
    world.ok(VERIFIER, settle_part(1, 0, START));
    world.ok(VERIFIER, fail(1, 1, FailureReason::Crashed));
    let awards = vec![world.award(1, RIVAL)];
    world.ok(BUYER, Action::Reaward { task: task(1), awards });
    world.ok(VERIFIER, settle(1, 2));
    let tombstone = closed(&world, 1);
    let paid = |party, ainu| Payout { payee: did(party), amount: Amount::ainu(ainu) };
    assert_eq!(tombstone.payouts, [paid(SELLER, 1), paid(RIVAL, 6)]);
    assert_eq!(tombstone.refunded, Amount::ainu(3));
    // The buyer rates who did not fail.
    let (task, success) = (task(1), true);
    world.ok(BUYER, reputation::Action::ReportOutcome { task, rating: 5, success });
    assert_eq!(world.reputation(RIVAL).rating_count, 1);
    assert_eq!(world.reputation(SELLER).rating_count, 0);
    let dispute = reputation::Action::DisputeRating { task, evidence: Digest::ZERO };
    let error = reputation::Error::NotParty;
    assert_eq!(world.fails(SELLER, dispute.clone()), error.into());
    world.ok(RIVAL, dispute);
    assert_eq!(world.reputation(RIVAL).rating_count, 0);
}

/// An award at exactly what the seller bids.
pub(crate) fn bid_of(
    world: &mut World,
    number: u8,
    seller: u8,
    price: u64,
) -> ainur_ledger::escrow::SignedAward {
    let price = Amount::ainu(price);
    let bid = BidTerms { price, ..world.bid(number, seller) };
    let mut award = world.award_of(bid, seller);
    award.price = price;
    award
}

#[test]
fn a_bidder_is_paid_by_the_schedule_its_bid_says_and_no_other() {
    let mut world = World::new();
    let PaymentTerms::Milestone(milestones) = in_milestones().payment else {
        unreachable!("they are milestones")
    };
    let payment = PaymentTerms::Milestone(milestones.clone());
    let bid = BidTerms { payment, price: Amount::ainu(4), ..world.bid(1, SELLER) };
    // Whoever changes the schedule has no signature over it.
    let mut other = world.award_of(bid.clone(), SELLER);
    if let Consent::Bid { bid, .. } = &mut other.consent {
        bid.payment = PaymentTerms::Completion;
    }
    let action = with_awards(world.agreement(1, SELLER), vec![other]);
    assert_eq!(world.fails(BUYER, action), Error::Unproven(did(SELLER)).into());
    let half = PaymentTerms::Milestone(milestones[..1].to_vec());
    let broken = BidTerms { payment: half, ..world.bid(1, SELLER) };
    let invalid = Error::TermsInvalid(broken.digest());
    let broken = world.award_of(broken, SELLER);
    let action = with_awards(world.agreement(1, SELLER), vec![broken]);
    assert_eq!(world.fails(BUYER, action), invalid.into());
    let mut award = world.award_of(bid, SELLER);
    award.price = Amount::ainu(4);
    let action = with_awards(world.agreement(1, SELLER), vec![award]);
    world.ok(BUYER, action);
    let before = world.free(SELLER);
    world.ok(VERIFIER, settle_part(1, 0, START));
    assert_eq!(world.free(SELLER), before.checked_add(Amount::ainu(1)).unwrap());
    world.ok(VERIFIER, settle_part(1, 1, START));
    assert_eq!(world.free(SELLER), before.checked_add(Amount::ainu(4)).unwrap());
}

fn agree_with_both(world: &mut World) {
    let awards = vec![bid_of(world, 1, SELLER, 6), bid_of(world, 1, RIVAL, 4)];
    let action = with_awards(world.agreement(1, SELLER), awards);
    world.ok(BUYER, action);
}

#[test]
fn several_sellers_are_paid_together_or_each_for_its_part() {
    for by_part in [false, true] {
        let mut world = World::new();
        agree_with_both(&mut world);
        let before = (world.free(SELLER), world.free(RIVAL));
        if by_part {
            world.ok(VERIFIER, settle_part(1, 1, START));
            assert_eq!(world.free(SELLER), before.0);
            world.ok(VERIFIER, settle_part(1, 0, START));
        } else {
            world.ok(VERIFIER, settle(1, 1));
        }
        assert_eq!(world.free(SELLER), before.0.checked_add(Amount::ainu(6)).unwrap());
        assert_eq!(world.free(RIVAL), before.1.checked_add(Amount::ainu(4)).unwrap());
        assert_eq!(closed(&world, 1).refunded, Amount::ZERO);
        for party in [SELLER, RIVAL] {
            let record = world.reputation(party);
            assert_eq!((record.completed, record.locked), (1, Amount::ZERO));
        }
    }
}

#[test]
fn awards_that_do_not_add_up_are_refused() {
    let mut world = World::new();
    let awards = vec![bid_of(&mut world, 1, SELLER, 7), bid_of(&mut world, 1, RIVAL, 4)];
    let action = with_awards(world.agreement(1, SELLER), awards);
    let short = Error::PriceOutOfRange { asked: Amount::ainu(4), reserve: Amount::ainu(3) };
    assert_eq!(world.fails(BUYER, action), short.into());
    let action = with_awards(world.agreement(1, SELLER), Vec::new());
    assert_eq!(world.fails(BUYER, action), Error::NoAward.into());
    let mut doubly = world.award(1, SELLER);
    doubly.proofs.push(doubly.proofs[0].clone());
    let action = with_awards(world.agreement(1, SELLER), vec![doubly]);
    assert_eq!(world.fails(BUYER, action), Error::ProofsLeft.into());
    let mut unsigned = world.award(1, SELLER);
    unsigned.proofs.clear();
    let action = with_awards(world.agreement(1, SELLER), vec![unsigned]);
    assert_eq!(world.fails(BUYER, action), Error::Unproven(did(SELLER)).into());
    let schedule =
        (0..31).map(|n| milestone(&format!("{n}"), if n == 0 { 970_000 } else { 1_000 }, 0));
    let payment = PaymentTerms::Milestone(schedule.collect());
    let long = OfferTerms { payment, minimum_budget: Amount::ZERO, ..offer() };
    let offers = [1, 2].map(|serial| OfferTerms { serial, ..long.clone() });
    // One more than fit beside the milestones of both offers.
    let bids: Vec<BidTerms> = (2 * 31..=PARTS_MAX)
        .map(|n| BidTerms { price: Amount::ZERO, confidence: Ppm(n as u32), ..world.bid(1, RIVAL) })
        .collect();
    let all = |world: &mut World, bids: &[BidTerms]| {
        let mut awards: Vec<_> =
            offers.iter().map(|offer| award(world, offer.clone(), 4)).collect();
        awards.extend(bids.iter().map(|bid| {
            let mut award = world.award_of(bid.clone(), RIVAL);
            award.price = Amount::ZERO;
            award
        }));
        with_awards(world.agreement(1, SELLER), awards)
    };
    let action = all(&mut world, &bids);
    assert_eq!(world.fails(BUYER, action), Error::TooManyParts.into());
    let twice = all(&mut world, &[bids[0].clone(), bids[0].clone()]);
    assert_eq!(world.fails(BUYER, twice), Error::BoundBefore(bids[0].digest()).into());
    let action = all(&mut world, &bids[..bids.len() - 1]);
    world.ok(BUYER, action);
    world.ok(VERIFIER, settle(1, 1));
}

#[test]
fn one_fails_the_others_go_on_and_a_substitute_takes_its_place() {
    let mut world = World::new();
    world.ok(AUTHORITY, reputation::Action::Bond { amount: Amount::ainu(100) });
    agree_with_both(&mut world);
    let substitute = |world: &mut World, part, party, price| {
        let award = bid_of(world, 1, party, price);
        Action::Substitute { task: task(1), part, award }
    };
    let action = substitute(&mut world, 1, AUTHORITY, 3);
    assert_eq!(world.fails(BUYER, action), Error::PartNotFailed(1).into());
    let stranger = fail_part(1, 1, FailureReason::Crashed);
    assert_eq!(world.fails(BUYER, stranger), Error::NotParty(Role::Verifier).into());
    let events = world.ok(VERIFIER, fail_part(1, 1, FailureReason::CheckFailed));
    assert!(matches!(
        events.last(),
        Some(ainur_ledger::Event::Escrow(Event::PartFailed { part: 1, seller, .. })) if *seller == did(RIVAL)
    ));
    assert_eq!(world.totals().burned, ainu("0.8"));
    let failed = fail_part(1, 1, FailureReason::CheckFailed);
    assert_eq!(world.fails(VERIFIER, failed), Error::PartNotRunning(1).into());
    assert_eq!(world.fails(VERIFIER, settle_part(1, 1, START)), Error::PartNotRunning(1).into());
    assert!(opened(&world, 1).is_running());
    assert_eq!(
        world.fails(BUYER, Action::Refund { task: task(1) }),
        Error::AttemptRunning(1).into()
    );

    let dear = Error::PriceOutOfRange { asked: Amount::ainu(5), reserve: Amount::ainu(4) };
    for (party, part, seller, price, error) in [
        (BUYER, 1, AUTHORITY, 5, dear),
        (BUYER, 1, RIVAL, 4, Error::FailedBefore(did(RIVAL))),
        (BUYER, 2, AUTHORITY, 4, Error::UnknownPart(2)),
        (BUYER, 0, AUTHORITY, 4, Error::PartNotFailed(0)),
        (BUYER, 1, BUYER, 4, Error::SelfDealing),
        (BUYER, 1, VERIFIER, 4, Error::SelfDealing),
        (VERIFIER, 1, AUTHORITY, 4, Error::NotParty(Role::Buyer)),
    ] {
        let action = substitute(&mut world, part, seller, price);
        assert_eq!(world.fails(party, action), error.into());
    }
    let action = substitute(&mut world, 1, AUTHORITY, 3);
    let events = world.ok(BUYER, action);
    assert!(matches!(
        events.as_slice(),
        [ainur_ledger::Event::Escrow(Event::Substituted { part: 1, first: 2, sellers, .. })]
            if sellers[0].price == Amount::ainu(3)
    ));
    let action = substitute(&mut world, 1, AUTHORITY, 3);
    assert_eq!(world.fails(BUYER, action), Error::PartNotFailed(1).into());
    let states: Vec<PartState> = opened(&world, 1).parts().map(|part| part.state).collect();
    assert_eq!(states, [PartState::Running, PartState::Replaced, PartState::Running]);
    world.ok(VERIFIER, settle(1, 1));
    let tombstone = closed(&world, 1);
    let paid = |party, ainu| Payout { payee: did(party), amount: Amount::ainu(ainu) };
    assert_eq!(tombstone.payouts, [paid(SELLER, 6), paid(AUTHORITY, 3)]);
    assert_eq!((tombstone.refunded, tombstone.failed), (Amount::ainu(1), vec![did(RIVAL)]));
}

#[test]
fn five_sellers_one_killed_the_job_completes_and_nobody_gets_less_than_its_bid() {
    let mut world = World::new();
    let team = [SELLER, MEMBERS[0], MEMBERS[1], MEMBERS[2], MEMBERS[3]];
    for party in MEMBERS {
        world.ok(party, reputation::Action::Bond { amount: Amount::ainu(20) });
    }
    let bids = [3, 2, 2, 1, 1];
    let awards = team.into_iter().zip(bids).map(|(party, bid)| bid_of(&mut world, 1, party, bid));
    let awards = awards.collect();
    let action = with_awards(world.agreement(1, SELLER), awards);
    world.ok(BUYER, action);
    let before = team.map(|party| world.free(party));
    world.ok(VERIFIER, settle_part(1, 0, START));
    world.ok(VERIFIER, fail_part(1, 2, FailureReason::Crashed));
    let award = bid_of(&mut world, 1, MEMBERS[4], 2);
    let backup = world.free(MEMBERS[4]);
    world.ok(BUYER, Action::Substitute { task: task(1), part: 2, award });
    world.ok(VERIFIER, settle(1, 1));
    for (index, party) in team.into_iter().enumerate() {
        let got = world.free(party).checked_sub(before[index]).unwrap();
        let expected = if index == 2 { 0 } else { bids[index] };
        assert_eq!(got, Amount::ainu(expected), "member {index}");
    }
    assert_eq!(world.free(MEMBERS[4]).checked_sub(backup).unwrap(), Amount::ainu(2));
    let tombstone = closed(&world, 1);
    assert_eq!(tombstone.paid().checked_add(tombstone.refunded), Some(Amount::ainu(10)));
}

#[test]
fn when_all_parts_failed_the_task_is_awarded_again_or_refunded() {
    for again in [true, false] {
        let mut world = World::new();
        agree_with_both(&mut world);
        world.ok(VERIFIER, fail_part(1, 0, FailureReason::Infrastructure));
        world.ok(VERIFIER, fail_part(1, 1, FailureReason::Infrastructure));
        assert!(!opened(&world, 1).is_running());
        let ended = Error::NotThisAttempt { current: 1, found: 1 };
        assert_eq!(world.fails(VERIFIER, settle(1, 1)), ended.into());
        if again {
            let awards = vec![bid_of(&mut world, 1, RIVAL, 10)];
            world.ok(BUYER, Action::Reaward { task: task(1), awards });
            world.ok(VERIFIER, settle(1, 2));
            assert_eq!(closed(&world, 1).paid(), Amount::ainu(10));
        } else {
            world.ok(BUYER, Action::Refund { task: task(1) });
            assert_eq!(closed(&world, 1).refunded, Amount::ainu(10));
        }
    }
}

#[test]
fn after_the_deadline_there_is_no_substitute_and_only_those_at_work_ran_out_of_time() {
    let mut world = World::new();
    agree_with_both(&mut world);
    world.ok(VERIFIER, settle_part(1, 0, START));
    world.later(HOUR);
    world.commit(&[]);
    let award = bid_of(&mut world, 1, SELLER, 4);
    let late = Error::DeadlinePassed(world.now);
    let action = Action::Substitute { task: task(1), part: 1, award };
    assert_eq!(world.fails(BUYER, action), late.into());
    world.ok(RIVAL, Action::Expire { task: task(1) });
    assert_eq!((world.reputation(SELLER).failed, world.reputation(RIVAL).failed), (0, 1));
    let tombstone = closed(&world, 1);
    assert_eq!((tombstone.closing, tombstone.refunded), (Closing::Expired, Amount::ainu(4)));
}
