//! Subtasks that are called for again, alone: who wins such a call takes over what another failed
//! at, and nothing else.
use ainur_ledger::escrow::{Action, Error, Event, SignedAward};
use ainur_market::auction::BidTerms;
use ainur_market::coalition::part_task_id;
use ainur_primitives::{Amount, FailureReason};

use crate::consents::{TEAM, bid_together, coalition, staked};
use crate::world::*;

/// A bid of 1 AINU in a call for a subtask of the first task, taken at this price.
fn called(world: &mut World, subtask: u16, party: u8, price: Amount) -> SignedAward {
    let task = part_task_id(task(1), subtask);
    let bid = BidTerms { task, price: Amount::ainu(1), ..world.bid(1, party) };
    SignedAward { price, ..world.award_of(bid, party) }
}

/// A coalition of five parts at 8 of 10 AINU, whose third has failed.
fn failed_at_its_third() -> World {
    let mut world = staked();
    let terms = coalition(&world);
    let award = bid_together(&mut world, terms, &TEAM);
    let action = with_awards(world.agreement(1, SELLER), vec![award]);
    world.ok(BUYER, action);
    world.ok(VERIFIER, fail_part(1, 2, FailureReason::Crashed));
    world
}

fn instead(award: SignedAward) -> Action {
    Action::Substitute { task: task(1), part: 2, award }
}

#[test]
fn who_wins_a_call_for_a_subtask_takes_it_over_and_is_paid_once() {
    let mut world = failed_at_its_third();
    let before = world.free(MEMBERS[4]);
    let price = Amount::from_ainu("2.5").unwrap();
    let award = called(&mut world, 2, MEMBERS[4], price);
    let events = world.ok(BUYER, instead(award.clone()));
    assert!(matches!(
        events.as_slice(),
        [ainur_ledger::Event::Escrow(Event::Substituted { part: 2, first: 5, sellers, .. })]
            if sellers[0].subtask == Some(2) && sellers[0].bid == award.consent.digest()
    ));
    assert_eq!(world.fails(BUYER, instead(award)), Error::PartNotFailed(2).into());
    world.ok(VERIFIER, settle(1, 1));
    assert_eq!(world.free(MEMBERS[4]).checked_sub(before), Some(price));
    let tombstone = closed(&world, 1);
    assert_eq!(tombstone.paid().checked_add(tombstone.refunded), Some(Amount::ainu(10)));
}

#[test]
fn a_bid_on_one_subtask_binds_to_no_other_and_to_no_more_than_is_left() {
    let mut world = failed_at_its_third();
    let one = Amount::ainu(1);
    let other = called(&mut world, 3, MEMBERS[4], one);
    let stranger = Error::BidForAnotherTask(part_task_id(task(1), 3));
    assert_eq!(world.fails(BUYER, instead(other)), stranger.into());
    let failed = called(&mut world, 2, MEMBERS[2], one);
    assert_eq!(world.fails(BUYER, instead(failed)), Error::FailedBefore(did(MEMBERS[2])).into());
    // 8 of 10 AINU are promised, 1.2 of them to who failed.
    let most = Amount::from_ainu("3.2").unwrap();
    let dear = called(&mut world, 2, MEMBERS[4], most.checked_add(Amount(1)).unwrap());
    let range = Error::PriceOutOfRange { asked: one, reserve: most };
    assert_eq!(world.fails(BUYER, instead(dear)), range.into());
    let forged = called(&mut world, 2, MEMBERS[4], one);
    let proofs = called(&mut world, 2, RIVAL, one).proofs;
    let unproven = Error::Unproven(did(MEMBERS[4]));
    assert_eq!(world.fails(BUYER, instead(SignedAward { proofs, ..forged })), unproven.into());
    // Nothing has failed where a task is agreed on.
    let early = called(&mut world, 2, MEMBERS[4], one);
    let action = with_awards(world.agreement(2, SELLER), vec![early]);
    let stranger = Error::BidForAnotherTask(part_task_id(task(1), 2));
    assert_eq!(world.fails(BUYER, action), stranger.into());
    let most = called(&mut world, 2, MEMBERS[4], most);
    world.ok(BUYER, instead(most));
}
