//! The governed parameters of the exchange.
use ainur_market::exchange::pool::FEE_BPS_MAX;
use ainur_primitives::{Amount, DurationMs, Ppm};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// The governed parameters of this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// What opening a class costs.
    pub class_fee: Amount,
    /// The least collateral behind one credit.
    pub collateral_min: Amount,
    /// The most collateral behind one credit.
    pub collateral_max: Amount,
    /// Prices are multiples of this.
    pub tick: Amount,
    /// What an order pays of the value it trades when it comes in; orders that rest pay nothing.
    pub taker_fee: Ppm,
    /// How many orders rest in one class.
    pub orders_max: u32,
    /// What a buy order that rests locks at least, so that nobody fills a book with dust; behind
    /// each credit of a sell order is collateral.
    pub order_value_min: Amount,
    /// How many resting orders one order meets.
    pub met_max: u32,
    /// For how long an order rests.
    pub order_ms_max: DurationMs,
    /// The least time an issuer has for a claim.
    pub claim_ms_min: DurationMs,
    /// The most time an issuer has for a claim.
    pub claim_ms_max: DurationMs,
    /// How long a holder has to dispute a delivery, and then a verifier to decide.
    pub dispute_ms: DurationMs,
    /// How long a closed claim is remembered.
    pub retention_ms: DurationMs,
    /// The highest fee of a pool, in basis points.
    pub pool_fee_bps_max: u16,
}

impl Default for Params {
    /// A class costs 1 AINU; collateral from a hundredth to a million AINU; a tick of a millionth; a
    /// thousandth for takers; 100,000 orders for up to 30 days, those to buy worth a hundredth of an
    /// AINU; claims from a minute to 30 days, disputed and decided within an hour each, remembered
    /// for a day; pools take up to 1%.
    fn default() -> Self {
        let day = DurationMs::seconds(86_400);
        Self {
            class_fee: Amount::ainu(1),
            collateral_min: Amount(10_000_000_000),
            collateral_max: Amount::ainu(1_000_000),
            tick: Amount(1_000_000),
            taker_fee: Ppm(1_000),
            orders_max: 100_000,
            order_value_min: Amount(10_000_000_000),
            met_max: 256,
            order_ms_max: DurationMs(30 * day.0),
            claim_ms_min: DurationMs::seconds(60),
            claim_ms_max: DurationMs(30 * day.0),
            dispute_ms: DurationMs::seconds(3_600),
            retention_ms: day,
            pool_fee_bps_max: 100,
        }
    }
}

/// The most resting orders parameters can let one order meet.
pub(crate) const MET_CEILING: u32 = 4_096;

impl Params {
    /// True when credits are backed, prices and orders exist, and no fee exceeds the whole.
    pub fn valid(&self) -> bool {
        let backed = !self.collateral_min.is_zero() && self.collateral_min <= self.collateral_max;
        backed
            && !self.tick.is_zero()
            && self.taker_fee <= Ppm::ONE
            && (1..=MET_CEILING).contains(&self.met_max)
            && self.claim_ms_min <= self.claim_ms_max
            && self.pool_fee_bps_max <= FEE_BPS_MAX
    }
}
