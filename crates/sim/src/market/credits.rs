//! The trade in credits of one capability as its traders see it: book, pool, and the router between
//! them.
//!
//! The engines here are those in memory, which take the same orders in the same order as the ledger
//! does in its next block. After each block the two are compared, so a difference stops the market.
use ainur_ledger::exchange::{Action, CreditClassId, query};
use ainur_market::exchange::{
    Book, BookUpdate, Change, LiquidityPool, Order, OrderId, OrderKind, OrderRequest, RoutePlan,
    SelfTrade, Side, Trade, route,
};
use ainur_primitives::{Amount, Did, Ppm, Timestamp};

use super::Error;
use super::economy::BEGINNING;
use super::offers::Looks;
use super::settlement::Settlement;

/// Longer than any market runs: orders are replaced, not left to expire.
const ORDERS_UNTIL: Timestamp = Timestamp(BEGINNING.0 + 20 * 86_400_000);
/// So many prices of a book are compared with the ledger's.
const LEVELS_COMPARED: usize = 16;

/// The trade in credits of one capability.
pub(super) struct CreditMarket {
    pub(super) class: CreditClassId,
    /// What buyers did with the orders.
    pub(super) looks: Looks,
    pub(super) book: Book,
    pub(super) pool: Option<LiquidityPool>,
    tick: Amount,
    taker_fee: Ppm,
    feed: Vec<BookUpdate>,
}

/// What an order traded, or would trade, in book and pool.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Exchanged {
    /// Credits traded in the book.
    pub(super) book: u64,
    /// Credits traded with the pool.
    pub(super) pool: u64,
    /// What those of the book cost or fetch without the fee.
    book_value: Amount,
    fee: Amount,
    /// What those of the pool cost or fetch.
    pub(super) pool_money: Amount,
}

impl Exchanged {
    pub(super) fn quantity(&self) -> u64 {
        self.book + self.pool
    }

    /// What a buyer pays.
    pub(super) fn cost(&self) -> Amount {
        self.book_value.saturating_add(self.fee).saturating_add(self.pool_money)
    }

    /// What a seller gets.
    pub(super) fn proceeds(&self) -> Amount {
        self.book_value.saturating_add(self.pool_money).saturating_sub(self.fee)
    }
}

/// What an owner wants of the router: how many credits, and the worst price of each, fees included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Routed {
    pub(super) owner: Did,
    pub(super) side: Side,
    pub(super) quantity: u64,
    pub(super) limit: Option<Amount>,
}

impl CreditMarket {
    pub(super) fn new(class: CreditClassId, tick: Amount, taker_fee: Ppm) -> Self {
        let (book, looks) = (Book::new(tick), Looks::default());
        Self { class, looks, book, pool: None, tick, taker_fee, feed: Vec::new() }
    }

    /// The best order of a side.
    pub(super) fn best(&self, side: Side) -> Option<Order> {
        self.book.orders(side).next()
    }

    /// What the taker pays of a value.
    pub(super) fn fee(&self, value: Amount) -> Amount {
        value.share_ceil(self.taker_fee)
    }

    fn plan(&self, now: Timestamp, wanted: &Routed) -> RoutePlan {
        let Routed { owner, side, quantity, limit } = *wanted;
        let resting = self.book.tradable(now, (owner, side), None);
        route((side, quantity), limit, resting, self.taker_fee, self.pool.as_ref())
    }

    /// What the router would come to now; nothing when nothing trades.
    pub(super) fn quote(&self, now: Timestamp, wanted: &Routed) -> Option<Exchanged> {
        let plan = self.plan(now, wanted);
        let (owner, side) = (wanted.owner, wanted.side);
        let mut left = plan.book;
        let mut value = Amount::ZERO;
        for order in self.book.tradable(now, (owner, side), None) {
            let traded = order.quantity.min(left);
            value = value.saturating_add(Amount(order.price.0.saturating_mul(traded.into())));
            left -= traded;
            if left == 0 {
                break;
            }
        }
        let pool = self.pool.as_ref().filter(|_| plan.pool > 0);
        let money = pool.and_then(|pool| match side {
            Side::Buy => pool.cost(plan.pool).ok(),
            Side::Sell => pool.proceeds(plan.pool).ok(),
        });
        (plan.book + plan.pool > 0).then(|| Exchanged {
            book: plan.book,
            pool: plan.pool,
            book_value: value,
            fee: self.fee(value),
            pool_money: money.unwrap_or_default(),
        })
    }

