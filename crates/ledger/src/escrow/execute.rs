//! Carrying out calls to this module.
use super::{Action, Error, award, close, forfeit, offer};
use crate::execution::Context;

/// Carries out a call.
pub(crate) fn execute(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    match action {
        Action::Agree { .. } => award::agree(context, action),
        Action::Reaward { task, award } => award::reaward(context, *task, award),
        Action::Settle { task, attempt, output, verdict } => {
            close::settle(context, (*task, *attempt), *output, *verdict)
        }
        Action::Fail { task, attempt, reason, evidence } => {
            close::fail(context, (*task, *attempt), *reason, *evidence)
        }
        Action::Refund { task } => close::refund(context, *task),
        Action::Expire { task } => close::expire(context, *task),
        Action::ForfeitBidBond { commit, proof } => {
            forfeit::forfeit_bid_bond(context, commit, proof)
        }
        Action::RevokeOffer { offer } => offer::revoke(context, offer),
    }
}
