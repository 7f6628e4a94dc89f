//! Where two sides would meet if they knew each other: the measure of every strategy.
//!
//! Nash's bargaining point (Nash 1950) maximises the product of what both sides gain over having
//! no agreement; a proposal is efficient (Pareto) when no other is better for one and not worse
//! for the other. Both are found by looking at every proposal of a grid.
use alloc::vec::Vec;

use ainur_primitives::{Amount, Ppm};

use super::preferences::{Package, Preferences};
use super::terms::NegotiationProposal;

/// How many proposals a grid has at most.
pub const GRID_PROPOSALS_MAX: usize = 65_536;

/// Every proposal there is: each package at each price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiationGrid {
    prices: Vec<Amount>,
    packages: Vec<Package>,
}

/// A proposal and what it is worth to both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bargain {
    /// The proposal.
    pub proposal: NegotiationProposal,
    /// What it is worth.
    pub worth: Worth,
}

/// What a proposal is worth to both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worth {
    /// To the buyer.
    pub buyer: Ppm,
    /// To the seller.
    pub seller: Ppm,
}

impl NegotiationGrid {
    /// The packages at `steps + 1` prices from `low` to `high`, evenly spaced; fewer prices when
    /// the grid would be larger than [`GRID_PROPOSALS_MAX`].
    pub fn new(low: Amount, high: Amount, steps: u32, packages: Vec<Package>) -> Self {
        let most = GRID_PROPOSALS_MAX / packages.len().max(1);
        let steps = (steps as usize).min(most.saturating_sub(1)).max(1) as u128;
        let span = high.saturating_sub(low).0;
        let at = |step: u128| {
            Amount(low.0.saturating_add(span / steps * step + span % steps * step / steps))
        };
        let packages = packages.into_iter().take(GRID_PROPOSALS_MAX / 2).collect();
        Self { prices: (0..=steps).map(at).collect(), packages }
    }

    /// All proposals, package by package, the lowest price first.
    pub fn proposals(&self) -> impl Iterator<Item = NegotiationProposal> + '_ {
        self.packages
            .iter()
            .flat_map(|package| self.prices.iter().map(move |price| package.at(*price)))
    }

    /// All proposals that both sides would rather have than no agreement.
    pub fn bargains<'a>(
        &'a self,
        buyer: &'a Preferences,
        seller: &'a Preferences,
    ) -> impl Iterator<Item = Bargain> + 'a {
        self.proposals().filter_map(|proposal| {
            let worth = Worth::of(&proposal, buyer, seller)?;
            Some(Bargain { proposal, worth })
        })
    }

    /// The proposal with the largest product of gains; among equals the more even one, then the
    /// first. Nothing when there is nothing to agree on.
    pub fn nash_point(&self, buyer: &Preferences, seller: &Preferences) -> Option<Bargain> {
        let mut best: Option<((u64, u64), Bargain)> = None;
        for bargain in self.bargains(buyer, seller) {
            let gains = [
                u64::from(bargain.worth.buyer.0 - buyer.utility_min.0),
                u64::from(bargain.worth.seller.0 - seller.utility_min.0),
            ];
            let rank = (gains[0] * gains[1], gains[0].min(gains[1]));
            if best.as_ref().is_none_or(|(before, _)| rank > *before) {
                best = Some((rank, bargain));
            }
        }
        best.map(|(_, bargain)| bargain)
    }

    /// How far a worth is from the nearest efficient proposal of the grid, in parts per million of
    /// the whole utility; zero when nothing in the grid is better for both.
    pub fn pareto_distance(&self, buyer: &Preferences, seller: &Preferences, worth: Worth) -> u32 {
        let mut worths: Vec<Worth> = self.bargains(buyer, seller).map(|b| b.worth).collect();
        worths.sort_unstable_by(|one, other| other.cmp(one));
        let mut frontier: Vec<Worth> = Vec::new();
        for one in worths {
            if frontier.last().is_none_or(|before| one.seller > before.seller) {
                frontier.push(one);
            }
        }
        let beaten = |by: &Worth| by.buyer >= worth.buyer && by.seller >= worth.seller;
        if !frontier.iter().any(|by| beaten(by) && *by != worth) {
            return 0;
        }
        frontier.iter().map(|by| worth.distance(*by)).min().unwrap_or(0)
    }
}

impl Worth {
    /// What a proposal is worth to both; nothing when one of them would rather not agree.
    pub fn of(
        proposal: &NegotiationProposal,
        buyer: &Preferences,
        seller: &Preferences,
    ) -> Option<Self> {
        let acceptable = buyer.is_acceptable(proposal) && seller.is_acceptable(proposal);
        acceptable
            .then_some(Self { buyer: buyer.utility(proposal)?, seller: seller.utility(proposal)? })
    }

    /// The distance between two worths in the plane of both utilities, rounded down, in parts per
    /// million.
    pub fn distance(self, other: Self) -> u32 {
        let square = |one: Ppm, other: Ppm| u64::from(one.0.abs_diff(other.0)).pow(2);
        let sum = square(self.buyer, other.buyer) + square(self.seller, other.seller);
        u32::try_from(sum.isqrt()).unwrap_or(u32::MAX)
    }
}
