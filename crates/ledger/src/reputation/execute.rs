//! Carrying out calls to this module.
use ainur_primitives::{Amount, Did, Digest, TaskId};

use super::state::reputation;
use super::{Action, Error, Event, RATING_MAX, Slash, ViolationReason};
use crate::balances::{self, Pot, move_money};
use crate::escrow::{self, Rating};
use crate::execution::Context;
use crate::state::key;

/// Carries out a call.
pub(crate) fn execute(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    match *action {
        Action::Bond { amount } => bond(context, amount),
        Action::Unbond { amount } => unbond(context, amount),
        Action::ReportOutcome { task, rating, success } => report(context, task, rating, success),
        Action::DisputeRating { task, evidence } => dispute(context, task, evidence),
        Action::Slash { did, amount, reason } => slash(context, did, amount, reason),
    }
}

fn bond(context: &mut Context<'_>, amount: Amount) -> Result<(), Error> {
    let did = context.sender;
    if amount.is_zero() {
        return Err(balances::Error::NothingMoved.into());
    }
    move_money(&mut context.state, Pot::Free(did), Pot::Staked, amount)?;
    let mut record = reputation(&context.state, &did);
    record.staked = record.staked.checked_add(amount).ok_or(balances::Error::Overflow)?;
    record.last_updated = context.now;
    context.emit(Event::Bonded { did, amount, staked: record.staked });
    if record.barred && record.staked >= context.parameters.reputation.stake_min {
        record.barred = false;
        context.emit(Event::Unbarred { did, staked: record.staked });
    }
    context.state.write(key::reputation(&did), &record);
    Ok(())
}

fn unbond(context: &mut Context<'_>, amount: Amount) -> Result<(), Error> {
    let did = context.sender;
    if amount.is_zero() {
        return Err(balances::Error::NothingMoved.into());
    }
    let mut record = reputation(&context.state, &did);
    let available = record.available();
    if amount > available {
        return Err(Error::StakeUnavailable { did, available });
    }
    record.staked = record.staked.saturating_sub(amount);
    record.last_updated = context.now;
    move_money(&mut context.state, Pot::Staked, Pot::Free(did), amount)?;
    context.emit(Event::Unbonded { did, amount, staked: record.staked });
    context.state.write(key::reputation(&did), &record);
    Ok(())
}

fn report(context: &mut Context<'_>, task: TaskId, rating: u8, success: bool) -> Result<(), Error> {
    if rating == 0 || rating > RATING_MAX {
        return Err(Error::RatingOutOfRange);
    }
    let mut tombstone = escrow::settled(&context.state, &task).ok_or(Error::NotSettled(task))?;
    if tombstone.buyer != context.sender {
        return Err(Error::NotParty);
    }
    if !tombstone.ratings.is_empty() {
        return Err(Error::AlreadyRated(task));
    }
    let rated = |seller| Rating { seller, rating, success, disputed: false };
    tombstone.ratings = tombstone.settled_sellers().map(rated).collect();
    for Rating { seller: did, .. } in &tombstone.ratings {
        let mut record = reputation(&context.state, did);
        record.rating_sum = record.rating_sum.saturating_add(u64::from(rating));
        record.rating_count = record.rating_count.saturating_add(1);
        record.complaints = record.complaints.saturating_add(u64::from(!success));
        record.last_updated = context.now;
        context.state.write(key::reputation(did), &record);
        context.emit(Event::OutcomeReported { task, did: *did, rating, success });
    }
    escrow::write_tombstone(&mut context.state, &task, tombstone);
    Ok(())
}

fn dispute(context: &mut Context<'_>, task: TaskId, evidence: Digest) -> Result<(), Error> {
    let did = context.sender;
    let mut tombstone = escrow::settled(&context.state, &task).ok_or(Error::NotSettled(task))?;
    if !tombstone.settled_sellers().any(|seller| seller == did) {
        return Err(Error::NotParty);
    }
    let disputed = tombstone
        .ratings
        .iter_mut()
        .find(|rating| rating.seller == did && !rating.disputed)
        .ok_or(Error::NothingToDispute(task))?;
    disputed.disputed = true;
    let Rating { rating, success, .. } = *disputed;
    escrow::write_tombstone(&mut context.state, &task, tombstone);
    let mut record = reputation(&context.state, &did);
    record.rating_sum = record.rating_sum.saturating_sub(u64::from(rating));
    record.rating_count = record.rating_count.saturating_sub(1);
    record.complaints = record.complaints.saturating_sub(u64::from(!success));
    context.state.write(key::reputation(&did), &record);
    context.emit(Event::RatingDisputed { task, did, evidence });
    Ok(())
}

fn slash(context: &mut Context<'_>, did: Did, amount: Amount, reason: Digest) -> Result<(), Error> {
    if context.sender != context.parameters.authority {
        return Err(Error::NotAuthority);
    }
    if amount.is_zero() {
        return Err(balances::Error::NothingMoved.into());
    }
    let mut record = reputation(&context.state, &did);
    let available = record.available();
    if amount > available {
        return Err(Error::StakeUnavailable { did, available });
    }
    record.last_updated = context.now;
    let reason = ViolationReason::Authority { reason };
    Ok(Slash { did, amount, victim: None, reason }.apply(context, record)?)
}
