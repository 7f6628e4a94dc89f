//! Budgets as they are stored, and reserving along the chain of budgets above.
use alloc::vec::Vec;

use ainur_primitives::{Amount, BudgetId, Did, DurationMs, Timestamp};
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
    /// The most that may be reserved and spent together, in each period when there is one.
    pub limit: Amount,
    /// The running period, of a budget that renews.
    pub period: Option<Period>,
    /// Locked in open escrows that draw on it or on a budget inside it.
    pub reserved: Amount,
    /// Paid to sellers, since the period began when there is one.
    pub spent: Amount,
    /// From then on nothing can be reserved.
    pub expires: Timestamp,
    /// Nothing can be reserved any more.
    pub closed: bool,
}

/// A stretch of time for which spending counts.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// How long it is.
    pub length: DurationMs,
    /// When it began.
    pub began: Timestamp,
}

impl Budget {
    /// What can still be reserved in it, the budgets above aside.
    pub fn remaining(&self) -> Amount {
        self.limit.saturating_sub(self.reserved.saturating_add(self.spent))
    }

    /// The budget as it is at a time: when its period is over, nothing is spent in the next. What
    /// is reserved still counts; so an amount may count in two periods, but never in none.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        if let Some(period) = &mut self.period {
            let passed = now.since(period.began).0.checked_div(period.length.0).unwrap_or(0);
            if passed > 0 {
                let whole = DurationMs(passed.saturating_mul(period.length.0));
                period.began = period.began.plus(whole);
                self.spent = Amount::ZERO;
            }
        }
        self
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
    for (id, budget) in chain(state, budget)? {
        let mut budget = budget.at(now);
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
            let (limit, period) = (budget.limit, budget.period.map(|period| period.length));
            return Err(Error::Exceeded { budget: id, limit, period, missing });
        }
        budget.reserved = budget.reserved.saturating_add(amount);
        state.write(key::budget(&id), &budget);
    }
    Ok(())
}

/// Ends a reservation of which `spent` was paid; it counts in the period in which that is.
pub(crate) fn release(
    state: &mut Overlay<'_>,
    now: Timestamp,
    budget: BudgetId,
    reserved: Amount,
    spent: Amount,
) -> Result<(), Error> {
    for (id, budget) in chain(state, budget)? {
        let mut budget = budget.at(now);
        budget.reserved =
            budget.reserved.checked_sub(reserved).expect("an escrow releases what it reserved");
        budget.spent = budget.spent.saturating_add(spent);
        state.write(key::budget(&id), &budget);
    }
    Ok(())
}
