//! The plainest strategy: the same margin always.
use ainur_primitives::{Amount, Ppm};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{BidOutcome, BidStrategy, BidderState, Opportunity, within};

/// Asks its cost and a fixed margin. Without a margin it bids its cost, which no other bid beats
/// under a second price (Vickrey 1961).
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
pub struct StaticFloor {
    /// Added to the cost, as a share of it; rounded up.
    pub margin: Ppm,
}

impl BidStrategy for StaticFloor {
    fn quote(&mut self, opportunity: &Opportunity<'_>, state: &BidderState) -> Option<Amount> {
        if state.capacity == 0 {
            return None;
        }
        let cost = opportunity.cost;
        within(cost.saturating_add(cost.share_ceil(self.margin)), opportunity)
    }

    fn learn(&mut self, _outcome: &BidOutcome) {}
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::opportunity;
    use super::*;

    #[test]
    fn a_floor_is_the_cost_and_its_margin_rounded_up() {
        let idle = BidderState::new(1);
        let mut floor = StaticFloor { margin: Ppm(100_000) };
        assert_eq!(floor.quote(&opportunity(101, None), &idle), Some(Amount(112)));
        assert_eq!(floor.quote(&opportunity(101, Some(112)), &idle), Some(Amount(112)));
        assert_eq!(floor.quote(&opportunity(101, Some(111)), &idle), None);
    }

    #[test]
    fn who_has_no_places_stays_out_and_who_is_busy_does_not() {
        let (none, mut busy) = (BidderState::new(0), BidderState::new(1));
        busy.won(&"text.digest".parse().expect("a name"));
        let asks = |state: &BidderState| StaticFloor::default().quote(&opportunity(1, None), state);
        assert_eq!((asks(&none), asks(&busy)), (None, Some(Amount(1))));
    }
}
