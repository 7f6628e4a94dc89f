//! Binding sellers to a task: the first awards open the escrow, later ones follow failures.
use alloc::vec::Vec;

use ainur_market::payment::PaymentTerms;
use ainur_primitives::{Amount, TaskId, Timestamp};

use super::consent::{self, Bound};
use super::pledge::{end_insurance, release_all, release_held};
use super::state::{open, write_open};
use super::{
    Action, Agreement, Consent, Engagement, Error, Escrow, Event, PARTS_MAX, Pact, Part, PartState,
    Role, ServiceTerms, SignedAward, task_id,
};
use crate::balances::{Pot, move_money, open_position};
use crate::exchange::Claim;
use crate::execution::Context;
use crate::rental::RentalUse;
use crate::state::key;
use crate::{budget, reputation};

/// Opens the escrow of a task; only for [`Action::Agree`].
pub(super) fn agree(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    let Action::Agree {
        task,
        verifier,
        reserve,
        awards,
        service,
        budget,
        call,
        serial,
        check,
        deadline,
    } = action
    else {
        unreachable!("called for agreements only");
    };
    let (task, reserve, buyer) = (*task, *reserve, context.sender);
    let name = task_id(&context.chain_id, (&buyer, verifier), call, *serial);
    if name != task {
        return Err(Error::NotItsName(name));
    }
    match context.state.read(&key::escrow(&task)) {
        Some(Escrow::Open(_)) => return Err(Error::AlreadyAgreed(task)),
        Some(Escrow::Closed(closed)) => {
            return Err(Error::AlreadyClosed { task, closing: closed.closing });
        }
        None => {}
    }
    // The same work must not be paid by a credit too, or by a rental.
    if context.state.read::<Claim>(&key::claim(&task)).is_some()
        || context.state.read::<RentalUse>(&key::rental_use(&task)).is_some()
    {
        return Err(Error::AlreadyAgreed(task));
    }
    ensure_in_range(context, *deadline, reserve, service.as_ref())?;
    let mut agreement = Agreement {
        buyer,
        verifier: *verifier,
        reserve,
        budget: *budget,
        call: *call,
        check: *check,
        deadline: *deadline,
        service: *service,
        attempt: 1,
        pacts: Vec::new(),
        engagements: Vec::new(),
        payouts: Vec::new(),
        failed: Vec::new(),
    };
    bind_all(context, task, &mut agreement, awards)?;
    if let Some(budget) = *budget {
        budget::reserve(&mut context.state, context.now, &buyer, budget, reserve)?;
    }
    move_money(&mut context.state, Pot::Free(buyer), Pot::Escrowed, reserve)?;
    open_position(&mut context.state, &buyer);
    pay_advances(context, &agreement.engagements)?;
    context.emit(Event::Agreed {
        task,
        buyer,
        verifier: *verifier,
        reserve,
        call: *call,
        check: *check,
        budget: *budget,
        deadline: *deadline,
        service: *service,
        sellers: agreement.engagements.iter().map(Into::into).collect(),
    });
    write_open(&mut context.state, task, agreement);
    Ok(())
}

/// Awards the task again, for what is left of the reserve.
pub(super) fn reaward(
    context: &mut Context<'_>,
    task: TaskId,
    awards: &[SignedAward],
) -> Result<(), Error> {
    let mut agreement = awardable(context, task)?;
    if agreement.is_running() {
        return Err(Error::AttemptRunning(agreement.attempt));
    }
    let attempts_max = context.parameters.escrow.attempts_max;
    if agreement.attempt >= attempts_max {
        return Err(Error::TooManyAttempts(attempts_max));
    }
    agreement.attempt += 1;
    let held = release_all(context, task, &mut agreement)?;
    let insurance = end_insurance(context, &mut agreement)?;
    if let Some(budget) = agreement.budget {
        let paid = insurance.iter().map(|payout| payout.amount).sum();
        budget::release(&mut context.state, context.now, budget, paid, paid)?;
    }
    agreement.engagements.clear();
    agreement.pacts.clear();
    bind_all(context, task, &mut agreement, awards)?;
    pay_advances(context, &agreement.engagements)?;
    context.emit(Event::Reawarded {
        task,
        attempt: agreement.attempt,
        sellers: agreement.engagements.iter().map(Into::into).collect(),
        held,
        insurance,
    });
    write_open(&mut context.state, task, agreement);
    Ok(())
}

