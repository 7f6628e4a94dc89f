//! The way by standing offer: sellers post prices, buyers take the best that is no dearer than auctions
//! have been.
use std::collections::BTreeMap;
use std::num::NonZeroU16;

use ainur_crypto::hash::tagged;
use ainur_ledger::escrow::Consent;
use ainur_market::offer::{
    OfferCapacity, OfferPlace, OfferPricing, OfferRequest, OfferTerms, RankedOffer,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_market::strategy::{BidOutcome, BidStrategy, Opportunity, PaymentRule};
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, QualityLevel, SelectionRule, TaskId};

use super::Error;
use super::demand::Wish;
use super::economy::Economy;
use super::report::Route;
use super::work::{Engaged, Share};

/// How long an offer stands before its seller prices it anew.
const OFFER_VALID_MS: DurationMs = DurationMs::seconds(10);
/// So much more than auctions have paid lately does a buyer pay to be spared one.
const AUCTION_SPARED: Ppm = Ppm(20_000);
/// Sellers likelier to fail are not hired without comparison.
pub(super) const FAILURE_MAX: Ppm = Ppm(300_000);
const EVEN: NonZeroU16 = NonZeroU16::MIN;

/// An offer as its seller remembers it.
pub(super) struct Posted {
    offer: Digest,
    name: TaskId,
    price: Amount,
    /// How often it was taken.
    taken: u32,
    /// How many buyers had looked when it was posted.
    looks: u64,
}

/// What buyers did with the offers, or the orders, of one capability.
#[derive(Default)]
pub(super) struct Looks {
    pub(super) count: u64,
    /// The most the last buyer would have paid, and the best two offers it saw.
    pub(super) limit: Amount,
    pub(super) best: Vec<(Did, Amount)>,
}

