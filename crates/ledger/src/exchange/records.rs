//! Resting orders as records, in the order in which they trade, for the market's matcher.
//!
//! A record's key ends with what decides its turn: the price (of a bid: its complement, so that the
//! highest comes first) and the number. The class remembers the first of each side, so that finding
//! it never passes over orders that this block has removed.
use ainur_market::exchange::{Order, OrderId, RestingOrders, Side};
use ainur_primitives::{Amount, Did};

use super::{CreditClass, CreditClassId};
use crate::balances::{close_position, open_position};
use crate::state::{Overlay, ReadState, key, read};

/// The resting orders of a class.
pub(super) struct OrderRecords<'c, 'a> {
    pub(super) state: &'c mut Overlay<'a>,
    pub(super) id: CreditClassId,
    pub(super) class: &'c mut CreditClass,
}

/// The order of an owner with this number, if it rests.
pub(super) fn owned(
    state: &(impl ReadState + ?Sized),
    class: CreditClassId,
    owner: &Did,
    order: OrderId,
) -> Option<Order> {
    let (side, price) = read::<(Side, Amount)>(state, &key::open_order(owner, &class, order))?;
    read(state, &key::order(&class, side, price, order))
}

/// The order that trades next after this one.
pub(super) fn next_order(
    state: &(impl ReadState + ?Sized),
    class: CreditClassId,
    order: &Order,
) -> Option<Order> {
    let mut from = key::order(&class, order.side, order.price, order.id);
    from.push(0);
    let (found, value) = state.next(&from)?;
    let ours = found.starts_with(&key::orders(&class, order.side));
    ours.then(|| crate::state::decoded(&value))
}

impl OrderRecords<'_, '_> {
    fn best(&mut self, side: Side) -> &mut Option<(Amount, OrderId)> {
        match side {
            Side::Buy => &mut self.class.best_buy,
            Side::Sell => &mut self.class.best_sell,
        }
    }
}

impl RestingOrders for OrderRecords<'_, '_> {
    fn first(&self, side: Side) -> Option<Order> {
        let (price, id) = self.class.best(side)?;
        self.state.read(&key::order(&self.id, side, price, id))
    }

    fn after(&self, order: &Order) -> Option<Order> {
        next_order(&*self.state, self.id, order)
    }

    fn set_quantity(&mut self, order: &Order, left: u64) {
        let at = key::order(&self.id, order.side, order.price, order.id);
        if left > 0 {
            return self.state.write(at, &Order { quantity: left, ..*order });
        }
        if self.class.best(order.side) == Some((order.price, order.id)) {
            let next = self.after(order).map(|next| (next.price, next.id));
            *self.best(order.side) = next;
        }
        self.state.remove(at);
        self.state.remove(key::open_order(&order.owner, &self.id, order.id));
        close_position(self.state, &order.owner);
        self.class.orders = self.class.orders.checked_sub(1).expect("an order is removed once");
    }

    fn insert(&mut self, order: &Order) {
        let Order { id, owner, side, price, .. } = *order;
        self.state.write(key::order(&self.id, side, price, id), order);
        self.state.write(key::open_order(&owner, &self.id, id), &(side, price));
        open_position(self.state, &owner);
        self.class.orders = self.class.orders.saturating_add(1);
        let better = self.class.best(side).is_none_or(|(best, _)| match side {
            Side::Buy => price > best,
            Side::Sell => price < best,
        });
        if better {
            *self.best(side) = Some((price, id));
        }
    }
}
