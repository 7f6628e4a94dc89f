//! Carrying out calls to this module.
use super::{Action, Error, accept, award, close, fail, forfeit, offer};
use crate::execution::Context;

/// Carries out a call.
pub(crate) fn execute(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    match action {
        Action::Agree { .. } => award::agree(context, action),
        Action::Reaward { task, awards } => award::reaward(context, *task, awards),
        Action::Substitute { task, part, award } => {
            award::substitute(context, (*task, *part), award)
        }
        Action::Settle { task, attempt, delivered, output, verdict } => {
            accept::settle(context, (*task, *attempt), *delivered, (*output, *verdict))
        }
        Action::SettlePart { task, attempt, part, delivered, output, verdict } => {
            let part = (*task, *attempt, *part);
            accept::settle_part(context, part, *delivered, (*output, *verdict))
        }
        Action::Fail { task, attempt, reason, evidence } => {
            fail::fail(context, (*task, *attempt), *reason, *evidence)
        }
        Action::FailPart { task, attempt, part, reason, evidence } => {
            fail::fail_part(context, (*task, *attempt, *part), *reason, *evidence)
        }
        Action::Cancel { task } => close::cancel(context, *task),
        Action::Refund { task } => close::refund(context, *task),
        Action::Expire { task } => close::expire(context, *task),
        Action::ForfeitBidBond { commit, proof } => {
            forfeit::forfeit_bid_bond(context, commit, proof)
        }
        Action::RevokeOffer { offer } => offer::revoke(context, offer),
    }
}
