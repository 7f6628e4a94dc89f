//! Failed attempts, further awards, refunds, and bids that were not revealed.
use ainur_ledger::escrow::{Action, Closing, Error, Escrow, Event, Role};
use ainur_ledger::reputation::{self, ViolationReason};
use ainur_market::auction::CommitTerms;
use ainur_primitives::{Amount, Digest, DurationMs, FailureReason, Ppm};

use crate::world::*;

fn reaward(world: &mut World, number: u8, seller: u8) -> Action {
    Action::Reaward { task: task(number), awards: vec![world.award(number, seller)] }
}

fn refund(number: u8) -> Action {
    Action::Refund { task: task(number) }
}

fn expire(number: u8) -> Action {
    Action::Expire { task: task(number) }
}

#[test]
fn each_reason_costs_its_share_of_the_bond_and_it_is_burned() {
    let bond = Amount::from_ainu("1.2").unwrap();
    for (reason, share, counted) in [
        (FailureReason::CheckFailed, 1_000_000, 1),
        (FailureReason::Crashed, 100_000, 1),
        (FailureReason::TimedOut, 100_000, 1),
        (FailureReason::LimitExceeded, 100_000, 1),
        (FailureReason::Declined, 50_000, 1),
        (FailureReason::BuyerRefused, 0, 1),
        (FailureReason::Infrastructure, 0, 0),
    ] {
        let mut world = World::new();
        world.agree(1);
        world.ok(VERIFIER, fail(1, 1, reason));
        let lost = bond.share_ceil(Ppm(share));
        let record = world.reputation(SELLER);
        assert_eq!(record.staked, Amount::ainu(100).checked_sub(lost).unwrap(), "{reason:?}");
        assert_eq!((record.failed, record.locked), (counted, Amount::ZERO), "{reason:?}");
        assert_eq!(record.violations.len(), usize::from(share > 0), "{reason:?}");
        assert_eq!(world.totals().burned, lost);
        assert_eq!(world.totals().escrowed, Amount::ainu(10), "the escrow stays");
    }
}

#[test]
fn the_victims_share_goes_to_the_buyer() {
    let mut genesis = genesis();
    genesis.parameters.reputation.slash_to_victim = Ppm(250_000);
    let mut world = World::with(&genesis);
    world.agree(1);
    let before = world.free(BUYER);
    world.ok(VERIFIER, fail(1, 1, FailureReason::CheckFailed));
    let share = Amount::from_ainu("0.3").unwrap();
    assert_eq!(world.free(BUYER), before.checked_add(share).unwrap());
    assert_eq!(world.totals().burned, Amount::from_ainu("0.9").unwrap());
}

#[test]
fn the_task_can_be_awarded_again_and_paid() {
    let mut world = World::new();
    world.agree(1);
    let action = reaward(&mut world, 1, RIVAL);
    assert_eq!(world.fails(BUYER, action), Error::AttemptRunning(1).into());
    world.ok(VERIFIER, fail(1, 1, FailureReason::CheckFailed));
    let action = reaward(&mut world, 1, SELLER);
    assert_eq!(world.fails(BUYER, action), Error::FailedBefore(did(SELLER)).into());
    let action = reaward(&mut world, 1, RIVAL);
    assert_eq!(world.fails(VERIFIER, action.clone()), Error::NotParty(Role::Buyer).into());
    let action = reaward(&mut world, 1, RIVAL);
    world.ok(BUYER, action);
    let stale = Error::NotThisAttempt { current: 2, found: 1 };
    assert_eq!(world.fails(VERIFIER, settle(1, 1)), stale.into());
    let before = world.free(RIVAL);
    world.ok(VERIFIER, settle(1, 2));
    assert_eq!(world.free(RIVAL), before.checked_add(Amount::ainu(6)).unwrap());
    let Some(Escrow::Closed(tombstone)) = world.escrow(1) else { panic!("not closed") };
    assert_eq!((tombstone.attempts, tombstone.failed), (2, vec![did(SELLER)]));
}

