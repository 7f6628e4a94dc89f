//! Pools through the ledger, and the router between pool and book.
use ainur_ledger::exchange::{Error, Event, query};
use ainur_market::exchange::{self as market, LiquidityPool};

use super::*;

fn open_pool(credits: u64, money: u64, fee_bps: u16) -> Action {
    Action::OpenPool { class: class(), fee_bps, credits, money: Amount::ainu(money) }
}

fn swap(side: Side, quantity: u64, limit: Amount) -> Action {
    Action::Swap { class: class(), side, quantity, limit }
}

fn route(side: Side, quantity: u64, limit: Option<u64>) -> Action {
    Action::Route { class: class(), side, quantity, limit: limit.map(Amount::ainu) }
}

fn pool(world: &World) -> LiquidityPool {
    query::pool(world.ledger.state(), &class()).unwrap()
}

fn shares(world: &World, party: u8) -> Amount {
    query::pool_shares(world.ledger.state(), &class(), &did(party))
}

/// The seller's pool of 100 credits and 300 AINU at 0.3%, and 20 credits besides.
fn with_pool() -> World {
    let mut world = World::with_class();
    world.ok(SELLER, issue(120));
    world.ok(SELLER, open_pool(100, 300, 30));
    world
}

#[test]
fn a_pool_is_opened_once_with_a_governed_fee() {
    let mut world = World::with_class();
    world.ok(SELLER, issue(120));
    let high = Error::PoolFeeTooHigh(100);
    assert_eq!(world.fails(SELLER, open_pool(100, 300, 101)), high.into());
    let few = Error::InsufficientCredits { owner: did(RIVAL), missing: 100 };
    assert_eq!(world.fails(RIVAL, open_pool(100, 300, 30)), few.into());
    let little = Error::from(market::Error::TooLittleLiquidity);
    assert_eq!(world.fails(SELLER, open_pool(0, 300, 30)), little.into());
    let before = world.free(SELLER);
    world.ok(SELLER, open_pool(100, 300, 30));
    assert_eq!(world.gained(SELLER, before, 1), -ainu(300));
    assert_eq!((world.credits(SELLER), world.totals().pools), (20, Amount::ainu(300)));
    assert_eq!(shares(&world, SELLER), Amount(pool(&world).shares - 1_000));
    assert_eq!(world.fails(SELLER, open_pool(10, 30, 30)), Error::PoolOpen.into());
    let unknown = CreditClassId(Digest([1; 32]));
    let action = Action::Swap { class: unknown, side: Side::Buy, quantity: 1, limit: Amount(1) };
    assert_eq!(world.fails(BUYER, action), Error::NoPool.into());
}

#[test]
fn a_swap_moves_what_the_formulas_say_within_its_limit() {
    let mut world = with_pool();
    let cost = pool(&world).cost(10).unwrap();
    let before = world.free(BUYER);
    let below = Amount(cost.0 - 1);
    assert_eq!(world.fails(BUYER, swap(Side::Buy, 10, below)), Error::BeyondLimit.into());
    let events = world.ok(BUYER, swap(Side::Buy, 10, cost));
    let (trader, side, quantity, money) = (did(BUYER), Side::Buy, 10, cost);
    let swapped = Event::Swapped { class: class(), trader, side, quantity, money };
    assert_eq!(events, [swapped.into()]);
    assert_eq!(world.gained(BUYER, before, 2), -(cost.0 as i128));
    let proceeds = pool(&world).proceeds(10).unwrap();
    assert!(proceeds < cost, "the fee stays in the pool");
    let above = Amount(proceeds.0 + 1);
    assert_eq!(world.fails(BUYER, swap(Side::Sell, 10, above)), Error::BeyondLimit.into());
    world.ok(BUYER, swap(Side::Sell, 10, proceeds));
    assert_eq!((world.credits(BUYER), pool(&world).credits), (0, 100));
    let few = Error::InsufficientCredits { owner: did(BUYER), missing: 1 };
    assert_eq!(world.fails(BUYER, swap(Side::Sell, 1, Amount(0))), few.into());
    let most = swap(Side::Buy, 100, Amount::MAX);
    let exhausted = Error::from(market::Error::PoolExhausted);
    assert_eq!(world.fails(BUYER, most), exhausted.into());
}

