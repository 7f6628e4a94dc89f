//! What everybody knows about the trade in one capability.
use std::collections::VecDeque;

use ainur_primitives::{Amount, CapabilityName, Ppm};

use super::credits::CreditMarket;
use super::offers::Looks;

/// From so many payments the going price is taken.
const GOING_PRICES: usize = 16;

/// The trade in one capability.
pub(super) struct Venue {
    pub(super) capability: CapabilityName,
    /// How many bid in the last auction.
    pub(super) bidders: u32,
    pub(super) looks: Looks,
    /// The trade in its credits, once their class is open.
    pub(super) credits: Option<CreditMarket>,
    /// What the last auctions paid, oldest first.
    paid: VecDeque<Amount>,
}

impl Venue {
    pub(super) fn new(number: u32) -> Self {
        let capability = capability_name(number);
        let paid = VecDeque::new();
        Self { capability, bidders: 0, looks: Looks::default(), credits: None, paid }
    }

    /// An auction was decided.
    pub(super) fn decided(&mut self, bidders: u32, payment: Amount) {
        self.bidders = bidders;
        if self.paid.len() >= GOING_PRICES {
            self.paid.pop_front();
        }
        self.paid.push_back(payment);
    }

    /// The mean of what the last auctions paid, and so much more; nothing before the first.
    pub(super) fn going_price(&self, more: Ppm) -> Option<Amount> {
        let sum = self.paid.iter().fold(Amount::ZERO, |sum, paid| sum.saturating_add(*paid));
        let mean = Amount(sum.0.checked_div(self.paid.len() as u128)?);
        Some(mean.saturating_add(mean.share_floor(more)))
    }
}

/// What a capability is called.
pub(super) fn capability_name(number: u32) -> CapabilityName {
    format!("work.kind-{number}").parse().expect("digits and letters make a name")
}