#[test]
fn infrastructure_does_not_disqualify_but_attempts_are_limited() {
    let mut world = World::new();
    world.agree(1);
    let attempts_max = world.ledger.parameters().escrow.attempts_max;
    for attempt in 1..attempts_max {
        world.ok(VERIFIER, fail(1, attempt, FailureReason::Infrastructure));
        let action = reaward(&mut world, 1, SELLER);
        world.ok(BUYER, action);
    }
    world.ok(VERIFIER, fail(1, attempts_max, FailureReason::Infrastructure));
    let action = reaward(&mut world, 1, SELLER);
    assert_eq!(world.fails(BUYER, action), Error::TooManyAttempts(attempts_max).into());
    world.ok(VERIFIER, refund(1));
}

#[test]
fn refunds_wait_for_the_attempt_and_are_for_buyer_and_verifier() {
    let mut world = World::new();
    assert_eq!(world.fails(BUYER, refund(1)), Error::Unknown(task(1)).into());
    world.agree(1);
    assert_eq!(world.fails(BUYER, refund(1)), Error::AttemptRunning(1).into());
    world.ok(VERIFIER, fail(1, 1, FailureReason::Declined));
    let stranger = Error::NotParty(Role::BuyerOrVerifier);
    assert_eq!(world.fails(SELLER, refund(1)), stranger.into());
    let before = world.free(BUYER);
    let events = world.ok(VERIFIER, refund(1));
    let (task, buyer, amount) = (task(1), did(BUYER), Amount::ainu(10));
    assert_eq!(
        events,
        [Event::Refunded {
            task,
            buyer,
            payouts: Vec::new(),
            amount,
            expired: false,
            held: Vec::new(),
            insurance: Vec::new()
        }
        .into()]
    );
    assert_eq!(world.free(BUYER), before.checked_add(amount).unwrap());
    let closed = Error::AlreadyClosed { task, closing: Closing::Refunded };
    assert_eq!(world.fails(BUYER, refund(1)), closed.clone().into());
    let action = reaward(&mut world, 1, RIVAL);
    assert_eq!(world.fails(BUYER, action), closed.into());
}

#[test]
fn after_the_deadline_anyone_ends_it_and_the_seller_ran_out_of_time() {
    let mut world = World::new();
    world.agree(1);
    let deadline = world.now.plus(HOUR);
    assert_eq!(world.fails(RIVAL, expire(1)), Error::DeadlineAhead(deadline).into());
    world.later(HOUR);
    let before = world.free(BUYER);
    let events = world.ok(RIVAL, expire(1));
    assert_eq!(world.free(BUYER), before.checked_add(Amount::ainu(10)).unwrap());
    let failed = |event: &ainur_ledger::Event| {
        matches!(
            event,
            ainur_ledger::Event::Escrow(Event::Failed { reason: FailureReason::TimedOut, .. })
        )
    };
    assert!(events.iter().any(failed), "{events:?}");
    let Some(Escrow::Closed(tombstone)) = world.escrow(1) else { panic!("not closed") };
    assert_eq!(tombstone.closing, Closing::Expired);
    assert_eq!(tombstone.event as usize, events.len() - 1);
    assert_eq!(world.reputation(SELLER).failed, 1);
}

#[test]
fn no_award_after_the_deadline_but_accepted_work_is_still_paid() {
    let mut world = World::new();
    world.agree(1);
    world.agree(2);
    world.ok(VERIFIER, fail(1, 1, FailureReason::Crashed));
    world.later(HOUR);
    let deadline = Error::DeadlinePassed(world.now);
    let action = reaward(&mut world, 1, RIVAL);
    assert_eq!(world.fails(BUYER, action), deadline.into());
    world.ok(RIVAL, expire(1));
    world.ok(VERIFIER, settle(2, 1));
}

