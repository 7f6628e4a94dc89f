//! For auctions too large to be solved: bundles in the order of gain over the root of their size,
//! each taken if it still fits, and paid the largest price at which it would have been taken
//! (Lehmann, O'Callaghan & Shoham 2002, "Truth revelation in approximately efficient combinatorial
//! auctions").
//!
//! A lower price never loses a bundle its place and a bundle's own price does not enter its
//! payment, so a bidder with one bundle gains by no other price. A bidder with several may gain by
//! leaving some out. The gain is at least that of the best selection over the root of the number
//! of subtasks, for bidders of one bundle each.
use alloc::vec::Vec;

use ainur_primitives::Amount;
use core::cmp::Ordering;

use super::mechanism::{Contender, Decision, Method, Win};
use super::subtasks::{SUBTASKS_MAX, SubtaskSet};
use crate::auction::mechanism::PriceSetBy;

/// Chooses and pays, given how much each contender costs less than its reserves.
pub fn decide(contenders: &[Contender], gains: &[Option<Amount>]) -> Decision {
    let mut order: Vec<Place> = contenders
        .iter()
        .zip(gains)
        .enumerate()
        .filter_map(|(place, (contender, gain))| {
            gain.map(|gain| Place { place, gain: gain.0, contender })
        })
        .collect();
    order.sort_unstable_by(|one, other| one.compare(other.gain, other));
    let mut wins: Vec<Win> = take(&order, None)
        .map(|winner| {
            let bidder = winner.contender.bidder;
            let blocks =
                |other: &&Place| !other.contender.subtasks.is_disjoint(&winner.contender.subtasks);
            let blocker = take(&order, Some(bidder)).find(blocks);
            let least = blocker.map_or(0, |other| least_gain(winner, other));
            let rent = Amount(winner.gain.saturating_sub(least));
            Win {
                place: winner.place,
                payment: winner.contender.price.saturating_add(rent),
                price_set_by: match blocker {
                    Some(_) => PriceSetBy::RunnerUp,
                    None => PriceSetBy::Reserve,
                },
                displaced: blocker.map(|other| other.place).into_iter().collect(),
            }
        })
        .collect();
    wins.sort_unstable_by_key(|win| win.place);
    Decision { method: Method::GreedyCritical, wins, nodes: 0 }
}

struct Place<'a> {
    place: usize,
    gain: u128,
    contender: &'a Contender,
}

impl Place<'_> {
    /// Which comes first: `Less` when this one does, as it stands, against another of that gain.
    ///
    /// Gain over the root of the size is compared as gain times the root of the other's size,
    /// rounded down to 16 bits after the point: for each size some fixed factor, which is all that
    /// truthfulness asks for.
    fn compare(&self, gain: u128, other: &Self) -> Ordering {
        let (one, two) = (self.gain * root(other), gain * root(self));
        let ties = |place: &Self| (core::cmp::Reverse(place.contender.lot), place.place);
        two.cmp(&one).then_with(|| ties(self).cmp(&ties(other)))
    }
}

fn root(place: &Place<'_>) -> u128 {
    let size = place.contender.subtasks.count().clamp(1, SUBTASKS_MAX) as u128;
    (size << 32).isqrt()
}

/// The smallest gain with which `winner` would still come before `other`.
fn least_gain(winner: &Place<'_>, other: &Place<'_>) -> u128 {
    let even = (other.gain * root(winner)).div_ceil(root(other));
    let as_if = Place { place: winner.place, gain: even, contender: winner.contender };
    if as_if.compare(other.gain, other).is_lt() { even } else { even + 1 }
}

/// Those taken in order, as if one bidder were not there.
fn take<'a>(order: &'a [Place<'a>], without: Option<u32>) -> impl Iterator<Item = &'a Place<'a>> {
    let mut used = SubtaskSet::EMPTY;
    let mut served: Vec<u32> = Vec::new();
    order.iter().filter(move |place| {
        let Contender { bidder, subtasks, .. } = place.contender;
        let free =
            without != Some(*bidder) && !served.contains(bidder) && used.is_disjoint(subtasks);
        if free {
            used = used.union(subtasks);
            served.push(*bidder);
        }
        free
    })
}
