//! Resting orders by side, price and time: a slab of orders with a queue threaded through it for
//! each price.
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound;

use ainur_primitives::Amount;

use super::super::error::Error;
use super::super::matching::RestingOrders;
use super::super::order::{Order, OrderId, Side};
use super::index::Index;
use super::{DepthLevel, LEVELS_MAX, ORDERS_MAX};

/// No slot.
const NONE: u32 = u32::MAX;

/// Resting orders.
#[derive(Clone, Debug, Default)]
pub(super) struct Levels {
    buy: BTreeMap<u64, Level>,
    sell: BTreeMap<u64, Level>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    index: Index,
}

#[derive(Clone, Debug)]
struct Slot {
    order: Order,
    previous: u32,
    next: u32,
}

/// The orders at one price, as a queue.
#[derive(Clone, Debug)]
struct Level {
    head: u32,
    tail: u32,
    quantity: u64,
    orders: u32,
}

/// Where a price stands in the map of its side.
fn key(price: Amount) -> u64 {
    u64::try_from(price.0).expect("a valid price is at most 2⁶⁴ − 1")
}

impl Levels {
    fn side(&self, side: Side) -> &BTreeMap<u64, Level> {
        match side {
            Side::Buy => &self.buy,
            Side::Sell => &self.sell,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<u64, Level> {
        match side {
            Side::Buy => &mut self.buy,
            Side::Sell => &mut self.sell,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn get(&self, id: OrderId) -> Option<Order> {
        Some(self.slots[self.index.get(id)? as usize].order)
    }

    /// Whether one more order at this price fits.
    pub(super) fn ensure_room(&self, side: Side, price: Amount) -> Result<(), Error> {
        if self.len() >= ORDERS_MAX {
            return Err(Error::BookFull);
        }
        self.ensure_level(side, price)
    }

    /// Whether this price fits.
    pub(super) fn ensure_level(&self, side: Side, price: Amount) -> Result<(), Error> {
        let prices = self.side(side);
        let full = prices.len() >= LEVELS_MAX && !prices.contains_key(&key(price));
        if full { Err(Error::LevelsFull) } else { Ok(()) }
    }

    pub(super) fn depth(&self, side: Side, levels_max: usize) -> Vec<DepthLevel> {
        let shown = |(price, level): (&u64, &Level)| DepthLevel {
            price: Amount(u128::from(*price)),
            quantity: level.quantity,
            orders: level.orders,
        };
        match side {
            Side::Buy => self.buy.iter().rev().take(levels_max).map(shown).collect(),
            Side::Sell => self.sell.iter().take(levels_max).map(shown).collect(),
        }
    }

    /// Takes a slot for an order at the end of its queue.
    fn occupy(&mut self, order: Order, previous: u32) -> u32 {
        let slot = Slot { order, previous, next: NONE };
        match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                u32::try_from(self.slots.len() - 1).expect("a book holds at most 2²⁰ orders")
            }
        }
    }

    /// Takes an order out of its queue, and its price out of the book when it was the last.
    fn unlink(&mut self, at: u32) {
        let Slot { order, previous, next } = self.slots[at as usize].clone();
        let price = key(order.price);
        let prices = self.side_mut(order.side);
        let level = prices.get_mut(&price).expect("an order has a level");
        level.quantity -= order.quantity;
        level.orders -= 1;
        match (previous, next) {
            (NONE, NONE) => drop(prices.remove(&price)),
            (NONE, next) => {
                level.head = next;
                self.slots[next as usize].previous = NONE;
            }
            (previous, NONE) => {
                level.tail = previous;
                self.slots[previous as usize].next = NONE;
            }
            (previous, next) => {
                self.slots[next as usize].previous = previous;
                self.slots[previous as usize].next = next;
            }
        }
        self.free.push(at);
        self.index.remove(order.id);
    }
}

impl RestingOrders for Levels {
    fn first(&self, side: Side) -> Option<Order> {
        let (_, level) = match side {
            Side::Buy => self.buy.last_key_value(),
            Side::Sell => self.sell.first_key_value(),
        }?;
        Some(self.slots[level.head as usize].order)
    }

    fn after(&self, order: &Order) -> Option<Order> {
        let slot = &self.slots[self.index.get(order.id)? as usize];
        let next = match slot.next {
            NONE => {
                let price = key(order.price);
                let (_, level) = match order.side {
                    Side::Buy => self.buy.range(..price).next_back(),
                    Side::Sell => {
                        self.sell.range((Bound::Excluded(price), Bound::Unbounded)).next()
                    }
                }?;
                level.head
            }
            next => next,
        };
        Some(self.slots[next as usize].order)
    }

    fn set_quantity(&mut self, order: &Order, left: u64) {
        let at = self.index.get(order.id).expect("only resting orders change");
        if left == 0 {
            return self.unlink(at);
        }
        let was = core::mem::replace(&mut self.slots[at as usize].order.quantity, left);
        let price = key(order.price);
        let level = self.side_mut(order.side).get_mut(&price).expect("an order has a level");
        level.quantity = level.quantity - was + left;
    }

    fn insert(&mut self, order: &Order) {
        let price = key(order.price);
        let previous = self.side(order.side).get(&price).map_or(NONE, |level| level.tail);
        let at = self.occupy(*order, previous);
        self.index.insert(order.id, at);
        if previous == NONE {
            let level = Level { head: at, tail: at, quantity: order.quantity, orders: 1 };
            self.side_mut(order.side).insert(price, level);
        } else {
            self.slots[previous as usize].next = at;
            let level = self.side_mut(order.side).get_mut(&price).expect("the tail has a level");
            level.tail = at;
            level.quantity += order.quantity;
            level.orders += 1;
        }
    }
}
