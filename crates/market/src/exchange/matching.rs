//! The matcher: price–time priority over any set of resting orders.
//!
//! The best price trades first, at one price the lowest number, at the price of the order that
//! rested. Resting orders whose time is over, and the owner's own as its self-trade mode says, are
//! removed when they are met. The work one order can cause is bounded by a count of resting orders
//! met; what is left of an order that reaches it is cancelled, for it must not rest in a crossed
//! book.
use ainur_primitives::{Amount, Did, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::feed::{Change, Removal, Trade};
use super::order::{Order, OrderId, OrderKind, OrderRequest, SelfTrade, Side};

/// Where resting orders are kept, each side best price first and lowest number first.
pub trait RestingOrders {
    /// The order of a side that trades first.
    fn first(&self, side: Side) -> Option<Order>;

    /// The order of the same side that trades next after this one.
    fn after(&self, order: &Order) -> Option<Order>;

    /// Changes what is left of an order; zero removes it.
    fn set_quantity(&mut self, order: &Order, left: u64);

    /// Adds an order with a number higher than any before.
    fn insert(&mut self, order: &Order);
}

/// What became of an order when it came in.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Placed {
    /// Its number.
    pub order: OrderId,
    /// Credits traded.
    pub filled: u64,
    /// What they cost together.
    pub value: Amount,
    /// Credits that neither traded nor were cancelled.
    pub resting: u64,
    /// How it ended.
    pub ending: Ending,
}

/// How an incoming order ended.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All of it traded.
    Filled,
    /// It rests with what is left.
    Resting,
    /// No more could trade; the rest is cancelled.
    Unfilled,
    /// It could not trade as a whole, so nothing did.
    Killed,
    /// It would have traded at once and must not.
    WouldTake,
    /// It met an order of its owner; the rest is cancelled.
    SelfTrade,
    /// It met as many orders as one order may; the rest is cancelled.
    Exhausted,
}

/// Matches an order that was [validated](OrderRequest::validate) and lets what is left of it rest.
///
/// `id` is higher than any before; `met_max` bounds the resting orders it meets. Every change is
/// reported in order.
pub fn place(
    orders: &mut impl RestingOrders,
    (now, met_max): (Timestamp, u32),
    id: OrderId,
    request: &OrderRequest,
    report: impl FnMut(Change),
) -> Placed {
    let mut taker =
        Taker { id, request, now, left: request.quantity, value: Amount::ZERO, met_max, report };
    let stopped = match request.kind {
        OrderKind::PostOnly { .. } => taker.stay_out(orders),
        OrderKind::FillOrKill { .. } if !taker.can_fill(orders) => Some(Ending::Killed),
        _ => taker.take(orders),
    };
    let left = taker.left;
    let ending = match (stopped, request.kind.resting_price()) {
        (Some(ending), _) => ending,
        (None, _) if left == 0 => Ending::Filled,
        (None, None) => Ending::Unfilled,
        (None, Some(price)) => {
            let OrderRequest { owner, side, expires, .. } = *request;
            let order = Order { id, owner, side, price, quantity: left, expires };
            orders.insert(&order);
            (taker.report)(Change::Added(order));
            Ending::Resting
        }
    };
    let resting = if ending == Ending::Resting { left } else { 0 };
    Placed { order: id, filled: request.quantity - left, value: taker.value, resting, ending }
}

/// Takes an order out.
pub fn remove(
    orders: &mut impl RestingOrders,
    order: Order,
    reason: Removal,
    mut report: impl FnMut(Change),
) {
    orders.set_quantity(&order, 0);
    report(Change::Removed { order, reason });
}

/// Lowers the quantity of an order, which keeps its place.
///
/// # Errors
/// When it would not become less, or nothing.
pub fn reduce(
    orders: &mut impl RestingOrders,
    order: Order,
    left: u64,
    mut report: impl FnMut(Change),
) -> Result<(), Error> {
    if left == 0 || left > order.quantity {
        return Err(Error::QuantityOutOfRange);
    }
    if left == order.quantity {
        return Err(Error::NothingReplaced);
    }
    orders.set_quantity(&order, left);
    let by = order.quantity - left;
    report(Change::Reduced { order: Order { quantity: left, ..order }, by });
    Ok(())
}

