//! Ending escrows without or before all of the work: refund, expiry, cancellation. Each escrow is
//! closed once.
use alloc::vec::Vec;

use ainur_primitives::{Amount, ContentId, Digest, FailureReason, TaskId};

use super::fail::fail_all;
use super::pledge::{end_insurance, release_all};
use super::state::open;
use super::tombstone::write_tombstone;
use super::{Agreement, Closing, Error, Event, HeldPenalty, PartState, Role, Tombstone};
use crate::balances::{Pot, close_position, move_money};
use crate::execution::Context;
use crate::state::key;
use crate::{budget, reputation};

/// Gives back what is unpaid while nobody is at work.
pub(super) fn refund(context: &mut Context<'_>, task: TaskId) -> Result<(), Error> {
    let agreement = open(&context.state, task)?;
    if context.sender != agreement.buyer && context.sender != agreement.verifier {
        return Err(Error::NotParty(Role::BuyerOrVerifier));
    }
    if agreement.is_running() {
        return Err(Error::AttemptRunning(agreement.attempt));
    }
    give_back(context, task, agreement, Closing::Refunded)
}

/// Gives back what is unpaid after the deadline, whoever asks.
pub(super) fn expire(context: &mut Context<'_>, task: TaskId) -> Result<(), Error> {
    let mut agreement = open(&context.state, task)?;
    if context.now < agreement.deadline {
        return Err(Error::DeadlineAhead(agreement.deadline));
    }
    fail_all(context, task, &mut agreement, FailureReason::TimedOut, Digest::ZERO)?;
    give_back(context, task, agreement, Closing::Expired)
}

/// Ends what runs at the buyer's wish: each seller at work gets the fee it agreed to, and its bond
/// back.
pub(super) fn cancel(context: &mut Context<'_>, task: TaskId) -> Result<(), Error> {
    let mut agreement = open(&context.state, task)?;
    if agreement.buyer != context.sender {
        return Err(Error::NotParty(Role::Buyer));
    }
    if !agreement.is_running() {
        return Err(Error::NothingRunning);
    }
    let reserved = agreement.unpaid();
    let mut fees = Amount::ZERO;
    for at in 0..agreement.engagements.len() {
        let fee = release_cancelled(context, &mut agreement, at)?;
        fees = fees.saturating_add(fee);
    }
    let (attempt, buyer) = (agreement.attempt, agreement.buyer);
    let insurance = end_insurance(context, &mut agreement)?;
    let payouts = agreement.payouts.clone();
    let Closed { refunded, held } =
        close(context, task, agreement, reserved, Closing::Cancelled, None)?;
    context.emit(Event::Cancelled {
        task,
        attempt,
        buyer,
        payouts,
        fees,
        refunded,
        held,
        insurance,
    });
    Ok(())
}

/// Ends an engagement that is open; returns the fee its seller keeps.
fn release_cancelled(
    context: &mut Context<'_>,
    agreement: &mut Agreement,
    at: usize,
) -> Result<Amount, Error> {
    let engagement = &mut agreement.engagements[at];
    if !engagement.is_open() {
        return Ok(Amount::ZERO);
    }
    let seller = engagement.seller;
    let policy = engagement.cancellation.ok_or(Error::NotCancellable(seller))?;
    let fee = policy.fee_for(context.now.since(engagement.since), engagement.price_open());
    let mut locked = engagement.locked();
    let advanced = core::mem::take(&mut engagement.advanced);
    engagement.pledge = Amount::ZERO;
    for part in engagement.parts.iter_mut().filter(|part| part.state.is_open()) {
        part.state = PartState::Failed;
    }
    if advanced.is_zero() {
        move_money(&mut context.state, Pot::Escrowed, Pot::Free(seller), fee)?;
    } else {
        // It has the whole price already, and keeps the fee of it.
        let returned = advanced.saturating_sub(fee);
        reputation::reclaim(context, seller, returned)?;
        locked = locked.saturating_sub(returned);
    }
    reputation::dismiss(context, seller, locked);
    if !fee.is_zero() {
        agreement.pay_out(seller, fee);
    }
    Ok(fee)
}

/// The escrow of a task whose verifier is the sender and whose attempt is at work.
pub(super) fn running(
    context: &Context<'_>,
    task: TaskId,
    attempt: u32,
) -> Result<Agreement, Error> {
    let agreement = open(&context.state, task)?;
    if agreement.verifier != context.sender {
        return Err(Error::NotParty(Role::Verifier));
    }
    let current = agreement.attempt;
    if !agreement.is_running() || current != attempt {
        return Err(Error::NotThisAttempt { current, found: attempt });
    }
    Ok(agreement)
}

fn give_back(
    context: &mut Context<'_>,
    task: TaskId,
    mut agreement: Agreement,
    closing: Closing,
) -> Result<(), Error> {
    let (buyer, reserved) = (agreement.buyer, agreement.unpaid());
    let insurance = end_insurance(context, &mut agreement)?;
    let payouts = agreement.payouts.clone();
    let Closed { refunded: amount, held } =
        close(context, task, agreement, reserved, closing, None)?;
    let expired = closing == Closing::Expired;
    context.emit(Event::Refunded { task, buyer, payouts, amount, expired, held, insurance });
    Ok(())
}

/// What the buyer got when an escrow ended.
pub(super) struct Closed {
    /// What of the reserve was left.
    pub(super) refunded: Amount,
    /// What had waited for somebody to take over failed work.
    pub(super) held: Vec<HeldPenalty>,
}

/// Gives the buyer what is left and leaves a tombstone that points at the event emitted next.
/// `reserved` is what budgets reserve for it until now.
pub(super) fn close(
    context: &mut Context<'_>,
    task: TaskId,
    mut agreement: Agreement,
    reserved: Amount,
    closing: Closing,
    output: Option<ContentId>,
) -> Result<Closed, Error> {
    let held = release_all(context, task, &mut agreement)?;
    let (buyer, refunded) = (agreement.buyer, agreement.held());
    move_money(&mut context.state, Pot::Escrowed, Pot::Free(buyer), refunded)?;
    close_position(&mut context.state, &buyer);
    if let Some(budget) = agreement.budget {
        let spent = reserved.saturating_sub(refunded);
        budget::release(&mut context.state, context.now, budget, reserved, spent)?;
    }
    let tombstone = Tombstone {
        buyer,
        closing,
        attempts: agreement.attempt,
        payouts: agreement.payouts,
        refunded,
        output,
        height: context.height,
        event: context.next_event(),
        closed: context.now,
        failed: agreement.failed,
        ratings: Vec::new(),
    };
    write_tombstone(&mut context.state, &task, tombstone);
    let forgotten = context.now.plus(context.parameters.escrow.retention_ms);
    context.remove_at(forgotten, &key::escrow(&task));
    Ok(Closed { refunded, held })
}
