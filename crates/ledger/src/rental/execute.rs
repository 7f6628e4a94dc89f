//! Renting, taking back, and drawing statements.
use alloc::string::ToString;

use ainur_crypto::BatchProof;
use ainur_market::pricing::RentalTerms;
use ainur_market::pricing::rental::RentalMeter;
use ainur_primitives::{Amount, Did, Digest};

use super::state::rental;
use super::{
    Action, Error, Event, RentalAgreement, RentalRole, SLOTS_MAX, STATEMENTS_PER_CALL_MAX,
    StatedPeriod, uses,
};
use crate::balances::{self, Pot, close_position, move_money, open_position};
use crate::execution::Context;
use crate::registry;
use crate::reputation;
use crate::state::key;

/// Carries out a call.
pub(crate) fn execute(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    match action {
        Action::Rent { terms, proof, verifier } => rent(context, terms, proof, *verifier),
        Action::Withdraw { terms } => withdraw(context, terms),
        Action::Begin { rental, task, units, call, check } => {
            uses::begin(context, *rental, *task, *units, (*call, *check))
        }
        Action::Finish { task, delivered, output, verdict } => {
            uses::finish(context, *task, *delivered, (*output, *verdict))
        }
        Action::Fail { task, reason, evidence } => uses::fail(context, *task, *reason, *evidence),
        Action::Note { rental, available } => note(context, *rental, *available),
        Action::State { rental } => state(context, *rental),
    }
}

fn rent(
    context: &mut Context<'_>,
    terms: &RentalTerms,
    proof: &BatchProof,
    verifier: Did,
) -> Result<(), Error> {
    let (buyer, seller, id) = (context.sender, terms.seller, terms.digest());
    ensure_standing(context, terms, id)?;
    if buyer == seller || verifier == seller {
        return Err(Error::SelfDealing);
    }
    if crate::identity::query::identity(&context.state, &verifier).is_none() {
        return Err(Error::UnknownVerifier(verifier));
    }
    if !context.said_by(seller, id, proof) {
        return Err(Error::Unproven(seller));
    }
    ensure_offered(context, terms)?;
    if reputation::query::reputation(&context.state, &seller).barred {
        return Err(Error::Barred(seller));
    }
    let meter = RentalMeter::new(terms.clone(), context.now)
        .map_err(|error| Error::TermsInvalid(error.to_string()))?;
    let all = terms.subscription.price.0.checked_mul(u128::from(terms.periods));
    let locked = all.map(Amount).ok_or(balances::Error::Overflow)?;
    move_money(&mut context.state, Pot::Free(buyer), Pot::Rentals, locked)?;
    for party in [buyer, seller] {
        open_position(&mut context.state, &party);
    }
    let (from, until) = (meter.from(), meter.until());
    let rented_at = (context.height, context.next_event());
    let agreement = RentalAgreement { buyer, verifier, meter, held: locked, rented_at };
    context.state.write(key::rental(&id), &agreement);
    context.state.write(key::rental_of(&buyer, &id), &());
    context.emit(Event::Rented { rental: id, buyer, seller, verifier, locked, from, until });
    Ok(())
}

/// Checks the terms themselves, and that they can still be rented for the first time.
fn ensure_standing(context: &Context<'_>, terms: &RentalTerms, id: Digest) -> Result<(), Error> {
    terms.validate().map_err(|error| Error::TermsInvalid(error.to_string()))?;
    // A name that was decoded, not parsed, has not been checked yet.
    if terms.capability.as_str().parse().as_ref() != Ok(&terms.capability) {
        return Err(Error::TermsInvalid("the capability is not well formed".into()));
    }
    if terms.slots > SLOTS_MAX {
        return Err(Error::TooManySlots);
    }
    if context.now >= terms.valid_until {
        return Err(Error::NotValid(terms.valid_until));
    }
    let latest = context.now.plus(context.parameters.escrow.offer_validity_ms_max);
    if terms.valid_until > latest {
        return Err(Error::ValidTooLong(latest));
    }
    if context.state.read::<()>(&key::rental_withdrawn(&id)).is_some() {
        return Err(Error::Withdrawn(id));
    }
    match rental(&context.state, id) {
        Ok(_) => Err(Error::RentedBefore(id)),
        Err(_) => Ok(()),
    }
}

