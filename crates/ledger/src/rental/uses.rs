//! Uses of a rental: each begins once, and ends once by the verifier's word.
use ainur_primitives::{ContentId, Digest, FailureReason, TaskId, Timestamp};

use super::state::{open_use, rental};
use super::{Error, Event, RentalAgreement, RentalRole, RentalUse, RentalUseEnd, USE_UNITS_MAX};
use crate::balances::{Pot, move_money};
use crate::escrow::Escrow;
use crate::exchange::Claim;
use crate::execution::Context;
use crate::reputation;
use crate::state::key;

/// Takes a slot and units, and locks what they cost beyond the quota.
pub(super) fn begin(
    context: &mut Context<'_>,
    id: Digest,
    task: TaskId,
    units: u64,
    (call, check): (Digest, Digest),
) -> Result<(), Error> {
    let mut agreement = rental(&context.state, id)?;
    let (buyer, verifier) = (agreement.buyer, agreement.verifier);
    if buyer != context.sender {
        return Err(Error::NotParty(RentalRole::Buyer));
    }
    if !(1..=USE_UNITS_MAX).contains(&units) {
        return Err(Error::Units);
    }
    let taken = context.state.read::<RentalUse>(&key::rental_use(&task)).is_some()
        || context.state.read::<Escrow>(&key::escrow(&task)).is_some()
        || context.state.read::<Claim>(&key::claim(&task)).is_some();
    if taken {
        return Err(Error::TaskTaken(task));
    }
    let overage = agreement.meter.begin(task, units, context.now)?;
    let period = agreement.meter.period_at(context.now).expect("a use begins in a period");
    move_money(&mut context.state, Pot::Free(buyer), Pot::Rentals, overage)?;
    agreement.held = agreement.held.checked_add(overage).expect("all money fits an amount");
    let terms = agreement.meter.terms();
    let (seller, kept) = (terms.seller, agreement.meter.until());
    let kept = kept.plus(terms.service.latency_ms_max);
    let kept = kept.plus(context.parameters.escrow.duration_ms_max);
    let (began, ended) = (context.now, None);
    let begun_at = (context.height, context.next_event());
    let begun =
        RentalUse { rental: id, seller, verifier, began, period, units, overage, begun_at, ended };
    context.state.write(key::rental(&id), &agreement);
    context.state.write(key::rental_use(&task), &begun);
    context.remove_at(kept, &key::rental_use(&task));
    context.emit(Event::Begun {
        rental: id,
        task,
        buyer,
        seller,
        verifier,
        call,
        check,
        period,
        units,
        overage,
    });
    Ok(())
}

/// Notes that a use was served, and how long it took.
pub(super) fn finish(
    context: &mut Context<'_>,
    task: TaskId,
    delivered: Timestamp,
    (output, verdict): (ContentId, Digest),
) -> Result<(), Error> {
    let (mut found, agreement) = judged(context, task)?;
    if delivered < found.began || delivered > context.now {
        return Err(Error::DeliveredOutOfRange);
    }
    let RentalUse { rental, seller, began, .. } = found;
    if let Some(mut agreement) = agreement {
        agreement.meter.end(&task, true, delivered)?;
        context.state.write(key::rental(&rental), &agreement);
    }
    found.ended = Some((RentalUseEnd::Finished(output), context.height, context.next_event()));
    context.state.write(key::rental_use(&task), &found);
    reputation::count(context, seller, true);
    let latency_ms = delivered.since(began);
    context.emit(Event::Finished { rental, task, seller, latency_ms, output, verdict });
    Ok(())
}

/// Notes that a use failed; by the fault of the seller, or of nobody, which says nothing about the
/// service.
pub(super) fn fail(
    context: &mut Context<'_>,
    task: TaskId,
    reason: FailureReason,
    evidence: Digest,
) -> Result<(), Error> {
    let (mut found, agreement) = judged(context, task)?;
    let RentalUse { rental, seller, .. } = found;
    let is_blameless =
        matches!(reason, FailureReason::Infrastructure | FailureReason::BuyerRefused);
    if let Some(mut agreement) = agreement {
        match is_blameless {
            true => agreement.meter.cancel(&task)?,
            false => agreement.meter.end(&task, false, context.now).map(drop)?,
        }
        context.state.write(key::rental(&rental), &agreement);
    }
    if !is_blameless {
        reputation::count(context, seller, false);
    }
    found.ended = Some((RentalUseEnd::Failed(reason), context.height, context.next_event()));
    context.state.write(key::rental_use(&task), &found);
    context.emit(Event::Failed { rental, task, seller, reason, evidence });
    Ok(())
}

/// A use at work, when the sender is the one to judge it, and its rental, unless that has been over
/// for so long that it is forgotten.
fn judged(
    context: &Context<'_>,
    task: TaskId,
) -> Result<(RentalUse, Option<RentalAgreement>), Error> {
    let found = open_use(&context.state, task)?;
    if found.verifier != context.sender {
        return Err(Error::NotParty(RentalRole::Verifier));
    }
    let agreement = context.state.read(&key::rental(&found.rental));
    Ok((found, agreement))
}
