//! Taking a transaction in and handing its action to the module it is for.
use ainur_primitives::Digest;

use super::{Context, Outcome, admission};
use crate::balances::{Pot, move_money, write_account};
use crate::error::TransactionError;
use crate::event::Event;
use crate::transaction::{Action, AuthorizedTransaction};
use crate::{balances, budget, escrow, exchange, identity, registry, rental, reputation};

/// Takes a transaction in, or rejects it.
pub(super) fn take_in(
    context: &mut Context<'_>,
    authorized: &AuthorizedTransaction,
    digest: Digest,
    bytes: usize,
) -> Outcome {
    let transaction = &authorized.transaction;
    let mut account = match admission::admit(context, authorized, digest, bytes) {
        Ok(account) => account,
        Err(rejection) => return Outcome::Rejected(rejection),
    };
    context.turn_to(transaction.sender, digest);
    account.nonce += 1;
    write_account(&mut context.state, &transaction.sender, &account);
    move_money(&mut context.state, Pot::Free(transaction.sender), Pot::Treasury, transaction.fee)
        .expect("admission made sure that the fee is there");
    context.state.keep();
    let first = context.next_event();
    match act(context, &transaction.action) {
        Ok(()) => {
            context.state.keep();
            Outcome::Applied { events: first..context.next_event() }
        }
        Err(error) => {
            context.state.discard();
            context.retract_from(first);
            context.emit(Event::Failed(error.clone()));
            Outcome::Failed { error, event: first }
        }
    }
}

fn act(context: &mut Context<'_>, action: &Action) -> Result<(), TransactionError> {
    match action {
        Action::Balances(action) => balances::execute(context, action)?,
        Action::Identity(action) => identity::execute(context, action)?,
        Action::Registry(action) => registry::execute(context, action)?,
        Action::Budget(action) => budget::execute(context, action)?,
        Action::Escrow(action) => escrow::execute(context, action)?,
        Action::Reputation(action) => reputation::execute(context, action)?,
        Action::Exchange(action) => exchange::execute(context, action)?,
        Action::KeyedExchange(keyed) => exchange::execute_keyed(context, keyed)?,
        Action::Rental(action) => rental::execute(context, action)?,
    }
    Ok(())
}