/// Awards what a seller failed at to another, for at most what is promised to nobody else.
pub(super) fn substitute(
    context: &mut Context<'_>,
    (task, part): (TaskId, u32),
    award: &SignedAward,
) -> Result<(), Error> {
    let mut agreement = awardable(context, task)?;
    let (at, within) = agreement.locate(part)?;
    let failed = &mut agreement.engagements[at];
    if failed.parts[within].state != PartState::Failed {
        return Err(Error::PartNotFailed(part));
    }
    ensure_stands_by(failed, award)?;
    let replaced = failed.subtask;
    for part in failed.parts.iter_mut().filter(|part| part.state == PartState::Failed) {
        part.state = PartState::Replaced;
    }
    let mut available = agreement.unpaid().saturating_sub(agreement.promised());
    if let (Consent::Backup { .. }, Some(subtask)) = (&award.consent, replaced) {
        let consent = award.consent.digest();
        let pact = agreement.pacts.iter().find(|pact| pact.consent == consent);
        available = pact.map_or(available, |pact| pact.backup_max(subtask, available));
    }
    let (first, known) = (agreement.parts().count(), agreement.engagements.len());
    bind(context, task, &mut agreement, available, (award, replaced))?;
    let held = match agreement.engagements.get(known).map(|first| first.seller) {
        Some(payee) => release_held(context, task, &mut agreement, at, payee)?,
        None => None,
    };
    let substitutes = &agreement.engagements[known..];
    pay_advances(context, substitutes)?;
    context.emit(Event::Substituted {
        task,
        attempt: agreement.attempt,
        part,
        first: u32::try_from(first).unwrap_or(u32::MAX),
        sellers: substitutes.iter().map(Into::into).collect(),
        held,
    });
    write_open(&mut context.state, task, agreement);
    Ok(())
}

/// A coalition's backup takes over the subtask it stands by for, of that coalition; whoever signed
/// something else knows the task.
fn ensure_stands_by(failed: &Engagement, award: &SignedAward) -> Result<(), Error> {
    let Consent::Backup { terms, backup } = &award.consent else { return Ok(()) };
    let chosen = terms.failure.backups.get(usize::from(*backup));
    let chosen = chosen.ok_or(Error::UnknownBackup(*backup))?;
    let same = failed.consent == terms.digest() && failed.subtask == Some(chosen.subtask);
    if same { Ok(()) } else { Err(Error::NotItsBackup(chosen.agent)) }
}

fn ensure_in_range(
    context: &Context<'_>,
    deadline: Timestamp,
    reserve: Amount,
    service: Option<&ServiceTerms>,
) -> Result<(), Error> {
    let params = &context.parameters.escrow;
    let latest = context.now.plus(params.duration_ms_max);
    if deadline <= context.now || deadline > latest {
        return Err(Error::DeadlineOutOfRange(latest));
    }
    if reserve.is_zero() {
        return Err(Error::ReserveZero);
    }
    match service {
        Some(terms) if terms.compensation > params.compensation_max => {
            Err(Error::CompensationTooLarge(params.compensation_max))
        }
        _ => Ok(()),
    }
}

/// The escrow of a task that its buyer can award before its deadline.
fn awardable(context: &Context<'_>, task: TaskId) -> Result<Agreement, Error> {
    let agreement = open(&context.state, task)?;
    if agreement.buyer != context.sender {
        return Err(Error::NotParty(Role::Buyer));
    }
    if context.now >= agreement.deadline {
        return Err(Error::DeadlinePassed(agreement.deadline));
    }
    Ok(agreement)
}

/// Binds the sellers of an attempt, all together for at most what is unpaid.
fn bind_all(
    context: &mut Context<'_>,
    task: TaskId,
    agreement: &mut Agreement,
    awards: &[SignedAward],
) -> Result<(), Error> {
    if awards.is_empty() {
        return Err(Error::NoAward);
    }
    let mut available = agreement.unpaid();
    for award in awards {
        // A backup stands by for what failed, and nothing has.
        if let Consent::Backup { terms, backup } = &award.consent {
            let chosen = terms.failure.backups.get(usize::from(*backup));
            return Err(match chosen {
                Some(chosen) => Error::NotItsBackup(chosen.agent),
                None => Error::UnknownBackup(*backup),
            });
        }
        bind(context, task, agreement, available, (award, None))?;
        available = available.saturating_sub(award.price);
    }
    Ok(())
}

