//! Bids: what the work costs this agent, how long it takes it, and when it says no.
use crate::{Call, Quote};

/// A thousandth of an AINU in base units.
pub const MILLI_AINU: u128 = 1_000_000_000;

const BYTES_PER_MIB: u128 = 1 << 20;

/// An agent's cost model. In a sealed-bid auction that pays by the others' bids, the best bid is
/// one's own cost, so that is what is bid.
#[derive(Debug, Clone, Copy)]
pub struct Pricing {
    /// For any call, in base units.
    pub base: u128,
    /// For each MiB of input, in base units.
    pub per_mib: u128,
    /// For each attempt already running, as a share of the price in percent: a busy worker costs
    /// more.
    pub busy_percent: u32,
    /// Before the first byte.
    pub setup_ms: u64,
    /// Input read in a second.
    pub bytes_per_second: u64,
    /// How sure the agent is to deliver, in parts per million.
    pub confidence_ppm: u32,
    /// 0 standard, 1 premium, 2 enterprise.
    pub quality_level: u8,
}

impl Pricing {
    /// What the work costs, in base units.
    pub fn cost(&self, call: &Call) -> u128 {
        let volume = self.per_mib.saturating_mul(u128::from(call.input_bytes)) / BYTES_PER_MIB;
        let idle = self.base.saturating_add(volume);
        let busy = u128::from(self.busy_percent) * u128::from(call.active_tasks);
        idle.saturating_add(idle.saturating_mul(busy) / 100)
    }

    /// How long it takes, sharing the worker with what is running.
    pub fn duration_ms(&self, call: &Call) -> u64 {
        let alone = call.input_bytes.saturating_mul(1000) / self.bytes_per_second.max(1);
        self.setup_ms.saturating_add(alone.saturating_mul(1 + u64::from(call.active_tasks)))
    }

    /// The bid: none below cost, and none that cannot be done in time.
    pub fn quote(&self, call: &Call) -> Option<Quote> {
        let reserve: u128 = call.reserve.parse().ok()?;
        let price = self.cost(call);
        let estimated_duration_ms = self.duration_ms(call);
        (price <= reserve && estimated_duration_ms <= call.deadline_ms).then(|| Quote {
            price: price.to_string(),
            estimated_duration_ms,
            confidence_ppm: self.confidence_ppm,
            quality_level: self.quality_level,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICING: Pricing = Pricing {
        base: 10,
        per_mib: 100,
        busy_percent: 50,
        setup_ms: 5,
        bytes_per_second: 1 << 20,
        confidence_ppm: 900_000,
        quality_level: 1,
    };

    fn call(reserve: &str) -> Call {
        Call {
            capability: "a.b".into(),
            parameters: "{}".into(),
            input_bytes: 2 << 20,
            reserve: reserve.into(),
            deadline_ms: 10_000,
            active_tasks: 0,
        }
    }

    #[test]
    fn the_bid_is_the_cost_and_grows_with_load() {
        assert_eq!(PRICING.quote(&call("210")).unwrap().price, "210");
        assert_eq!(PRICING.quote(&call("210")).unwrap().estimated_duration_ms, 2005);
        let busy = Call { active_tasks: 2, ..call("1000") };
        assert_eq!(PRICING.quote(&busy).unwrap().price, "420");
        assert_eq!(PRICING.quote(&busy).unwrap().estimated_duration_ms, 6005);
    }

    #[test]
    fn no_bid_below_cost_past_the_deadline_or_on_nonsense() {
        assert!(PRICING.quote(&call("209")).is_none());
        assert!(PRICING.quote(&call("-1")).is_none());
        assert!(PRICING.quote(&Call { deadline_ms: 2004, ..call("210") }).is_none());
        assert!(PRICING.quote(&Call { input_bytes: u64::MAX, ..call("210") }).is_none());
    }
}
