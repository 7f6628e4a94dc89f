//! A book in memory: one market's resting orders, its matcher, its feed and its depth.
//!
//! Prices are a sorted map for each side, orders a slab with a queue threaded through it for each
//! price. Placing costs a search among prices; trading with the best order none.
use alloc::vec::Vec;

use ainur_primitives::{Amount, Did, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::feed::{BookUpdate, Change, Removal};
use super::matching::{self, Ending, Placed, RestingOrders};
use super::order::{Order, OrderId, OrderKind, OrderRequest, SelfTrade, Side};
use super::{PRICE_MAX, QUANTITY_MAX};
use levels::Levels;

mod index;
mod levels;

/// How many orders rest in one book.
pub const ORDERS_MAX: usize = 1 << 20;

/// How many different prices one side has.
pub const LEVELS_MAX: usize = 1 << 16;

/// How many resting orders one order meets.
pub const MET_MAX: u32 = 1 << 14;

/// The orders of one market.
#[derive(Clone, Debug)]
pub struct Book {
    tick: Amount,
    orders: Levels,
    next_order: u64,
    next_update: u64,
}

/// The prices of a book, best first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Depth {
    /// The number of the next update: those from there on are not in here.
    pub next_update: u64,
    /// Buying, highest price first.
    pub buy: Vec<DepthLevel>,
    /// Selling, lowest price first.
    pub sell: Vec<DepthLevel>,
}

/// All orders at one price.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthLevel {
    /// Base units per credit.
    pub price: Amount,
    /// Credits.
    pub quantity: u64,
    /// Orders.
    pub orders: u32,
}

impl Book {
    /// A book without orders, whose prices are multiples of `tick`.
    pub fn new(tick: Amount) -> Self {
        Self { tick, orders: Levels::default(), next_order: 0, next_update: 0 }
    }

    /// Matches an order and lets what is left of it rest; the changes are added to `feed`.
    ///
    /// # Errors
    /// When the order is not [valid](OrderRequest::validate), or would rest in a full book.
    pub fn place(
        &mut self,
        now: Timestamp,
        request: &OrderRequest,
        feed: &mut Vec<BookUpdate>,
    ) -> Result<Placed, Error> {
        request.validate(now, self.tick)?;
        if let Some(price) = request.kind.resting_price() {
            self.orders.ensure_room(request.side, price)?;
        }
        Ok(self.place_validated(now, request, feed))
    }

    fn place_validated(
        &mut self,
        now: Timestamp,
        request: &OrderRequest,
        feed: &mut Vec<BookUpdate>,
    ) -> Placed {
        let id = OrderId(self.next_order);
        self.next_order += 1;
        let report = numbered(&mut self.next_update, feed);
        matching::place(&mut self.orders, (now, MET_MAX), id, request, report)
    }

    /// Takes an order out and returns what was left of it.
    ///
    /// # Errors
    /// When it does not rest here.
    pub fn cancel(&mut self, id: OrderId, feed: &mut Vec<BookUpdate>) -> Result<Order, Error> {
        let order = self.orders.get(id).ok_or(Error::UnknownOrder(id))?;
        let report = numbered(&mut self.next_update, feed);
        matching::remove(&mut self.orders, order, Removal::Cancelled, report);
        Ok(order)
    }

