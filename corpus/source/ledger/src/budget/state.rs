//! Budgets as they are stored, and reserving along the chain of budgets above.
use alloc::vec::Vec;

use ainur_primitives::{Amount, BudgetId, Did, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{BUDGET_DEPTH_MAX, Error};
use crate::state::{Overlay, key};

/// A budget.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Whose escrows may draw on it.
    pub owner: Did,
    /// The budget it is inside.
    pub parent: Option<BudgetId>,
    /// The most that may be reserved and spent together.
    pub limit: Amount,
    /// Locked in open escrows that draw on it or on a budget inside it.
    pub reserved: Amount,
    /// Paid to sellers.
    pub spent: Amount,
    /// From then on nothing can be reserved.
    pub expires: Timestamp,
    /// Nothing can be reserved any more.
    pub closed: bool,
}

impl Budget {
    /// What can still be reserved in it, the budgets above aside.
    pub fn remaining(&self) -> Amount {
        self.limit.saturating_sub(self.reserved.saturating_add(self.spent))
    }
}

/// A budget and all above it, from the inside out.
pub(super) fn chain(
    state: &Overlay<'_>,
    budget: BudgetId,
) -> Result<Vec<(BudgetId, Budget)>, Error> {
    let mut chain = Vec::new();
    let mut next = Some(budget);
    while let Some(id) = next {
        if chain.len() >= BUDGET_DEPTH_MAX {
            return Err(Error::TooDeep);
        }
        let found: Budget = state.read(&key::budget(&id)).ok_or(Error::Unknown(id))?;
        next = found.parent;
        chain.push((id, found));
    }
    Ok(chain)
}

/// Reserves an amount in a budget and all above it.
pub(crate) fn reserve(
    state: &mut Overlay<'_>,
    now: Timestamp,
    owner: &Did,
    budget: BudgetId,
    amount: Amount,
) -> Result<(), Error> {
    for (id, mut budget) in chain(state, budget)? {
        if budget.owner != *owner {
            return Err(Error::NotOwner(id));
        }
        if budget.closed {
            return Err(Error::Closed(id));
        }
        if now >= budget.expires {
            return Err(Error::Expired { budget: id, expires: budget.expires });
        }
        let remaining = budget.remaining();
        if amount > remaining {
            let missing = amount.saturating_sub(remaining);
            return Err(Error::Exceeded { budget: id, missing });
        }
        budget.reserved = budget.reserved.saturating_add(amount);
        state.write(key::budget(&id), &budget);
    }
    Ok(())
}

/// Ends a reservation of which `spent` was paid.
pub(crate) fn release(
    state: &mut Overlay<'_>,
    budget: BudgetId,
    reserved: Amount,
    spent: Amount,
) -> Result<(), Error> {
    for (id, mut budget) in chain(state, budget)? {
        budget.reserved =
            budget.reserved.checked_sub(reserved).expect("an escrow releases what it reserved");
        budget.spent = budget.spent.saturating_add(spent);
        state.write(key::budget(&id), &budget);
    }
    Ok(())
}
