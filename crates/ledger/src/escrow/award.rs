//! Binding a seller to a task: the first award opens the escrow, later ones follow failures.
use alloc::vec::Vec;

use ainur_primitives::{Amount, Did, TaskId};

use super::state::{open, write_open};
use super::{
    Action, Agreement, Engagement, Error, Escrow, Event, Role, SignedAward, Stage, consent,
};
use crate::balances::{Pot, move_money};
use crate::execution::Context;
use crate::state::key;
use crate::{budget, reputation};

/// Opens the escrow of a task; only for [`Action::Agree`].
pub(super) fn agree(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    let Action::Agree { task, verifier, reserve, award, budget, call, check, deadline } = action
    else {
        unreachable!("called for agreements only");
    };
    let (task, verifier, reserve, buyer) = (*task, *verifier, *reserve, context.sender);
    match context.state.read(&key::escrow(&task)) {
        Some(Escrow::Open(_)) => return Err(Error::AlreadyAgreed(task)),
        Some(Escrow::Closed(closed)) => {
            return Err(Error::AlreadyClosed { task, closing: closed.closing });
        }
        None => {}
    }
    let latest = context.now.plus(context.parameters.escrow.duration_ms_max);
    if *deadline <= context.now || *deadline > latest {
        return Err(Error::DeadlineOutOfRange(latest));
    }
    if reserve.is_zero() {
        return Err(Error::ReserveZero);
    }
    let attempt = bind(context, (task, 1), (buyer, verifier, reserve), award)?;
    if let Some(budget) = *budget {
        budget::reserve(&mut context.state, context.now, &buyer, budget, reserve)?;
    }
    move_money(&mut context.state, Pot::Free(buyer), Pot::Escrowed, reserve)?;
    context.emit(Event::Agreed {
        task,
        buyer,
        seller: attempt.seller,
        verifier,
        price: attempt.price,
        reserve,
        bond: attempt.bond,
        bid: attempt.bid,
        call: *call,
        transcript: attempt.transcript,
        check: *check,
        budget: *budget,
        deadline: *deadline,
    });
    let agreement = Agreement {
        buyer,
        verifier,
        reserve,
        budget: *budget,
        call: *call,
        check: *check,
        deadline: *deadline,
        attempt,
        stage: Stage::Running,
        failed: Vec::new(),
    };
    write_open(&mut context.state, task, agreement);
    Ok(())
}

/// Awards the task again.
pub(super) fn reaward(
    context: &mut Context<'_>,
    task: TaskId,
    award: &SignedAward,
) -> Result<(), Error> {
    let mut agreement = open(&context.state, task)?;
    if agreement.buyer != context.sender {
        return Err(Error::NotParty(Role::Buyer));
    }
    if agreement.stage == Stage::Running {
        return Err(Error::AttemptRunning(agreement.attempt.number));
    }
    if context.now >= agreement.deadline {
        return Err(Error::DeadlinePassed(agreement.deadline));
    }
    let attempts_max = context.parameters.escrow.attempts_max;
    if agreement.attempt.number >= attempts_max {
        return Err(Error::TooManyAttempts(attempts_max));
    }
    if agreement.failed.contains(&award.consent.seller()) {
        return Err(Error::FailedBefore(award.consent.seller()));
    }
    let Agreement { buyer, verifier, reserve, .. } = agreement;
    let number = agreement.attempt.number + 1;
    let attempt = bind(context, (task, number), (buyer, verifier, reserve), award)?;
    context.emit(Event::Reawarded {
        task,
        attempt: number,
        seller: attempt.seller,
        price: attempt.price,
        bond: attempt.bond,
        bid: attempt.bid,
        transcript: attempt.transcript,
    });
    agreement.attempt = attempt;
    agreement.stage = Stage::Running;
    write_open(&mut context.state, task, agreement);
    Ok(())
}

/// Checks an award and locks the seller's bond.
fn bind(
    context: &mut Context<'_>,
    (task, number): (TaskId, u32),
    (buyer, verifier, reserve): (Did, Did, Amount),
    award: &SignedAward,
) -> Result<Engagement, Error> {
    let (price, seller) = (award.price, award.consent.seller());
    if seller == buyer || seller == verifier {
        return Err(Error::SelfDealing);
    }
    let consent = consent::ensure(context, task, (buyer, reserve), award)?;
    let bond = reputation::lock(context, seller, price)?;
    let transcript = award.consent.transcript();
    Ok(Engagement { number, seller, price, bond, bid: consent, transcript })
}
