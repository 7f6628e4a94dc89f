//! The governed parameters of escrow.
use ainur_primitives::{DurationMs, Ppm};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::PARTS_MAX;

/// The governed parameters of this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How often one task can be awarded.
    pub attempts_max: u32,
    /// The longest time from agreement to deadline.
    pub duration_ms_max: DurationMs,
    /// How far ahead a bid may be valid.
    pub bid_validity_ms_max: DurationMs,
    /// How long a closed escrow is remembered; at least as long as any bid is valid.
    pub retention_ms: DurationMs,
    /// For how long after the end of revealing a bid bond can be forfeited.
    pub forfeit_window_ms: DurationMs,
    /// The longest time from an offer's beginning to its end.
    pub offer_validity_ms_max: DurationMs,
    /// How long ago the time may be that an offer's price is taken at.
    pub offer_match_age_ms_max: DurationMs,
    /// The largest share of its price that late work gives up.
    pub compensation_max: Ppm,
}

impl Default for Params {
    /// 8 attempts within 30 days, bids valid for up to a day, remembered for a day;
    /// offers stand for up to 90 days and are agreed to within a minute; late work gives up half of
    /// its price at most.
    fn default() -> Self {
        let day = DurationMs::seconds(86_400);
        Self {
            attempts_max: 8,
            duration_ms_max: DurationMs(30 * day.0),
            bid_validity_ms_max: day,
            retention_ms: day,
            forfeit_window_ms: DurationMs::seconds(3_600),
            offer_validity_ms_max: DurationMs(90 * day.0),
            offer_match_age_ms_max: DurationMs::seconds(60),
            compensation_max: Ppm(500_000),
        }
    }
}

/// The most attempts parameters can allow: a tombstone lists the sellers.
pub(crate) const ATTEMPTS_CEILING: u32 = PARTS_MAX as u32;

impl Params {
    /// True when there is at least one attempt, no bid outlives the memory of its task, and late
    /// work gives up no more than its price.
    pub fn valid(&self) -> bool {
        (1..=ATTEMPTS_CEILING).contains(&self.attempts_max)
            && self.bid_validity_ms_max <= self.retention_ms
            && self.compensation_max <= Ppm::ONE
            && self.forfeit_window_ms <= self.retention_ms
    }
}