    /// Gives an order another quantity and price.
    ///
    /// For less at the same price it keeps its number and place. Otherwise it is taken out and
    /// placed anew as a limit order, with a new number, and may trade.
    ///
    /// # Errors
    /// When it does not rest here, nothing would change, or the replacement is not valid.
    pub fn replace(
        &mut self,
        now: Timestamp,
        id: OrderId,
        (quantity, price): (u64, Amount),
        self_trade: SelfTrade,
        feed: &mut Vec<BookUpdate>,
    ) -> Result<Placed, Error> {
        let order = self.orders.get(id).ok_or(Error::UnknownOrder(id))?;
        if price == order.price && quantity <= order.quantity {
            let report = numbered(&mut self.next_update, feed);
            matching::reduce(&mut self.orders, order, quantity, report)?;
            let (filled, value, ending) = (0, Amount::ZERO, Ending::Resting);
            return Ok(Placed { order: id, filled, value, resting: quantity, ending });
        }
        let Order { owner, side, expires, .. } = order;
        let kind = OrderKind::Limit { price };
        let request = OrderRequest { owner, side, quantity, kind, self_trade, expires };
        request.validate(now, self.tick)?;
        self.orders.ensure_level(side, price)?;
        let report = numbered(&mut self.next_update, feed);
        matching::remove(&mut self.orders, order, Removal::Replaced, report);
        Ok(self.place_validated(now, &request, feed))
    }

    /// Repeats what a feed says, so that this book becomes the one the feed is of.
    ///
    /// # Errors
    /// When the update is not the next one, or does not fit; the book is as before.
    pub fn apply(&mut self, update: &BookUpdate) -> Result<(), Error> {
        let BookUpdate { sequence, change } = *update;
        if sequence != self.next_update {
            return Err(Error::FeedGap { expected: self.next_update, found: sequence });
        }
        let contradiction = Error::FeedContradiction(sequence);
        match change {
            Change::Added(order) => {
                let valid = order.id.0 >= self.next_order
                    && order.price <= PRICE_MAX
                    && (1..=QUANTITY_MAX).contains(&order.quantity);
                if !valid {
                    return Err(contradiction);
                }
                self.orders.ensure_room(order.side, order.price)?;
                self.orders.insert(&order);
                self.next_order = order.id.0.saturating_add(1);
            }
            Change::Traded(trade) => {
                let traded = trade.maker_left.checked_add(trade.quantity);
                let found = self.orders.get(trade.maker).ok_or(contradiction.clone())?;
                if traded != Some(found.quantity) {
                    return Err(contradiction);
                }
                self.orders.set_quantity(&found, trade.maker_left);
                self.next_order = self.next_order.max(trade.taker.0);
            }
            Change::Reduced { order, .. } => {
                let found = self.orders.get(order.id).ok_or(contradiction.clone())?;
                if order.quantity == 0 || order.quantity >= found.quantity {
                    return Err(contradiction);
                }
                self.orders.set_quantity(&found, order.quantity);
            }
            Change::Removed { order, .. } => {
                let found = self.orders.get(order.id).filter(|found| *found == order);
                self.orders.set_quantity(&found.ok_or(contradiction)?, 0);
            }
        }
        self.next_update += 1;
        Ok(())
    }

    /// The best prices of both sides, at most `levels_max` each.
    pub fn depth(&self, levels_max: usize) -> Depth {
        let side = |side| self.orders.depth(side, levels_max);
        Depth { next_update: self.next_update, buy: side(Side::Buy), sell: side(Side::Sell) }
    }

    /// An order that rests.
    pub fn order(&self, id: OrderId) -> Option<Order> {
        self.orders.get(id)
    }

    /// All orders of a side, those that trade first first.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = Order> + '_ {
        core::iter::successors(self.orders.first(side), |order| self.orders.after(order))
    }

    /// The orders a taker would trade with, in order, see [`matching::tradable`].
    pub fn tradable(
        &self,
        now: Timestamp,
        taker: (Did, Side),
        limit: Option<Amount>,
    ) -> impl Iterator<Item = Order> + '_ {
        matching::tradable(&self.orders, now, taker, limit, MET_MAX)
    }

    /// How many orders rest.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// True without any order.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Numbers changes on.
fn numbered<'a>(
    next_update: &'a mut u64,
    feed: &'a mut Vec<BookUpdate>,
) -> impl FnMut(Change) + 'a {
    move |change| {
        feed.push(BookUpdate { sequence: *next_update, change });
        *next_update += 1;
    }
}
