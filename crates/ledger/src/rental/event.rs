//! What happened to rentals.
use ainur_market::pricing::rental::PeriodStatement;
use ainur_primitives::{
    Amount, ContentId, Did, Digest, DurationMs, FailureReason, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// What happened in this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// Slots were rented.
    Rented {
        /// The digest of the terms.
        rental: Digest,
        /// By whom.
        buyer: Did,
        /// Of whom.
        seller: Did,
        /// Whose word ends uses.
        verifier: Did,
        /// The price of all periods, locked.
        locked: Amount,
        /// From when on.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// A seller took back what nobody had rented.
    Withdrawn {
        /// The digest of the terms.
        rental: Digest,
        /// Who.
        seller: Did,
    },
    /// A use began.
    Begun {
        /// Of which rental.
        rental: Digest,
        /// Which use.
        task: TaskId,
        /// Who uses.
        buyer: Did,
        /// Who serves.
        seller: Did,
        /// Whose word ends it.
        verifier: Did,
        /// Digest of what is wanted.
        call: Digest,
        /// Digest of the acceptance check.
        check: Digest,
        /// In which period it counts, from zero.
        period: u32,
        /// How much of the quota it took.
        units: u64,
        /// What was locked for units beyond the quota.
        overage: Amount,
    },
    /// A use was served.
    Finished {
        /// Of which rental.
        rental: Digest,
        /// Which use.
        task: TaskId,
        /// Who served.
        seller: Did,
        /// How long it took.
        latency_ms: DurationMs,
        /// What was delivered.
        output: ContentId,
        /// Digest of the verdict.
        verdict: Digest,
    },
    /// A use failed.
    Failed {
        /// Of which rental.
        rental: Digest,
        /// Which use.
        task: TaskId,
        /// Who served.
        seller: Did,
        /// Why.
        reason: FailureReason,
        /// Digest of what shows it.
        evidence: Digest,
    },
    /// The service came or went.
    Noted {
        /// Of which rental.
        rental: Digest,
        /// It can be used.
        available: bool,
    },
    /// A period was paid for.
    Stated {
        /// Of which rental.
        rental: Digest,
        /// Who has the compensation.
        buyer: Did,
        /// Who has the payment.
        seller: Did,
        /// What it came to.
        statement: PeriodStatement,
    },
}
