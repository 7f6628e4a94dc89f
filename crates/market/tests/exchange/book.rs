//! Each kind of order, self-trade prevention, expiry, replacement, limits, depth and feed.
use ainur_market::exchange::book::{LEVELS_MAX, MET_MAX, ORDERS_MAX};
use ainur_market::exchange::{
    Book, BookUpdate, Change, Ending, Error, Order, OrderId, OrderKind, OrderRequest, PRICE_MAX,
    Placed, QUANTITY_MAX, Removal, SelfTrade, Side, Trade,
};
use ainur_primitives::{Amount, Did, Digest, Timestamp};

use crate::random::Random;

const NOW: Timestamp = Timestamp(1_000);
const LATER: Timestamp = Timestamp(2_000);
const TICK: Amount = Amount(1);

fn trader(number: u8) -> Did {
    Did(Digest([number; 32]))
}

fn limit(price: u64) -> OrderKind {
    OrderKind::Limit { price: Amount(u128::from(price)) }
}

fn request(owner: u8, side: Side, quantity: u64, kind: OrderKind) -> OrderRequest {
    let self_trade = SelfTrade::default();
    OrderRequest { owner: trader(owner), side, quantity, kind, self_trade, expires: LATER }
}

/// A book and everything it reported.
struct Market {
    book: Book,
    feed: Vec<BookUpdate>,
}

impl Market {
    fn new() -> Self {
        Self { book: Book::new(TICK), feed: Vec::new() }
    }

    fn place(&mut self, owner: u8, side: Side, quantity: u64, kind: OrderKind) -> Placed {
        self.send(&request(owner, side, quantity, kind)).unwrap()
    }

    fn send(&mut self, request: &OrderRequest) -> Result<Placed, Error> {
        self.book.place(NOW, request, &mut self.feed)
    }

    /// Sellers 1, 2, 3 offer 10 credits each at 100, 100 and 101.
    fn with_offers() -> Self {
        let mut market = Self::new();
        for (owner, price) in [(1, 100), (2, 100), (3, 101)] {
            market.place(owner, Side::Sell, 10, limit(price));
        }
        market.feed.clear();
        market
    }

    /// The trades of the last order: maker, price, quantity, left.
    fn trades(&self) -> Vec<(u64, u128, u64, u64)> {
        let shown = |trade: Trade| (trade.maker.0, trade.price.0, trade.quantity, trade.maker_left);
        let changes = self.feed.iter().filter_map(|update| match update.change {
            Change::Traded(trade) => Some(shown(trade)),
            _ => None,
        });
        changes.collect()
    }

    fn depth(&self, side: Side) -> Vec<(u128, u64, u32)> {
        let depth = self.book.depth(usize::MAX);
        let levels = if side == Side::Buy { depth.buy } else { depth.sell };
        levels.iter().map(|level| (level.price.0, level.quantity, level.orders)).collect()
    }
}

#[test]
fn the_best_price_trades_first_then_the_oldest_at_the_resting_price() {
    let mut market = Market::with_offers();
    let placed = market.place(9, Side::Buy, 25, limit(105));
    assert_eq!((placed.filled, placed.resting, placed.ending), (25, 0, Ending::Filled));
    assert_eq!(placed.value, Amount(20 * 100 + 5 * 101));
    assert_eq!(market.trades(), [(0, 100, 10, 0), (1, 100, 10, 0), (2, 101, 5, 5)]);
    assert_eq!(market.depth(Side::Sell), [(101, 5, 1)]);
}

#[test]
fn a_sell_order_takes_the_highest_bid_first() {
    let mut market = Market::new();
    for (owner, price) in [(1, 99), (2, 101), (3, 101), (4, 100)] {
        market.place(owner, Side::Buy, 10, limit(price));
    }
    market.place(9, Side::Sell, 35, limit(100));
    assert_eq!(market.trades(), [(1, 101, 10, 0), (2, 101, 10, 0), (3, 100, 10, 0)]);
    assert_eq!(market.depth(Side::Sell), [(100, 5, 1)]);
    assert_eq!(market.depth(Side::Buy), [(99, 10, 1)]);
}

#[test]
fn what_is_left_of_a_limit_order_rests() {
    let mut market = Market::with_offers();
    let placed = market.place(9, Side::Buy, 25, limit(100));
    assert_eq!((placed.filled, placed.resting, placed.ending), (20, 5, Ending::Resting));
    assert_eq!(market.depth(Side::Buy), [(100, 5, 1)]);
    assert_eq!(market.book.order(placed.order).unwrap().quantity, 5);
}

