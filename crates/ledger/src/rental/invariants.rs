//! What must hold of rentals after every block: what is locked is what is still to be paid.
use ainur_primitives::{Amount, Did, Digest};

use super::RentalAgreement;
use crate::invariants::Violation;
use crate::state::key::Space;
use crate::state::{ReadState, decoded, prefixed};

/// Checks every rental and sums what they hold.
pub(crate) fn check(state: &(impl ReadState + ?Sized)) -> Result<Amount, Violation> {
    let mut held = Amount::ZERO;
    for (at, agreement) in prefixed(state, &Space::Rental.prefix()) {
        let agreement: RentalAgreement = decoded(&agreement);
        if agreement.held != agreement.due() {
            let rental: Digest = decoded(&at[1..]);
            return Err(Violation::RentalDiffers(rental));
        }
        held = held.saturating_add(agreement.held);
    }
    Ok(held)
}

/// Names buyer and seller of every rental that is not over.
pub(crate) fn positions(state: &(impl ReadState + ?Sized), mut name: impl FnMut(Did)) {
    for (_, agreement) in prefixed(state, &Space::Rental.prefix()) {
        let agreement: RentalAgreement = decoded(&agreement);
        if !agreement.is_over() {
            name(agreement.buyer);
            name(agreement.meter.terms().seller);
        }
    }
}
