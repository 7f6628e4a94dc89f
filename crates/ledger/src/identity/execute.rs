//! Carrying out calls to this module.
use ainur_identity::{Error as RuleError, IdentityRecord, KeyMaterial, Rotation};
use ainur_primitives::{Amount, Did};

use super::{Action, Error, Event, Registered, query};
use crate::balances::{self, Pot, move_money};
use crate::execution::{Context, Signatures};
use crate::reputation;
use crate::state::key;

/// Carries out a call.
pub(crate) fn execute(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    match action {
        Action::Create { material } => create(context, material),
        Action::Rotate { rotation } => rotate(context, rotation),
        Action::Deactivate { beneficiary } => deactivate(context, *beneficiary),
    }
}

fn create(context: &mut Context<'_>, material: &KeyMaterial) -> Result<(), Error> {
    let did = context.sender;
    if query::identity(&context.state, &did).is_some() {
        return Err(Error::AlreadyExists(did));
    }
    if material.did() != did {
        return Err(Error::NotTheseKeys(did));
    }
    let identity = IdentityRecord::create(material.clone()).map_err(|_| Error::Downgrade)?;
    let deposit = context.parameters.identity.deposit;
    move_money(&mut context.state, Pot::Free(did), Pot::Deposits, deposit)?;
    context.state.write(key::identity(&did), &Registered { identity, deposit });
    context.emit(Event::Created { did, deposit });
    Ok(())
}

fn rotate(context: &mut Context<'_>, rotation: &Rotation) -> Result<(), Error> {
    let did = context.sender;
    let mut found = query::identity(&context.state, &did).ok_or(Error::Unknown(did))?;
    // Admission has checked both signatures: in a block that is replayed from our own log they are
    // not checked again, and must not decide whether a transaction fails.
    let rotated = found.identity.rotate(rotation, &Signatures::Trusted);
    found.identity = rotated.map_err(|error| match error {
        RuleError::Downgrade => Error::Downgrade,
        RuleError::KeyReused => Error::KeyReused,
        RuleError::Deactivated(did) => Error::Inactive(did),
        _ => Error::NotNextRotation,
    })?;
    let key_version = found.identity.key_version;
    let material = found.identity.material.digest();
    context.state.write(key::identity(&did), &found);
    context.emit(Event::Rotated { did, key_version, material });
    Ok(())
}

fn deactivate(context: &mut Context<'_>, beneficiary: Did) -> Result<(), Error> {
    let did = context.sender;
    let mut found = query::identity(&context.state, &did).ok_or(Error::Unknown(did))?;
    if beneficiary == did {
        return Err(Error::OwnBeneficiary);
    }
    let staked = reputation::query::reputation(&context.state, &did).staked;
    if !staked.is_zero() {
        return Err(Error::Staked { staked });
    }
    let account = balances::query::account(&context.state, &did);
    // What comes back later would come back to nobody.
    if account.positions > 0 {
        return Err(Error::OpenPositions { open: account.positions });
    }
    found.identity = found.identity.deactivate().map_err(|_| Error::Inactive(did))?;
    let free = account.free;
    let amount = free.saturating_add(found.deposit);
    move_money(&mut context.state, Pot::Deposits, Pot::Free(beneficiary), found.deposit)?;
    move_money(&mut context.state, Pot::Free(did), Pot::Free(beneficiary), free)?;
    found.deposit = Amount::ZERO;
    context.state.write(key::identity(&did), &found);
    context.emit(Event::Deactivated { did, beneficiary, amount });
    Ok(())
}
