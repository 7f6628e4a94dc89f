//! Reading rentals.
use alloc::vec::Vec;

use ainur_primitives::{Did, Digest, TaskId};

use super::{RentalAgreement, RentalUse, StatedPeriod};
use crate::state::{ReadState, decoded, key, prefixed, read};

/// A rental, until some time after its end.
pub fn rental(state: &(impl ReadState + ?Sized), rental: &Digest) -> Option<RentalAgreement> {
    read(state, &key::rental(rental))
}

/// What a buyer rents or has rented lately, at most `rentals_max`, ascending by name.
pub fn rentals_of(
    state: &(impl ReadState + ?Sized),
    buyer: &Did,
    rentals_max: usize,
) -> Vec<(Digest, RentalAgreement)> {
    let mine = key::rentals_of(buyer);
    prefixed(state, &mine)
        .take(rentals_max)
        .filter_map(|(at, _)| {
            let id: Digest = decoded(&at[mine.len()..]);
            rental(state, &id).map(|agreement| (id, agreement))
        })
        .collect()
}

/// A use of a rental by its task, or what is remembered of it.
pub fn rental_use(state: &(impl ReadState + ?Sized), task: &TaskId) -> Option<RentalUse> {
    read(state, &key::rental_use(task))
}

/// What the periods of a rental came to, as far as they are stated, at most `periods_max`.
pub fn statements(
    state: &(impl ReadState + ?Sized),
    rental: &Digest,
    periods_max: usize,
) -> Vec<StatedPeriod> {
    prefixed(state, &key::rental_statements(rental))
        .take(periods_max)
        .map(|(_, record)| decoded(&record))
        .collect()
}

/// True when the seller took the terms back.
pub fn is_withdrawn(state: &(impl ReadState + ?Sized), rental: &Digest) -> bool {
    read::<()>(state, &key::rental_withdrawn(rental)).is_some()
}
