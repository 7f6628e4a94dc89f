//! Ending attempts and escrows: payment, failure, refund. Each happens at most once.
use ainur_primitives::{Amount, ContentId, Digest, FailureReason, TaskId};

use super::state::{open, write_open, write_tombstone};
use super::{Agreement, Closing, Error, Event, Role, Stage, Tombstone};
use crate::balances::{Pot, move_money};
use crate::execution::Context;
use crate::state::key;
use crate::{budget, reputation};

/// Pays the seller and gives the rest back.
pub(super) fn settle(
    context: &mut Context<'_>,
    (task, attempt): (TaskId, u32),
    output: ContentId,
    verdict: Digest,
) -> Result<(), Error> {
    let agreement = running(context, task, attempt)?;
    let (buyer, seller) = (agreement.buyer, agreement.attempt.seller);
    let price = agreement.attempt.price;
    reputation::release(context, seller, agreement.attempt.bond);
    let refunded = pay(context, task, agreement, Closing::Settled, Some(output))?;
    context.emit(Event::Settled { task, attempt, buyer, seller, price, refunded, output, verdict });
    Ok(())
}

/// Ends an attempt without payment; the escrow stays.
pub(super) fn fail(
    context: &mut Context<'_>,
    (task, attempt): (TaskId, u32),
    reason: FailureReason,
    evidence: Digest,
) -> Result<(), Error> {
    let mut agreement = running(context, task, attempt)?;
    end_attempt(context, task, &mut agreement, reason, evidence)?;
    write_open(&mut context.state, task, agreement);
    Ok(())
}

/// Gives everything back while no attempt is at work.
pub(super) fn refund(context: &mut Context<'_>, task: TaskId) -> Result<(), Error> {
    let agreement = open(&context.state, task)?;
    if context.sender != agreement.buyer && context.sender != agreement.verifier {
        return Err(Error::NotParty(Role::BuyerOrVerifier));
    }
    if agreement.stage == Stage::Running {
        return Err(Error::AttemptRunning(agreement.attempt.number));
    }
    give_back(context, task, agreement, Closing::Refunded)
}

/// Gives everything back after the deadline, whoever asks.
pub(super) fn expire(context: &mut Context<'_>, task: TaskId) -> Result<(), Error> {
    let mut agreement = open(&context.state, task)?;
    if context.now < agreement.deadline {
        return Err(Error::DeadlineAhead(agreement.deadline));
    }
    if agreement.stage == Stage::Running {
        let reason = FailureReason::TimedOut;
        end_attempt(context, task, &mut agreement, reason, Digest::ZERO)?;
    }
    give_back(context, task, agreement, Closing::Expired)
}

/// The escrow of a task whose verifier is the sender and whose attempt is at work.
fn running(context: &Context<'_>, task: TaskId, attempt: u32) -> Result<Agreement, Error> {
    let agreement = open(&context.state, task)?;
    if agreement.verifier != context.sender {
        return Err(Error::NotParty(Role::Verifier));
    }
    let current = agreement.attempt.number;
    if agreement.stage != Stage::Running || current != attempt {
        return Err(Error::NotThisAttempt { current, found: attempt });
    }
    Ok(agreement)
}

fn end_attempt(
    context: &mut Context<'_>,
    task: TaskId,
    agreement: &mut Agreement,
    reason: FailureReason,
    evidence: Digest,
) -> Result<(), Error> {
    let (seller, bond) = (agreement.attempt.seller, agreement.attempt.bond);
    reputation::punish(context, (task, seller, bond), agreement.buyer, reason)?;
    agreement.stage = Stage::Failed(reason);
    if reason != FailureReason::Infrastructure {
        agreement.failed.push(seller);
    }
    let attempt = agreement.attempt.number;
    context.emit(Event::Failed { task, attempt, seller, reason, evidence });
    Ok(())
}

fn give_back(
    context: &mut Context<'_>,
    task: TaskId,
    agreement: Agreement,
    closing: Closing,
) -> Result<(), Error> {
    let buyer = agreement.buyer;
    let amount = pay(context, task, agreement, closing, None)?;
    let expired = closing == Closing::Expired;
    context.emit(Event::Refunded { task, buyer, amount, expired });
    Ok(())
}

/// Empties the escrow and leaves a tombstone that points at the event emitted next. Returns what
/// went back to the buyer.
fn pay(
    context: &mut Context<'_>,
    task: TaskId,
    agreement: Agreement,
    closing: Closing,
    output: Option<ContentId>,
) -> Result<Amount, Error> {
    let Agreement { buyer, reserve, .. } = agreement;
    let payee = (closing == Closing::Settled).then_some(agreement.attempt.seller);
    let paid = if payee.is_some() { agreement.attempt.price } else { Amount::ZERO };
    let refunded = reserve.checked_sub(paid).expect("no price is above the reserve");
    if let Some(seller) = payee {
        move_money(&mut context.state, Pot::Escrowed, Pot::Free(seller), paid)?;
    }
    move_money(&mut context.state, Pot::Escrowed, Pot::Free(buyer), refunded)?;
    if let Some(budget) = agreement.budget {
        budget::release(&mut context.state, budget, reserve, paid)?;
    }
    let tombstone = Tombstone {
        buyer,
        seller: payee,
        closing,
        attempts: agreement.attempt.number,
        paid,
        refunded,
        output,
        height: context.height,
        event: context.next_event(),
        closed: context.now,
        failed: agreement.failed,
        rating: None,
    };
    write_tombstone(&mut context.state, &task, tombstone);
    let forgotten = context.now.plus(context.parameters.escrow.retention_ms);
    context.remove_at(forgotten, &key::escrow(&task));
    Ok(refunded)
}
