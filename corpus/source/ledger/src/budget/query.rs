//! Reading budgets.
use ainur_primitives::BudgetId;

use super::Budget;
use crate::state::{ReadState, key, read};

/// A budget, open or closed.
pub fn budget(state: &(impl ReadState + ?Sized), budget: &BudgetId) -> Option<Budget> {
    read(state, &key::budget(budget))
}
