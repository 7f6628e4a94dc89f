//! What must hold of the exchange after every block: credits, obligations, locks and shares add up,
//! and no book is crossed.
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use ainur_market::exchange::pool::SHARES_LOCKED;
use ainur_market::exchange::{LiquidityPool, Order, OrderId, Side};
use ainur_primitives::{Amount, Did};

use super::orders::value;
use super::{Claim, CreditClass, CreditClassId, IssuerObligation, query};
use crate::invariants::Violation;
use crate::state::key::{self, Space};
use crate::state::{ReadState, decoded, prefixed, read};

/// What the records of all classes hold.
#[derive(Default)]
pub(crate) struct Held {
    /// Locked behind buy orders, credits that are out, and claims.
    pub(crate) exchange: Amount,
    /// In pools.
    pub(crate) pools: Amount,
}

/// Checks every class and sums what they hold.
pub(crate) fn check(state: &(impl ReadState + ?Sized)) -> Result<Held, Violation> {
    let mut held = Held::default();
    let mut add = |amount: Amount| held.exchange = held.exchange.saturating_add(amount);
    for (_, claim) in prefixed(state, &Space::Claim.prefix()) {
        if let Claim::Open(claim) = decoded(&claim) {
            add(claim.collateral);
        }
    }
    let mut credits = BTreeMap::<CreditClassId, u64>::new();
    for (at, owned) in prefixed(state, &Space::Credits.prefix()) {
        count(&mut credits, decoded(&at[1..33]), decoded(&owned));
    }
    let mut pools = Amount::ZERO;
    for (at, pool) in prefixed(state, &Space::Pool.prefix()) {
        let (class, pool): (CreditClassId, LiquidityPool) = (decoded(&at[1..]), decoded(&pool));
        count(&mut credits, class, pool.credits);
        pools = pools.saturating_add(pool.money);
        let shares: Amount = prefixed(state, &key::pool_holders(&class))
            .map(|(_, shares)| decoded::<Amount>(&shares))
            .sum();
        if shares.saturating_add(Amount(SHARES_LOCKED)) != Amount(pool.shares) {
            return Err(Violation::ExchangeDiffers { class, what: "pool shares" });
        }
    }
    let mut orders = 0;
    for (at, class) in prefixed(state, &Space::CreditClass.prefix()) {
        let (id, class): (CreditClassId, CreditClass) = (decoded(&at[1..]), decoded(&class));
        let book = check_book(state, id, &class)?;
        orders += book.len();
        for order in &book {
            match order.side {
                Side::Buy => add(value(order)),
                Side::Sell => count(&mut credits, id, order.quantity),
            }
        }
        let owed = check_obligations(state, id)?;
        add(Amount(class.collateral.0.saturating_mul(u128::from(owed))));
        let out = credits.remove(&id).unwrap_or_default();
        if out != class.supply || owed != class.supply {
            return Err(Violation::ExchangeDiffers { class: id, what: "credits and obligations" });
        }
    }
    if let Some((class, _)) = credits.into_iter().next() {
        return Err(Violation::ExchangeDiffers { class, what: "credits without a class" });
    }
    let listed = prefixed(state, &Space::OpenOrder.prefix()).count();
    if listed != orders {
        let class = CreditClassId(ainur_primitives::Digest::ZERO);
        return Err(Violation::ExchangeDiffers { class, what: "orders and their owners' lists" });
    }
    held.pools = pools;
    Ok(held)
}

/// Names whoever has an open claim, owes, or has an order that rests, each time it does.
pub(crate) fn positions(state: &(impl ReadState + ?Sized), mut name: impl FnMut(Did)) {
    for (_, claim) in prefixed(state, &Space::Claim.prefix()) {
        if let Claim::Open(claim) = decoded(&claim) {
            name(claim.holder);
            name(claim.issuer);
        }
    }
    for (at, _) in prefixed(state, &Space::Obligation.prefix()) {
        name(decoded(&at[33..]));
    }
    for (at, _) in prefixed(state, &Space::OpenOrder.prefix()) {
        name(decoded(&at[1..33]));
    }
}

fn count(credits: &mut BTreeMap<CreditClassId, u64>, class: CreditClassId, quantity: u64) {
    let sum = credits.entry(class).or_default();
    *sum = sum.saturating_add(quantity);
}

/// Every order is where its price and number say and its owner's list says, the class knows the
/// best and their number, and no two sides cross.
fn check_book(
    state: &(impl ReadState + ?Sized),
    id: CreditClassId,
    class: &CreditClass,
) -> Result<Vec<Order>, Violation> {
    let mut all = Vec::new();
    for side in [Side::Buy, Side::Sell] {
        let mut first = None;
        for (at, order) in prefixed(state, &key::orders(&id, side)) {
            let order: Order = decoded(&order);
            let in_place = at == key::order(&id, side, order.price, order.id)
                && order.quantity > 0
                && order.side == side
                && order.id < OrderId(class.next_order)
                && query::order(state, &id, &order.owner, order.id) == Some(order);
            if !in_place {
                return Err(Violation::ExchangeDiffers { class: id, what: "an order" });
            }
            first = first.or(Some((order.price, order.id)));
            all.push(order);
        }
        if first != class.best(side) {
            return Err(Violation::ExchangeDiffers { class: id, what: "the best price" });
        }
    }
    let crossed = class
        .best(Side::Buy)
        .zip(class.best(Side::Sell))
        .is_some_and(|(buy, sell)| buy.0 >= sell.0);
    if crossed {
        return Err(Violation::ExchangeDiffers { class: id, what: "the sides of the book" });
    }
    if all.len() != class.orders as usize {
        return Err(Violation::ExchangeDiffers { class: id, what: "the number of orders" });
    }
    Ok(all)
}

/// Whoever owes stands in line once; returns what is owed together.
fn check_obligations(
    state: &(impl ReadState + ?Sized),
    id: CreditClassId,
) -> Result<u64, Violation> {
    let (mut owed, mut owing) = (0u64, 0);
    for (at, obligation) in prefixed(state, &key::obligations(&id)) {
        let issuer: Did = decoded(&at[33..]);
        let IssuerObligation { outstanding, turn } = decoded(&obligation);
        if outstanding == 0 || read(state, &key::turn(&id, turn)) != Some(issuer) {
            return Err(Violation::ExchangeDiffers { class: id, what: "an issuer's place" });
        }
        owed = owed.saturating_add(outstanding);
        owing += 1;
    }
    let in_line = prefixed(state, &key::turns(&id)).count();
    if in_line == owing {
        Ok(owed)
    } else {
        Err(Violation::ExchangeDiffers { class: id, what: "the line of issuers" })
    }
}