impl Economy<'_> {
    /// Offers that are over are judged by their sellers and posted again at a price for now.
    pub(super) fn post_offers(&mut self) -> Result<(), Error> {
        self.board.expire(self.now);
        for number in 0..self.sellers.len() {
            let seller = &self.sellers[number];
            let stands = seller.posted.as_ref().is_some_and(|posted| self.stands(&posted.offer));
            if !seller.offering || seller.state.capacity == 0 || stands {
                continue;
            }
            self.judge_offer(number);
            self.post_offer(number)?;
        }
        Ok(())
    }

    fn stands(&self, offer: &Digest) -> bool {
        self.board.terms(offer).is_some_and(|terms| terms.is_valid_at(self.now))
    }

    fn judge_offer(&mut self, number: usize) {
        let seller = &mut self.sellers[number];
        let Some(posted) = seller.posted.take() else { return };
        let looks = &self.venues[seller.capability].looks;
        if looks.count == posted.looks {
            return;
        }
        let rival = looks.best.iter().find(|(did, _)| *did != seller.did).map(|(_, price)| *price);
        let critical = rival.map_or(looks.limit, |rival| rival.min(looks.limit));
        seller.strategist.learn(&BidOutcome {
            task: posted.name,
            cost: seller.cost,
            asked: posted.price,
            paid: (posted.taken > 0).then_some(posted.price),
            critical: Some(critical),
        });
    }

    fn post_offer(&mut self, number: usize) -> Result<(), Error> {
        let draw = self.conduct.next();
        let now = self.now;
        let seller = &mut self.sellers[number];
        let venue = &self.venues[seller.capability];
        let name = TaskId(tagged(
            "ainur/simulated-offer/v1",
            &[&seller.did.0.0, &self.now.0.to_le_bytes()],
        ));
        let opportunity = Opportunity {
            task: name,
            capability: &venue.capability,
            cost: seller.cost,
            ceiling: None,
            rule: PaymentRule::OwnPrice,
            competitors: venue.bidders.saturating_sub(1),
            now,
            draw,
        };
        let price = if seller.conduct.works() {
            seller.strategist.quote(&opportunity, &seller.state)
        } else {
            Some(Amount((seller.cost.0 / 2).max(1)))
        };
        let Some(price) = price else { return Ok(()) };
        let terms = OfferTerms {
            seller: seller.did,
            serial: now.0,
            card: seller.card(),
            capabilities: vec![venue.capability.clone()],
            quality_level: QualityLevel::Standard,
            estimated_duration_ms: seller.duration_ms,
            pricing: OfferPricing {
                base_price: price,
                volume_discount: Vec::new(),
                premium_hours: Vec::new(),
            },
            capacity: OfferCapacity {
                // What waits for a place counts as at work; how long it would is looked at when it
                // is taken.
                concurrent_tasks: seller.tasks_max(),
                queue_size: 0,
                estimated_wait_ms: DurationMs(0),
            },
            minimum_budget: Amount::ZERO,
            payment: PaymentTerms::Completion,
            cancellation: CancellationPolicy::default(),
            valid_from: now,
            valid_until: now.plus(OFFER_VALID_MS),
        };
        let failure = self.settlement.failure_probability(&seller.did, now);
        let offer = self.board.post(terms, failure, now)?;
        let looks = venue.looks.count;
        seller.posted = Some(Posted { offer, name, price, taken: 0, looks });
        Ok(())
    }

    /// Takes the best offer, when there is one that is not dearer than an auction; gives the wish
    /// back when there is none.
    pub(super) fn take_offer(&mut self, wish: Wish) -> Result<Option<Wish>, Error> {
        let Some(going) = self.venues[wish.capability].going_price_within(wish.duration_ms_max)
        else {
            return Ok(Some(wish));
        };
        let limit = going.saturating_add(going.share_floor(AUCTION_SPARED)).min(wish.value);
        let ranking = self.look(&wish, limit);
        let looks = &mut self.venues[wish.capability].looks;
        looks.count += 1;
        looks.limit = limit;
        looks.best = ranking.iter().take(2).map(|o| (o.terms.seller, o.terms.price)).collect();
        let Some(best) = ranking.first().filter(|best| best.terms.price <= limit) else {
            return Ok(Some(wish));
        };
        let (found, now) = (best.terms, self.now);
        let seller = self.sellers.iter().position(|seller| seller.did == found.seller);
        let terms = self.board.terms(&found.offer).cloned();
        let (Some(number), Some(offer)) = (seller, terms) else { return Ok(Some(wish)) };
        let scores: Vec<Amount> = ranking.iter().map(|offer| offer.terms.score).collect();
        self.tally.quoted(Route::Offer, &scores);
        let buyer = self.buyers[wish.buyer].did;
        let place = self.board.take(&found.offer, wish.task, buyer, EVEN, now)?;
        debug_assert_eq!(place, OfferPlace::Running, "the ranking has free offers only");
        if let Some(posted) = &mut self.sellers[number].posted {
            posted.taken += 1;
        }
        let seller = &self.sellers[number];
        let engaged = Engaged {
            consent: Consent::Offer { offer, matched: now },
            shares: vec![Share { seller: number, price: found.price, cost: seller.cost }],
            duration_ms: seller.done_in_ms(now),
        };
        self.agree((wish, Route::Offer), vec![engaged], None);
        Ok(None)
    }

    /// The offers that would do this task now, best first, whatever they cost up to its value.
    pub(super) fn look(&self, wish: &Wish, limit: Amount) -> Vec<RankedOffer> {
        let able = |did: &Did| self.settlement.can_bond(did, limit, self.now);
        let full = self.sellers.iter().filter(|seller| {
            seller.capability == wish.capability
                && seller.posted.is_some()
                && (seller.done_in_ms(self.now) > wish.duration_ms_max || !able(&seller.did))
        });
        let excluded: Vec<Did> = full.map(|seller| seller.did).collect();
        let mut ranking = self.board.ranking(&OfferRequest {
            buyer: self.buyers[wish.buyer].did,
            capability: &self.venues[wish.capability].capability,
            quality_min: QualityLevel::Standard,
            reserve: wish.value,
            loss: wish.loss,
            selection: SelectionRule::Scored,
            failure_probability_max: FAILURE_MAX,
            now: self.now,
            deadline: self.now.plus(wish.duration_ms_max),
            bought: &BTreeMap::new(),
            excluded: &excluded,
            chunks: &[],
        });
        ranking.retain(|offer| offer.refusal.is_none());
        ranking
    }
}
