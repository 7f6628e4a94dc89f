//! Reading identities.
use ainur_primitives::Did;

use super::Registered;
use crate::state::{ReadState, key, read};

/// An identity, active or not.
pub fn identity(state: &(impl ReadState + ?Sized), did: &Did) -> Option<Registered> {
    read(state, &key::identity(did))
}
