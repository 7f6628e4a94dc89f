//! Orders through the ledger: what is locked, paid and freed. How orders match is tested where the
//! matcher is.
use ainur_ledger::exchange::{Error, Event, query};
use ainur_ledger::{TransactionError, balances};
use ainur_market::exchange::{self as market, Change, Removal};
use ainur_primitives::{DurationMs, Timestamp};

use super::*;

fn cancel(order: OrderId) -> Action {
    Action::Cancel { class: class(), order }
}

fn replace(order: OrderId, quantity: u64, price: u64) -> Action {
    let self_trade = SelfTrade::CancelNewest;
    Action::Replace { class: class(), order, quantity, price: Amount::ainu(price), self_trade }
}

fn order_of(world: &World, party: u8, order: OrderId) -> Option<market::Order> {
    query::order(world.ledger.state(), &class(), &did(party), order)
}

#[test]
fn a_buy_order_locks_money_and_a_sell_order_credits() {
    let mut world = World::with_credits();
    let (before, locked) = (world.free(BUYER), world.totals().exchange);
    let bid = world.resting(BUYER, limit(Side::Buy, 4, 2));
    assert_eq!(world.gained(BUYER, before, 1), -ainu(8));
    assert_eq!(world.totals().exchange, locked.checked_add(Amount::ainu(8)).unwrap());
    let ask = world.resting(SELLER, limit(Side::Sell, 4, 3));
    assert_eq!(world.credits(SELLER), 6);
    assert_eq!(query::orders_of(world.ledger.state(), &did(SELLER), 9)[0].1.id, ask);
    world.ok(BUYER, cancel(bid));
    world.ok(SELLER, cancel(ask));
    assert_eq!(world.gained(BUYER, before, 2), 0);
    assert_eq!((world.credits(SELLER), world.totals().exchange), (10, locked));
    let again = TransactionError::from(Error::from(market::Error::UnknownOrder(ask)));
    assert_eq!(world.fails(SELLER, cancel(ask)), again);
}

#[test]
fn whoever_comes_in_trades_at_the_resting_price_and_pays_the_fee() {
    let mut world = World::with_credits();
    world.resting(SELLER, limit(Side::Sell, 4, 3));
    world.resting(RIVAL, limit(Side::Sell, 5, 4));
    let (buyer, seller) = (world.free(BUYER), world.free(SELLER));
    let rival = world.free(RIVAL);
    let treasury = world.totals().treasury;
    let (placed, fee) = world.order(BUYER, limit(Side::Buy, 10, 5));
    assert_eq!((placed.filled, placed.resting, placed.value), (9, 1, Amount::ainu(32)));
    assert_eq!(fee.0, Amount::ainu(32).0 / TAKER_FEE_DIVISOR);
    // One more credit is bid for at 5 AINU.
    assert_eq!(world.gained(BUYER, buyer, 1), -ainu(37) - fee.0 as i128);
    assert_eq!(world.gained(SELLER, seller, 0), ainu(12));
    assert_eq!(world.gained(RIVAL, rival, 0), ainu(20));
    let taken = world.totals().treasury.checked_sub(treasury).unwrap();
    assert_eq!(taken, fee.checked_add(FEE).unwrap());
    assert_eq!(world.credits(BUYER), 9);
    // A seller who comes in gets the bid's price less the fee.
    let seller = world.free(SELLER);
    let (placed, fee) = world.order(SELLER, limit(Side::Sell, 1, 1));
    assert_eq!(placed.value, Amount::ainu(5));
    assert_eq!(world.gained(SELLER, seller, 1), ainu(5) - fee.0 as i128);
    assert_eq!(world.credits(BUYER), 10);
}

