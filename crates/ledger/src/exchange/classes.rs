//! Opening classes, and writing and retiring credits.
use ainur_primitives::{Amount, CapabilityName, Did, QualityLevel};

use super::state::{class, give, take};
use super::{CreditClass, CreditClassId, Error, Event, IssuerObligation, SUPPLY_MAX};
use crate::balances::{self, Pot, close_position, move_money, open_position};
use crate::execution::Context;
use crate::state::{Overlay, key};
use crate::{registry, reputation};

/// Opens the class of a capability.
pub(super) fn open(
    context: &mut Context<'_>,
    capability: &CapabilityName,
    quality: QualityLevel,
    collateral: Amount,
) -> Result<(), Error> {
    let opener = context.sender;
    // A name that was decoded, not parsed, has not been checked yet.
    if capability.as_str().parse().as_ref() != Ok(capability) {
        return Err(Error::MalformedCapability);
    }
    let params = &context.parameters.exchange;
    let (minimum, maximum) = (params.collateral_min, params.collateral_max);
    if collateral < minimum || collateral > maximum {
        return Err(Error::CollateralOutOfRange { minimum, maximum });
    }
    ensure_offered(context, opener, capability)?;
    let id = CreditClassId::of(capability, quality);
    if class(&context.state, id).is_ok() {
        return Err(Error::ClassOpen(id));
    }
    let fee = params.class_fee;
    move_money(&mut context.state, Pot::Free(opener), Pot::Treasury, fee)?;
    let opened = CreditClass {
        capability: capability.clone(),
        quality,
        collateral,
        supply: 0,
        next_turn: 0,
        orders: 0,
        next_order: 0,
        next_update: 0,
        best_buy: None,
        best_sell: None,
    };
    context.state.write(key::credit_class(&id), &opened);
    let capability = capability.clone();
    context.emit(Event::ClassOpened { class: id, opener, capability, quality, collateral });
    Ok(())
}

/// Writes credits.
pub(super) fn issue(
    context: &mut Context<'_>,
    id: CreditClassId,
    quantity: u64,
) -> Result<(), Error> {
    let issuer = context.sender;
    let mut class = class(&context.state, id)?;
    ensure_offered(context, issuer, &class.capability)?;
    if reputation::query::reputation(&context.state, &issuer).barred {
        return Err(Error::Barred(issuer));
    }
    if quantity == 0 {
        return Err(Error::QuantityOutOfRange);
    }
    let supply = class.supply.checked_add(quantity).filter(|supply| *supply <= SUPPLY_MAX);
    class.supply = supply.ok_or(Error::QuantityOutOfRange)?;
    let collateral = collateral_of(&class, quantity)?;
    move_money(&mut context.state, Pot::Free(issuer), Pot::Exchange, collateral)?;
    owe(&mut context.state, (id, &mut class), issuer, quantity);
    give(&mut context.state, id, &issuer, quantity);
    context.state.write(key::credit_class(&id), &class);
    context.emit(Event::Issued { class: id, issuer, quantity, collateral });
    Ok(())
}

/// Burns credits of their issuer.
pub(super) fn retire(
    context: &mut Context<'_>,
    id: CreditClassId,
    quantity: u64,
) -> Result<(), Error> {
    let issuer = context.sender;
    let mut class = class(&context.state, id)?;
    if quantity == 0 {
        return Err(Error::QuantityOutOfRange);
    }
    take(&mut context.state, id, &issuer, quantity)?;
    discharge(&mut context.state, id, issuer, quantity)?;
    class.supply = class.supply.checked_sub(quantity).expect("what is held is out");
    let collateral = collateral_of(&class, quantity)?;
    move_money(&mut context.state, Pot::Exchange, Pot::Free(issuer), collateral)?;
    context.state.write(key::credit_class(&id), &class);
    context.emit(Event::Retired { class: id, issuer, quantity, collateral });
    Ok(())
}

/// What is locked behind so many credits.
fn collateral_of(class: &CreditClass, quantity: u64) -> Result<Amount, Error> {
    let all = class.collateral.0.checked_mul(u128::from(quantity));
    Ok(Amount(all.ok_or(balances::Error::Overflow)?))
}

fn ensure_offered(
    context: &Context<'_>,
    agent: Did,
    capability: &CapabilityName,
) -> Result<(), Error> {
    let newest = registry::query::agent(&context.state, &agent).filter(|newest| !newest.withdrawn);
    let card = newest
        .and_then(|newest| registry::query::card_version(&context.state, &agent, newest.version));
    match card {
        Some(card) if card.capabilities.contains(capability) => Ok(()),
        _ => Err(Error::NotOffered { agent, capability: capability.clone() }),
    }
}

/// Adds to what an issuer owes; one that owed nothing goes to the end of the line.
pub(super) fn owe(
    state: &mut Overlay<'_>,
    (id, class): (CreditClassId, &mut CreditClass),
    issuer: Did,
    quantity: u64,
) {
    let at = key::obligation(&id, &issuer);
    let mut owed = state.read(&at).unwrap_or_else(|| {
        let turn = class.next_turn;
        class.next_turn += 1;
        state.write(key::turn(&id, turn), &issuer);
        open_position(state, &issuer);
        IssuerObligation { outstanding: 0, turn }
    });
    owed.outstanding =
        owed.outstanding.checked_add(quantity).expect("no issuer owes more than is out");
    state.write(at, &owed);
}

/// Takes off what an issuer owes; one that owes nothing any more leaves the line.
pub(super) fn discharge(
    state: &mut Overlay<'_>,
    id: CreditClassId,
    issuer: Did,
    quantity: u64,
) -> Result<(), Error> {
    let at = key::obligation(&id, &issuer);
    let owed: Option<IssuerObligation> = state.read(&at);
    let held = owed.map_or(0, |owed| owed.outstanding);
    let (Some(mut owed), Some(left)) = (owed, held.checked_sub(quantity)) else {
        return Err(Error::NotOwed { issuer, owed: held });
    };
    if left == 0 {
        state.remove(key::turn(&id, owed.turn));
        close_position(state, &issuer);
        state.remove(at);
    } else {
        owed.outstanding = left;
        state.write(at, &owed);
    }
    Ok(())
}
