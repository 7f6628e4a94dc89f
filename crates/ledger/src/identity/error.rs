//! Why an identity did not change.
use ainur_primitives::{Amount, Did};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::balances;

/// Why an identity did not change.
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
    /// It exists, active or not.
    #[error("{0} exists already")]
    AlreadyExists(Did),
    /// There is none.
    #[error("there is no identity {0}")]
    Unknown(Did),
    /// The sender is not the digest of the keys.
    #[error("the keys do not belong to {0}")]
    NotTheseKeys(Did),
    /// The keys would accept classical signatures.
    #[error("an identity on this ledger requires hybrid signatures")]
    Downgrade,
    /// The rotation is for another identity or another version of the keys.
    #[error("the rotation does not follow the keys in force")]
    NotNextRotation,
    /// A signing key was kept.
    #[error("a rotation must replace both signing keys")]
    KeyReused,
    /// It is inactive.
    #[error("{0} is inactive")]
    Inactive(Did),
    /// The party has stake.
    #[error("{} AINU are staked; take them back first", staked.to_ainu())]
    Staked {
        /// How much.
        staked: Amount,
    },
    /// The party is in agreements, claims, classes or books that have not ended.
    #[error(
        "{open} escrows, claims, classes of credits owed or orders are open: settle, cancel or \
         retire them first"
    )]
    OpenPositions {
        /// How many.
        open: u32,
    },
    /// The beneficiary is the identity given up.
    #[error("the beneficiary must be another party")]
    OwnBeneficiary,
}
