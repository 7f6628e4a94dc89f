//! Transfers, burning and fees.
use ainur_ledger::balances::{Action, Error, Event};
use ainur_primitives::Amount;

use crate::world::*;

#[test]
fn a_transfer_moves_money_and_its_fee_goes_to_the_treasury() {
    let mut world = World::new();
    let (before, treasury) = (world.free(BUYER), world.totals().treasury);
    let amount = Amount::ainu(3);
    let events = world.ok(BUYER, Action::Transfer { to: did(PAUPER), amount });
    assert_eq!(events, [Event::Transferred { from: did(BUYER), to: did(PAUPER), amount }.into()]);
    assert_eq!(world.free(PAUPER), amount);
    assert_eq!(world.free(BUYER), before.checked_sub(amount).unwrap().checked_sub(FEE).unwrap());
    assert_eq!(world.totals().treasury, treasury.checked_add(FEE).unwrap());
}

#[test]
fn burned_money_is_counted() {
    let mut world = World::new();
    let amount = Amount::ainu(3);
    let events = world.ok(BUYER, Action::Burn { amount });
    assert_eq!(events, [Event::Burned { from: did(BUYER), amount }.into()]);
    assert_eq!(world.totals().burned, amount);
}

#[test]
fn money_that_is_not_there_does_not_move() {
    let mut world = World::new();
    let missing = FEE.checked_add(Amount(1)).unwrap();
    let amount = world.free(BUYER).checked_add(Amount(1)).unwrap();
    let short = Error::Insufficient { account: did(BUYER), missing };
    let transfer = Action::Transfer { to: did(SELLER), amount };
    assert_eq!(world.fails(BUYER, transfer), short.into());
    let amount = world.free(BUYER);
    let short = Error::Insufficient { account: did(BUYER), missing: FEE };
    assert_eq!(world.fails(BUYER, Action::Burn { amount }), short.into());
}

#[test]
fn nothing_and_to_oneself_is_refused() {
    let mut world = World::new();
    let nothing = Amount::ZERO;
    let to_seller = Action::Transfer { to: did(SELLER), amount: nothing };
    assert_eq!(world.fails(BUYER, to_seller), Error::NothingMoved.into());
    assert_eq!(world.fails(BUYER, Action::Burn { amount: nothing }), Error::NothingMoved.into());
    let to_self = Action::Transfer { to: did(BUYER), amount: FEE };
    assert_eq!(world.fails(BUYER, to_self), Error::SameAccount.into());
}