fn ensure_offered(context: &Context<'_>, terms: &RentalTerms) -> Result<(), Error> {
    let (agent, capability) = (terms.seller, &terms.capability);
    let newest = registry::query::agent(&context.state, &agent)
        .filter(|newest| !newest.withdrawn && newest.card == terms.card);
    let card = newest
        .and_then(|newest| registry::query::card_version(&context.state, &agent, newest.version));
    match card {
        Some(card) if card.capabilities.contains(capability) => Ok(()),
        _ => Err(Error::NotOffered { agent, capability: capability.clone() }),
    }
}

fn withdraw(context: &mut Context<'_>, terms: &RentalTerms) -> Result<(), Error> {
    let (seller, id) = (terms.seller, terms.digest());
    if seller != context.sender {
        return Err(Error::NotParty(RentalRole::Seller));
    }
    ensure_standing(context, terms, id)?;
    let record = key::rental_withdrawn(&id);
    context.remove_at(terms.valid_until, &record);
    context.state.write(record, &());
    context.emit(Event::Withdrawn { rental: id, seller });
    Ok(())
}

fn note(context: &mut Context<'_>, id: Digest, available: bool) -> Result<(), Error> {
    let mut agreement = rental(&context.state, id)?;
    if agreement.verifier != context.sender {
        return Err(Error::NotParty(RentalRole::Verifier));
    }
    if agreement.is_over() {
        return Err(Error::Over(id));
    }
    match available {
        true => agreement.meter.up(context.now),
        false => agreement.meter.down(context.now),
    }
    context.state.write(key::rental(&id), &agreement);
    context.emit(Event::Noted { rental: id, available });
    Ok(())
}

/// Draws what is due, a bounded number at once.
fn state(context: &mut Context<'_>, id: Digest) -> Result<(), Error> {
    let mut agreement = rental(&context.state, id)?;
    let due = agreement.meter.next_due().ok_or(Error::Over(id))?;
    if due > context.now {
        return Err(Error::NotDue(due));
    }
    let (buyer, seller) = (agreement.buyer, agreement.meter.terms().seller);
    for _ in 0..STATEMENTS_PER_CALL_MAX {
        let Some(statement) = agreement.meter.next_statement(context.now) else { break };
        let both = statement.payment.checked_add(statement.compensation);
        let both = both.ok_or(balances::Error::Overflow)?;
        agreement.held =
            agreement.held.checked_sub(both).expect("each period's price and overage are locked");
        let state = &mut context.state;
        move_money(state, Pot::Rentals, Pot::Free(seller), statement.payment)?;
        move_money(state, Pot::Rentals, Pot::Free(buyer), statement.compensation)?;
        let record = StatedPeriod {
            statement: statement.clone(),
            height: context.height,
            event: context.next_event(),
            stated: context.now,
        };
        context.state.write(key::rental_statement(&id, statement.period), &record);
        context.emit(Event::Stated { rental: id, buyer, seller, statement });
    }
    if agreement.is_over() {
        for party in [buyer, seller] {
            close_position(&mut context.state, &party);
        }
        forget_later(context, id, &agreement);
    }
    context.state.write(key::rental(&id), &agreement);
    Ok(())
}

/// Has a rental that is over removed, when its terms cannot be rented again.
fn forget_later(context: &mut Context<'_>, id: Digest, agreement: &RentalAgreement) {
    let terms = agreement.meter.terms();
    let remembered = context.now.plus(context.parameters.escrow.retention_ms);
    let at = remembered.max(terms.valid_until);
    context.remove_at(at, &key::rental(&id));
    context.remove_at(at, &key::rental_of(&agreement.buyer, &id));
    for period in 0..terms.periods {
        context.remove_at(at, &key::rental_statement(&id, period));
    }
}
