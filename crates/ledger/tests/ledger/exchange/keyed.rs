//! Calls under keys: carried out once, told apart by what they ask, forgotten after a day.
use ainur_ledger::TransactionError;
use ainur_ledger::exchange::{Error, KeyedAction};
use ainur_primitives::DurationMs;

use super::*;

fn keyed(key: u8, request: u8, action: Action) -> KeyedAction {
    KeyedAction { key: Digest([key; 32]), request: Digest([request; 32]), action }
}

#[test]
fn a_call_under_a_key_is_carried_out_once_and_its_events_are_found_again() {
    let mut world = World::with_credits();
    let sell = keyed(1, 1, limit(Side::Sell, 4, 3));
    let events = world.ok(SELLER, sell.clone());
    let again = world.fails(SELLER, sell.clone());
    let done = query::keyed(world.ledger.state(), &did(SELLER), &Digest([1; 32])).unwrap();
    assert_eq!(again, TransactionError::from(Error::DoneBefore(done.height)));
    assert_eq!((done.events_end - done.events_first) as usize, events.len());
    assert_eq!(world.credits(SELLER), 6, "only one order locks its credits");
    // The key is the sender's own, and whatever else is asked under it is refused.
    world.ok(RIVAL, sell);
    let other = world.fails(SELLER, keyed(1, 2, limit(Side::Sell, 5, 3)));
    assert_eq!(other, TransactionError::from(Error::KeyTaken(done.height)));
    // Each is remembered for a day.
    world.later(world.ledger.parameters().exchange.retention_ms.max(DurationMs(1)));
    world.later(DurationMs(1));
    world.ok(RIVAL, keyed(9, 9, issue(1)));
    assert_eq!(query::keyed(world.ledger.state(), &did(SELLER), &Digest([1; 32])), None);
}

#[test]
fn a_call_that_was_refused_leaves_its_key_free() {
    let mut world = World::with_credits();
    let buy = keyed(1, 1, place(Side::Buy, 1, OrderKind::Limit { price: Amount::MAX }));
    world.fails(BUYER, buy);
    world.ok(BUYER, keyed(1, 1, limit(Side::Buy, 1, 1)));
}
