//! The best offer for a task, and every offer with what speaks against it.
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use ainur_primitives::{
    Amount, CapabilityName, Did, Digest, DurationMs, Ppm, QualityLevel, SelectionRule, Timestamp,
    WorkChunk,
};
use serde::{Deserialize, Serialize};

use super::OfferBoard;
use super::capacity::{OfferLoad, Room, Standing};
use super::shelf::Rows;
use crate::auction::mechanism::expected_loss;
use crate::offer::terms::PremiumHours;

/// What a buyer wants done, as far as an offer is chosen by it.
#[derive(Clone, Copy, Debug)]
pub struct OfferRequest<'a> {
    /// Who asks; its own offers are not for it.
    pub buyer: Did,
    /// What is wanted.
    pub capability: &'a CapabilityName,
    /// The lowest quality that will do.
    pub quality_min: QualityLevel,
    /// The most the buyer pays.
    pub reserve: Amount,
    /// What failed work would cost the buyer; weighs in [`SelectionRule::Scored`] only.
    pub loss: Amount,
    /// How the best is chosen.
    pub selection: SelectionRule,
    /// Sellers more likely to fail are not asked.
    pub failure_probability_max: Ppm,
    /// Now: prices, validity and time left are as of then.
    pub now: Timestamp,
    /// The work has to be done by then.
    pub deadline: Timestamp,
    /// How many tasks the buyer has agreed to under each offer before; none for those missing.
    pub bought: &'a BTreeMap<Digest, u32>,
    /// Sellers not to be asked, as after a failed attempt.
    pub excluded: &'a [Did],
    /// The pieces the work is delivered and paid in; none when it is all at once.
    pub chunks: &'a [WorkChunk],
}

/// An offer that can be taken now, and what it costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferMatch {
    /// Digest of its terms.
    pub offer: Digest,
    /// Who offers.
    pub seller: Did,
    /// What the task costs, at most the reserve.
    pub price: Amount,
    /// Price and expected loss.
    pub score: Amount,
    /// How likely the seller is to fail.
    pub failure_probability: Ppm,
    /// How long the task waits before it begins, by the seller's estimate; zero when it begins at
    /// once.
    pub wait_ms: DurationMs,
    /// How long it then takes, by the seller's estimate.
    pub estimated_duration_ms: DurationMs,
}

/// An offer of the capability, whether or not it can be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RankedOffer {
    /// What it would cost, and how long it would take.
    pub terms: OfferMatch,
    /// How much of it is in use.
    pub load: OfferLoad,
    /// Why it cannot be taken for this task, when it cannot.
    pub refusal: Option<OfferRefusal>,
}

/// Why an offer cannot be taken for a task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferRefusal {
    /// It is the buyer's own.
    OwnOffer,
    /// Its seller is excluded.
    Excluded,
    /// It is not valid yet.
    NotYetValid,
    /// It is not valid any more.
    Expired,
    /// Its quality is below what is wanted.
    LowQuality,
    /// Its seller fails too often.
    Unreliable,
    /// It costs more than the reserve.
    AboveReserve,
    /// The reserve is below what the seller works for.
    BelowMinimumBudget,
    /// It is paid by another number of milestones, or other shares, than the work has chunks.
    OtherPayment,
    /// Nothing is free, in the queue neither.
    Full,
    /// With the time it waits it would not be done by the deadline.
    TooSlow,
}

impl fmt::Display for OfferRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnOffer => "the buyer's own",
            Self::Excluded => "excluded",
            Self::NotYetValid => "not valid yet",
            Self::Expired => "not valid any more",
            Self::LowQuality => "of lower quality than wanted",
            Self::Unreliable => "likelier to fail than the buyer takes",
            Self::AboveReserve => "above the reserve",
            Self::BelowMinimumBudget => "not for so small a budget",
            Self::OtherPayment => "paid by other milestones than the task has chunks",
            Self::Full => "full",
            Self::TooSlow => "not done by the deadline",
        })
    }
}

/// Lowest is best: what the rule looks at first, score, since when it stands, which. The last two
/// are price–time priority: a seller cannot choose them to its advantage after the fact.
type Preference = (u64, Amount, Timestamp, Digest);

impl OfferRequest<'_> {
    fn expected_loss(&self, failure_probability: Ppm) -> Amount {
        expected_loss(self.selection, self.loss, failure_probability)
    }

    fn preference(&self, found: &OfferMatch, since: Timestamp) -> Preference {
        let first = match self.selection {
            SelectionRule::Scored | SelectionRule::Cheapest => 0,
            SelectionRule::Fastest => found.wait_ms.0.saturating_add(found.estimated_duration_ms.0),
            SelectionRule::BestReputation => u64::from(found.failure_probability.0),
        };
        (first, found.score, since, found.offer)
    }

    fn terms(&self, offer: Digest, standing: &Standing, failure_probability: Ppm) -> OfferMatch {
        let terms = &standing.terms;
        let bought = self.bought.get(&offer).copied().unwrap_or_default();
        let price = terms.pricing.price(bought, self.now);
        OfferMatch {
            offer,
            seller: terms.seller,
            price,
            score: price.saturating_add(self.expected_loss(failure_probability)),
            failure_probability,
            wait_ms: standing.wait(),
            estimated_duration_ms: terms.estimated_duration_ms,
        }
    }

    fn refusal(&self, standing: &Standing, found: &OfferMatch) -> Option<OfferRefusal> {
        let terms = &standing.terms;
        let needs = DurationMs(found.wait_ms.0.saturating_add(found.estimated_duration_ms.0));
        if terms.seller == self.buyer {
            Some(OfferRefusal::OwnOffer)
        } else if self.excluded.contains(&terms.seller) {
            Some(OfferRefusal::Excluded)
        } else if self.now < terms.valid_from {
            Some(OfferRefusal::NotYetValid)
        } else if standing.closed || self.now >= terms.valid_until {
            Some(OfferRefusal::Expired)
        } else if terms.quality_level < self.quality_min {
            Some(OfferRefusal::LowQuality)
        } else if found.failure_probability > self.failure_probability_max {
            Some(OfferRefusal::Unreliable)
        } else if found.price > self.reserve {
            Some(OfferRefusal::AboveReserve)
        } else if self.reserve < terms.minimum_budget {
            Some(OfferRefusal::BelowMinimumBudget)
        } else if !terms.payment.suits(self.chunks) {
            Some(OfferRefusal::OtherPayment)
        } else if standing.room() == Room::Full {
            Some(OfferRefusal::Full)
        } else if self.now.plus(needs) > self.deadline {
            Some(OfferRefusal::TooSlow)
        } else {
            None
        }
    }
}

