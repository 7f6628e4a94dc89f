//! Concession for concession.
//!
//! The relative tit-for-tat of Faratin, Sierra and Jennings (1998), in utilities instead of
//! values: when the other side has closed a tenth of its distance to our ideal since its last
//! proposal, we give up a tenth of what we ask above our least utility.
use ainur_primitives::Ppm;

use super::{NegotiationDecision, NegotiationStrategy, Turn, aim};
use crate::negotiation::preferences::Preferences;

/// What it gives before the other side could show anything: a tenth of what it asks for.
const FIRST_STEP: Ppm = Ppm(100_000);

/// Gives what it is given, in proportion, and takes nothing back.
#[derive(Clone, Debug)]
pub struct TitForTat {
    preferences: Preferences,
}

impl TitForTat {
    /// For a side with these preferences.
    pub fn new(preferences: Preferences) -> Self {
        Self { preferences }
    }

    /// How far a price of the other side's is from our ideal, in parts per million of our range.
    fn distance(&self, turn: &Turn<'_>, index: usize) -> u128 {
        let price = turn.theirs().nth(index).map(|proposal| proposal.price);
        let appraisal = price.map_or(0, |price| self.preferences.price_appraisal(price));
        u128::try_from(1_000_000 - appraisal).unwrap_or(0)
    }
}

impl NegotiationStrategy for TitForTat {
    fn decide(&mut self, turn: &Turn<'_>) -> NegotiationDecision {
        let (own, theirs) = (turn.own().len(), turn.theirs().len());
        let mut asked = Ppm::ONE;
        // Ours come after theirs by one at most, so every step of ours answers one of theirs.
        for step in 0..own {
            let shown = step + theirs - own;
            let given = if shown == 0 {
                FIRST_STEP
            } else {
                let (before, after) = (self.distance(turn, shown - 1), self.distance(turn, shown));
                Ppm::ratio(before.saturating_sub(after), before)
            };
            let given = u64::from(asked.0) * u64::from(given.0) / 1_000_000;
            asked = Ppm(asked.0 - u32::try_from(given).expect("a share of at most one"));
        }
        let least = self.preferences.utility_min;
        let above = u64::from(least.complement().0) * u64::from(asked.0);
        let above = u32::try_from(above.div_ceil(1_000_000)).expect("a share of at most one");
        aim(&self.preferences, Ppm(least.0.saturating_add(above)).min(Ppm::ONE), turn)
    }
}
