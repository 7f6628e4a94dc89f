//! The governed parameters: fixed in genesis, read from the state by every block.
use ainur_primitives::{Amount, Did};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::{escrow, exchange, identity, reputation};

/// The governed parameters of a ledger, by module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Who can slash for reasons the ledger does not see.
    pub authority: Did,
    /// The least fee of a transaction.
    #[serde(default = "fee_min")]
    pub fee_min: Amount,
    /// Of identities.
    #[serde(default)]
    pub identity: identity::Params,
    /// Of escrow.
    #[serde(default)]
    pub escrow: escrow::Params,
    /// Of stake and reputation.
    #[serde(default)]
    pub reputation: reputation::Params,
    /// Of the exchange.
    #[serde(default)]
    pub exchange: exchange::Params,
}

/// A millionth of an AINU.
fn fee_min() -> Amount {
    Amount(1_000_000)
}

impl Parameters {
    /// The defaults, with this authority.
    pub fn with_authority(authority: Did) -> Self {
        Self {
            authority,
            fee_min: fee_min(),
            identity: identity::Params::default(),
            escrow: escrow::Params::default(),
            reputation: reputation::Params::default(),
            exchange: exchange::Params::default(),
        }
    }

    /// True when the ledger's promises hold under these parameters.
    pub fn valid(&self) -> bool {
        self.escrow.valid() && self.reputation.valid() && self.exchange.valid()
    }
}