#[test]
fn market_and_immediate_orders_never_rest() {
    let mut market = Market::with_offers();
    let immediate = OrderKind::ImmediateOrCancel { price: Amount(100) };
    let placed = market.place(9, Side::Buy, 25, immediate);
    assert_eq!((placed.filled, placed.resting, placed.ending), (20, 0, Ending::Unfilled));
    let placed = market.place(9, Side::Buy, 25, OrderKind::Market);
    assert_eq!((placed.filled, placed.resting, placed.ending), (10, 0, Ending::Unfilled));
    assert!(market.book.is_empty());
    let placed = market.place(9, Side::Buy, 1, OrderKind::Market);
    assert_eq!((placed.filled, placed.value), (0, Amount::ZERO));
}

#[test]
fn fill_or_kill_trades_all_or_nothing() {
    let mut market = Market::with_offers();
    let placed = market.place(9, Side::Buy, 21, OrderKind::FillOrKill { price: Amount(100) });
    assert_eq!((placed.filled, placed.ending), (0, Ending::Killed));
    assert!(market.feed.is_empty());
    let placed = market.place(9, Side::Buy, 21, OrderKind::FillOrKill { price: Amount(101) });
    assert_eq!((placed.filled, placed.ending), (21, Ending::Filled));
}

#[test]
fn post_only_rests_or_does_nothing() {
    let mut market = Market::with_offers();
    let placed = market.place(9, Side::Buy, 5, OrderKind::PostOnly { price: Amount(100) });
    assert_eq!((placed.filled, placed.ending), (0, Ending::WouldTake));
    assert!(market.feed.is_empty());
    let placed = market.place(9, Side::Buy, 5, OrderKind::PostOnly { price: Amount(99) });
    assert_eq!((placed.resting, placed.ending), (5, Ending::Resting));
}

#[test]
fn an_order_that_meets_its_owners_own_does_what_its_mode_says() {
    // Owner 2 has the second offer at 100.
    for (self_trade, filled, ending, left) in [
        (SelfTrade::CancelNewest, 10, Ending::SelfTrade, vec![(100, 10, 1), (101, 10, 1)]),
        (SelfTrade::CancelOldest, 15, Ending::Filled, vec![(101, 5, 1)]),
        (SelfTrade::CancelBoth, 10, Ending::SelfTrade, vec![(101, 10, 1)]),
    ] {
        let mut market = Market::with_offers();
        let order = OrderRequest { self_trade, ..request(2, Side::Buy, 15, limit(105)) };
        let placed = market.send(&order).unwrap();
        assert_eq!((placed.filled, placed.resting, placed.ending), (filled, 0, ending));
        assert_eq!(market.depth(Side::Sell), left, "{self_trade:?}");
        let own = |update: &BookUpdate| matches!(update.change, Change::Removed { order, reason: Removal::SelfTrade } if order.owner == trader(2));
        assert_eq!(market.feed.iter().any(own), self_trade != SelfTrade::CancelNewest);
    }
}

#[test]
fn fill_or_kill_does_not_count_the_owners_own_orders() {
    for (self_trade, enough) in
        [(SelfTrade::CancelNewest, 10), (SelfTrade::CancelOldest, 20), (SelfTrade::CancelBoth, 10)]
    {
        let kind = OrderKind::FillOrKill { price: Amount(105) };
        let mut market = Market::with_offers();
        let order = OrderRequest { self_trade, ..request(2, Side::Buy, enough + 1, kind) };
        assert_eq!(market.send(&order).unwrap().ending, Ending::Killed, "{self_trade:?}");
        assert_eq!(market.book.len(), 3);
        let order = OrderRequest { quantity: enough, ..order };
        assert_eq!(market.send(&order).unwrap().ending, Ending::Filled, "{self_trade:?}");
    }
}

#[test]
fn expired_orders_are_removed_when_met_and_never_trade() {
    let mut market = Market::with_offers();
    let order =
        OrderRequest { expires: Timestamp(9_000), ..request(4, Side::Sell, 10, limit(102)) };
    market.send(&order).unwrap();
    let kind = OrderKind::FillOrKill { price: Amount(105) };
    let later = |quantity, kind| OrderRequest {
        expires: Timestamp(9_000),
        ..request(9, Side::Buy, quantity, kind)
    };
    let placed = market.book.place(LATER, &later(11, kind), &mut market.feed).unwrap();
    assert_eq!(placed.ending, Ending::Killed);
    let kind = OrderKind::PostOnly { price: Amount(101) };
    let placed = market.book.place(LATER, &later(5, kind), &mut market.feed).unwrap();
    assert_eq!((placed.resting, placed.ending), (5, Ending::Resting));
    assert_eq!(market.depth(Side::Sell), [(102, 10, 1)]);
    let placed = market.book.place(LATER, &later(11, limit(105)), &mut market.feed).unwrap();
    assert_eq!((placed.filled, placed.resting), (10, 1));
}

