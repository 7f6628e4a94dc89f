//! Pools: one for each class, and the router between pool and book.
use ainur_market::exchange::{
    Ending, LiquidityPool, OrderKind, OrderRequest, SelfTrade, Side, matching, route,
};
use ainur_primitives::{Amount, Did, Timestamp};

use super::orders::match_and_settle;
use super::records::OrderRecords;
use super::state::{class, give, take};
use super::{CreditClassId, Error, Event};
use crate::balances::{Pot, move_money};
use crate::execution::Context;
use crate::state::{Overlay, key};

/// Begins the pool of a class.
pub(super) fn open(
    context: &mut Context<'_>,
    id: CreditClassId,
    fee_bps: u16,
    (credits, money): (u64, Amount),
) -> Result<(), Error> {
    let owner = context.sender;
    class(&context.state, id)?;
    let fee_max = context.parameters.exchange.pool_fee_bps_max;
    if fee_bps > fee_max {
        return Err(Error::PoolFeeTooHigh(fee_max));
    }
    if pool(&context.state, id).is_ok() {
        return Err(Error::PoolOpen);
    }
    let (begun, minted) = LiquidityPool::begin(fee_bps, credits, money)?;
    take(&mut context.state, id, &owner, credits)?;
    move_money(&mut context.state, Pot::Free(owner), Pot::Pools, money)?;
    let shares = Amount(minted);
    give_shares(&mut context.state, id, &owner, shares);
    context.state.write(key::pool(&id), &begun);
    context.emit(Event::PoolOpened { class: id, owner, fee_bps, credits, money, shares });
    Ok(())
}

/// Adds to a pool.
pub(super) fn add(
    context: &mut Context<'_>,
    id: CreditClassId,
    credits: u64,
    (money_max, shares_min): (Amount, Amount),
) -> Result<(), Error> {
    let owner = context.sender;
    let mut pool = pool(&context.state, id)?;
    let (money, minted) = pool.add(credits)?;
    if money > money_max || Amount(minted) < shares_min {
        return Err(Error::BeyondLimit);
    }
    take(&mut context.state, id, &owner, credits)?;
    move_money(&mut context.state, Pot::Free(owner), Pot::Pools, money)?;
    let shares = Amount(minted);
    give_shares(&mut context.state, id, &owner, shares);
    context.state.write(key::pool(&id), &pool);
    context.emit(Event::LiquidityAdded { class: id, owner, credits, money, shares });
    Ok(())
}

/// Takes a part of a pool out.
pub(super) fn remove(
    context: &mut Context<'_>,
    id: CreditClassId,
    shares: Amount,
    (credits_min, money_min): (u64, Amount),
) -> Result<(), Error> {
    let owner = context.sender;
    let mut pool = pool(&context.state, id)?;
    let held = held_shares(&context.state, id, &owner);
    let left = held.checked_sub(shares).ok_or_else(|| {
        let missing = shares.saturating_sub(held);
        Error::InsufficientShares { owner, missing }
    })?;
    let (credits, money) = pool.remove(shares.0)?;
    if credits < credits_min || money < money_min {
        return Err(Error::BeyondLimit);
    }
    let at = key::pool_shares(&id, &owner);
    if left.is_zero() {
        context.state.remove(at);
    } else {
        context.state.write(at, &left);
    }
    give(&mut context.state, id, &owner, credits);
    move_money(&mut context.state, Pot::Pools, Pot::Free(owner), money)?;
    context.state.write(key::pool(&id), &pool);
    context.emit(Event::LiquidityRemoved { class: id, owner, credits, money, shares });
    Ok(())
}

/// Trades with a pool within a limit on the whole.
pub(super) fn swap(
    context: &mut Context<'_>,
    id: CreditClassId,
    (side, quantity): (Side, u64),
    limit: Amount,
) -> Result<(), Error> {
    let money = trade(context, id, (side, quantity))?;
    if side.accepts(limit, money) { Ok(()) } else { Err(Error::BeyondLimit) }
}

/// Trades with a pool and returns what the credits cost or fetched.
fn trade(
    context: &mut Context<'_>,
    id: CreditClassId,
    (side, quantity): (Side, u64),
) -> Result<Amount, Error> {
    let trader = context.sender;
    let mut pool = pool(&context.state, id)?;
    let money = match side {
        Side::Buy => {
            let cost = pool.buy(quantity)?;
            move_money(&mut context.state, Pot::Free(trader), Pot::Pools, cost)?;
            give(&mut context.state, id, &trader, quantity);
            cost
        }
        Side::Sell => {
            let proceeds = pool.sell(quantity)?;
            take(&mut context.state, id, &trader, quantity)?;
            move_money(&mut context.state, Pot::Pools, Pot::Free(trader), proceeds)?;
            proceeds
        }
    };
    context.state.write(key::pool(&id), &pool);
    context.emit(Event::Swapped { class: id, trader, side, quantity, money });
    Ok(money)
}

/// Trades in book and pool, each credit where it is cheaper.
///
/// The book is used up to the first order of the sender's own.
pub(super) fn routed(
    context: &mut Context<'_>,
    id: CreditClassId,
    (side, quantity): (Side, u64),
    limit: Option<Amount>,
) -> Result<(), Error> {
    let owner = context.sender;
    let mut class = class(&context.state, id)?;
    let params = &context.parameters.exchange;
    let (met_max, fee) = (params.met_max, params.taker_fee);
    // What any order has to fulfil; its own limit is on what is paid with fees, between ticks or not.
    let expires = Timestamp(u64::MAX);
    let (kind, self_trade) = (OrderKind::Market, SelfTrade::CancelNewest);
    let all = OrderRequest { owner, side, quantity, kind, self_trade, expires };
    all.validate(context.now, params.tick)?;
    let pool = pool(&context.state, id).ok();
    let orders = OrderRecords { state: &mut context.state, id, class: &mut class };
    let resting = matching::tradable(&orders, context.now, (owner, side), None, met_max);
    let planned = route((side, quantity), limit, resting, fee, pool.as_ref());
    if planned.book == 0 && planned.pool == 0 {
        return Err(Error::NothingTrades);
    }
    if planned.book > 0 {
        let kind = OrderKind::ImmediateOrCancel { price: planned.book_price };
        let request = OrderRequest { quantity: planned.book, kind, ..all };
        let placed = match_and_settle(context, id, &mut class, &request)?;
        debug_assert_eq!(placed.ending, Ending::Filled, "the plan was made on this book");
        context.state.write(key::credit_class(&id), &class);
    }
    if planned.pool > 0 {
        trade(context, id, (side, planned.pool))?;
    }
    Ok(())
}

fn pool(state: &Overlay<'_>, id: CreditClassId) -> Result<LiquidityPool, Error> {
    state.read(&key::pool(&id)).ok_or(Error::NoPool)
}

fn held_shares(state: &Overlay<'_>, id: CreditClassId, owner: &Did) -> Amount {
    state.read(&key::pool_shares(&id, owner)).unwrap_or_default()
}

fn give_shares(state: &mut Overlay<'_>, id: CreditClassId, owner: &Did, given: Amount) {
    let sum = held_shares(state, id, owner).checked_add(given);
    let sum = sum.expect("nobody holds more shares than there are");
    state.write(key::pool_shares(&id, owner), &sum);
}
