//! Reading escrows, and what is known of standing offers.
use ainur_primitives::{Did, Digest, TaskId};

use super::Escrow;
use crate::state::{ReadState, key, read};

/// The escrow of a task, or its tombstone as long as it is remembered.
pub fn escrow(state: &(impl ReadState + ?Sized), task: &TaskId) -> Option<Escrow> {
    read(state, &key::escrow(task))
}

/// How often a buyer has agreed under an offer, given by its digest: what its next price depends
/// on. Forgotten when the offer ends.
pub fn offer_uses(state: &(impl ReadState + ?Sized), offer: &Digest, buyer: &Did) -> u32 {
    read(state, &key::offer_use(offer, buyer)).unwrap_or(0)
}

/// True when the bond of a bidder was forfeited for not opening its bid. Forgotten when the time in
/// which it could be forfeited is over.
pub fn is_bond_forfeited(state: &(impl ReadState + ?Sized), task: &TaskId, bidder: &Did) -> bool {
    state.get(&key::forfeit(task, bidder)).is_some()
}

/// True when its seller has taken an offer back, given by its digest. Forgotten when the offer
/// ends.
pub fn is_offer_revoked(state: &(impl ReadState + ?Sized), offer: &Digest) -> bool {
    state.get(&key::offer_revoked(offer)).is_some()
}
