//! A contextual bandit over margins: LinUCB with disjoint models (Li, Chu, Langford, Schapire 2010)
//! that forgets (Russac, Vernade, Cappé 2019).
//!
//! Each margin has a linear model of what it gains, in multiples of the cost; the margin with the
//! highest `θᵀx + α √(xᵀA⁻¹x)` is asked, the lowest of equals. Where the outcome tells which price
//! would just have won, as the transcript of every auction does, what *every* margin would have
//! gained is known, and all models learn; otherwise only that of the margin asked. Second-price
//! and own-price calls are learned apart.
use ainur_market::strategy::{BidOutcome, BidStrategy, BidderState, Opportunity, PaymentRule};
use ainur_primitives::{Amount, Ppm};
use scale::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::linear::{Features, LinearModel};
use crate::margin::{MARGINS, Pending, gain, gain_of, margin_max, price};

/// How many standard deviations of doubt a margin is given the benefit of; the α of the paper. It
/// never falls to zero, so that exploration does not stop.
const CURIOSITY: f64 = 0.08;

/// A bidder that learns its margins from its own outcomes.
#[derive(Clone, PartialEq, Debug, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarginBandit {
    /// Models where the price is set by others, by margin.
    second_price: Vec<LinearModel>,
    /// Models where it is paid what it asks, by margin.
    own_price: Vec<LinearModel>,
    pending: Pending<Tried>,
}

/// A margin that was asked, and in which context.
#[derive(Clone, PartialEq, Debug, Encode, Decode, Serialize, Deserialize)]
struct Tried {
    rule: PaymentRule,
    margin: u8,
    features: Features,
}

impl Default for MarginBandit {
    fn default() -> Self {
        let models = vec![LinearModel::default(); MARGINS];
        Self { second_price: models.clone(), own_price: models, pending: Pending::default() }
    }
}

impl MarginBandit {
    fn models(&mut self, rule: PaymentRule) -> &mut [LinearModel] {
        match rule {
            PaymentRule::SecondPrice => &mut self.second_price,
            PaymentRule::OwnPrice => &mut self.own_price,
        }
    }
}

impl BidStrategy for MarginBandit {
    fn quote(&mut self, opportunity: &Opportunity<'_>, state: &BidderState) -> Option<Amount> {
        if state.capacity == 0 {
            return None;
        }
        let largest = margin_max(opportunity.cost, opportunity.ceiling)?;
        let features = features(opportunity, state);
        let models = self.models(opportunity.rule);
        let mut best = (0, f64::NEG_INFINITY);
        for (margin, model) in models.iter().enumerate().take(largest + 1) {
            let (expected, doubt) = model.predict(&features);
            let promise = expected + CURIOSITY * doubt;
            if promise > best.1 {
                best = (margin, promise);
            }
        }
        let tried = Tried { rule: opportunity.rule, margin: best.0 as u8, features };
        self.pending.remember(opportunity.task, tried);
        Some(price(opportunity.cost, best.0))
    }

    fn learn(&mut self, outcome: &BidOutcome) {
        let Some(Tried { rule, margin, features }) = self.pending.take(outcome) else { return };
        let cost = outcome.cost;
        let asked = usize::from(margin);
        for (margin, model) in self.models(rule).iter_mut().enumerate() {
            match outcome.critical {
                Some(critical) => {
                    model.observe(&features, gain_of(rule, cost, price(cost, margin), critical));
                }
                None if margin == asked => model.observe(&features, gain(cost, outcome.paid)),
                None => {}
            }
        }
    }
}

/// The context: a constant, the load, the hour of the day, the competition, the bidder's own win
/// rate, and how much room there is below the ceiling.
fn features(opportunity: &Opportunity<'_>, state: &BidderState) -> Features {
    let share = |ppm: Ppm| f64::from(ppm.0) / 1e6;
    let cost = opportunity.cost.0 as f64;
    let room = opportunity.ceiling.map_or(0.0, |ceiling| 1.0 - cost / (ceiling.0 as f64).max(1.0));
    [
        1.0,
        share(state.utilisation()),
        hour(opportunity.now.0),
        1.0 / (1.0 + f64::from(opportunity.competitors)),
        share(state.stats(opportunity.capability).win_rate()),
        room.clamp(0.0, 1.0),
    ]
}

/// The hour of the day as a wave of straight lines: −1 at midnight, 1 at noon.
fn hour(now_ms: u64) -> f64 {
    const HALF_DAY_MS: f64 = 43_200_000.0;
    let of_day = (now_ms % 86_400_000) as f64;
    1.0 - 2.0 * (of_day - HALF_DAY_MS).abs() / HALF_DAY_MS
}
