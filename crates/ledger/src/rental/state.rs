//! Rentals and their uses as they are stored.
use ainur_market::pricing::rental::{PeriodStatement, RentalMeter};
use ainur_primitives::{Amount, ContentId, Did, Digest, FailureReason, TaskId, Timestamp};
use scale::{Decode, Encode};

use super::Error;
use crate::block::Height;
use crate::state::{Overlay, key};

/// What was rented, by whom, and how it is used.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RentalAgreement {
    /// Who rents.
    pub buyer: Did,
    /// Whose word ends uses and says whether the service is there.
    pub verifier: Did,
    /// The terms, and what is counted.
    pub meter: RentalMeter,
    /// What is locked: the prices of the periods without a statement, and what was used beyond
    /// their quotas.
    pub held: Amount,
    /// Where the ledger noted it.
    pub rented_at: (Height, u32),
}

impl RentalAgreement {
    /// All its periods are paid for.
    pub fn is_over(&self) -> bool {
        self.meter.next_due().is_none()
    }

    /// What is locked by the meter's account.
    pub fn due(&self) -> Amount {
        let terms = self.meter.terms();
        let unstated = self.meter.stated()..terms.periods;
        unstated
            .map(|period| {
                let usage = self.meter.usage(period);
                let charge = terms.subscription.charge(usage.units);
                charge.expect("no use began that could not be charged")
            })
            .sum()
    }
}

/// A use of a rental, or what is remembered of it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RentalUse {
    /// Of which rental.
    pub rental: Digest,
    /// Who serves.
    pub seller: Did,
    /// Whose word ends it.
    pub verifier: Did,
    /// When it began.
    pub began: Timestamp,
    /// In which period it counts.
    pub period: u32,
    /// How much of the quota it took.
    pub units: u64,
    /// What was locked for it beyond the period's price.
    pub overage: Amount,
    /// Where the ledger noted its beginning.
    pub begun_at: (Height, u32),
    /// How it ended, and where the ledger noted that.
    pub ended: Option<(RentalUseEnd, Height, u32)>,
}

/// How a use ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum RentalUseEnd {
    /// It was served.
    Finished(ContentId),
    /// It was not.
    Failed(FailureReason),
}

/// A period that was paid for, and where the ledger noted it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct StatedPeriod {
    /// What it came to.
    pub statement: PeriodStatement,
    /// In which block.
    pub height: Height,
    /// Which event of it.
    pub event: u32,
    /// When.
    pub stated: Timestamp,
}

pub(super) fn rental(state: &Overlay<'_>, rental: Digest) -> Result<RentalAgreement, Error> {
    state.read(&key::rental(&rental)).ok_or(Error::UnknownRental(rental))
}

/// A use that has not ended.
pub(super) fn open_use(state: &Overlay<'_>, task: TaskId) -> Result<RentalUse, Error> {
    let found: Option<RentalUse> = state.read(&key::rental_use(&task));
    found.filter(|found| found.ended.is_none()).ok_or(Error::UnknownUse(task))
}
