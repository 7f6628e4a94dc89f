//! Concession by the clock.
//!
//! Faratin, Sierra and Jennings, "Negotiation decision functions for autonomous agents" (1998):
//! of the way from the ideal to the limit, `α(t) = k + (1 − k)(t/T)^{1/β}` is conceded.
use ainur_primitives::Ppm;

use super::{NegotiationDecision, NegotiationStrategy, Turn, aim};
use crate::negotiation::power::ConcessionRate;
use crate::negotiation::preferences::Preferences;

/// Concedes as time passes, whatever the other side does.
#[derive(Clone, Debug)]
pub struct TimeDependent {
    preferences: Preferences,
    rate: ConcessionRate,
    opening: Ppm,
}

impl TimeDependent {
    /// With β = `rate` (linear when it is not valid) and k = `opening`, at most one.
    pub fn new(preferences: Preferences, rate: ConcessionRate, opening: Ppm) -> Self {
        let rate = if rate.is_valid() { rate } else { ConcessionRate::LINEAR };
        Self { preferences, rate, opening: opening.min(Ppm::ONE) }
    }
}

impl NegotiationStrategy for TimeDependent {
    fn decide(&mut self, turn: &Turn<'_>) -> NegotiationDecision {
        let conceded = conceded(self.rate, self.opening, turn.progress());
        aim(&self.preferences, between(conceded, self.preferences.utility_min), turn)
    }
}

/// Faratin's α, rounded down.
pub(super) fn conceded(rate: ConcessionRate, opening: Ppm, progress: Ppm) -> Ppm {
    let rest = u64::from(opening.complement().0) * u64::from(rate.conceded(progress).0) / 1_000_000;
    Ppm(opening.0 + u32::try_from(rest).expect("a share of at most one"))
}

/// The utility when so much of the way from everything to `least` is conceded, rounded up.
pub(super) fn between(conceded: Ppm, least: Ppm) -> Ppm {
    let given = u64::from(least.complement().0) * u64::from(conceded.0) / 1_000_000;
    Ppm(Ppm::ONE.0 - u32::try_from(given).expect("a share of at most one"))
}
