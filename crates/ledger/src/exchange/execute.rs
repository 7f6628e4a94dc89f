//! Carrying out calls to this module.
use super::{Action, Error, claims, classes, orders, pools};
use crate::execution::Context;

/// Carries out a call.
pub(crate) fn execute(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    match action {
        Action::OpenClass { capability, quality, collateral } => {
            classes::open(context, capability, *quality, *collateral)
        }
        Action::Issue { class, quantity } => classes::issue(context, *class, *quantity),
        Action::Retire { class, quantity } => classes::retire(context, *class, *quantity),
        Action::Redeem { .. } => claims::redeem(context, action),
        Action::Deliver { task, output } => claims::deliver(context, *task, *output),
        Action::Dispute { task, evidence } => claims::dispute(context, *task, *evidence),
        Action::Fulfil { task, output, verdict } => {
            claims::fulfil(context, *task, *output, *verdict)
        }
        Action::Fail { task, reason, evidence } => claims::fail(context, *task, *reason, *evidence),
        Action::Expire { task } => claims::expire(context, *task),
        Action::Place { class, side, quantity, kind, self_trade, expires } => {
            let traded = (*side, *quantity);
            let request = orders::request(context, traded, *kind, *self_trade, *expires);
            orders::place(context, *class, &request).map(drop)
        }
        Action::Cancel { class, order } => orders::cancel(context, *class, *order),
        Action::Replace { class, order, quantity, price, self_trade } => {
            orders::replace(context, *class, *order, (*quantity, *price), *self_trade)
        }
        Action::ExpireOrder { class, owner, order } => {
            orders::expire(context, *class, *owner, *order)
        }
        Action::OpenPool { class, fee_bps, credits, money } => {
            pools::open(context, *class, *fee_bps, (*credits, *money))
        }
        Action::AddLiquidity { class, credits, money_max, shares_min } => {
            pools::add(context, *class, *credits, (*money_max, *shares_min))
        }
        Action::RemoveLiquidity { class, shares, credits_min, money_min } => {
            pools::remove(context, *class, *shares, (*credits_min, *money_min))
        }
        Action::Swap { class, side, quantity, limit } => {
            pools::swap(context, *class, (*side, *quantity), *limit)
        }
        Action::Route { class, side, quantity, limit } => {
            pools::routed(context, *class, (*side, *quantity), *limit)
        }
    }
}