#[test]
fn an_order_trades_until_just_before_it_expires() {
    for (now, filled) in [(Timestamp(LATER.0 - 1), 30), (LATER, 0)] {
        let mut market = Market::with_offers();
        let order = request(9, Side::Buy, 30, OrderKind::Market);
        let order = OrderRequest { expires: Timestamp(9_000), ..order };
        let placed = market.book.place(now, &order, &mut market.feed).unwrap();
        assert_eq!(placed.filled, filled);
        assert!(market.book.is_empty());
    }
}

#[test]
fn an_order_shrinks_in_place_and_loses_it_for_anything_else() {
    let mut market = Market::with_offers();
    let mut feed = Vec::new();
    let newest = SelfTrade::CancelNewest;
    let placed = market.book.replace(NOW, OrderId(0), (4, Amount(100)), newest, &mut feed).unwrap();
    assert_eq!((placed.order, placed.resting), (OrderId(0), 4));
    let placed =
        market.book.replace(NOW, OrderId(1), (11, Amount(100)), newest, &mut feed).unwrap();
    assert_eq!((placed.order, placed.resting), (OrderId(3), 11));
    let placed = market.book.replace(NOW, OrderId(2), (5, Amount(100)), newest, &mut feed).unwrap();
    assert_eq!(placed.order, OrderId(4));
    market.place(9, Side::Buy, 17, limit(100));
    assert_eq!(market.trades(), [(0, 100, 4, 0), (3, 100, 11, 0), (4, 100, 2, 3)]);
    let same = market.book.replace(NOW, OrderId(4), (3, Amount(100)), newest, &mut feed);
    assert_eq!(same, Err(Error::NothingReplaced));
    let gone = market.book.replace(NOW, OrderId(0), (3, Amount(100)), newest, &mut feed);
    assert_eq!(gone, Err(Error::UnknownOrder(OrderId(0))));
    let none = market.book.replace(NOW, OrderId(4), (0, Amount(100)), newest, &mut feed);
    assert_eq!(none, Err(Error::QuantityOutOfRange));
    let between = market.book.replace(NOW, OrderId(4), (3, Amount(0)), newest, &mut feed);
    assert_eq!(between, Err(Error::PriceOutOfRange));
}

#[test]
fn a_replacement_that_crosses_trades() {
    let mut market = Market::with_offers();
    let bid = market.place(9, Side::Buy, 5, limit(90)).order;
    let (order, newest) = ((12, Amount(100)), SelfTrade::CancelNewest);
    let placed = market.book.replace(NOW, bid, order, newest, &mut market.feed).unwrap();
    assert_eq!((placed.filled, placed.ending), (12, Ending::Filled));
    assert_eq!(market.depth(Side::Buy), []);
}

#[test]
fn a_cancelled_order_is_gone() {
    let mut market = Market::with_offers();
    let order = market.book.cancel(OrderId(1), &mut market.feed).unwrap();
    assert_eq!((order.owner, order.quantity), (trader(2), 10));
    assert_eq!(market.depth(Side::Sell), [(100, 10, 1), (101, 10, 1)]);
    let again = market.book.cancel(OrderId(1), &mut market.feed);
    assert_eq!(again, Err(Error::UnknownOrder(OrderId(1))));
}

#[test]
fn malformed_orders_are_refused() {
    let mut book = Book::new(Amount(5));
    let mut refused = |edit: &dyn Fn(&mut OrderRequest)| {
        let mut order = request(1, Side::Buy, 1, limit(100));
        edit(&mut order);
        book.place(NOW, &order, &mut Vec::new()).unwrap_err()
    };
    assert_eq!(refused(&|order| order.quantity = 0), Error::QuantityOutOfRange);
    assert_eq!(refused(&|order| order.quantity = QUANTITY_MAX + 1), Error::QuantityOutOfRange);
    assert_eq!(refused(&|order| order.kind = limit(0)), Error::PriceOutOfRange);
    let kind = OrderKind::PostOnly { price: Amount(PRICE_MAX.0 + 1) };
    assert_eq!(refused(&|order| order.kind = kind), Error::PriceOutOfRange);
    assert_eq!(refused(&|order| order.kind = limit(99)), Error::BetweenTicks(Amount(5)));
    assert_eq!(refused(&|order| order.expires = NOW), Error::Expired(NOW));
}

#[test]
fn a_book_holds_so_many_prices_and_one_order_meets_so_many() {
    let mut market = Market::new();
    for price in 1..=LEVELS_MAX as u64 {
        market.place(1, Side::Sell, 1, limit(price));
    }
    let order = request(1, Side::Sell, 1, limit(LEVELS_MAX as u64 + 1));
    assert_eq!(market.send(&order), Err(Error::LevelsFull));
    market.place(1, Side::Sell, 1, limit(LEVELS_MAX as u64));
    let placed = market.place(9, Side::Buy, u64::from(MET_MAX) + 1, limit(LEVELS_MAX as u64));
    assert_eq!((placed.filled, placed.ending), (u64::from(MET_MAX), Ending::Exhausted));
    let kind = OrderKind::FillOrKill { price: PRICE_MAX };
    let placed = market.place(9, Side::Buy, u64::from(MET_MAX) + 1, kind);
    assert_eq!(placed.ending, Ending::Killed);
}

