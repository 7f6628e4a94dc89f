//! Sellers who failed: their bonds pay for it, what they had in advance comes back, and the escrow
//! stays.
use alloc::vec::Vec;

use ainur_primitives::{Amount, Digest, FailureReason, TaskId};

use super::close::running;
use super::pledge::carry_out_failures;
use super::state::write_open;
use super::{Agreement, Engagement, Error, Event, PartState, Penalty};
use crate::execution::Context;
use crate::reputation;

/// Fails everyone who is at work.
pub(super) fn fail(
    context: &mut Context<'_>,
    (task, attempt): (TaskId, u32),
    reason: FailureReason,
    evidence: Digest,
) -> Result<(), Error> {
    let mut agreement = running(context, task, attempt)?;
    fail_all(context, task, &mut agreement, reason, evidence)?;
    write_open(&mut context.state, task, agreement);
    Ok(())
}

/// Fails the seller of a part at all it has not had accepted; the others go on.
pub(super) fn fail_part(
    context: &mut Context<'_>,
    (task, attempt, part): (TaskId, u32, u32),
    reason: FailureReason,
    evidence: Digest,
) -> Result<(), Error> {
    let mut agreement = running(context, task, attempt)?;
    let (at, within) = agreement.locate(part)?;
    if !agreement.engagements[at].parts[within].state.is_open() {
        return Err(Error::PartNotRunning(part));
    }
    fail_engagement(context, task, &mut agreement, at, reason)?;
    let penalties = carry_out_failures(context, task, &mut agreement, &[at], reason)?;
    let seller = agreement.engagements[at].seller;
    context.emit(Event::PartFailed { task, attempt, part, seller, reason, evidence, penalties });
    write_open(&mut context.state, task, agreement);
    Ok(())
}

/// Fails every engagement that is open.
pub(super) fn fail_all(
    context: &mut Context<'_>,
    task: TaskId,
    agreement: &mut Agreement,
    reason: FailureReason,
    evidence: Digest,
) -> Result<(), Error> {
    let attempt = agreement.attempt;
    let open = agreement.engagements.iter().enumerate();
    let open = open.filter(|(_, engagement)| engagement.is_open()).map(|(at, _)| at);
    let open: Vec<usize> = open.collect();
    for at in &open {
        fail_engagement(context, task, agreement, *at, reason)?;
    }
    let mut all = carry_out_failures(context, task, agreement, &open, reason)?;
    for at in open {
        let Engagement { seller, consent, subtask, .. } = agreement.engagements[at];
        let own = |it: &mut Penalty| it.coalition == consent && Some(it.subtask) == subtask;
        let penalties = all.extract_if(.., own).collect();
        context.emit(Event::Failed { task, attempt, seller, reason, evidence, penalties });
    }
    Ok(())
}

fn fail_engagement(
    context: &mut Context<'_>,
    task: TaskId,
    agreement: &mut Agreement,
    at: usize,
    reason: FailureReason,
) -> Result<(), Error> {
    let engagement = &mut agreement.engagements[at];
    let seller = engagement.seller;
    let advanced = core::mem::take(&mut engagement.advanced);
    let bond = engagement.bonds();
    for part in engagement.parts.iter_mut().filter(|part| part.state.is_open()) {
        part.state = PartState::Failed;
    }
    if advanced > Amount::ZERO {
        reputation::reclaim(context, seller, advanced)?;
        context.emit(Event::AdvanceReturned { task, seller, amount: advanced });
    }
    reputation::punish(context, (task, seller, bond), agreement.buyer, reason)?;
    if reason != FailureReason::Infrastructure && !agreement.failed.contains(&seller) {
        agreement.failed.push(seller);
    }
    Ok(())
}
