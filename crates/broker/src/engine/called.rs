//! What a buyer's signed call fixes of the auction that is held for it.
use ainur_market::auction::AuctionTerms;
use ainur_primitives::{Amount, CapabilityContract, DurationMs, Ppm, Timestamp};

use crate::error::Error;

/// What a signed call fixes beyond what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallTerms {
    /// Commitments are taken until before then.
    pub commit_until: Timestamp,
    /// Bids are revealed until before then.
    pub reveal_until: Timestamp,
    /// The least bond a commitment brings.
    pub bid_bond: Amount,
    /// The longest estimated duration.
    pub duration_ms_max: DurationMs,
    /// Nobody is asked whom the ledger expects to fail more often.
    pub failure_probability_max: Ppm,
    /// The contract's schema of the parameters; any when empty.
    pub input_schema: String,
    /// The contract's schema of a JSON output; any when empty.
    pub output_schema: String,
}

impl CallTerms {
    /// Bids are taken from now on, and for half of the time at most.
    pub(super) fn check(&self, now: Timestamp, deadline: DurationMs) -> Result<(), Error> {
        let half = now.plus(DurationMs(deadline.0 / 2));
        if self.commit_until > now && self.reveal_until <= half {
            return Ok(());
        }
        let why = "the call takes bids in the past, or for more than half of its time";
        Err(Error::Invalid(why.into()))
    }

    /// A contract of exactly these schemas.
    pub(super) fn fits(&self, contract: &CapabilityContract) -> bool {
        let same = |wanted: &str, offered: &str| wanted.is_empty() || wanted == offered;
        same(&self.input_schema, &contract.input_schema)
            && same(&self.output_schema, &contract.output_schema)
    }

    /// The auction as the call says; never slower or with less at stake than it would be.
    pub(super) fn narrow(&self, terms: &mut AuctionTerms) {
        terms.commit_until = self.commit_until;
        terms.reveal_until = self.reveal_until;
        terms.bid_bond = terms.bid_bond.max(self.bid_bond);
        terms.duration_ms_max = terms.duration_ms_max.min(self.duration_ms_max);
    }
}
