//! What a bidder knows of itself: how busy it is, and per capability how its bids and its work
//! went.
use alloc::collections::BTreeMap;

use ainur_primitives::{Amount, CapabilityName, DurationMs, Ppm};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// For how many capabilities a bidder keeps figures at most; as many as a card has.
pub const CAPABILITY_STATS_MAX: usize = 64;

/// A bidder's state (R5.7).
#[derive(
    Clone,
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
pub struct BidderState {
    /// Tasks at work.
    pub active_tasks: u32,
    /// Tasks it does at once at most.
    pub capacity: u32,
    /// How it went, by capability; those beyond [`CAPABILITY_STATS_MAX`] are not counted.
    pub capabilities: BTreeMap<CapabilityName, CapabilityStats>,
}

/// How a bidder's bids and work went for one capability.
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
pub struct CapabilityStats {
    /// Prices asked.
    pub bids: u64,
    /// All prices asked, together.
    pub asked: Amount,
    /// What the work behind them would have cost the bidder, together.
    pub asked_cost: Amount,
    /// Of those, awarded.
    pub wins: u64,
    /// Attempts that were accepted.
    pub accepted: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// What all accepted attempts were paid.
    pub earned: Amount,
    /// What all attempts cost the bidder.
    pub spent: Amount,
    /// How long all attempts took, together.
    pub busy_ms: DurationMs,
}

impl BidderState {
    /// An idle bidder without past.
    pub fn new(capacity: u32) -> Self {
        Self { active_tasks: 0, capacity, capabilities: BTreeMap::new() }
    }

    /// Tasks it could take on now.
    pub fn free_capacity(&self) -> u32 {
        self.capacity.saturating_sub(self.active_tasks)
    }

    /// The share of its capacity at work, rounded down.
    pub fn utilisation(&self) -> Ppm {
        Ppm::ratio(u128::from(self.active_tasks), u128::from(self.capacity))
    }

    /// The figures for a capability; all zero when it has none.
    pub fn stats(&self, capability: &CapabilityName) -> CapabilityStats {
        self.capabilities.get(capability).copied().unwrap_or_default()
    }

    /// A price was asked for work of such a cost.
    pub fn asked(&mut self, capability: &CapabilityName, cost: Amount, price: Amount) {
        self.update(capability, |stats| {
            stats.bids = stats.bids.saturating_add(1);
            stats.asked = stats.asked.saturating_add(price);
            stats.asked_cost = stats.asked_cost.saturating_add(cost);
        });
    }

    /// A task was awarded and begins.
    pub fn won(&mut self, capability: &CapabilityName) {
        self.active_tasks = self.active_tasks.saturating_add(1);
        self.update(capability, |stats| stats.wins = stats.wins.saturating_add(1));
    }

    /// An attempt ended; `paid` is `None` when it was not accepted.
    pub fn finished(
        &mut self,
        capability: &CapabilityName,
        paid: Option<Amount>,
        cost: Amount,
        took: DurationMs,
    ) {
        self.active_tasks = self.active_tasks.saturating_sub(1);
        self.update(capability, |stats| {
            match paid {
                Some(amount) => {
                    stats.accepted = stats.accepted.saturating_add(1);
                    stats.earned = stats.earned.saturating_add(amount);
                }
                None => stats.failed = stats.failed.saturating_add(1),
            }
            stats.spent = stats.spent.saturating_add(cost);
            stats.busy_ms = DurationMs(stats.busy_ms.0.saturating_add(took.0));
        });
    }

    fn update(&mut self, capability: &CapabilityName, change: impl FnOnce(&mut CapabilityStats)) {
        if let Some(stats) = self.capabilities.get_mut(capability) {
            change(stats);
        } else if self.capabilities.len() < CAPABILITY_STATS_MAX {
            change(self.capabilities.entry(capability.clone()).or_default());
        }
    }
}

impl CapabilityStats {
    /// The share of its prices that were awarded; zero before the first.
    pub fn win_rate(&self) -> Ppm {
        Ppm::ratio(u128::from(self.wins), u128::from(self.bids))
    }

    /// What its prices were above their costs on average, as a share of the costs, rounded down;
    /// zero before the first.
    pub fn mean_margin(&self) -> Ppm {
        let above = self.asked.saturating_sub(self.asked_cost);
        Ppm::ratio(above.0, self.asked_cost.0)
    }

    /// The share of ended attempts that were accepted; zero before the first.
    pub fn success_share(&self) -> Ppm {
        let ended = u128::from(self.accepted) + u128::from(self.failed);
        Ppm::ratio(u128::from(self.accepted), ended)
    }

    /// What was earned beyond what was spent, in base units; below zero for a loss.
    pub fn profit(&self) -> i128 {
        let clamped = |amount: Amount| i128::try_from(amount.0).unwrap_or(i128::MAX);
        clamped(self.earned).saturating_sub(clamped(self.spent))
    }

    /// How long an attempt takes on average, rounded down; `None` before the first.
    pub fn latency_ms(&self) -> Option<DurationMs> {
        let ended = self.accepted.saturating_add(self.failed);
        self.busy_ms.0.checked_div(ended).map(DurationMs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_follow_bids_awards_and_work() {
        let capability: CapabilityName = "text.digest".parse().expect("a name");
        let mut state = BidderState::new(2);
        for price in [20, 22, 24, 30] {
            state.asked(&capability, Amount(20), Amount(price));
        }
        state.won(&capability);
        state.won(&capability);
        assert_eq!((state.utilisation(), state.free_capacity()), (Ppm::ONE, 0));
        state.finished(&capability, Some(Amount(50)), Amount(20), DurationMs(10));
        state.finished(&capability, None, Amount(40), DurationMs(20));
        let stats = state.stats(&capability);
        assert_eq!(stats.win_rate(), Ppm(500_000));
        assert_eq!(stats.mean_margin(), Ppm(200_000));
        assert_eq!(stats.success_share(), Ppm(500_000));
        assert_eq!(stats.profit(), -10);
        assert_eq!(stats.latency_ms(), Some(DurationMs(15)));
        assert_eq!(state.active_tasks, 0);
    }

    #[test]
    fn figures_are_kept_for_a_limited_number_of_capabilities() {
        let mut state = BidderState::new(1);
        for number in 0..=CAPABILITY_STATS_MAX {
            let capability = alloc::format!("text.digest-{number}").parse().expect("a name");
            state.asked(&capability, Amount(1), Amount(1));
        }
        assert_eq!(state.capabilities.len(), CAPABILITY_STATS_MAX);
    }
}
