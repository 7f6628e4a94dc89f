//! Money that members of coalitions pledged: what clauses cost goes to whom they name, once, and
//! the rest is its owner's again. And what was withheld from them.
use alloc::vec::Vec;

use ainur_primitives::{Amount, Did, FailureReason, PenaltyCause, TaskId, Timestamp};

use super::{Agreement, Error, HeldPenalty, PartState, Payout, Penalty};
use crate::balances::{Pot, move_money};
use crate::execution::Context;
use crate::reputation;

/// Carries out the clauses on those who just failed at these engagements, all with one another;
/// returns what each pays. For infrastructure nobody pays.
pub(super) fn carry_out_failures(
    context: &mut Context<'_>,
    task: TaskId,
    agreement: &mut Agreement,
    failed: &[usize],
    reason: FailureReason,
) -> Result<Vec<Penalty>, Error> {
    let (buyer, mut penalties) = (agreement.buyer, Vec::new());
    for pact in &mut agreement.pacts {
        let of_pact = failed.iter().filter_map(|at| agreement.engagements.get(*at));
        let of_pact = of_pact.filter(|engagement| engagement.consent == pact.consent);
        let subtasks: Vec<u16> = of_pact.filter_map(|engagement| engagement.subtask).collect();
        if reason == FailureReason::Infrastructure {
            subtasks.iter().for_each(|subtask| pact.excuse(*subtask));
        } else {
            penalties.extend(pact.fail(buyer, &subtasks));
        }
    }
    for at in failed {
        let engagement = &mut agreement.engagements[*at];
        let pledge = core::mem::take(&mut engagement.pledge);
        let own = |penalty: &&Penalty| {
            penalty.coalition == engagement.consent && Some(penalty.subtask) == engagement.subtask
        };
        let penalty = penalties.iter().find(own);
        engagement.pledge = penalty.map_or(Amount::ZERO, |penalty| penalty.held);
        let freed = pledge.saturating_sub(engagement.pledge);
        let paid = penalty.map(|penalty| penalty.payouts.as_slice()).unwrap_or_default();
        let seller = engagement.seller;
        reputation::pay_penalty(context, (task, seller), freed, paid, PenaltyCause::Failed)?;
    }
    Ok(penalties)
}

/// Carries out the clauses on a member whose last part was accepted now, if that was late, and lets
/// go of what it pledged.
pub(super) fn carry_out_lateness(
    context: &mut Context<'_>,
    task: TaskId,
    agreement: &mut Agreement,
    at: usize,
    delivered: Timestamp,
) -> Result<Option<Penalty>, Error> {
    let (buyer, engagement) = (agreement.buyer, &mut agreement.engagements[at]);
    let (consent, subtask) = (engagement.consent, engagement.subtask);
    let pledge = core::mem::take(&mut engagement.pledge);
    let pact = agreement.pacts.iter().find(|pact| pact.consent == consent).zip(subtask);
    let penalty = pact.and_then(|(pact, subtask)| {
        let due = pact.due(subtask, engagement.since)?;
        (delivered > due).then(|| pact.late(buyer, subtask)).flatten()
    });
    let paid = penalty.as_ref().map(|penalty| penalty.payouts.as_slice()).unwrap_or_default();
    let seller = engagement.seller;
    reputation::pay_penalty(context, (task, seller), pledge, paid, PenaltyCause::Late)?;
    for pact in &mut agreement.pacts {
        pact.accepted(subtask, context.now);
        if let Some(subtask) = subtask.filter(|_| pact.consent == consent) {
            pact.accept(subtask, seller);
        }
    }
    Ok(penalty)
}

/// Pays what waited for whoever takes over what a seller failed at.
pub(super) fn release_held(
    context: &mut Context<'_>,
    task: TaskId,
    agreement: &mut Agreement,
    at: usize,
    payee: Did,
) -> Result<Option<HeldPenalty>, Error> {
    let engagement = &mut agreement.engagements[at];
    let amount = core::mem::take(&mut engagement.pledge);
    let Some(subtask) = engagement.subtask.filter(|_| !amount.is_zero()) else { return Ok(None) };
    let (coalition, seller) = (engagement.consent, engagement.seller);
    let paid = [Payout { payee, amount }];
    reputation::pay_penalty(context, (task, seller), amount, &paid, PenaltyCause::Failed)?;
    Ok(Some(HeldPenalty { coalition, subtask, seller, payee, amount }))
}

/// Pays the buyer all that waited for somebody to take over.
pub(super) fn release_all(
    context: &mut Context<'_>,
    task: TaskId,
    agreement: &mut Agreement,
) -> Result<Vec<HeldPenalty>, Error> {
    let (buyer, mut released) = (agreement.buyer, Vec::new());
    for at in 0..agreement.engagements.len() {
        let waits = agreement.engagements[at].parts.iter();
        if waits.clone().any(|part| part.state == PartState::Failed) {
            released.extend(release_held(context, task, agreement, at, buyer)?);
        }
    }
    Ok(released)
}

/// Ends all insurance: members whose work was accepted get what is left of what was withheld from
/// them.
pub(super) fn end_insurance(
    context: &mut Context<'_>,
    agreement: &mut Agreement,
) -> Result<Vec<Payout>, Error> {
    let mut all = Vec::new();
    for pact in &mut agreement.pacts {
        all.extend(pact.end_insurance());
    }
    let (asked, reserve) = (all.iter().map(|payout| payout.amount).sum(), agreement.held());
    if asked > reserve {
        // Never with the money of others.
        return Err(Error::PriceOutOfRange { asked, reserve });
    }
    for Payout { payee, amount } in &all {
        move_money(&mut context.state, Pot::Escrowed, Pot::Free(*payee), *amount)?;
        agreement.pay_out(*payee, *amount);
    }
    Ok(all)
}
