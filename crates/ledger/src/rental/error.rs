//! Why a rental was refused.
use alloc::string::{String, ToString};
use core::fmt;

use ainur_market::pricing::rental;
use ainur_primitives::{CapabilityName, Did, Digest, TaskId, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{SLOTS_MAX, USE_UNITS_MAX};
use crate::balances;

/// Why a call to this module was refused.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Error {
    /// Money did not move.
    #[error(transparent)]
    Balances(#[from] balances::Error),
    /// Terms that cannot be.
    #[error("the rental's terms cannot be: {0}")]
    TermsInvalid(String),
    /// More slots than a rental on the ledger has.
    #[error("a rental on the ledger has at most {SLOTS_MAX} slots (SLOTS_MAX)")]
    TooManySlots,
    /// The terms cannot be rented any more.
    #[error("the terms could be rented until {0}")]
    NotValid(Timestamp),
    /// The terms could be rented for too long.
    #[error("terms can be rented until {0} at the latest")]
    ValidTooLong(Timestamp),
    /// The seller took them back.
    #[error("the seller took rental {0} back")]
    Withdrawn(Digest),
    /// They were rented before.
    #[error("rental {0} was rented before: the seller has to offer it again")]
    RentedBefore(Digest),
    /// The seller's registered card is another, or does not list the capability.
    #[error("{agent} has no registered card that lists {capability}, or not the one it signed for")]
    NotOffered {
        /// Who.
        agent: Did,
        /// Which capability.
        capability: CapabilityName,
    },
    /// Barred after a slash.
    #[error("{0} is barred until it bonds the minimum stake again")]
    Barred(Did),
    /// No signature of the seller's over the terms.
    #[error("no signature shows that {0} offered these terms")]
    Unproven(Did),
    /// Buyer or verifier is the seller.
    #[error("the seller can be neither the buyer nor the verifier")]
    SelfDealing,
    /// Nobody with that identity.
    #[error("the verifier {0} has no identity on this ledger")]
    UnknownVerifier(Did),
    /// No such rental.
    #[error("there is no rental {0}")]
    UnknownRental(Digest),
    /// The sender is not who may ask for it.
    #[error("only {0} of the rental may do this")]
    NotParty(RentalRole),
    /// The task's name is taken.
    #[error("task {0} has begun already")]
    TaskTaken(TaskId),
    /// No such use, or it has ended.
    #[error("task {0} is no use at work")]
    UnknownUse(TaskId),
    /// A use of nothing, or of too much.
    #[error("a use takes 1 to {USE_UNITS_MAX} units (USE_UNITS_MAX)")]
    Units,
    /// The rental's meter refused.
    #[error("{0}")]
    Meter(MeterRefusal),
    /// It was delivered before it began, or will be.
    #[error("a use is delivered between its beginning and now")]
    DeliveredOutOfRange,
    /// No statement is due.
    #[error("no statement is due before {0}")]
    NotDue(Timestamp),
    /// All statements are drawn.
    #[error("rental {0} is over")]
    Over(Digest),
}

/// Why the meter did not let a use begin.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum MeterRefusal {
    /// All slots are in use: one is free when a use ends.
    NoSlot(u32),
    /// Anything else, which waiting for a slot does not help.
    Other(String),
}

impl fmt::Display for MeterRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSlot(slots) => write!(f, "all {slots} slots are in use"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl From<rental::Error> for MeterRefusal {
    fn from(error: rental::Error) -> Self {
        match error {
            rental::Error::NoSlot(slots) => Self::NoSlot(slots),
            rental::Error::Subscription(error) => Self::Other(error.to_string()),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<rental::Error> for Error {
    fn from(error: rental::Error) -> Self {
        Self::Meter(error.into())
    }
}

/// A party to a rental.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum RentalRole {
    /// Who rents.
    Buyer,
    /// Who rents out.
    Seller,
    /// Whose word ends uses.
    Verifier,
}

impl fmt::Display for RentalRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buyer => "the buyer",
            Self::Seller => "the seller",
            Self::Verifier => "the verifier",
        })
    }
}