#[test]
fn liquidity_comes_in_and_goes_out_in_proportion() {
    let mut world = with_pool();
    world.ok(RIVAL, issue(10));
    let minted = pool(&world).shares / 10;
    let bounded = |money_max, shares_min| {
        let class = class();
        Action::AddLiquidity { class, credits: 10, money_max, shares_min: Amount(shares_min) }
    };
    let add = |money_max| bounded(money_max, minted);
    let more = bounded(Amount::ainu(30), minted + 1);
    assert_eq!(world.fails(RIVAL, more), Error::BeyondLimit.into());
    let below = add(Amount(Amount::ainu(30).0 - 1));
    assert_eq!(world.fails(RIVAL, below), Error::BeyondLimit.into());
    world.ok(RIVAL, add(Amount::ainu(30)));
    assert_eq!((pool(&world).credits, world.totals().pools), (110, Amount::ainu(330)));
    let held = shares(&world, RIVAL);
    let remove = |shares, credits_min, money_min| {
        let class = class();
        Action::RemoveLiquidity { class, shares, credits_min, money_min }
    };
    let more = Amount(held.0 + 1);
    let short = Error::InsufficientShares { owner: did(RIVAL), missing: Amount(1) };
    assert_eq!(world.fails(RIVAL, remove(more, 0, Amount(0))), short.into());
    for (credits_min, money_min) in [(11, Amount(0)), (0, Amount::ainu(31))] {
        let action = remove(held, credits_min, money_min);
        assert_eq!(world.fails(RIVAL, action), Error::BeyondLimit.into());
    }
    let before = world.free(RIVAL);
    world.ok(RIVAL, remove(held, 9, Amount::ainu(29)));
    assert_eq!(shares(&world, RIVAL), Amount(0));
    assert!(world.gained(RIVAL, before, 1) <= ainu(30));
    assert!((9..=10).contains(&world.credits(RIVAL)));
    let none = Error::from(market::Error::NothingMoved);
    assert_eq!(world.fails(SELLER, remove(Amount(0), 0, Amount(0))), none.into());
}

#[test]
fn a_routed_order_takes_the_cheaper_of_pool_and_book() {
    let mut world = with_pool();
    // The pool's first credit costs a little over 3 AINU; its price doubles over some 30.
    world.resting(SELLER, limit(Side::Sell, 20, 4));
    let before = world.free(BUYER);
    let alone = pool(&world).cost(30).unwrap();
    let events = world.ok(BUYER, route(Side::Buy, 30, None));
    assert_eq!(world.credits(BUYER), 30);
    let paid = -world.gained(BUYER, before, 1);
    assert!(paid < alone.0 as i128, "{paid} is no better than {alone}");
    let count = |wanted: fn(&Event) -> bool| {
        let ours = events.iter().filter_map(|event| match event {
            ainur_ledger::Event::Exchange(event) => Some(event),
            _ => None,
        });
        ours.filter(|event| wanted(event)).count()
    };
    assert_eq!(count(|event| matches!(event, Event::Placed { .. })), 1);
    assert_eq!(count(|event| matches!(event, Event::Swapped { .. })), 1);
    // Back again: nobody bids, so the pool takes what it pays enough for.
    let sold = world.ok(BUYER, route(Side::Sell, 30, Some(3)));
    assert_eq!(sold.len(), 1);
    assert!((1..30).contains(&world.credits(BUYER)));
    let dear = route(Side::Buy, 1, Some(1));
    assert_eq!(world.fails(BUYER, dear), Error::NothingTrades.into());
    let none = Error::from(market::Error::QuantityOutOfRange);
    assert_eq!(world.fails(BUYER, route(Side::Buy, 0, None)), none.into());
}

#[test]
fn a_routed_order_never_trades_with_its_owner() {
    let mut world = World::with_credits();
    world.resting(SELLER, limit(Side::Sell, 2, 3));
    let nothing = Error::NothingTrades;
    assert_eq!(world.fails(SELLER, route(Side::Buy, 1, None)), nothing.into());
    world.resting(RIVAL, limit(Side::Sell, 2, 2));
    let (placed, _) = world.order(SELLER, route(Side::Buy, 4, None));
    assert_eq!((placed.filled, placed.ending), (2, Ending::Filled));
}