#[test]
fn an_order_that_cannot_be_paid_does_nothing() {
    let mut world = World::with_credits();
    world.resting(SELLER, limit(Side::Sell, 10, 300));
    let short = world.fails(BUYER, place(Side::Buy, 4, OrderKind::Market));
    let insufficient = |error: &TransactionError| {
        use balances::Error::Insufficient;
        matches!(error, TransactionError::Exchange(Error::Balances(Insufficient { .. })))
    };
    assert!(insufficient(&short), "{short:?}");
    assert!(insufficient(&world.fails(BUYER, limit(Side::Buy, 4, 299))));
    let few = Error::InsufficientCredits { owner: did(RIVAL), missing: 1 };
    assert_eq!(world.fails(RIVAL, limit(Side::Sell, 6, 400)), few.into());
    world.resting(BUYER, limit(Side::Buy, 20, 1));
    let few = Error::InsufficientCredits { owner: did(RIVAL), missing: 2 };
    let market = place(Side::Sell, 7, OrderKind::Market);
    assert_eq!(world.fails(RIVAL, market), few.into());
}

#[test]
fn an_order_shrinks_in_place_and_moves_for_anything_else() {
    let mut world = World::with_credits();
    let before = world.free(BUYER);
    let bid = world.resting(BUYER, limit(Side::Buy, 10, 2));
    assert_eq!(world.resting(BUYER, replace(bid, 4, 2)), bid);
    assert_eq!(world.gained(BUYER, before, 2), -ainu(8));
    let moved = world.resting(BUYER, replace(bid, 4, 3));
    assert!(moved > bid);
    assert_eq!(order_of(&world, BUYER, bid), None);
    assert_eq!(world.gained(BUYER, before, 3), -ainu(12));
    world.resting(SELLER, limit(Side::Sell, 2, 5));
    let (placed, _) = world.order(BUYER, replace(moved, 2, 5));
    assert_eq!((placed.filled, placed.ending), (2, Ending::Filled));
    let gone = Error::from(market::Error::UnknownOrder(moved));
    assert_eq!(world.fails(BUYER, replace(moved, 1, 5)), gone.into());
    let bid = world.resting(BUYER, limit(Side::Buy, 1, 2));
    let same = Error::from(market::Error::NothingReplaced);
    assert_eq!(world.fails(BUYER, replace(bid, 1, 2)), same.into());
    assert!(world.fails(SELLER, replace(bid, 2, 2)).to_string().contains("no order"));
}

#[test]
fn an_order_that_meets_its_owners_own_frees_what_it_removes() {
    let mut world = World::with_credits();
    world.resting(SELLER, limit(Side::Sell, 4, 3));
    let (expires, kind) = (START.plus(DAY), OrderKind::Limit { price: Amount::ainu(3) });
    let (class, side, quantity) = (class(), Side::Buy, 2);
    let self_trade = SelfTrade::CancelOldest;
    let own = Action::Place { class, side, quantity, kind, self_trade, expires };
    let events = world.ok(SELLER, own);
    let removed = events.iter().any(|event| match event {
        ainur_ledger::Event::Exchange(Event::Updated { update, .. }) => {
            matches!(update.change, Change::Removed { reason: Removal::SelfTrade, .. })
        }
        _ => false,
    });
    assert!(removed);
    assert_eq!(world.credits(SELLER), 10);
    assert_eq!(query::depth(world.ledger.state(), &class, 9).unwrap().sell, []);
}

#[test]
fn expired_orders_do_not_trade_and_anyone_takes_them_out() {
    let mut world = World::with_credits();
    let first = world.resting(SELLER, limit(Side::Sell, 4, 3));
    world.resting(SELLER, limit(Side::Sell, 2, 4));
    let expire = Action::ExpireOrder { class: class(), owner: did(SELLER), order: first };
    let alive = Error::OrderAlive(START.plus(DAY));
    assert_eq!(world.fails(BUYER, expire.clone()), alive.into());
    world.later(DAY);
    world.ok(BUYER, expire.clone());
    assert_eq!(world.credits(SELLER), 8);
    let unknown = Error::from(market::Error::UnknownOrder(first));
    assert_eq!(world.fails(BUYER, expire), unknown.into());
    let expires = world.now.plus(HOUR);
    let kind = OrderKind::Limit { price: Amount::ainu(9) };
    let (class, side, self_trade) = (class(), Side::Buy, SelfTrade::CancelNewest);
    let bid = Action::Place { class, side, quantity: 1, kind, self_trade, expires };
    let (placed, _) = world.order(BUYER, bid);
    assert_eq!((placed.filled, placed.ending), (0, Ending::Resting));
    assert_eq!(world.credits(SELLER), 10);
}

