//! Reading accounts and totals.
use ainur_primitives::Did;

use super::{Account, Totals};
use crate::state::{ReadState, key, read};

/// A party's account; empty when it never had one.
pub fn account(state: &(impl ReadState + ?Sized), did: &Did) -> Account {
    read(state, &key::account(did)).unwrap_or_default()
}

/// The totals of all money.
pub fn totals(state: &(impl ReadState + ?Sized)) -> Totals {
    read(state, &key::totals()).unwrap_or_default()
}
