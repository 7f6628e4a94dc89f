//! Orders: matched by the market's engine on records, settled change by change.
//!
//! A resting buy order has the value of what is left of it in the exchange's pot; a resting sell
//! order holds its credits itself. Whoever comes in pays the taker's fee, to the treasury.
use ainur_market::exchange::{
    BookUpdate, Change, Ending, Order, OrderId, OrderKind, OrderRequest, Placed, Removal,
    SelfTrade, Side, matching,
};
use ainur_primitives::{Amount, Did, Timestamp};
use alloc::vec::Vec;

use super::records::{OrderRecords, owned};
use super::state::{class, give, take};
use super::{CreditClass, CreditClassId, Error, Event};
use crate::balances::{Pot, move_money};
use crate::execution::Context;
use crate::state::key;

/// Places an order of the sender's.
pub(super) fn place(
    context: &mut Context<'_>,
    id: CreditClassId,
    request: &OrderRequest,
) -> Result<Placed, Error> {
    let mut class = class(&context.state, id)?;
    let params = &context.parameters.exchange;
    request.validate(context.now, params.tick)?;
    if let Some(price) = request.kind.resting_price() {
        let latest = context.now.plus(params.order_ms_max);
        if request.expires > latest {
            return Err(Error::ExpiresTooLate(latest));
        }
        if class.orders >= params.orders_max {
            return Err(Error::BookFull(params.orders_max));
        }
        ensure_worth(context, request.side, price, request.quantity)?;
    }
    let placed = match_and_settle(context, id, &mut class, request)?;
    context.state.write(key::credit_class(&id), &class);
    Ok(placed)
}

/// Takes an order of the sender's out.
pub(super) fn cancel(
    context: &mut Context<'_>,
    id: CreditClassId,
    order: OrderId,
) -> Result<(), Error> {
    take_out(context, id, (context.sender, order), Removal::Cancelled)
}

/// Takes anyone's order out whose time is over.
pub(super) fn expire(
    context: &mut Context<'_>,
    id: CreditClassId,
    owner: Did,
    order: OrderId,
) -> Result<(), Error> {
    let found = find(context, id, &owner, order)?;
    if found.expires > context.now {
        return Err(Error::OrderAlive(found.expires));
    }
    take_out(context, id, (owner, order), Removal::Expired)
}

/// Gives an order of the sender's another quantity and price.
pub(super) fn replace(
    context: &mut Context<'_>,
    id: CreditClassId,
    order: OrderId,
    (quantity, price): (u64, Amount),
    self_trade: SelfTrade,
) -> Result<(), Error> {
    let owner = context.sender;
    let mut class = class(&context.state, id)?;
    let found = find(context, id, &owner, order)?;
    ensure_worth(context, found.side, price, quantity)?;
    if price == found.price && quantity <= found.quantity {
        let mut changes = Vec::new();
        let mut orders = OrderRecords { state: &mut context.state, id, class: &mut class };
        matching::reduce(&mut orders, found, quantity, |change| changes.push(change))?;
        settle(context, id, &mut class, &changes)?;
        let (filled, value, ending) = (0, Amount::ZERO, Ending::Resting);
        let placed = Placed { order, filled, value, resting: quantity, ending };
        context.emit(Event::Placed { class: id, owner, placed, fee: Amount::ZERO });
    } else {
        let Order { side, expires, .. } = found;
        let kind = OrderKind::Limit { price };
        let request = OrderRequest { owner, side, quantity, kind, self_trade, expires };
        request.validate(context.now, context.parameters.exchange.tick)?;
        remove(context, id, &mut class, found, Removal::Replaced)?;
        match_and_settle(context, id, &mut class, &request)?;
    }
    context.state.write(key::credit_class(&id), &class);
    Ok(())
}

/// An order that may rest takes a place of its book from others, so it has to be worth it.
fn ensure_worth(
    context: &Context<'_>,
    side: Side,
    price: Amount,
    quantity: u64,
) -> Result<(), Error> {
    let minimum = context.parameters.exchange.order_value_min;
    let worth = price.0.saturating_mul(u128::from(quantity));
    match side {
        Side::Buy if worth < minimum.0 => Err(Error::OrderTooSmall { minimum }),
        Side::Buy | Side::Sell => Ok(()),
    }
}

fn find(
    context: &Context<'_>,
    id: CreditClassId,
    owner: &Did,
    order: OrderId,
) -> Result<Order, Error> {
    let unknown = ainur_market::exchange::Error::UnknownOrder(order);
    Ok(owned(&context.state, id, owner, order).ok_or(unknown)?)
}

