//! What agreements do to a seller's stake: lock a bond, release it, or take part of it.
use ainur_primitives::{Amount, Did, FailureReason, Ppm, TaskId};

use super::state::reputation;
use super::{Error, Event, Reputation, Violation, ViolationReason, required_bond};
use crate::balances::{self, Pot, move_money};
use crate::execution::Context;
use crate::state::key;

/// Locks the bond for an agreement at this price and returns it.
pub(crate) fn lock(context: &mut Context<'_>, seller: Did, price: Amount) -> Result<Amount, Error> {
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
    if bond > available {
        return Err(Error::StakeUnavailable { did: seller, available });
    }
    record.locked = record.locked.saturating_add(bond);
    record.running = record.running.saturating_add(1);
    context.state.write(key::reputation(&seller), &record);
    Ok(bond)
}

/// Releases the bond of accepted work.
pub(crate) fn release(context: &mut Context<'_>, seller: Did, bond: Amount) {
    let mut record = unlocked(context, seller, bond);
    record.count(true, context.now, &context.parameters.reputation);
    record.last_updated = context.now;
    context.state.write(key::reputation(&seller), &record);
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
    let mut record = unlocked(context, seller, bond);
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
            if record.staked < context.parameters.reputation.stake_min && !record.barred {
                record.barred = true;
                context.emit(Event::Barred { did, staked: record.staked });
            }
        }
        context.state.write(key::reputation(&did), &record);
        Ok(())
    }
}

/// The record with a bond released.
fn unlocked(context: &Context<'_>, seller: Did, bond: Amount) -> Reputation {
    let mut record = reputation(&context.state, &seller);
    record.locked = record.locked.checked_sub(bond).expect("a bond is released once");
    record.running = record.running.checked_sub(1).expect("an attempt ends once");
    record
}