impl OfferBoard {
    /// The best offer that can begin at once, or else the best with a place in its queue from
    /// which it would be done in time; `None` when there is neither ([`OfferBoard::ranking`] says
    /// why).
    ///
    /// Best is by the request's selection rule; among equals the offer that has stood longest
    /// since it was posted or last taken.
    pub fn best(&self, request: &OfferRequest<'_>) -> Option<OfferMatch> {
        let shelf = self.shelves.get(request.capability)?;
        [Room::Free, Room::Queue].into_iter().find_map(|room| {
            let mut search = Search::new(self, request);
            for offer in request.bought.keys() {
                let here = self.offers.get(offer).filter(|standing| {
                    standing.room() == room && standing.terms.offers(request.capability)
                });
                let Some(seller) = here.map(|standing| &standing.terms.seller) else { continue };
                search.consider(offer, self.failure_probability(seller));
            }
            search.walk(shelf.rows(room)?);
            search.best.map(|(_, found)| found)
        })
    }

    /// Every offer of the capability, best first; those that cannot be taken for this task come
    /// last, with why. Looks at all of them: for people, and for telling why nothing was found.
    pub fn ranking(&self, request: &OfferRequest<'_>) -> Vec<RankedOffer> {
        let mut ranked: Vec<(bool, bool, Preference, RankedOffer)> = Vec::new();
        for (offer, standing) in &self.offers {
            if !standing.terms.offers(request.capability) {
                continue;
            }
            let probability = self.failure_probability(&standing.terms.seller);
            let terms = request.terms(*offer, standing, probability);
            let refusal = request.refusal(standing, &terms);
            let preference = request.preference(&terms, standing.since);
            let waits = standing.room() != Room::Free;
            let entry = RankedOffer { terms, load: standing.load(), refusal };
            ranked.push((refusal.is_some(), waits, preference, entry));
        }
        ranked.sort_unstable_by_key(|(refused, waits, preference, _)| {
            (*refused, *waits && !*refused, *preference)
        });
        ranked.into_iter().map(|(_, _, _, entry)| entry).collect()
    }
}

struct Search<'a> {
    board: &'a OfferBoard,
    request: &'a OfferRequest<'a>,
    /// The expected loss of one part per million, rounded down: what it gives is never above the
    /// expected loss, and costs no division for each offer, which would be most of the work.
    loss_per_part: u128,
    best: Option<(Preference, OfferMatch)>,
}

impl<'a> Search<'a> {
    fn new(board: &'a OfferBoard, request: &'a OfferRequest<'a>) -> Self {
        let loss_per_part = request.expected_loss(Ppm::ONE).0 / u128::from(Ppm::ONE.0);
        Self { board, request, loss_per_part, best: None }
    }

    fn walk(&mut self, rows: &Rows) {
        for (_, row) in rows.range((self.request.quality_min, 0)..) {
            let Some((first, _)) = row.offers.first_key_value() else { continue };
            let too_likely = row.least > self.request.failure_probability_max;
            if too_likely || self.beats(row.least, self.loss_min(row.least), first) {
                continue;
            }
            let least_loss = self.request.expected_loss(row.least);
            for (place, listed) in &row.offers {
                let above_reserve = place.0 > self.request.reserve;
                if above_reserve || self.beats(row.least, least_loss, place) {
                    break;
                }
                if listed.minimum_budget > self.request.reserve {
                    continue;
                }
                let (base_price, since, offer) = *place;
                let spans = &listed.premium_hours;
                let price = PremiumHours::surcharged(spans, base_price, self.request.now);
                let probability = listed.failure_probability;
                if !self.beats(probability, self.loss_min(probability), &(price, since, offer)) {
                    self.consider(&offer, probability);
                }
            }
        }
    }

    fn consider(&mut self, offer: &Digest, probability: Ppm) {
        let Some(standing) = self.board.offers.get(offer) else { return };
        let found = self.request.terms(*offer, standing, probability);
        let preference = self.request.preference(&found, standing.since);
        let beaten = self.best.is_some_and(|(best, _)| best <= preference);
        if !beaten && self.request.refusal(standing, &found).is_none() {
            self.best = Some((preference, found));
        }
    }

    /// True when what was found so far is no worse than an offer at this place can be whose seller
    /// fails at least so often, for at least this loss.
    fn beats(&self, least: Ppm, loss: Amount, place: &(Amount, Timestamp, Digest)) -> bool {
        let Some((best, _)) = self.best else { return false };
        let first = match self.request.selection {
            SelectionRule::BestReputation => u64::from(least.0),
            _ => 0,
        };
        let (price, since, offer) = *place;
        best <= (first, price.saturating_add(loss), since, offer)
    }

    fn loss_min(&self, probability: Ppm) -> Amount {
        Amount(self.loss_per_part.saturating_mul(u128::from(probability.0)))
    }
}
