//! Reading the exchange.
use ainur_market::exchange::{Depth, DepthLevel, LiquidityPool, Order, OrderId, Side};
use ainur_primitives::{Amount, Did, Digest, TaskId};
use alloc::vec::Vec;

use super::records::{next_order, owned};
use super::{Claim, CreditClass, CreditClassId, IssuerObligation, KeyedOutcome};
use crate::state::key::{self, Space};
use crate::state::{ReadState, decoded, prefixed, read};

/// A class.
pub fn class(state: &(impl ReadState + ?Sized), class: &CreditClassId) -> Option<CreditClass> {
    read(state, &key::credit_class(class))
}

/// All classes by name, at most `classes_max`.
pub fn classes(
    state: &(impl ReadState + ?Sized),
    classes_max: usize,
) -> Vec<(CreditClassId, CreditClass)> {
    prefixed(state, &Space::CreditClass.prefix())
        .take(classes_max)
        .map(|(key, value)| (decoded(&key[1..]), decoded(&value)))
        .collect()
}

/// Credits an owner holds, those in sell orders aside.
pub fn credits(state: &(impl ReadState + ?Sized), class: &CreditClassId, owner: &Did) -> u64 {
    read(state, &key::credits(class, owner)).unwrap_or(0)
}

/// What an issuer owes.
pub fn obligation(
    state: &(impl ReadState + ?Sized),
    class: &CreditClassId,
    issuer: &Did,
) -> Option<IssuerObligation> {
    read(state, &key::obligation(class, issuer))
}

/// Who owes in a class, for longest first, at most `issuers_max`.
pub fn issuers(
    state: &(impl ReadState + ?Sized),
    class: &CreditClassId,
    issuers_max: usize,
) -> Vec<Did> {
    prefixed(state, &key::turns(class))
        .take(issuers_max)
        .map(|(_, issuer)| decoded(&issuer))
        .collect()
}

/// The claim of a task, or what is remembered of it.
pub fn claim(state: &(impl ReadState + ?Sized), task: &TaskId) -> Option<Claim> {
    read(state, &key::claim(task))
}

/// What is remembered of a call under a key of its sender's.
pub fn keyed(
    state: &(impl ReadState + ?Sized),
    sender: &Did,
    key: &Digest,
) -> Option<KeyedOutcome> {
    read(state, &key::keyed(sender, key))
}

/// An order of an owner's that rests.
pub fn order(
    state: &(impl ReadState + ?Sized),
    class: &CreditClassId,
    owner: &Did,
    order: OrderId,
) -> Option<Order> {
    owned(state, *class, owner, order)
}

/// The orders of an owner's that rest, with their classes, at most `orders_max`.
pub fn orders_of(
    state: &(impl ReadState + ?Sized),
    owner: &Did,
    orders_max: usize,
) -> Vec<(CreditClassId, Order)> {
    prefixed(state, &key::open_orders(owner))
        .take(orders_max)
        .filter_map(|(at, value)| {
            let (class, id): (CreditClassId, [u8; 8]) = decoded(&at[1 + 32..]);
            let (side, price): (Side, Amount) = decoded(&value);
            let id = OrderId(u64::from_be_bytes(id));
            Some((class, read(state, &key::order(&class, side, price, id))?))
        })
        .collect()
}

/// The orders of one side of a class that rest, those that trade first first.
pub fn orders<'a, S: ReadState + ?Sized>(
    state: &'a S,
    class: &CreditClassId,
    side: Side,
) -> impl Iterator<Item = Order> + 'a {
    let class = *class;
    let best = read::<CreditClass>(state, &key::credit_class(&class))
        .and_then(|class| class.best(side))
        .and_then(|(price, id)| read(state, &key::order(&class, side, price, id)));
    core::iter::successors(best, move |order| next_order(state, class, order))
}

/// The best prices of both sides of a class, at most `levels_max` each; none without the class.
pub fn depth(
    state: &(impl ReadState + ?Sized),
    class: &CreditClassId,
    levels_max: usize,
) -> Option<Depth> {
    let next_update = self::class(state, class)?.next_update;
    let side = |side| {
        let mut levels: Vec<DepthLevel> = Vec::new();
        for Order { price, quantity, .. } in orders(state, class, side) {
            let known = levels.len();
            match levels.last_mut().filter(|level| level.price == price) {
                Some(level) => {
                    level.quantity = level.quantity.saturating_add(quantity);
                    level.orders = level.orders.saturating_add(1);
                }
                None if known >= levels_max => break,
                None => levels.push(DepthLevel { price, quantity, orders: 1 }),
            }
        }
        levels
    };
    Some(Depth { next_update, buy: side(Side::Buy), sell: side(Side::Sell) })
}

/// The pool of a class.
pub fn pool(state: &(impl ReadState + ?Sized), class: &CreditClassId) -> Option<LiquidityPool> {
    read(state, &key::pool(class))
}

/// An owner's shares of a pool.
pub fn pool_shares(
    state: &(impl ReadState + ?Sized),
    class: &CreditClassId,
    owner: &Did,
) -> Amount {
    read(state, &key::pool_shares(class, owner)).unwrap_or_default()
}