    /// Trades where it is better, as the ledger's router does; nothing when nothing trades.
    pub(super) fn route(
        &mut self,
        now: Timestamp,
        wanted: &Routed,
    ) -> Result<Option<(Exchanged, Action)>, Error> {
        let Some(expected) = self.quote(now, wanted) else { return Ok(None) };
        let Routed { owner, side, quantity, limit } = *wanted;
        let plan = self.plan(now, wanted);
        let mut done = Exchanged::default();
        if plan.book > 0 {
            (done, _) = self.take(now, (owner, side), plan.book, plan.book_price)?;
        }
        if plan.pool > 0 {
            done.pool = plan.pool;
            (done.pool_money, _) = self.swap(side, plan.pool)?;
        }
        if done.quantity() != expected.quantity() || done.cost() != expected.cost() {
            return Err(Error::Invariant("a route came to another price than its quote".into()));
        }
        let class = self.class;
        Ok(Some((done, Action::Route { class, side, quantity, limit })))
    }

    /// Takes so many credits from the book at this price or better.
    pub(super) fn take(
        &mut self,
        now: Timestamp,
        (owner, side): (Did, Side),
        quantity: u64,
        price: Amount,
    ) -> Result<(Exchanged, Action), Error> {
        let request = request(owner, (side, quantity), OrderKind::ImmediateOrCancel { price });
        let placed = self.book.place(now, &request, &mut self.feed)?;
        if placed.filled != quantity {
            return Err(Error::Rejected(format!("{quantity} credits did not trade at {price}")));
        }
        let fee = self.fee(placed.value);
        let book_value = placed.value;
        let done = Exchanged { book: quantity, book_value, fee, ..Exchanged::default() };
        Ok((done, place(self.class, &request)))
    }

    /// Trades with the pool; the product of its reserves does not fall.
    pub(super) fn swap(&mut self, side: Side, quantity: u64) -> Result<(Amount, Action), Error> {
        let class = self.class;
        let pool = self.pool.as_mut().ok_or(Error::Nobody)?;
        let before = product(pool);
        let limit = match side {
            Side::Buy => pool.buy(quantity)?,
            Side::Sell => pool.sell(quantity)?,
        };
        if product(pool).is_none() || product(pool) < before {
            return Err(Error::Invariant("the product of a pool's reserves fell".into()));
        }
        Ok((limit, Action::Swap { class, side, quantity, limit }))
    }

    /// Makes an owner's order one for so many credits at this price; none for no credits. It never
    /// trades at once, for what rests pays no fee: a price that would is moved to the next tick.
    pub(super) fn rest(
        &mut self,
        now: Timestamp,
        order: &mut Option<OrderId>,
        (owner, side): (Did, Side),
        (quantity, price): (u64, Amount),
    ) -> Result<Option<Action>, Error> {
        let (class, self_trade) = (self.class, SelfTrade::default());
        let price = self.beside(side, price);
        let quantity = if price.is_zero() { 0 } else { quantity };
        let resting = order.and_then(|order| self.book.order(order));
        let action = match resting {
            Some(found) if quantity == 0 => {
                self.book.cancel(found.id, &mut self.feed)?;
                *order = None;
                Action::Cancel { class, order: found.id }
            }
            Some(found) if (found.price, found.quantity) != (price, quantity) => {
                let anew = (quantity, price);
                let placed = self.book.replace(now, found.id, anew, self_trade, &mut self.feed)?;
                *order = Some(placed.order);
                Action::Replace { class, order: found.id, quantity, price, self_trade }
            }
            None if quantity > 0 => {
                let request = request(owner, (side, quantity), OrderKind::Limit { price });
                let placed = self.book.place(now, &request, &mut self.feed)?;
                *order = Some(placed.order);
                place(class, &request)
            }
            _ => return Ok(None),
        };
        Ok(Some(action))
    }

    /// A price on the grid that does not trade with the other side.
    fn beside(&self, side: Side, price: Amount) -> Amount {
        let (tick, best) = (self.tick, self.best(side.opposite()).map(|order| order.price));
        match side {
            Side::Buy => {
                let most = best.map_or(price, |ask| price.min(ask.saturating_sub(tick)));
                Amount(most.0 - most.0 % tick.0.max(1))
            }
            Side::Sell => {
                let least = best.map_or(price, |bid| price.max(bid.saturating_add(tick)));
                Amount(least.0.next_multiple_of(tick.0.max(1)))
            }
        }
    }

    /// Whether an order still rests.
    pub(super) fn rests(&self, order: Option<OrderId>) -> bool {
        order.is_some_and(|order| self.book.order(order).is_some())
    }

    /// What orders that rested have traded since this was asked last.
    pub(super) fn trades(&mut self) -> Vec<Trade> {
        let traded = self.feed.drain(..).filter_map(|update| match update.change {
            Change::Traded(trade) => Some(trade),
            _ => None,
        });
        traded.collect()
    }

    /// A buyer who would pay so much for a credit looks at what there is.
    pub(super) fn look(&mut self, limit: Amount) {
        let best = self.book.orders(Side::Sell).take(2).map(|order| (order.owner, order.price));
        self.looks.best = best.collect();
        self.looks.count += 1;
        // Nobody who can have it from the pool pays more for an order.
        let pool = self.pool.and_then(|pool| pool.cost(1).ok());
        self.looks.limit = pool.map_or(limit, |pool| pool.min(limit));
    }

