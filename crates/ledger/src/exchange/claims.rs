//! Redeeming credits: a unit becomes a claim on one issuer, which ends once.
//!
//! Nobody's silence costs another: an issuer that delivers nothing loses its collateral to the
//! holder, a delivery nobody disputes gives it back, and a dispute nobody decides leaves both as
//! they were.
use alloc::vec::Vec;

use ainur_primitives::{ContentId, Did, Digest, FailureReason, TaskId};

use super::classes::{discharge, owe};
use super::state::{class, give, take};
use super::{
    Action, Claim, ClaimDelivery, ClaimEnding, ClaimRole, ClosedClaim, CreditClassId, Error, Event,
    OpenClaim,
};
use crate::balances::{Pot, close_position, move_money, open_position};
use crate::execution::Context;
use crate::reputation;
use crate::state::{key, prefixed};

/// Burns one credit of the sender's and opens a claim; only for [`Action::Redeem`].
pub(super) fn redeem(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    let &Action::Redeem { class: id, task, issuer, verifier, call, check, deadline } = action
    else {
        unreachable!("called for redemptions only");
    };
    let holder = context.sender;
    let mut class = class(&context.state, id)?;
    let params = &context.parameters.exchange;
    let earliest = context.now.plus(params.claim_ms_min);
    let latest = context.now.plus(params.claim_ms_max);
    if deadline < earliest || deadline > latest {
        return Err(Error::DeadlineOutOfRange { earliest, latest });
    }
    let taken = context.state.read::<Claim>(&key::claim(&task)).is_some()
        || context.state.read::<crate::escrow::Escrow>(&key::escrow(&task)).is_some()
        || context.state.read::<crate::rental::RentalUse>(&key::rental_use(&task)).is_some();
    if taken {
        return Err(Error::TaskTaken(task));
    }
    if let Some(verifier) = verifier {
        let validators: Vec<Did> = context.state.read(&key::validators()).unwrap_or_default();
        if !validators.contains(&verifier) {
            return Err(Error::NotValidator(verifier));
        }
    }
    let issuer = match issuer {
        Some(issuer) => issuer,
        None => longest_owing(context, id, holder, verifier).ok_or(Error::NoIssuer)?,
    };
    if holder == issuer || Some(holder) == verifier || Some(issuer) == verifier {
        return Err(Error::SelfDealing);
    }
    take(&mut context.state, id, &holder, 1)?;
    discharge(&mut context.state, id, issuer, 1)?;
    class.supply = class.supply.checked_sub(1).expect("what is held is out");
    let collateral = class.collateral;
    context.state.write(key::credit_class(&id), &class);
    for party in [holder, issuer] {
        open_position(&mut context.state, &party);
    }
    let delivery = None;
    let claim = OpenClaim {
        class: id,
        holder,
        issuer,
        verifier,
        call,
        check,
        collateral,
        deadline,
        delivery,
    };
    context.state.write(key::claim(&task), &Claim::Open(claim));
    context.emit(Event::Redeemed {
        class: id,
        task,
        holder,
        issuer,
        verifier,
        call,
        check,
        collateral,
        deadline,
    });
    Ok(())
}

/// Who has owed for longest, parties to the claim aside.
fn longest_owing(
    context: &Context<'_>,
    id: CreditClassId,
    holder: Did,
    verifier: Option<Did>,
) -> Option<Did> {
    let line = key::turns(&id);
    // Holder and verifier can be ahead, nobody else is passed over.
    prefixed(&context.state, &line)
        .take(3)
        .map(|(_, issuer)| crate::state::decoded(&issuer))
        .find(|issuer| *issuer != holder && Some(*issuer) != verifier)
}

/// Notes what the issuer has delivered in time.
pub(super) fn deliver(
    context: &mut Context<'_>,
    task: TaskId,
    output: ContentId,
) -> Result<(), Error> {
    let mut claim = open(context, task)?;
    let issuer = claim.issuer;
    if issuer != context.sender {
        return Err(Error::NotClaimParty(ClaimRole::Issuer));
    }
    if claim.delivery.is_some() {
        return Err(Error::DeliveredAlready);
    }
    if context.now >= claim.deadline {
        return Err(Error::DeadlinePassed(claim.deadline));
    }
    let until = context.now.plus(context.parameters.exchange.dispute_ms);
    claim.delivery = Some(ClaimDelivery { output, disputed: false, until });
    context.state.write(key::claim(&task), &Claim::Open(claim));
    context.emit(Event::Delivered { task, issuer, output, until });
    Ok(())
}

