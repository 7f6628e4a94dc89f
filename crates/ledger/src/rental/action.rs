//! What can be asked of this module.
use ainur_crypto::BatchProof;
use ainur_market::pricing::RentalTerms;
use ainur_primitives::{ContentId, Did, Digest, FailureReason, TaskId, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// What can be asked of this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Rents what a seller has signed, from this block on, and locks the price of all periods.
    Rent {
        /// The terms; their digest names the rental, so they can be rented once.
        terms: RentalTerms,
        /// The seller's signature over the digest; its root signature travels along.
        proof: BatchProof,
        /// Whose word ends uses and says whether the service is there.
        verifier: Did,
    },
    /// The seller takes back what nobody has rented.
    Withdraw {
        /// The terms.
        terms: RentalTerms,
    },
    /// The buyer begins a use: it takes a slot and units, and locks what they cost beyond the quota.
    Begin {
        /// Of which rental.
        rental: Digest,
        /// Under which name.
        task: TaskId,
        /// How much of the quota it takes.
        units: u64,
        /// Digest of what is wanted.
        call: Digest,
        /// Digest of the acceptance check.
        check: Digest,
    },
    /// The verifier says that a use was served.
    Finish {
        /// Which use.
        task: TaskId,
        /// When its output was complete.
        delivered: Timestamp,
        /// What was delivered.
        output: ContentId,
        /// Digest of the verdict.
        verdict: Digest,
    },
    /// The verifier says that a use failed; nobody's fault counts for nothing.
    Fail {
        /// Which use.
        task: TaskId,
        /// Why.
        reason: FailureReason,
        /// Digest of what shows it.
        evidence: Digest,
    },
    /// The verifier says whether the service can be used from now on.
    Note {
        /// Of which rental.
        rental: Digest,
        /// It can be used.
        available: bool,
    },
    /// Draws the statements that are due, whoever asks: each pays and compensates once.
    State {
        /// Of which rental.
        rental: Digest,
    },
}
