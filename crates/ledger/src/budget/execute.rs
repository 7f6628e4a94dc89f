//! Carrying out calls to this module.
use ainur_primitives::Amount;

use super::state::chain;
use super::{Action, BUDGET_DEPTH_MAX, BUDGET_PERIOD_MS_MIN, Budget, Error, Event, Period};
use crate::execution::Context;
use crate::state::key;

/// Carries out a call.
pub(crate) fn execute(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    let owner = context.sender;
    match *action {
        Action::Open { budget, parent, limit, period, expires } => {
            if context.state.read::<Budget>(&key::budget(&budget)).is_some() {
                return Err(Error::AlreadyExists(budget));
            }
            if expires <= context.now {
                return Err(Error::Expired { budget, expires });
            }
            if period.is_some_and(|period| period < BUDGET_PERIOD_MS_MIN) {
                return Err(Error::PeriodTooShort);
            }
            if let Some(parent) = parent {
                let above = chain(&context.state, parent)?;
                if above.len() >= BUDGET_DEPTH_MAX {
                    return Err(Error::TooDeep);
                }
                for (id, outer) in above {
                    if outer.owner != owner {
                        return Err(Error::NotOwner(id));
                    }
                    if outer.closed {
                        return Err(Error::Closed(id));
                    }
                    if limit > outer.limit || expires > outer.expires {
                        return Err(Error::WiderThanParent(id));
                    }
                }
            }
            let (reserved, spent, closed) = (Amount::ZERO, Amount::ZERO, false);
            let period = period.map(|length| Period { length, began: context.now });
            let opened = Budget { owner, parent, limit, period, reserved, spent, expires, closed };
            let period = period.map(|period| period.length);
            context.state.write(key::budget(&budget), &opened);
            context.emit(Event::Opened { budget, owner, parent, limit, period, expires });
        }
        Action::Close { budget } => {
            let mut found: Budget =
                context.state.read(&key::budget(&budget)).ok_or(Error::Unknown(budget))?;
            if found.owner != owner {
                return Err(Error::NotOwner(budget));
            }
            if found.closed {
                return Err(Error::Closed(budget));
            }
            if !found.reserved.is_zero() {
                return Err(Error::InUse { budget, reserved: found.reserved });
            }
            found.closed = true;
            context.state.write(key::budget(&budget), &found);
            context.emit(Event::Closed { budget, spent: found.spent });
        }
    }
    Ok(())
}
