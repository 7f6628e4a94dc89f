//! What everybody knows about the trade in one capability.
use std::collections::VecDeque;

use ainur_primitives::{Amount, CapabilityName, DurationMs};

use super::credits::CreditMarket;
use super::offers::Looks;

/// From so many payments the going price is taken.
const GOING_PRICES: usize = 16;
/// So many payments are remembered, to find those of tasks that allowed as much time.
const PAYMENTS_MAX: usize = 64;

/// The trade in one capability.
pub(super) struct Venue {
    pub(super) capability: CapabilityName,
    /// How many bid in the last auction.
    pub(super) bidders: u32,
    pub(super) looks: Looks,
    /// The trade in its credits, once their class is open.
    pub(super) credits: Option<CreditMarket>,
    /// What the last auctions paid, and how long their tasks might take; oldest first.
    paid: VecDeque<(DurationMs, Amount)>,
}

impl Venue {
    pub(super) fn new(number: u32) -> Self {
        let capability = capability_name(number);
        let paid = VecDeque::new();
        Self { capability, bidders: 0, looks: Looks::default(), credits: None, paid }
    }

    /// An auction was decided for a task that might take so long.
    pub(super) fn decided(&mut self, bidders: u32, allowed: DurationMs, payment: Amount) {
        self.bidders = bidders;
        if self.paid.len() >= PAYMENTS_MAX {
            self.paid.pop_front();
        }
        self.paid.push_back((allowed, payment));
    }

    /// The mean of what the last auctions paid; nothing before the first.
    pub(super) fn going_price(&self) -> Option<Amount> {
        mean(self.paid.iter().rev().map(|(_, paid)| *paid))
    }

    /// The mean of what those of the last auctions paid whose tasks allowed about as much time: who
    /// can wait has more to choose from, and pays less.
    pub(super) fn going_price_within(&self, allowed: DurationMs) -> Option<Amount> {
        let mut near: Vec<(u64, Amount)> = (self.paid.iter().rev())
            .map(|(other, paid)| (other.0.abs_diff(allowed.0), *paid))
            .collect();
        near.sort_by_key(|(apart, _)| *apart);
        mean(near.into_iter().map(|(_, paid)| paid))
    }
}

/// The mean of the first payments.
fn mean(paid: impl Iterator<Item = Amount>) -> Option<Amount> {
    let (mut count, mut sum) = (0, Amount::ZERO);
    for paid in paid.take(GOING_PRICES) {
        count += 1;
        sum = sum.saturating_add(paid);
    }
    sum.0.checked_div(count).map(Amount)
}

/// What a capability is called.
pub(super) fn capability_name(number: u32) -> CapabilityName {
    format!("work.kind-{number}").parse().expect("digits and letters make a name")
}