/// Checks an award, locks its sellers' bonds, and adds them to the agreement.
fn bind(
    context: &mut Context<'_>,
    task: TaskId,
    agreement: &mut Agreement,
    available: Amount,
    (award, replaced): (&SignedAward, Option<u16>),
) -> Result<(), Error> {
    let (buyer, verifier) = (agreement.buyer, agreement.verifier);
    let (consent, bound) = consent::ensure(context, task, (buyer, available), (award, replaced))?;
    let transcript = award.consent.transcript();
    let is_bundle = matches!(award.consent, Consent::Bundle { .. });
    if is_bundle && agreement.engagements.iter().any(|known| known.consent == consent) {
        // A bidder offered any one of its bundles, not several.
        return Err(Error::BoundBefore(consent));
    }
    let is_backup = matches!(award.consent, Consent::Backup { .. });
    for bound in bound {
        let seller = bound.seller;
        if seller == buyer || seller == verifier {
            return Err(Error::SelfDealing);
        }
        if agreement.failed.contains(&seller) {
            return Err(Error::FailedBefore(seller));
        }
        let same = |known: &Engagement| {
            (known.consent, known.seller, known.subtask) == (consent, seller, bound.subtask)
        };
        if !is_backup && agreement.engagements.iter().any(same) {
            return Err(Error::BoundBefore(consent));
        }
        if context.now.plus(bound.time_ms_min) > agreement.deadline {
            return Err(Error::DeadlineTooSoon(bound.time_ms_min));
        }
        let upfront = *bound.payment == PaymentTerms::Upfront;
        let advanced = if upfront { bound.price } else { Amount::ZERO };
        let beside = advanced.saturating_add(bound.pledge);
        let bond = reputation::lock(context, seller, bound.price, beside)?;
        let parts = parts(context.now, &bound, bond, agreement.service.as_ref())?;
        agreement.engagements.push(Engagement {
            seller,
            consent,
            transcript,
            subtask: bound.subtask,
            since: context.now,
            advanced,
            pledge: bound.pledge,
            cancellation: bound.cancellation,
            parts,
        });
    }
    match &award.consent {
        Consent::Coalition { terms, .. } => {
            let terms = terms.at_price(award.price).ok_or(Error::TermsInvalid(consent))?;
            agreement.pacts.extend(Pact::new(consent, &terms, context.now));
        }
        Consent::Backup { terms, backup } => {
            let pact = agreement.pacts.iter_mut().find(|pact| pact.consent == consent);
            let joins = terms.failure.backups.get(usize::from(*backup));
            if let Some((pact, joins)) = pact.zip(joins) {
                pact.join(joins, award.price);
            }
        }
        _ => {}
    }
    // Payees and those who failed count too: a tombstone lists them.
    let remembered = agreement.failed.len().max(agreement.payouts.len());
    if agreement.parts().count() + remembered > PARTS_MAX {
        return Err(Error::TooManyParts);
    }
    Ok(())
}

/// The parts of a seller's work: price and bond are divided alike.
fn parts(
    now: Timestamp,
    bound: &Bound<'_>,
    bond: Amount,
    service: Option<&ServiceTerms>,
) -> Result<Vec<Part>, Error> {
    let milestones = match bound.payment {
        PaymentTerms::Milestone(milestones) => milestones.as_slice(),
        PaymentTerms::Completion | PaymentTerms::Upfront => &[],
    };
    let due = match service {
        Some(terms) if milestones.is_empty() => {
            if terms.latency_ms_max < bound.promised_ms {
                return Err(Error::FasterThanPromised(bound.promised_ms));
            }
            Some(now.plus(terms.latency_ms_max))
        }
        _ => None,
    };
    let amounts = bound.payment.parts(bound.price).into_iter().zip(bound.payment.parts(bond));
    Ok(amounts
        .enumerate()
        .map(|(index, (amount, bond))| Part {
            amount,
            bond,
            due: milestones.get(index).map(|milestone| now.plus(milestone.due_ms)).or(due),
            state: if index == 0 { PartState::Running } else { PartState::Waiting },
        })
        .collect())
}

/// Gives sellers who are paid in advance their price; as much of their stake is locked for it.
fn pay_advances(context: &mut Context<'_>, engagements: &[Engagement]) -> Result<(), Error> {
    for engagement in engagements {
        let to = Pot::Free(engagement.seller);
        move_money(&mut context.state, Pot::Escrowed, to, engagement.advanced)?;
    }
    Ok(())
}
