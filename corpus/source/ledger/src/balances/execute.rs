//! Carrying out calls to this module.
use super::{Action, Error, Event, Pot, move_money};
use crate::execution::Context;

/// Carries out a call.
pub(crate) fn execute(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    let from = context.sender;
    match *action {
        Action::Transfer { amount, .. } | Action::Burn { amount } if amount.is_zero() => {
            Err(Error::NothingMoved)
        }
        Action::Transfer { to, .. } if to == from => Err(Error::SameAccount),
        Action::Transfer { to, amount } => {
            move_money(&mut context.state, Pot::Free(from), Pot::Free(to), amount)?;
            context.emit(Event::Transferred { from, to, amount });
            Ok(())
        }
        Action::Burn { amount } => {
            move_money(&mut context.state, Pot::Free(from), Pot::Burned, amount)?;
            context.emit(Event::Burned { from, amount });
            Ok(())
        }
    }
}
