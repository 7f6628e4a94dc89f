//! Paying accepted work: all of it at once, or a part.
use alloc::vec::Vec;

use ainur_primitives::{Amount, ContentId, Digest, Ppm, TaskId, Timestamp};

use super::close::{Closed, close, running};
use super::pledge::{carry_out_lateness, end_insurance};
use super::state::write_open;
use super::{Agreement, Closing, Error, Event, PartState, Penalty};
use crate::balances::{Pot, move_money};
use crate::execution::Context;
use crate::{budget, reputation};

/// Pays everyone who is at work and gives the rest back.
pub(super) fn settle(
    context: &mut Context<'_>,
    (task, attempt): (TaskId, u32),
    delivered: Timestamp,
    (output, verdict): (ContentId, Digest),
) -> Result<(), Error> {
    let mut agreement = running(context, task, attempt)?;
    let reserved = agreement.unpaid();
    let (mut compensation, mut penalties) = (Amount::ZERO, Vec::new());
    for at in 0..agreement.engagements.len() {
        let accepted = accept(context, (task, &mut agreement), at, usize::MAX, delivered)?;
        compensation = compensation.saturating_add(accepted.compensation);
        penalties.extend(accepted.penalty);
    }
    finish(context, task, agreement, reserved, (compensation, penalties), (output, verdict))
}

/// Pays the part that its seller is at work at; the last one closes the escrow.
pub(super) fn settle_part(
    context: &mut Context<'_>,
    (task, attempt, part): (TaskId, u32, u32),
    delivered: Timestamp,
    (output, verdict): (ContentId, Digest),
) -> Result<(), Error> {
    let mut agreement = running(context, task, attempt)?;
    let (at, within) = agreement.locate(part)?;
    let engagement = &agreement.engagements[at];
    if engagement.parts[within].state != PartState::Running {
        return Err(Error::PartNotRunning(part));
    }
    let (seller, reserved) = (engagement.seller, agreement.unpaid());
    let Accepted { price, compensation, penalty } =
        accept(context, (task, &mut agreement), at, 1, delivered)?;
    context.emit(Event::PartSettled {
        task,
        attempt,
        part,
        seller,
        price,
        compensation,
        output,
        verdict,
        penalties: penalty.into_iter().collect(),
    });
    let over = |state| matches!(state, PartState::Paid | PartState::Replaced);
    if agreement.parts().all(|part| over(part.state)) {
        let costs = (compensation, Vec::new());
        return finish(context, task, agreement, reserved, costs, (output, verdict));
    }
    if let Some(budget) = agreement.budget {
        budget::release(&mut context.state, context.now, budget, price, price)?;
    }
    write_open(&mut context.state, task, agreement);
    Ok(())
}

/// Closes the escrow after the last payment.
fn finish(
    context: &mut Context<'_>,
    task: TaskId,
    mut agreement: Agreement,
    reserved: Amount,
    (compensation, penalties): (Amount, Vec<Penalty>),
    (output, verdict): (ContentId, Digest),
) -> Result<(), Error> {
    let (attempt, buyer) = (agreement.attempt, agreement.buyer);
    let insurance = end_insurance(context, &mut agreement)?;
    let payouts = agreement.payouts.clone();
    let Closed { refunded, held } =
        close(context, task, agreement, reserved, Closing::Settled, Some(output))?;
    context.emit(Event::Settled {
        task,
        attempt,
        buyer,
        payouts,
        compensation,
        refunded,
        output,
        verdict,
        penalties,
        held,
        insurance,
    });
    Ok(())
}

/// What a seller was paid for accepted work.
struct Accepted {
    /// After compensation.
    price: Amount,
    /// What it gave up for being late.
    compensation: Amount,
    /// What its coalition's clauses cost it for that.
    penalty: Option<Penalty>,
}

/// Accepts the next open parts of an engagement, at most `count`: pays them, gives their bonds
/// back, and lets the part after them begin. With the last of them its pledge ends.
fn accept(
    context: &mut Context<'_>,
    (task, agreement): (TaskId, &mut Agreement),
    at: usize,
    count: usize,
    delivered: Timestamp,
) -> Result<Accepted, Error> {
    let share = agreement.service.map_or(Ppm::ZERO, |terms| terms.compensation);
    let engagement = &mut agreement.engagements[at];
    if !engagement.is_open() {
        return Ok(Accepted { price: Amount::ZERO, compensation: Amount::ZERO, penalty: None });
    }
    let (mut amount, mut compensation, mut bond) = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
    let open = engagement.parts.iter_mut().filter(|part| part.state.is_open());
    for part in open.take(count) {
        part.state = PartState::Paid;
        amount = amount.saturating_add(part.amount);
        bond = bond.saturating_add(part.bond);
        if part.due.is_some_and(|due| delivered > due) {
            compensation = compensation.saturating_add(part.amount.share_floor(share));
        }
    }
    let next = engagement.parts.iter_mut().find(|part| part.state.is_open());
    let finished = next.map(|part| part.state = PartState::Running).is_none();
    let seller = engagement.seller;
    let price = amount.saturating_sub(compensation);
    let secured = core::mem::take(&mut engagement.advanced);
    if secured.is_zero() {
        move_money(&mut context.state, Pot::Escrowed, Pot::Free(seller), price)?;
    } else {
        // It has the whole price already, and gives back what it is to give up.
        reputation::reclaim(context, seller, compensation)?;
        bond = bond.saturating_add(secured.saturating_sub(compensation));
    }
    if finished {
        reputation::release(context, seller, bond);
    } else {
        reputation::unlock(context, seller, bond);
    }
    agreement.pay_out(seller, price);
    let penalty = match finished {
        true => carry_out_lateness(context, task, agreement, at, delivered)?,
        false => None,
    };
    Ok(Accepted { price, compensation, penalty })
}
