//! Redeeming credits: a unit becomes a claim on one issuer, which ends once.
use alloc::vec::Vec;

use ainur_primitives::{ContentId, Did, Digest, FailureReason, TaskId, Timestamp};

use super::classes::{discharge, owe};
use super::state::{class, give, take};
use super::{Claim, ClaimEnding, ClosedClaim, CreditClassId, Error, Event, OpenClaim};
use crate::balances::{Pot, move_money};
use crate::execution::Context;
use crate::reputation;
use crate::state::{key, prefixed};

/// Burns one credit of the sender's and opens a claim.
pub(super) fn redeem(
    context: &mut Context<'_>,
    (id, task): (CreditClassId, TaskId),
    issuer: Option<Did>,
    verifier: Did,
    deadline: Timestamp,
) -> Result<(), Error> {
    let holder = context.sender;
    let mut class = class(&context.state, id)?;
    let params = &context.parameters.exchange;
    let earliest = context.now.plus(params.claim_ms_min);
    let latest = context.now.plus(params.claim_ms_max);
    if deadline < earliest || deadline > latest {
        return Err(Error::DeadlineOutOfRange { earliest, latest });
    }
    let taken = context.state.read::<Claim>(&key::claim(&task)).is_some()
        || context.state.read::<crate::escrow::Escrow>(&key::escrow(&task)).is_some();
    if taken {
        return Err(Error::TaskTaken(task));
    }
    let validators: Vec<Did> = context.state.read(&key::validators()).unwrap_or_default();
    if !validators.contains(&verifier) {
        return Err(Error::NotValidator(verifier));
    }
    let issuer = match issuer {
        Some(issuer) => issuer,
        None => longest_owing(context, id, [holder, verifier]).ok_or(Error::NoIssuer)?,
    };
    if holder == issuer || holder == verifier || issuer == verifier {
        return Err(Error::SelfDealing);
    }
    take(&mut context.state, id, &holder, 1)?;
    discharge(&mut context.state, id, issuer, 1)?;
    class.supply = class.supply.checked_sub(1).expect("what is held is out");
    let collateral = class.collateral;
    context.state.write(key::credit_class(&id), &class);
    let claim = OpenClaim { class: id, holder, issuer, verifier, collateral, deadline };
    context.state.write(key::claim(&task), &Claim::Open(claim));
    context.emit(Event::Redeemed { class: id, task, holder, issuer, verifier, deadline });
    Ok(())
}

/// Who has owed for longest, parties to the claim aside.
fn longest_owing(context: &Context<'_>, id: CreditClassId, parties: [Did; 2]) -> Option<Did> {
    let line = key::turns(&id);
    // Holder and verifier can be ahead, nobody else is passed over.
    prefixed(&context.state, &line)
        .take(parties.len() + 1)
        .map(|(_, issuer)| crate::state::decoded(&issuer))
        .find(|issuer| !parties.contains(issuer))
}

/// Gives the issuer its collateral back.
pub(super) fn fulfil(
    context: &mut Context<'_>,
    task: TaskId,
    output: ContentId,
    verdict: Digest,
) -> Result<(), Error> {
    let claim = decided(context, task)?;
    let OpenClaim { issuer, collateral, .. } = claim;
    move_money(&mut context.state, Pot::Exchange, Pot::Free(issuer), collateral)?;
    reputation::count(context, issuer, true);
    close(context, task, claim, ClaimEnding::Fulfilled(output));
    context.emit(Event::Fulfilled { task, issuer, collateral, output, verdict });
    Ok(())
}

/// Gives the holder the collateral; or its credit again, when the failure was not the issuer's.
pub(super) fn fail(
    context: &mut Context<'_>,
    task: TaskId,
    reason: FailureReason,
    evidence: Digest,
) -> Result<(), Error> {
    let claim = decided(context, task)?;
    end(context, task, claim, reason, evidence)
}

/// Closes a claim after its deadline, whoever asks.
pub(super) fn expire(context: &mut Context<'_>, task: TaskId) -> Result<(), Error> {
    let claim = open(context, task)?;
    if context.now < claim.deadline {
        return Err(Error::DeadlineAhead(claim.deadline));
    }
    end(context, task, claim, FailureReason::TimedOut, Digest::ZERO)
}

fn end(
    context: &mut Context<'_>,
    task: TaskId,
    claim: OpenClaim,
    reason: FailureReason,
    evidence: Digest,
) -> Result<(), Error> {
    let OpenClaim { class: id, holder, issuer, collateral, .. } = claim;
    if reason != FailureReason::Infrastructure {
        reputation::count(context, issuer, false);
    }
    let blameless = matches!(reason, FailureReason::Infrastructure | FailureReason::BuyerRefused);
    if blameless {
        let mut class = class(&context.state, id)?;
        class.supply = class.supply.checked_add(1).ok_or(Error::QuantityOutOfRange)?;
        owe(&mut context.state, (id, &mut class), issuer, 1);
        give(&mut context.state, id, &holder, 1);
        context.state.write(key::credit_class(&id), &class);
        close(context, task, claim, ClaimEnding::Voided(reason));
        context.emit(Event::Voided { task, issuer, holder, reason, evidence });
    } else {
        move_money(&mut context.state, Pot::Exchange, Pot::Free(holder), collateral)?;
        close(context, task, claim, ClaimEnding::Defaulted(reason));
        context.emit(Event::Defaulted { task, issuer, holder, collateral, reason, evidence });
    }
    Ok(())
}

fn open(context: &Context<'_>, task: TaskId) -> Result<OpenClaim, Error> {
    match context.state.read(&key::claim(&task)) {
        Some(Claim::Open(claim)) => Ok(claim),
        Some(Claim::Closed(ClosedClaim { ending, .. })) => Err(Error::ClaimClosed { task, ending }),
        None => Err(Error::UnknownClaim(task)),
    }
}

/// The open claim whose verifier is the sender.
fn decided(context: &Context<'_>, task: TaskId) -> Result<OpenClaim, Error> {
    let claim = open(context, task)?;
    if claim.verifier == context.sender { Ok(claim) } else { Err(Error::NotVerifier) }
}

/// Leaves a closed claim that points at the event emitted next.
fn close(context: &mut Context<'_>, task: TaskId, claim: OpenClaim, ending: ClaimEnding) {
    let (height, event, closed) = (context.height, context.next_event(), context.now);
    let remembered = ClosedClaim { claim, ending, height, event, closed };
    context.state.write(key::claim(&task), &Claim::Closed(remembered));
    let forgotten = context.now.plus(context.parameters.exchange.retention_ms);
    context.remove_at(forgotten, &key::claim(&task));
}
