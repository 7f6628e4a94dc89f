//! Splitting an order between book and pool, so that each credit trades where it is cheaper.
//!
//! The book's marginal price rises order by order, the pool's credit by credit. Walking the orders
//! from the best, the pool takes every credit that costs no more there than with the order at hand,
//! and the order the rest: both costs are convex, so this greedy split is the cheapest, up to one
//! base unit for rounding.
use ainur_primitives::{Amount, Ppm};

use super::order::{Order, Side};
use super::pool::LiquidityPool;

/// Where an order is to trade.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RoutePlan {
    /// Credits from the book.
    pub book: u64,
    /// The worst price among them, fees aside; zero without any.
    pub book_price: Amount,
    /// Credits from the pool, in one trade.
    pub pool: u64,
}

/// Plans an order of a taker: `resting` are the orders it would trade with in the book, best
/// first, `book_fee` is what it pays there of each value.
///
/// `limit` is the worst price of a credit, fees included. What trades nowhere within it is in
/// neither number.
pub fn route(
    (side, quantity): (Side, u64),
    limit: Option<Amount>,
    resting: impl IntoIterator<Item = Order>,
    book_fee: Ppm,
    pool: Option<&LiquidityPool>,
) -> RoutePlan {
    let mut planned = RoutePlan::default();
    let mut bound = None;
    for order in resting {
        let price = with_fee(side, order.price, book_fee);
        let worth = limit.is_none_or(|limit| side.accepts(limit, price));
        if !worth || planned.book + planned.pool >= quantity {
            break;
        }
        if bound != Some(price) {
            bound = Some(price);
            planned.pool = from_pool(pool, side, quantity - planned.book, Some(price));
        }
        let taken = order.quantity.min(quantity - planned.book - planned.pool);
        if taken > 0 {
            planned.book += taken;
            planned.book_price = order.price;
        }
    }
    if planned.book + planned.pool < quantity {
        planned.pool = from_pool(pool, side, quantity - planned.book, limit);
    }
    planned
}

/// What a credit costs or fetches at a price in the book.
fn with_fee(side: Side, price: Amount, fee: Ppm) -> Amount {
    match side {
        Side::Buy => price.saturating_add(price.share_ceil(fee)),
        Side::Sell => price.saturating_sub(price.share_ceil(fee)),
    }
}

/// The most credits up to `most` of which each costs at most, or fetches at least, the bound.
fn from_pool(pool: Option<&LiquidityPool>, side: Side, most: u64, bound: Option<Amount>) -> u64 {
    let Some(pool) = pool else { return 0 };
    let most = match side {
        Side::Buy => most.min(pool.credits.saturating_sub(1)),
        Side::Sell => most.min(u64::MAX - pool.credits),
    };
    let fits = |credits: u64| match (bound, marginal(pool, side, credits)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(bound), Some(price)) => side.accepts(bound, price),
    };
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = high - (high - low) / 2;
        if fits(middle) { low = middle } else { high = middle - 1 }
    }
    low
}

/// What the last of so many credits costs or fetches.
fn marginal(pool: &LiquidityPool, side: Side, credits: u64) -> Option<Amount> {
    let all = |credits: u64| match side {
        Side::Buy => pool.cost(credits),
        Side::Sell => pool.proceeds(credits),
    };
    let before = match credits {
        1 => Amount::ZERO,
        more => all(more - 1).unwrap_or(Amount::ZERO),
    };
    all(credits).ok()?.checked_sub(before)
}
