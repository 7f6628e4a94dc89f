//! Whether a transaction is taken into a block: the checks that cost its sender nothing.
use ainur_identity::{Error as RuleError, IdentityRecord, KeyMaterial};
use ainur_primitives::Digest;

use super::Context;
use crate::balances::{self, Account};
use crate::error::Rejection;
use crate::identity;
use crate::transaction::{Action, AuthorizedTransaction, TRANSACTION_BYTES_MAX, Transaction};

/// Accepts a transaction whose sender asked for it and can pay its fee; returns the account.
pub(super) fn admit(
    context: &mut Context<'_>,
    authorized: &AuthorizedTransaction,
    digest: Digest,
    bytes: usize,
) -> Result<Account, Rejection> {
    let transaction = &authorized.transaction;
    let Transaction { sender, nonce, fee, .. } = *transaction;
    if bytes > TRANSACTION_BYTES_MAX {
        return Err(Rejection::TooLarge);
    }
    if transaction.chain_id != context.chain_id {
        return Err(Rejection::AnotherLedger(transaction.chain_id));
    }
    if context.now >= transaction.expires {
        return Err(Rejection::Expired(transaction.expires));
    }
    if fee < context.parameters.fee_min {
        return Err(Rejection::FeeTooLow { minimum: context.parameters.fee_min });
    }
    if context.has_taken_in(&digest) {
        return Err(Rejection::Duplicate);
    }
    let account = balances::query::account(&context.state, &sender);
    if nonce != account.nonce {
        return Err(Rejection::Nonce { expected: account.nonce, found: nonce });
    }
    if fee > account.free {
        return Err(Rejection::CannotPayFee { missing: fee.saturating_sub(account.free) });
    }
    ensure_authorized(context, authorized, digest)?;
    Ok(account)
}

fn ensure_authorized(
    context: &mut Context<'_>,
    authorized: &AuthorizedTransaction,
    digest: Digest,
) -> Result<(), Rejection> {
    let AuthorizedTransaction { transaction, proof } = authorized;
    let sender = transaction.sender;
    let authorized = match identity::query::identity(&context.state, &sender) {
        Some(found) => match found.identity.keys_for(proof.signer, proof.key_version) {
            // A signature counts as used once it is found good, so that is asked last.
            Ok(keys) => {
                rotation_is_signed(context, &found.identity, transaction)
                    && context.signatures.covers(keys, digest, proof)
            }
            Err(RuleError::Deactivated(_)) => {
                return Err(Rejection::UnknownSender(sender));
            }
            Err(_) => false,
        },
        None => {
            let material = first_keys(transaction).ok_or(Rejection::UnknownSender(sender))?;
            let first = proof.signer == sender && proof.key_version == 0;
            first && context.signatures.covers(&material.signing, digest, proof)
        }
    };
    if authorized { Ok(()) } else { Err(Rejection::Unauthorized) }
}

/// False for a rotation of this identity that lacks a valid signature of the old or new keys.
fn rotation_is_signed(
    context: &Context<'_>,
    identity: &IdentityRecord,
    transaction: &Transaction,
) -> bool {
    let Action::Identity(identity::Action::Rotate { rotation }) = &transaction.action else {
        return true;
    };
    !matches!(
        identity.rotate(rotation, &context.signatures),
        Err(RuleError::OldKeySignature(_) | RuleError::NewKeySignature(_))
    )
}

/// The keys a transaction brings for its own sender.
fn first_keys(transaction: &Transaction) -> Option<&KeyMaterial> {
    match &transaction.action {
        Action::Identity(identity::Action::Create { material })
            if material.did() == transaction.sender =>
        {
            Some(material)
        }
        _ => None,
    }
}
