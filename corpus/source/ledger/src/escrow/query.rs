//! Reading escrows.
use ainur_primitives::TaskId;

use super::Escrow;
use crate::state::{ReadState, key, read};

/// The escrow of a task, or its tombstone as long as it is remembered.
pub fn escrow(state: &(impl ReadState + ?Sized), task: &TaskId) -> Option<Escrow> {
    read(state, &key::escrow(task))
}