    /// How far the best prices of the two sides are apart, and the pool's price from their middle, in
    /// parts per million of the middle.
    pub(super) fn distances(&self) -> Option<(u64, Option<u64>)> {
        let bid = self.best(Side::Buy)?.price.0;
        let ask = self.best(Side::Sell)?.price.0;
        let both = ask + bid;
        let ppm = |distance: u128| (distance * 1_000_000 / both.max(1)) as u64;
        let price = self.pool.map(|pool| pool.money.0 / u128::from(pool.credits.max(1)));
        let gap = price.map(|price| ppm((2 * price).abs_diff(both)));
        Some((ppm(2 * (ask - bid)), gap))
    }

    /// Compares book and pool with the ledger's.
    pub(super) fn compare(&self, settlement: &Settlement) -> Result<(), Error> {
        let state = settlement.state();
        let differs =
            |what: &str| Err(Error::Invariant(format!("{what} differs from the ledger's")));
        if query::pool(state, &self.class) != self.pool {
            return differs("a pool");
        }
        let depth = self.book.depth(LEVELS_COMPARED);
        match query::depth(state, &self.class, LEVELS_COMPARED) {
            Some(found) if found == depth => Ok(()),
            _ => differs("a book"),
        }
    }
}

/// The product of the reserves.
fn product(pool: &LiquidityPool) -> Option<u128> {
    pool.money.0.checked_mul(u128::from(pool.credits))
}

fn request(owner: Did, (side, quantity): (Side, u64), kind: OrderKind) -> OrderRequest {
    let (self_trade, expires) = (SelfTrade::default(), ORDERS_UNTIL);
    OrderRequest { owner, side, quantity, kind, self_trade, expires }
}

fn place(class: CreditClassId, request: &OrderRequest) -> Action {
    let OrderRequest { side, quantity, kind, self_trade, expires, .. } = *request;
    Action::Place { class, side, quantity, kind, self_trade, expires }
}

#[cfg(test)]
mod tests {
    use ainur_primitives::Digest;

    use super::*;

    fn party(number: u8) -> Did {
        Did(Digest([number; 32]))
    }

    fn market() -> CreditMarket {
        let tick = Amount(10);
        CreditMarket::new(CreditClassId(Digest::ZERO), tick, Ppm(10_000))
    }

    fn rest(market: &mut CreditMarket, owner: u8, side: Side, price: u128) -> Option<OrderId> {
        let mut order = None;
        let (of, anew) = ((party(owner), side), (1, Amount(price)));
        market.rest(BEGINNING, &mut order, of, anew).expect("a valid order");
        order
    }

    fn wanted(side: Side, quantity: u64, limit: Option<u128>) -> Routed {
        Routed { owner: party(9), side, quantity, limit: limit.map(Amount) }
    }

    #[test]
    fn an_order_that_rests_never_trades_at_once_and_stays_on_the_grid() {
        let mut market = market();
        rest(&mut market, 1, Side::Sell, 1_001);
        assert_eq!(market.best(Side::Sell).map(|order| order.price), Some(Amount(1_010)));
        rest(&mut market, 2, Side::Buy, 5_000);
        assert_eq!(market.best(Side::Buy).map(|order| order.price), Some(Amount(1_000)));
        rest(&mut market, 3, Side::Sell, 400);
        assert_eq!(market.best(Side::Sell).map(|order| order.price), Some(Amount(1_010)));
        assert!(market.trades().is_empty());
        assert_eq!(market.distances(), Some((9_950, None)), "10 over the middle, 1005");
    }

    #[test]
    fn a_route_takes_each_credit_where_it_is_cheaper_and_comes_to_its_quote() {
        let mut market = market();
        // The pool sells its first two for 111,112 and 138,888; an order costs a hundredth more.
        market.pool = LiquidityPool::begin(0, 10, Amount(1_000_000)).ok().map(|(pool, _)| pool);
        rest(&mut market, 1, Side::Sell, 120_000);
        let three = wanted(Side::Buy, 3, Some(130_000));
        let quote = market.quote(BEGINNING, &three).expect("two within the limit");
        let cost = 120_000 + 1_200 + 111_112;
        assert_eq!((quote.book, quote.pool, quote.cost()), (1, 1, Amount(cost)));
        let routed = market.route(BEGINNING, &three).expect("a route").expect("it trades");
        assert_eq!(routed.0.cost(), quote.cost());
        assert_eq!(market.trades().len(), 1);
        assert_eq!(market.pool.map(|pool| (pool.credits, pool.money.0)), Some((9, 1_111_112)));
        assert!(market.quote(BEGINNING, &wanted(Side::Sell, 1, Some(130_000))).is_none());
    }
}