/// An order while it trades.
struct Taker<'a, R> {
    id: OrderId,
    request: &'a OrderRequest,
    now: Timestamp,
    left: u64,
    value: Amount,
    /// Resting orders it may still meet.
    met_max: u32,
    report: R,
}

impl<R: FnMut(Change)> Taker<'_, R> {
    /// Trades until nothing is left or nothing fits; says why when it has to stop before.
    fn take(&mut self, orders: &mut impl RestingOrders) -> Option<Ending> {
        while self.left > 0 {
            let Some(maker) = self.crossing(orders) else { break };
            if self.met_max == 0 {
                return Some(Ending::Exhausted);
            }
            self.met_max -= 1;
            if maker.expires <= self.now {
                remove(orders, maker, Removal::Expired, &mut self.report);
            } else if maker.owner == self.request.owner {
                if self.request.self_trade != SelfTrade::CancelNewest {
                    remove(orders, maker, Removal::SelfTrade, &mut self.report);
                }
                if self.request.self_trade != SelfTrade::CancelOldest {
                    return Some(Ending::SelfTrade);
                }
            } else {
                self.trade(orders, maker);
            }
        }
        None
    }

    fn trade(&mut self, orders: &mut impl RestingOrders, maker: Order) {
        let quantity = maker.quantity.min(self.left);
        let trade = Trade {
            maker: maker.id,
            maker_owner: maker.owner,
            taker: self.id,
            taker_owner: self.request.owner,
            taker_side: self.request.side,
            price: maker.price,
            quantity,
            maker_left: maker.quantity - quantity,
        };
        self.left -= quantity;
        self.value = self.value.saturating_add(trade.value());
        orders.set_quantity(&maker, trade.maker_left);
        (self.report)(Change::Traded(trade));
    }

    /// For an order that must not trade: why it cannot rest either.
    fn stay_out(&mut self, orders: &mut impl RestingOrders) -> Option<Ending> {
        while let Some(maker) = self.crossing(orders) {
            if maker.expires > self.now {
                return Some(Ending::WouldTake);
            }
            if self.met_max == 0 {
                return Some(Ending::Exhausted);
            }
            self.met_max -= 1;
            remove(orders, maker, Removal::Expired, &mut self.report);
        }
        None
    }

    /// Whether [`Self::take`] would leave nothing.
    fn can_fill(&self, orders: &impl RestingOrders) -> bool {
        let mut missing = self.left;
        let met = available(orders, self.request.side, self.request.kind.limit())
            .take(usize::try_from(self.met_max).unwrap_or(usize::MAX));
        for maker in met {
            if maker.expires <= self.now {
                continue;
            }
            if maker.owner == self.request.owner {
                if self.request.self_trade == SelfTrade::CancelOldest {
                    continue;
                }
                return false;
            }
            missing = missing.saturating_sub(maker.quantity);
            if missing == 0 {
                return true;
            }
        }
        false
    }

    /// The resting order it meets next.
    fn crossing(&self, orders: &impl RestingOrders) -> Option<Order> {
        let first = orders.first(self.request.side.opposite())?;
        accepted(self.request.side, self.request.kind.limit(), &first).then_some(first)
    }
}

/// What a taker of this side and limit meets, in order, whoever's it is and expired or not.
pub fn available(
    orders: &impl RestingOrders,
    taker_side: Side,
    limit: Option<Amount>,
) -> impl Iterator<Item = Order> {
    let first = orders.first(taker_side.opposite());
    core::iter::successors(first, |order| orders.after(order))
        .take_while(move |order| accepted(taker_side, limit, order))
}

/// The orders among them that trade with this owner, up to the first that would stop it, for it
/// is its own.
pub fn tradable(
    orders: &impl RestingOrders,
    now: Timestamp,
    taker: (Did, Side),
    limit: Option<Amount>,
    met_max: u32,
) -> impl Iterator<Item = Order> {
    available(orders, taker.1, limit)
        .take(usize::try_from(met_max).unwrap_or(usize::MAX))
        .filter(move |order| order.expires > now)
        .take_while(move |order| order.owner != taker.0)
}

fn accepted(taker_side: Side, limit: Option<Amount>, maker: &Order) -> bool {
    limit.is_none_or(|limit| taker_side.accepts(limit, maker.price))
}