#[test]
fn a_full_book_refuses_what_would_rest() {
    let mut market = Market::new();
    for _ in 0..ORDERS_MAX {
        market.place(1, Side::Sell, 1, limit(100));
        market.feed.clear();
    }
    let order = request(1, Side::Sell, 1, limit(100));
    assert_eq!(market.send(&order), Err(Error::BookFull));
    assert_eq!(market.place(2, Side::Buy, 1, OrderKind::Market).ending, Ending::Filled);
    assert!(market.send(&order).is_ok());
}

#[test]
fn a_feed_with_a_gap_or_a_contradiction_is_refused() {
    let mut market = Market::new();
    market.place(1, Side::Sell, 10, limit(100));
    market.place(2, Side::Buy, 4, limit(100));
    let mut copy = Book::new(TICK);
    let skipped = Error::FeedGap { expected: 0, found: 1 };
    assert_eq!(copy.apply(&market.feed[1]), Err(skipped));
    copy.apply(&market.feed[0]).unwrap();
    let Change::Traded(trade) = market.feed[1].change else { unreachable!() };
    let wrong = Change::Traded(Trade { maker_left: 7, ..trade });
    let wrong = BookUpdate { sequence: 1, change: wrong };
    assert_eq!(copy.apply(&wrong), Err(Error::FeedContradiction(1)));
    let order = Order { id: OrderId(0), ..copy.order(OrderId(0)).unwrap() };
    let again = BookUpdate { sequence: 1, change: Change::Added(order) };
    assert_eq!(copy.apply(&again), Err(Error::FeedContradiction(1)));
    copy.apply(&market.feed[1]).unwrap();
    assert_eq!(copy.depth(9), market.book.depth(9));
}

/// Any operation of any of four traders, expiring orders and every self-trade mode included.
fn anything(market: &mut Market, random: &mut Random, now: Timestamp) {
    let price = Amount(u128::from(random.between(90, 110)));
    let quantity = random.between(1, 20);
    let id = OrderId(random.between(0, 400));
    let self_trade = [SelfTrade::CancelNewest, SelfTrade::CancelOldest, SelfTrade::CancelBoth]
        [random.between(0, 2) as usize];
    let kind = match random.between(0, 9) {
        0 => OrderKind::Market,
        1 => OrderKind::ImmediateOrCancel { price },
        2 => OrderKind::FillOrKill { price },
        3 => OrderKind::PostOnly { price },
        _ => OrderKind::Limit { price },
    };
    let Market { book, feed } = market;
    // Refusals are part of the game.
    match random.between(0, 9) {
        0 => drop(book.cancel(id, feed)),
        1 => drop(book.replace(now, id, (quantity, price), self_trade, feed)),
        _ => {
            let side = if random.next().is_multiple_of(2) { Side::Buy } else { Side::Sell };
            let owner = trader(random.between(1, 4) as u8);
            let expires = Timestamp(now.0 + random.between(1, 200));
            let order = OrderRequest { owner, side, quantity, kind, self_trade, expires };
            book.place(now, &order, feed).map(drop).unwrap();
        }
    }
}

#[test]
fn a_book_rebuilt_from_its_feed_is_the_same_and_never_crossed() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let (mut market, mut copy) = (Market::new(), Book::new(TICK));
        for step in 0..400 {
            let from = market.feed.len();
            anything(&mut market, &mut random, Timestamp(1_000 + step));
            for update in &market.feed[from..] {
                copy.apply(update).unwrap();
                if let Change::Traded(trade) = update.change {
                    assert_ne!(trade.maker_owner, trade.taker_owner, "seed {seed}");
                }
            }
        }
        for side in [Side::Buy, Side::Sell] {
            let orders: Vec<Order> = market.book.orders(side).collect();
            assert_eq!(copy.orders(side).collect::<Vec<_>>(), orders, "seed {seed}");
            let summed: u64 = market.depth(side).iter().map(|level| level.1).sum();
            assert_eq!(summed, orders.iter().map(|order| order.quantity).sum::<u64>());
        }
        assert_eq!(copy.depth(usize::MAX), market.book.depth(usize::MAX), "seed {seed}");
        let best = |side| market.book.orders(side).next();
        if let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell)) {
            assert!(bid.price < ask.price, "seed {seed}");
        }
    }
}
