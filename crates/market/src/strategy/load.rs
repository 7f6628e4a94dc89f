//! Pricing what is scarce: the busier, the dearer.
use ainur_primitives::{Amount, Ppm};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{BidOutcome, BidStrategy, BidderState, Opportunity, within};

/// Asks its cost and a margin that grows with utilisation: the last free place may be worth more
/// to a later task, and its price says so.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct LoadAware {
    /// The margin of an idle bidder, as a share of the cost.
    pub margin_idle: Ppm,
    /// What is added to it in proportion to utilisation; all of it when no place is free.
    pub margin_busy: Ppm,
}

impl Default for LoadAware {
    /// The cost when idle, up to 40% more when busy.
    fn default() -> Self {
        Self { margin_idle: Ppm::ZERO, margin_busy: Ppm(400_000) }
    }
}

impl BidStrategy for LoadAware {
    fn quote(&mut self, opportunity: &Opportunity<'_>, state: &BidderState) -> Option<Amount> {
        if state.capacity == 0 {
            return None;
        }
        let cost = opportunity.cost;
        let busy = cost.share_ceil(self.margin_busy).share_ceil(state.utilisation());
        let margin = cost.share_ceil(self.margin_idle).saturating_add(busy);
        within(cost.saturating_add(margin), opportunity)
    }

    fn learn(&mut self, _outcome: &BidOutcome) {}
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::OnceLock;

    use ainur_primitives::{CapabilityName, Digest, TaskId, Timestamp};

    use super::super::PaymentRule;
    use super::*;

    pub(in super::super) fn opportunity(cost: u128, ceiling: Option<u128>) -> Opportunity<'static> {
        static CAPABILITY: OnceLock<CapabilityName> = OnceLock::new();
        Opportunity {
            task: TaskId(Digest::ZERO),
            capability: CAPABILITY.get_or_init(|| "text.digest".parse().expect("a name")),
            cost: Amount(cost),
            ceiling: ceiling.map(Amount),
            rule: PaymentRule::SecondPrice,
            competitors: 0,
            now: Timestamp(0),
            draw: 0,
        }
    }

    #[test]
    fn the_price_grows_with_every_place_taken() {
        let mut state = BidderState::new(4);
        let mut strategy = LoadAware::default();
        // The last one would wait for a place.
        let prices = [(); 6].map(|()| {
            let price = strategy.quote(&opportunity(100, None), &state).expect("it has places");
            state.won(&"text.digest".parse().expect("a name"));
            price.0
        });
        assert_eq!(prices, [100, 110, 120, 130, 140, 140]);
    }
}
