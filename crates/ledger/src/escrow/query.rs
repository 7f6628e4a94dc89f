//! Reading escrows.
use ainur_primitives::{Did, Digest, TaskId};

use super::Escrow;
use crate::state::{ReadState, key, read};

/// The escrow of a task, or its tombstone as long as it is remembered.
pub fn escrow(state: &(impl ReadState + ?Sized), task: &TaskId) -> Option<Escrow> {
    read(state, &key::escrow(task))
}

/// How often a buyer has agreed under a standing offer, as long as the offer can be taken.
pub fn offer_uses(state: &(impl ReadState + ?Sized), offer: &Digest, buyer: &Did) -> u32 {
    read(state, &key::offer_use(offer, buyer)).unwrap_or(0)
}
