//! What one period of a rental came to: used, served, paid, and given back.
use alloc::vec::Vec;

use ainur_primitives::{Amount, Ppm};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::RentalTerms;

/// What was used of one period, and how it was served.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct PeriodUsage {
    /// Units used.
    pub units: u64,
    /// Uses that ended, or should have.
    pub ended: u64,
    /// Uses that succeeded.
    pub succeeded: u64,
    /// Uses that were not late.
    pub in_time: u64,
    /// For how long it could not be used, in milliseconds.
    pub down_ms: u64,
}

/// A promise that was not kept.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Breach {
    /// Too many uses were late.
    Latency,
    /// Too many uses failed.
    Success,
    /// It could not be used for too long.
    Availability,
}

/// What one period came to.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct PeriodStatement {
    /// Which period, from zero.
    pub period: u32,
    /// What was used, and how it was served.
    pub usage: PeriodUsage,
    /// The period's price.
    pub price: Amount,
    /// What the units beyond the quota cost.
    pub overage: Amount,
    /// The promises not kept.
    pub breaches: Vec<Breach>,
    /// What goes back to the buyer; at most the price.
    pub compensation: Amount,
    /// What the seller gets: price and overage less the compensation.
    pub payment: Amount,
}

impl PeriodStatement {
    /// Shares are compared without division, so a promise is broken or kept exactly; without any
    /// use no share of uses is. Compensation is rounded down: the buyer claims it.
    pub fn of(terms: &RentalTerms, period: u32, usage: PeriodUsage) -> Self {
        let (service, price) = (&terms.service, terms.subscription.price);
        let period_ms = terms.subscription.period_ms.0;
        let up_ms = period_ms.saturating_sub(usage.down_ms);
        let promises = [
            (
                Breach::Latency,
                is_below(usage.in_time, usage.ended, service.latency_share_min),
                service.latency_compensation,
            ),
            (
                Breach::Success,
                is_below(usage.succeeded, usage.ended, service.success_share_min),
                service.success_compensation,
            ),
            (
                Breach::Availability,
                is_below(up_ms, period_ms, service.availability_min),
                service.availability_compensation,
            ),
        ];
        let broken = promises.iter().filter(|(_, broken, _)| *broken);
        let compensation: Amount =
            broken.clone().map(|(_, _, share)| price.share_floor(*share)).sum();
        let breaches = broken.map(|(breach, _, _)| *breach).collect();
        // No use began whose units could not be charged.
        let charge = terms.subscription.charge(usage.units).unwrap_or(price);
        let overage = charge.saturating_sub(price);
        let payment = charge.saturating_sub(compensation);
        Self { period, usage, price, overage, breaches, compensation, payment }
    }
}

/// True when `part / whole < least`.
fn is_below(part: u64, whole: u64, least: Ppm) -> bool {
    u128::from(part) * u128::from(Ppm::ONE.0) < u128::from(whole) * u128::from(least.0)
}
