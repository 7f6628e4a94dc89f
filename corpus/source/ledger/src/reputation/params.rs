//! The governed parameters of stake and reputation.
use ainur_primitives::{Amount, DurationMs, FailureReason, Ppm};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::decay::WEIGHT_ONE;

/// The governed parameters of this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// With less stake a party gets no new agreement.
    pub stake_min: Amount,
    /// The bond of an agreement is its price times the seller's failure probability times this.
    pub bond_factor: u32,
    /// At least this share of the price.
    pub bond_share_min: Ppm,
    /// At least this much.
    pub bond_min: Amount,
    /// In this time the weight of past work halves.
    pub half_life_ms: DurationMs,
    /// Weight of success every newcomer starts with, in millionths of one outcome.
    pub prior_success: u64,
    /// Weight of failure every newcomer starts with, in millionths of one outcome.
    pub prior_failure: u64,
    /// Share of the bond lost with work that failed its check.
    pub slash_check_failed: Ppm,
    /// Share of the bond lost by crashing, running out of time or exceeding a limit.
    pub slash_interrupted: Ppm,
    /// Share of the bond lost by declining after the award.
    pub slash_declined: Ppm,
    /// Share of what is slashed that goes to the buyer; the rest is burned.
    pub slash_to_victim: Ppm,
    /// Share of a forfeited bid bond that goes to the buyer; the rest is burned.
    pub forfeit_to_buyer: Ppm,
}

impl Default for Params {
    /// 10 AINU of stake; a newcomer fails one time in ten and bonds a fifth of the price, the
    /// best bond a twentieth; half-life 30 days; what is slashed is burned.
    fn default() -> Self {
        Self {
            stake_min: Amount::ainu(10),
            bond_factor: 2,
            bond_share_min: Ppm(50_000),
            bond_min: Amount(10_000_000_000),
            half_life_ms: DurationMs::seconds(30 * 86_400),
            prior_success: WEIGHT_ONE * 9 / 2,
            prior_failure: WEIGHT_ONE / 2,
            slash_check_failed: Ppm::ONE,
            slash_interrupted: Ppm(100_000),
            slash_declined: Ppm(50_000),
            slash_to_victim: Ppm::ZERO,
            forfeit_to_buyer: Ppm::ZERO,
        }
    }
}

impl Params {
    /// The share of the bond that an attempt failing for this reason costs.
    pub fn slash_share(&self, reason: FailureReason) -> Ppm {
        match reason {
            FailureReason::CheckFailed => self.slash_check_failed,
            FailureReason::Crashed | FailureReason::TimedOut | FailureReason::LimitExceeded => {
                self.slash_interrupted
            }
            FailureReason::Declined => self.slash_declined,
            FailureReason::BuyerRefused | FailureReason::Infrastructure => Ppm::ZERO,
        }
    }

    /// True when every share is at most the whole and there is a prior and a half-life.
    pub fn valid(&self) -> bool {
        let shares = [
            self.bond_share_min,
            self.slash_check_failed,
            self.slash_interrupted,
            self.slash_declined,
            self.slash_to_victim,
            self.forfeit_to_buyer,
        ];
        shares.iter().all(|share| *share <= Ppm::ONE)
            && self.prior_success.checked_add(self.prior_failure).is_some_and(|prior| prior > 0)
            && self.half_life_ms.0 > 0
    }
}
