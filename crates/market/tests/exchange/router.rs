//! The split between book and pool against every split there is.
use ainur_market::exchange::{LiquidityPool, Order, OrderId, RoutePlan, Side, route};
use ainur_primitives::{Amount, Did, Digest, Ppm, Timestamp};

use crate::random::Random;

fn orders(side: Side, levels: &[(u128, u64)]) -> Vec<Order> {
    let (owner, expires) = (Did(Digest::ZERO), Timestamp(u64::MAX));
    let orders = levels.iter().zip(0..);
    let order = |(&(price, quantity), id): (&(u128, u64), u64)| {
        let (id, price) = (OrderId(id), Amount(price));
        Order { id, owner, side: side.opposite(), price, quantity, expires }
    };
    orders.map(order).collect()
}

/// What so many credits from the best orders cost or fetch with the fee; none when there are fewer.
fn in_book(side: Side, orders: &[Order], mut credits: u64, fee: Ppm) -> Option<i128> {
    let mut sum = 0;
    for order in orders {
        let taken = order.quantity.min(credits);
        let each = match side {
            Side::Buy => order.price.0 + order.price.share_ceil(fee).0,
            Side::Sell => order.price.0 - order.price.share_ceil(fee).0,
        };
        sum += (each * u128::from(taken)) as i128;
        credits -= taken;
    }
    (credits == 0).then_some(sum)
}

/// What a split costs; proceeds count as negative cost.
fn cost(
    side: Side,
    orders: &[Order],
    fee: Ppm,
    pool: &LiquidityPool,
    split: (u64, u64),
) -> Option<i128> {
    let book = in_book(side, orders, split.0, fee)?;
    let pooled = match (side, split.1) {
        (_, 0) => 0,
        (Side::Buy, credits) => pool.cost(credits).ok()?.0 as i128,
        (Side::Sell, credits) => pool.proceeds(credits).ok()?.0 as i128,
    };
    Some(if side == Side::Buy { book + pooled } else { -(book + pooled) })
}

/// The pool of both tests below sells its first credits at about a million each.
fn pool() -> LiquidityPool {
    LiquidityPool::begin(0, 10_000, Amount(10_000_000_000)).unwrap().0
}

#[test]
fn an_order_is_split_where_both_cost_the_same() {
    let offers = orders(Side::Buy, &[(1_010_000, 100), (1_050_000, 1_000)]);
    let pool = pool();
    let planned = |quantity, limit: Option<u128>| {
        route((Side::Buy, quantity), limit.map(Amount), offers.clone(), Ppm(0), Some(&pool))
    };
    assert_eq!(planned(40, None), RoutePlan { book: 0, book_price: Amount(0), pool: 40 });
    // The pool's 50th credit is the last below the first offer.
    let first = Amount(1_010_000);
    assert_eq!(planned(140, None), RoutePlan { book: 90, book_price: first, pool: 50 });
    assert_eq!(
        planned(10_000, Some(first.0)),
        RoutePlan { book: 100, book_price: first, pool: 50 }
    );
    let alone = route((Side::Buy, 150), None, offers.clone(), Ppm(0), None);
    assert_eq!(alone, RoutePlan { book: 150, book_price: Amount(1_050_000), pool: 0 });
    assert_eq!(planned(150, Some(900_000)), RoutePlan::default());
}

#[test]
fn the_fee_of_the_book_counts_towards_limit_and_choice() {
    let offers = orders(Side::Buy, &[(1_000_000, 10)]);
    let pool = pool();
    let with = |fee| route((Side::Buy, 10), None, offers.clone(), Ppm(fee), Some(&pool));
    assert_eq!((with(0).book, with(0).pool), (10, 0));
    assert_eq!((with(100_000).book, with(100_000).pool), (0, 10));
    let limit = Some(Amount(1_000_000));
    let beyond = route((Side::Buy, 10), limit, offers.clone(), Ppm(1_000), None);
    assert_eq!(beyond, RoutePlan::default());
}

#[test]
fn no_other_split_is_cheaper() {
    for seed in 0..3_000 {
        let mut random = Random(seed);
        let side = if random.next().is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let fee_bps = random.between(0, 100) as u16;
        let (credits, each) = (random.between(20, 400), random.between(5_000, 2_000_000));
        let money = Amount(u128::from(credits * each));
        let pool = LiquidityPool::begin(fee_bps, credits, money).unwrap().0;
        let mut levels: Vec<(u128, u64)> = (0..random.between(0, 6))
            .map(|_| (u128::from(random.between(each / 2, each * 2)), random.between(1, 20)))
            .collect();
        levels.sort_unstable();
        if side == Side::Sell {
            levels.reverse();
        }
        let orders = orders(side, &levels);
        let (quantity, fee) = (random.between(1, 60), Ppm(random.between(0, 5_000) as u32));
        let planned = route((side, quantity), None, orders.clone(), fee, Some(&pool));
        let ours = cost(side, &orders, fee, &pool, (planned.book, planned.pool)).unwrap();
        let most = (0..=quantity)
            .filter(|pooled| {
                cost(side, &orders, fee, &pool, (quantity - pooled, *pooled)).is_some()
            })
            .count();
        if planned.book + planned.pool < quantity {
            assert_eq!(most, 0, "seed {seed}: more could trade");
            continue;
        }
        let best = (0..=quantity)
            .filter_map(|pooled| cost(side, &orders, fee, &pool, (quantity - pooled, pooled)))
            .min()
            .unwrap();
        assert!(ours <= best + 1, "seed {seed}: {planned:?} costs {ours}, not {best}");
    }
}