fn take_out(
    context: &mut Context<'_>,
    id: CreditClassId,
    (owner, order): (Did, OrderId),
    reason: Removal,
) -> Result<(), Error> {
    let mut class = class(&context.state, id)?;
    let found = find(context, id, &owner, order)?;
    remove(context, id, &mut class, found, reason)?;
    context.state.write(key::credit_class(&id), &class);
    Ok(())
}

fn remove(
    context: &mut Context<'_>,
    id: CreditClassId,
    class: &mut CreditClass,
    order: Order,
    reason: Removal,
) -> Result<(), Error> {
    let mut changes = Vec::new();
    let mut orders = OrderRecords { state: &mut context.state, id, class };
    matching::remove(&mut orders, order, reason, |change| changes.push(change));
    settle(context, id, class, &changes)
}

/// Matches a validated order and moves what it trades and locks.
pub(super) fn match_and_settle(
    context: &mut Context<'_>,
    id: CreditClassId,
    class: &mut CreditClass,
    request: &OrderRequest,
) -> Result<Placed, Error> {
    let order = OrderId(class.next_order);
    class.next_order += 1;
    let bounds = (context.now, context.parameters.exchange.met_max);
    let mut changes = Vec::new();
    let mut orders = OrderRecords { state: &mut context.state, id, class };
    let report = |change| changes.push(change);
    let placed = matching::place(&mut orders, bounds, order, request, report);
    if request.side == Side::Sell {
        // First of all: nobody is given credits that are not there.
        take(&mut context.state, id, &request.owner, placed.filled)?;
    }
    settle(context, id, class, &changes)?;
    if request.side == Side::Buy {
        give(&mut context.state, id, &request.owner, placed.filled);
    }
    let fee = placed.value.share_ceil(context.parameters.exchange.taker_fee);
    move_money(&mut context.state, Pot::Free(request.owner), Pot::Treasury, fee)?;
    context.emit(Event::Placed { class: id, owner: request.owner, placed, fee });
    Ok(placed)
}

/// Moves what resting orders trade, lock and free, and reports the changes.
fn settle(
    context: &mut Context<'_>,
    id: CreditClassId,
    class: &mut CreditClass,
    changes: &[Change],
) -> Result<(), Error> {
    for change in changes {
        match change {
            Change::Traded(trade) => {
                let (maker, taker) = (trade.maker_owner, trade.taker_owner);
                let (from, to) = match trade.taker_side {
                    Side::Buy => (Pot::Free(taker), Pot::Free(maker)),
                    Side::Sell => {
                        give(&mut context.state, id, &maker, trade.quantity);
                        (Pot::Exchange, Pot::Free(taker))
                    }
                };
                move_money(&mut context.state, from, to, trade.value())?;
            }
            Change::Added(order) => lock(context, id, order)?,
            Change::Reduced { order, by } => {
                free(context, id, &Order { quantity: *by, ..*order })?;
            }
            Change::Removed { order, .. } => free(context, id, order)?,
        }
        let update = BookUpdate { sequence: class.next_update, change: *change };
        class.next_update += 1;
        context.emit(Event::Updated { class: id, update });
    }
    Ok(())
}

/// The value of an order at its price. Cannot overflow, see [`ainur_market::exchange::PRICE_MAX`].
pub(super) fn value(order: &Order) -> Amount {
    Amount(order.price.0.saturating_mul(u128::from(order.quantity)))
}

fn lock(context: &mut Context<'_>, id: CreditClassId, order: &Order) -> Result<(), Error> {
    match order.side {
        Side::Buy => {
            let from = Pot::Free(order.owner);
            Ok(move_money(&mut context.state, from, Pot::Exchange, value(order))?)
        }
        Side::Sell => take(&mut context.state, id, &order.owner, order.quantity),
    }
}

fn free(context: &mut Context<'_>, id: CreditClassId, order: &Order) -> Result<(), Error> {
    match order.side {
        Side::Buy => {
            let to = Pot::Free(order.owner);
            move_money(&mut context.state, Pot::Exchange, to, value(order))?;
        }
        Side::Sell => give(&mut context.state, id, &order.owner, order.quantity),
    }
    Ok(())
}

/// The request that an action of the sender's stands for.
pub(super) fn request(
    context: &Context<'_>,
    (side, quantity): (Side, u64),
    kind: OrderKind,
    self_trade: SelfTrade,
    expires: Timestamp,
) -> OrderRequest {
    OrderRequest { owner: context.sender, side, quantity, kind, self_trade, expires }
}
