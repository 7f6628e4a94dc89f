//! MiCRO: a new proposal for a new proposal.
//!
//! De Jonge, "An analysis of the linear bilateral ANAC domains using the MiCRO benchmark strategy"
//! (IJCAI 2022). All proposals are sorted by what they are worth to us. While we have made no more
//! different proposals than the other side, we make our next best; else we repeat one of ours. It
//! needs neither a clock nor a model, and nobody gains much by playing anything else against it.
//!
//! One addition: at the last message, when nothing can be proposed any more, anything acceptable
//! is accepted.
use alloc::vec::Vec;

use ainur_crypto::draw::Draw;
use ainur_primitives::{Amount, Digest, Ppm};

use super::{NegotiationDecision, NegotiationStrategy, Turn};
use crate::negotiation::bargain::NegotiationGrid;
use crate::negotiation::preferences::Preferences;
use crate::negotiation::terms::NegotiationProposal;

/// How many prices MiCRO knows at most.
pub const MICRO_STEPS_MAX: u32 = 1_000;

/// Makes a new proposal only when the other side has made as many.
#[derive(Clone, Debug)]
pub struct Micro {
    preferences: Preferences,
    /// All proposals it would agree to, the best first.
    proposals: Vec<(Ppm, NegotiationProposal)>,
    draw: Draw,
}

impl Micro {
    /// With so many prices between ideal and limit (at most [`MICRO_STEPS_MAX`]); the seed decides
    /// which proposal is repeated.
    pub fn new(preferences: Preferences, steps: u32, seed: Digest) -> Self {
        let (one, other) = (preferences.price_ideal, preferences.price_limit);
        let (low, high): (Amount, Amount) = (one.min(other), one.max(other));
        let steps = steps.clamp(1, MICRO_STEPS_MAX);
        let grid = NegotiationGrid::new(low, high, steps, preferences.packages.clone());
        let worth = |proposal: NegotiationProposal| {
            let utility = preferences.utility(&proposal)?;
            (utility >= preferences.utility_min).then_some((utility, proposal))
        };
        let mut proposals: Vec<_> = grid.proposals().filter_map(worth).collect();
        proposals.sort_by(|(one, _), (other, _)| other.cmp(one));
        Self { preferences, proposals, draw: Draw::new(seed, "negotiation/micro") }
    }
}

impl NegotiationStrategy for Micro {
    fn decide(&mut self, turn: &Turn<'_>) -> NegotiationDecision {
        let made = distinct(turn.own());
        let next = if made <= distinct(turn.theirs()) { made } else { made - 1 };
        let Some(lowest) = self.proposals.get(next).or(self.proposals.last()) else {
            return NegotiationDecision::WalkAway;
        };
        let enough = if turn.is_last() { self.preferences.utility_min } else { lowest.0 };
        let worth = turn.answered().and_then(|answered| self.preferences.utility(answered));
        if worth.is_some_and(|worth| worth >= enough) {
            return NegotiationDecision::Accept;
        }
        if turn.is_last() {
            return NegotiationDecision::WalkAway;
        }
        if next == made && made < self.proposals.len() {
            return NegotiationDecision::Propose(lowest.1.clone());
        }
        let repeated = self.draw.next_below(made.min(self.proposals.len()) as u64);
        let repeated = usize::try_from(repeated).expect("below a length in memory");
        NegotiationDecision::Propose(self.proposals[repeated].1.clone())
    }
}

/// How many of them differ; a negotiation has few.
fn distinct<'a>(proposals: impl Iterator<Item = &'a NegotiationProposal>) -> usize {
    let mut seen: Vec<&NegotiationProposal> = Vec::new();
    for proposal in proposals {
        if !seen.contains(&proposal) {
            seen.push(proposal);
        }
    }
    seen.len()
}
