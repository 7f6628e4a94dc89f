//! What agreements do to a seller's stake: lock a bond, release it, or take part of it.
use ainur_primitives::{Amount, Did, FailureReason, PenaltyCause, Ppm, TaskId};

use super::state::reputation;
use super::{Error, Event, Reputation, Violation, ViolationReason, required_bond};
use crate::balances::{self, Pot, move_money};
use crate::escrow::Payout;
use crate::execution::Context;
use crate::state::key;

/// Locks the bond for an agreement at this price and returns it; and beside it what secures what the
/// seller is paid in advance, and what it pledges to its coalition.
pub(crate) fn lock(
    context: &mut Context<'_>,
    seller: Did,
    price: Amount,
    beside: Amount,
) -> Result<Amount, Error> {
    let params = &context.parameters.reputation;
    let mut record = reputation(&context.state, &seller);
    if record.barred {
        return Err(Error::Barred(seller));
    }
    if record.staked < params.stake_min {
        let (staked, minimum) = (record.staked, params.stake_min);
        return Err(Error::BelowMinimumStake { did: seller, staked, minimum });
    }
    let bond = required_bond(price, &record, context.now, params);
    let available = record.available();
    let locked = bond.checked_add(beside).filter(|locked| *locked <= available);
    let locked = locked.ok_or(Error::StakeUnavailable { did: seller, available })?;
    record.locked = record.locked.saturating_add(locked);
    record.running = record.running.saturating_add(1);
    context.state.write(key::reputation(&seller), &record);
    Ok(bond)
}

/// Releases what the last part of accepted work locked, and counts the work.
pub(crate) fn release(context: &mut Context<'_>, seller: Did, locked: Amount) {
    let mut record = ended(context, seller, locked);
    record.count(true, context.now, &context.parameters.reputation);
    record.last_updated = context.now;
    context.state.write(key::reputation(&seller), &record);
}

/// Releases what an accepted part locked; the agreement goes on.
pub(crate) fn unlock(context: &mut Context<'_>, seller: Did, locked: Amount) {
    let record = unlocked(context, seller, locked);
    context.state.write(key::reputation(&seller), &record);
}

/// Releases what an agreement locked that ends without success or failure.
pub(crate) fn dismiss(context: &mut Context<'_>, seller: Did, locked: Amount) {
    let record = ended(context, seller, locked);
    context.state.write(key::reputation(&seller), &record);
}

/// Takes back into escrow, out of the stake that is locked for it, what a seller was paid in
/// advance.
pub(crate) fn reclaim(
    context: &mut Context<'_>,
    seller: Did,
    amount: Amount,
) -> Result<(), balances::Error> {
    if amount.is_zero() {
        return Ok(());
    }
    let mut record = unlocked(context, seller, amount);
    record.staked = record.staked.checked_sub(amount).expect("what is locked is staked");
    move_money(&mut context.state, Pot::Staked, Pot::Escrowed, amount)?;
    record.last_updated = context.now;
    bar_when_low(context, seller, &mut record);
    context.state.write(key::reputation(&seller), &record);
    Ok(())
}

/// Releases the bond of a failed attempt and takes the share that the reason costs.
pub(crate) fn punish(
    context: &mut Context<'_>,
    attempt: (TaskId, Did, Amount),
    victim: Did,
    failure: FailureReason,
) -> Result<(), Error> {
    let (task, seller, bond) = attempt;
    let params = &context.parameters.reputation;
    let mut record = ended(context, seller, bond);
    if failure != FailureReason::Infrastructure {
        record.count(false, context.now, params);
        record.last_updated = context.now;
    }
    let slash = Slash {
        did: seller,
        amount: bond.share_ceil(params.slash_share(failure)),
        victim: Some((victim, params.slash_to_victim)),
        reason: ViolationReason::Attempt { task, failure },
    };
    Ok(slash.apply(context, record)?)
}