#[test]
fn malformed_orders_and_full_books_are_refused() {
    let mut genesis = genesis();
    genesis.parameters.exchange.orders_max = 1;
    let mut world = World::with(&genesis);
    register(&mut world, SELLER);
    world.ok(SELLER, open_class());
    world.ok(SELLER, issue(10));
    world.resting(BUYER, limit(Side::Buy, 1, 1));
    assert_eq!(world.fails(BUYER, limit(Side::Buy, 1, 1)), Error::BookFull(1).into());
    assert_eq!(world.order(SELLER, place(Side::Sell, 1, OrderKind::Market)).0.filled, 1);
    let none = Error::from(market::Error::QuantityOutOfRange);
    assert_eq!(world.fails(BUYER, limit(Side::Buy, 0, 1)), none.into());
    let between = OrderKind::Limit { price: Amount(1_000_001) };
    let tick = Error::from(market::Error::BetweenTicks(Amount(1_000_000)));
    assert_eq!(world.fails(BUYER, place(Side::Buy, 1, between)), tick.into());
    let with = |expires: Timestamp| {
        let mut action = limit(Side::Buy, 1, 1);
        if let Action::Place { expires: until, .. } = &mut action {
            *until = expires;
        }
        action
    };
    let latest = START.plus(DurationMs(30 * DAY.0));
    let late = Error::ExpiresTooLate(latest);
    assert_eq!(world.fails(BUYER, with(Timestamp(latest.0 + 1))), late.into());
    let over = Error::from(market::Error::Expired(START));
    assert_eq!(world.fails(BUYER, with(START)), over.into());
    let unknown = CreditClassId(Digest([1; 32]));
    let action = Action::Cancel { class: unknown, order: OrderId(0) };
    assert_eq!(world.fails(BUYER, action), Error::UnknownClass(unknown).into());
}

#[test]
fn one_order_meets_so_many_at_most() {
    let mut genesis = genesis();
    genesis.parameters.exchange.met_max = 2;
    let mut world = World::with(&genesis);
    register(&mut world, SELLER);
    world.ok(SELLER, open_class());
    world.ok(SELLER, issue(10));
    for _ in 0..3 {
        world.resting(SELLER, limit(Side::Sell, 1, 3));
    }
    let (placed, _) = world.order(BUYER, limit(Side::Buy, 3, 3));
    assert_eq!((placed.filled, placed.resting, placed.ending), (2, 0, Ending::Exhausted));
}

#[test]
fn dust_takes_no_place_in_a_book() {
    let mut world = World::with_credits();
    let minimum = world.ledger.parameters().exchange.order_value_min;
    let buy = |quantity, price| place(Side::Buy, quantity, OrderKind::Limit { price });
    let tick = world.ledger.parameters().exchange.tick;
    let small = Error::OrderTooSmall { minimum };
    assert_eq!(world.fails(BUYER, buy(1, tick)), small.clone().into());
    let enough = (minimum.0 / tick.0) as u64;
    assert_eq!(world.fails(BUYER, buy(enough - 1, tick)), small.clone().into());
    let order = world.resting(BUYER, buy(enough, tick));
    let self_trade = SelfTrade::CancelNewest;
    let less =
        Action::Replace { class: class(), order, quantity: enough - 1, price: tick, self_trade };
    assert_eq!(world.fails(BUYER, less), small.into());
    // What does not rest may be as small as it likes, and credits are collateral enough.
    let price = Amount(minimum.0 / 10 / tick.0 * tick.0);
    world.resting(SELLER, place(Side::Sell, 1, OrderKind::Limit { price }));
    world.ok(BUYER, place(Side::Buy, 1, OrderKind::ImmediateOrCancel { price }));
}
