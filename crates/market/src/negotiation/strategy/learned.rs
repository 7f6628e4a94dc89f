//! What the other side's limit probably is, learned from how it concedes.
//!
//! Bayesian learning of the reservation price (Zeng and Sycara 1998) over a grid of hypotheses:
//! the other side concedes by the clock with some β towards some limit ([`super::TimeDependent`]).
//! Each proposal makes the hypotheses more likely that would have expected it. We aim at the middle
//! between the limit we believe in and our own, which is Nash's point when both sides care for the
//! price alone, and concede evenly until then.
use alloc::vec::Vec;

use ainur_primitives::Ppm;

use super::time_dependent::between;
use super::{NegotiationDecision, NegotiationStrategy, Turn, aim};
use crate::negotiation::power::ConcessionRate;
use crate::negotiation::preferences::Preferences;

/// How many limits are thought possible.
const LIMITS: i64 = 33;
/// Which β are.
const RATES: [ConcessionRate; 5] = [
    ConcessionRate::BOULWARE,
    ConcessionRate { numerator: 1, denominator: 2 },
    ConcessionRate::LINEAR,
    ConcessionRate::CONCEDER,
    ConcessionRate { numerator: 5, denominator: 1 },
];
/// A proposal so far off what a hypothesis expects halves its weight: a twentieth of our range.
const DEVIATION: i64 = 50_000;
/// The weight of the likeliest hypothesis.
const WEIGHT_MAX: u64 = 1 << 32;

/// Estimates the other side's reservation and aims at the middle.
#[derive(Clone, Debug)]
pub struct LearnedReservation {
    preferences: Preferences,
}

impl LearnedReservation {
    /// For a side with these preferences.
    pub fn new(preferences: Preferences) -> Self {
        Self { preferences }
    }

    /// What the other side's limit is probably worth to us, in parts per million of our price
    /// range; nothing before it has proposed anything.
    pub fn estimate(&self, turn: &Turn<'_>) -> Option<i64> {
        let offset = (turn.proposals.len() + 1) % 2;
        let shown: Vec<(Ppm, i64)> = turn
            .theirs()
            .enumerate()
            .map(|(index, proposal)| {
                let progress = turn.progress_of(offset + 2 * index);
                (progress, self.preferences.price_appraisal(proposal.price))
            })
            .collect();
        let (first, best) = (shown.first()?.1, shown.iter().map(|(_, worth)| *worth).max()?);
        let (mut sum, mut weights) = (0i128, 0i128);
        for index in 0..LIMITS {
            let limit = best + (1_000_000 - best).max(0) * index / (LIMITS - 1);
            for rate in RATES {
                let weight = i128::from(likelihood(rate, first, limit, &shown));
                sum += weight * i128::from(limit);
                weights += weight;
            }
        }
        i64::try_from(sum / weights.max(1)).ok()
    }

    /// The least we aim for: the middle between the two limits, as far as we know them.
    fn aimed(&self, turn: &Turn<'_>) -> Ppm {
        let least = self.preferences.utility_min;
        let Some(limit) = self.estimate(turn) else { return least };
        let middle = (limit.clamp(i64::from(least.0), 1_000_000) + i64::from(least.0)) / 2;
        Ppm(u32::try_from(middle).expect("between nothing and the whole"))
    }
}

impl NegotiationStrategy for LearnedReservation {
    fn decide(&mut self, turn: &Turn<'_>) -> NegotiationDecision {
        let progress = if turn.is_ultimatum() { Ppm::ONE } else { turn.progress() };
        aim(&self.preferences, between(progress, self.aimed(turn)), turn)
    }
}

/// How well a hypothesis explains all proposals, with a kernel of Cauchy's, which forgives a side
/// that does not always play the same.
fn likelihood(rate: ConcessionRate, first: i64, limit: i64, shown: &[(Ppm, i64)]) -> u64 {
    let (started, _) = shown[0];
    let before = i64::from(rate.conceded(started).0);
    let mut weight = WEIGHT_MAX;
    for (progress, worth) in &shown[1..] {
        let conceded = i64::from(rate.conceded(*progress).0) - before;
        let expected = first + (limit - first) * conceded / (1_000_000 - before).max(1);
        let error = i128::from(worth - expected);
        let square = i128::from(DEVIATION).pow(2);
        let kept = i128::from(weight) * square / (square + error * error);
        weight = u64::try_from(kept).expect("at most the weight before").max(1);
    }
    weight
}