fn commit(world: &World, bidder: u8) -> CommitTerms {
    CommitTerms {
        task: task(1),
        bidder: did(bidder),
        commitment: Digest([3; 32]),
        bid_bond: Amount::ainu(2),
        reveal_until: world.now.plus(DurationMs(1_000)),
    }
}

fn forfeit(world: &mut World, commit: &CommitTerms, signer: u8) -> Action {
    let (root, mut proofs) = sign(signer, 0, &[commit.digest()]);
    world.signatures.push(root);
    Action::ForfeitBidBond { commit: commit.clone(), proof: proofs.remove(0) }
}

#[test]
fn a_bidder_who_did_not_reveal_loses_its_bond_once() {
    let mut world = World::new();
    let silent = commit(&world, RIVAL);
    world.agree(1);
    let action = forfeit(&mut world, &silent, RIVAL);
    let early = Error::StillRevealing(silent.reveal_until);
    assert_eq!(world.fails(BUYER, action), early.into());
    world.later(DurationMs(1_000));
    let action = forfeit(&mut world, &silent, RIVAL);
    assert_eq!(world.fails(VERIFIER, action), Error::NotParty(Role::Buyer).into());
    let action = forfeit(&mut world, &silent, SELLER);
    assert_eq!(world.fails(BUYER, action), Error::Unproven(did(RIVAL)).into());
    let winner = CommitTerms { bidder: did(SELLER), ..silent.clone() };
    let action = forfeit(&mut world, &winner, SELLER);
    assert_eq!(world.fails(BUYER, action), Error::Revealed(did(SELLER)).into());
    let elsewhere = CommitTerms { task: task(2), ..silent.clone() };
    let action = forfeit(&mut world, &elsewhere, RIVAL);
    assert_eq!(world.fails(BUYER, action), Error::Unknown(task(2)).into());

    let before = world.free(BUYER);
    let action = forfeit(&mut world, &silent, RIVAL);
    world.ok(BUYER, action);
    assert_eq!(world.free(BUYER), before.checked_sub(FEE).unwrap(), "the bond is burned");
    let record = world.reputation(RIVAL);
    assert_eq!(record.staked, Amount::ainu(98));
    assert_eq!(record.violations[0].reason, ViolationReason::BidNotRevealed { task: task(1) });
    let action = forfeit(&mut world, &silent, RIVAL);
    assert_eq!(world.fails(BUYER, action), Error::AlreadyForfeited(did(RIVAL)).into());

    let window = world.ledger.parameters().escrow.forfeit_window_ms;
    world.later(window);
    let action = forfeit(&mut world, &silent, RIVAL);
    assert_eq!(world.fails(BUYER, action), Error::AlreadyForfeited(did(RIVAL)).into());
    world.later(DurationMs(1));
    world.commit(&[]);
    let action = forfeit(&mut world, &silent, RIVAL);
    let late = Error::ForfeitTooLate(silent.reveal_until.plus(window));
    assert_eq!(world.fails(BUYER, action), late.into());
}

#[test]
fn a_bond_larger_than_the_stake_takes_what_is_there() {
    let mut world = World::new();
    world.ok(RIVAL, reputation::Action::Unbond { amount: Amount::ainu(100) });
    let silent = commit(&world, RIVAL);
    world.agree(1);
    world.later(DurationMs(1_000));
    let action = forfeit(&mut world, &silent, RIVAL);
    let available = Amount::ZERO;
    let nothing = reputation::Error::StakeUnavailable { did: did(RIVAL), available };
    assert_eq!(world.fails(BUYER, action), Error::from(nothing).into());
    world.ok(RIVAL, reputation::Action::Bond { amount: Amount::ainu(1) });
    let action = forfeit(&mut world, &silent, RIVAL);
    world.ok(BUYER, action);
    assert_eq!(world.reputation(RIVAL).staked, Amount::ZERO);
    assert!(world.reputation(RIVAL).barred);
}
