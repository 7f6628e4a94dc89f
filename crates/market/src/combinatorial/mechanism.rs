//! The rule itself, in integers: who does what, and what each is paid.
//!
//! The buyer's reserve for each subtask enters as a seller of its own (a dummy), so the allocation
//! that costs least, `min Σ (price + expected loss)`, is the one that gains most over the reserves,
//! `max Σ (reserves of the bundle − price − expected loss)`, over disjoint bundles, at most one a
//! bidder. Winner i is paid its externality (Clarke 1971; Groves 1973), `C*(N∖i) − Σ_{j≠i} score_j
//! − expected loss_i`, which is `price_i + V(N) − V(N∖i)` for the largest gain `V`.
//!
//! - Truthful: `price_i + V(N) − V(N∖i)` less the true cost is `V` at the true cost of what was
//!   chosen, less something that i's bid does not enter; choosing by the true costs maximises it.
//! - At least the bid: `V(N) ≥ V(N∖i)`, because i may be given nothing.
//! - Within the reserves, and so within the budget: what remains of the best selection without i's
//!   bundle is open to the others, so `V(N∖i) ≥ V(N) − gain_i`, and i is paid at most
//!   `price_i + gain_i = reserves of its bundle − expected loss_i`; bundles are disjoint.
//!
//! None of this holds when winners are not determined exactly. Beyond what [`packing`] solves, the
//! [`greedy`] rule chooses and pays, and the outcome says so.
use alloc::vec::Vec;

use ainur_primitives::Amount;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::subtasks::SubtaskSet;
use super::{greedy, packing};
use crate::auction::mechanism::PriceSetBy;

/// How many nodes one award's searches visit together before it falls back to [`greedy`].
pub const SOLVER_NODES_MAX: u64 = 400_000;

/// Bits of a lot; all lots of one selection, at most one a bidder, fit into `TIE_BITS`.
pub const LOT_BITS: u32 = 24;

const TIE_BITS: u32 = 30;

/// A feasible bundle, reduced to what selection looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contender {
    /// A number for the bidder, the same for all its bundles.
    pub bidder: u32,
    /// What it would do.
    pub subtasks: SubtaskSet,
    /// What it asks.
    pub price: Amount,
    /// What the buyer expects to lose through the bidder's failures.
    pub expected_loss: Amount,
    /// Where all else is equal the largest sum of lots wins; below 2^[`LOT_BITS`].
    pub lot: u32,
}

impl Contender {
    /// The price and the expected loss together.
    pub fn score(&self) -> Amount {
        self.price.saturating_add(self.expected_loss)
    }

    /// How much it costs less than the reserves of its subtasks; `None` when it costs more.
    pub fn gain(&self, reserves: &[Amount]) -> Option<Amount> {
        let reserve = |index| reserves.get(index).copied().unwrap_or(Amount::ZERO);
        let together: Amount = self.subtasks.indices().map(reserve).sum();
        together.checked_sub(self.score())
    }
}

/// How winners were determined.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The best selection of all, and Clarke payments: truthful.
    Exact,
    /// Greedily, and the largest price at which each would still have won: truthful for bidders
    /// with one bundle. There was too much to solve exactly.
    GreedyCritical,
}

/// Who wins and what is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How it was found.
    pub method: Method,
    /// The winning bundles, ascending by place.
    pub wins: Vec<Win>,
    /// How many nodes the searches visited.
    pub nodes: u64,
}

/// One winning bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Win {
    /// Its place among the contenders.
    pub place: usize,
    /// What its bidder is paid: at least its price, at most the reserves of its subtasks.
    pub payment: Amount,
    /// What fixed the payment.
    pub price_set_by: PriceSetBy,
    /// The places of those that would win without its bidder and do not win now, ascending.
    pub displaced: Vec<usize>,
}

/// Decides between bundles, given the reserve of each subtask. Contenders that cost more than
/// their reserves, alone or with the expected loss, do not win.
///
/// The reserves are at most [`super::terms::CALL_AMOUNT_MAX`] together, and the contenders come
/// from at most [`crate::auction::ENTRANTS_MAX`] bidders.
pub fn decide(reserves: &[Amount], contenders: &[Contender]) -> Decision {
    let gains: Vec<Option<Amount>> =
        contenders.iter().map(|contender| contender.gain(reserves)).collect();
    exact(contenders, &gains).unwrap_or_else(|| greedy::decide(contenders, &gains))
}

/// The best selection with Clarke payments; `None` when finding it would take too long.
fn exact(contenders: &[Contender], gains: &[Option<Amount>]) -> Option<Decision> {
    // Lots below the gains make every selection weigh differently, unless their sums are equal,
    // and a bundle that gains nothing over the reserve better than no bundle.
    let weight = |(contender, gain): (&Contender, &Option<Amount>)| {
        gain.map_or(0, |gain| gain.0 << TIE_BITS | u128::from(contender.lot.max(1)))
    };
    let mut candidates: Vec<packing::Candidate> = contenders
        .iter()
        .zip(gains)
        .map(|both| packing::Candidate {
            items: both.0.subtasks,
            group: both.0.bidder,
            weight: weight(both),
        })
        .collect();
    let best = packing::solve(&candidates, &[], SOLVER_NODES_MAX)?;
    let mut nodes = best.nodes;
    let mut wins = Vec::with_capacity(best.chosen.len());
    for place in best.chosen.iter().copied() {
        let contender = &contenders[place];
        let mut withdrawn = Vec::new();
        for (other, candidate) in candidates.iter_mut().enumerate() {
            if candidate.group == contender.bidder {
                withdrawn.push((other, core::mem::take(&mut candidate.weight)));
            }
        }
        let without = packing::solve(&candidates, &best.chosen, SOLVER_NODES_MAX - nodes)?;
        for (other, weight) in withdrawn {
            candidates[other].weight = weight;
        }
        nodes += without.nodes;
        let rent = Amount((best.value >> TIE_BITS).saturating_sub(without.value >> TIE_BITS));
        let price_set_by =
            if gains[place] == Some(rent) { PriceSetBy::Reserve } else { PriceSetBy::RunnerUp };
        let mut displaced = without.chosen;
        displaced.retain(|other| best.chosen.binary_search(other).is_err());
        let payment = contender.price.saturating_add(rent);
        wins.push(Win { place, payment, price_set_by, displaced });
    }
    Some(Decision { method: Method::Exact, wins, nodes })
}