/// Unlocks what a member of a coalition pledged, and pays out of it what its clauses cost.
pub(crate) fn pay_penalty(
    context: &mut Context<'_>,
    (task, seller): (TaskId, Did),
    freed: Amount,
    payouts: &[Payout],
    cause: PenaltyCause,
) -> Result<(), balances::Error> {
    if freed.is_zero() {
        return Ok(());
    }
    let mut record = unlocked(context, seller, freed);
    let paid: Amount = payouts.iter().map(|payout| payout.amount).sum();
    record.staked = record.staked.checked_sub(paid).expect("what was locked is staked");
    for Payout { payee, amount } in payouts {
        move_money(&mut context.state, Pot::Staked, Pot::Free(*payee), *amount)?;
    }
    if !paid.is_zero() {
        let reason = ViolationReason::Penalty { task, cause };
        record.remember(Violation { at: context.now, amount: paid, reason });
        record.last_updated = context.now;
        bar_when_low(context, seller, &mut record);
    }
    context.state.write(key::reputation(&seller), &record);
    Ok(())
}

/// Counts the outcome of work for which no bond was locked.
pub(crate) fn count(context: &mut Context<'_>, did: Did, success: bool) {
    let mut record = reputation(&context.state, &did);
    record.count(success, context.now, &context.parameters.reputation);
    record.last_updated = context.now;
    context.state.write(key::reputation(&did), &record);
}

/// Takes a bid bond, or what of it is there and not locked; returns how much.
pub(crate) fn forfeit(
    context: &mut Context<'_>,
    task: TaskId,
    bidder: Did,
    bid_bond: Amount,
    buyer: Did,
) -> Result<Amount, Error> {
    let mut record = reputation(&context.state, &bidder);
    let amount = bid_bond.min(record.available());
    if amount.is_zero() {
        return Err(Error::StakeUnavailable { did: bidder, available: Amount::ZERO });
    }
    record.last_updated = context.now;
    let victim = Some((buyer, context.parameters.reputation.forfeit_to_buyer));
    let reason = ViolationReason::BidNotRevealed { task };
    Slash { did: bidder, amount, victim, reason }.apply(context, record)?;
    Ok(amount)
}

/// Taking stake from a party.
pub(crate) struct Slash {
    pub(crate) did: Did,
    pub(crate) amount: Amount,
    /// Who gets which share; the rest is burned.
    pub(crate) victim: Option<(Did, Ppm)>,
    pub(crate) reason: ViolationReason,
}

impl Slash {
    /// Takes the stake, writes the record, and bars the party when too little is left.
    pub(crate) fn apply(
        self,
        context: &mut Context<'_>,
        mut record: Reputation,
    ) -> Result<(), balances::Error> {
        let Self { did, amount, victim, reason } = self;
        if !amount.is_zero() {
            record.staked =
                record.staked.checked_sub(amount).expect("only stake that is there is slashed");
            let to_victim = victim.map_or(Amount::ZERO, |(_, share)| amount.share_floor(share));
            if let Some((victim, _)) = victim {
                move_money(&mut context.state, Pot::Staked, Pot::Free(victim), to_victim)?;
            }
            let burned = amount.saturating_sub(to_victim);
            move_money(&mut context.state, Pot::Staked, Pot::Burned, burned)?;
            record.remember(Violation { at: context.now, amount, reason: reason.clone() });
            context.emit(Event::Slashed { did, amount, to_victim, reason });
            bar_when_low(context, did, &mut record);
        }
        context.state.write(key::reputation(&did), &record);
        Ok(())
    }
}

/// Bars a party that has less than the minimum at stake.
fn bar_when_low(context: &mut Context<'_>, did: Did, record: &mut Reputation) {
    if record.staked < context.parameters.reputation.stake_min && !record.barred {
        record.barred = true;
        context.emit(Event::Barred { did, staked: record.staked });
    }
}

/// The record with an agreement ended and what it locked released.
fn ended(context: &Context<'_>, seller: Did, locked: Amount) -> Reputation {
    let mut record = unlocked(context, seller, locked);
    record.running = record.running.checked_sub(1).expect("an agreement ends once");
    record
}

/// The record with a lock released.
fn unlocked(context: &Context<'_>, seller: Did, locked: Amount) -> Reputation {
    let mut record = reputation(&context.state, &seller);
    record.locked = record.locked.checked_sub(locked).expect("a lock is released once");
    record
}