/// Leaves what was delivered to the verifier.
pub(super) fn dispute(
    context: &mut Context<'_>,
    task: TaskId,
    evidence: Digest,
) -> Result<(), Error> {
    let mut claim = open(context, task)?;
    let holder = claim.holder;
    if holder != context.sender {
        return Err(Error::NotClaimParty(ClaimRole::Holder));
    }
    if claim.verifier.is_none() {
        return Err(Error::NoVerifier);
    }
    let now = context.now;
    let disputable = |delivery: &ClaimDelivery| !delivery.disputed && now < delivery.until;
    let delivery = claim.delivery.filter(disputable).ok_or(Error::NothingToDispute)?;
    let until = now.plus(context.parameters.exchange.dispute_ms);
    claim.delivery = Some(ClaimDelivery { disputed: true, until, ..delivery });
    context.state.write(key::claim(&task), &Claim::Open(claim));
    context.emit(Event::Disputed { task, holder, until, evidence });
    Ok(())
}

/// Gives the issuer its collateral back, by the word of the holder or the verifier.
pub(super) fn fulfil(
    context: &mut Context<'_>,
    task: TaskId,
    output: ContentId,
    verdict: Digest,
) -> Result<(), Error> {
    let claim = open(context, task)?;
    if context.sender != claim.holder && Some(context.sender) != claim.verifier {
        return Err(Error::NotClaimParty(ClaimRole::HolderOrVerifier));
    }
    match claim.delivery {
        Some(delivery) if delivery.output != output => Err(Error::OtherDelivery(delivery.output)),
        _ => accept(context, task, claim, output, verdict),
    }
}

fn accept(
    context: &mut Context<'_>,
    task: TaskId,
    claim: OpenClaim,
    output: ContentId,
    verdict: Digest,
) -> Result<(), Error> {
    let OpenClaim { issuer, collateral, .. } = claim;
    move_money(&mut context.state, Pot::Exchange, Pot::Free(issuer), collateral)?;
    reputation::count(context, issuer, true);
    close(context, task, claim, ClaimEnding::Fulfilled(output));
    context.emit(Event::Fulfilled { task, issuer, collateral, output, verdict });
    Ok(())
}

/// Gives the holder the collateral; or its credit again, when the failure was not the issuer's.
///
/// The verifier may say either; issuer and holder each only what is against themselves: the issuer
/// that it failed, the holder, before anything is delivered, that nobody did.
pub(super) fn fail(
    context: &mut Context<'_>,
    task: TaskId,
    reason: FailureReason,
    evidence: Digest,
) -> Result<(), Error> {
    let claim = open(context, task)?;
    let sender = context.sender;
    if Some(sender) == claim.verifier {
        if reason != FailureReason::Infrastructure {
            reputation::count(context, claim.issuer, false);
        }
    } else if sender == claim.issuer {
        if is_blameless(reason) {
            return Err(Error::NotThisReason(reason));
        }
        reputation::count(context, sender, false);
    } else if sender == claim.holder {
        if !is_blameless(reason) {
            return Err(Error::NotThisReason(reason));
        }
        if claim.delivery.is_some() {
            return Err(Error::DeliveredAlready);
        }
    } else {
        return Err(Error::NotClaimParty(ClaimRole::Party));
    }
    end(context, task, claim, reason, evidence)
}

/// Closes a claim whose time has come, whoever asks.
pub(super) fn expire(context: &mut Context<'_>, task: TaskId) -> Result<(), Error> {
    let claim = open(context, task)?;
    let due = claim.delivery.map_or(claim.deadline, |delivery| delivery.until);
    if context.now < due {
        return Err(Error::DeadlineAhead(due));
    }
    match claim.delivery {
        None => {
            reputation::count(context, claim.issuer, false);
            end(context, task, claim, FailureReason::TimedOut, Digest::ZERO)
        }
        Some(ClaimDelivery { disputed: false, output, .. }) => {
            accept(context, task, claim, output, Digest::ZERO)
        }
        Some(ClaimDelivery { disputed: true, .. }) => {
            end(context, task, claim, FailureReason::Infrastructure, Digest::ZERO)
        }
    }
}

/// The holder gets no collateral for these.
fn is_blameless(reason: FailureReason) -> bool {
    matches!(reason, FailureReason::Infrastructure | FailureReason::BuyerRefused)
}

fn end(
    context: &mut Context<'_>,
    task: TaskId,
    claim: OpenClaim,
    reason: FailureReason,
    evidence: Digest,
) -> Result<(), Error> {
    let OpenClaim { class: id, holder, issuer, collateral, .. } = claim;
    if is_blameless(reason) {
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

/// Leaves a closed claim that points at the event emitted next.
fn close(context: &mut Context<'_>, task: TaskId, claim: OpenClaim, ending: ClaimEnding) {
    for party in [claim.holder, claim.issuer] {
        close_position(&mut context.state, &party);
    }
    let (height, event, closed) = (context.height, context.next_event(), context.now);
    let remembered = ClosedClaim { claim, ending, height, event, closed };
    context.state.write(key::claim(&task), &Claim::Closed(remembered));
    let forgotten = context.now.plus(context.parameters.exchange.retention_ms);
    context.remove_at(forgotten, &key::claim(&task));
}
