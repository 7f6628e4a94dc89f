//! The way by negotiation: a buyer and the seller that served it well before.
use ainur_ledger::escrow::Consent;
use ainur_market::negotiation::strategy::negotiate;
use ainur_market::negotiation::terms::ROUNDS_DEFAULT;
use ainur_market::negotiation::{
    NegotiationRules, NegotiationSide, Negotiator, Package, Preferences, Tactic,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{Amount, Digest, DisputeResolution, DurationMs, Ppm, QualityLevel};

use super::Error;
use super::demand::Wish;
use super::economy::Economy;
use super::report::Route;
use super::work::{Engaged, Share};

/// Time between two messages.
const STEP_MS: DurationMs = DurationMs(100);
const NEGOTIATION_MS: DurationMs = DurationMs::seconds(60);
/// How long what was agreed can be brought to the ledger.
const VALID_MS: DurationMs = DurationMs::seconds(3_600);
/// Half are Boulware, half concede early.
const HALF: Ppm = Ppm(500_000);

impl Economy<'_> {
    /// Negotiates with the seller that served the buyer last and well; gives the wish back when
    /// there is none, it cannot, or they do not come to terms.
    pub(super) fn negotiate(&mut self, wish: Wish) -> Result<Option<Wish>, Error> {
        let known = self.buyers[wish.buyer].served_by.get(&wish.capability).copied();
        let Some(number) = known.filter(|number| wish.loyal && self.can_serve(*number, &wish))
        else {
            return Ok(Some(wish));
        };
        let seller = &self.sellers[number];
        let (cost, duration_ms) = (seller.cost, seller.done_in_ms(self.now));
        let rules = NegotiationRules {
            task: wish.task,
            buyer: self.buyers[wish.buyer].did,
            seller: seller.did,
            card: seller.card(),
            cancellation: CancellationPolicy::default(),
            opened: self.now,
            deadline: self.now.plus(NEGOTIATION_MS),
            rounds_max: ROUNDS_DEFAULT,
            valid_until: self.now.plus(VALID_MS),
        };
        let mut buyer = self.negotiator(NegotiationSide::Buyer, wish.value, duration_ms);
        let mut seller = self.negotiator(NegotiationSide::Seller, cost, duration_ms);
        let session = negotiate(rules, &mut buyer, &mut seller, STEP_MS)?;
        let agreed = session.agreed().cloned();
        if cost <= wish.value {
            self.tally.negotiated(agreed.is_some().then(|| session.round()));
        }
        let Some(terms) = agreed else { return Ok(Some(wish)) };
        let price = terms.agreed.price;
        let consent = Consent::Negotiated { terms };
        let shares = vec![Share { seller: number, price, cost }];
        let engaged = Engaged { consent, shares, duration_ms };
        self.agree((wish, Route::Negotiation), vec![engaged], None);
        Ok(None)
    }

    fn can_serve(&self, number: usize, wish: &Wish) -> bool {
        let seller = &self.sellers[number];
        seller.done_in_ms(self.now) <= wish.duration_ms_max
            && self.settlement.can_bond(&seller.did, wish.value, self.now)
    }

    fn negotiator(
        &mut self,
        side: NegotiationSide,
        limit: Amount,
        timeline_ms: DurationMs,
    ) -> Negotiator {
        let package = Package {
            timeline_ms,
            quality_level: QualityLevel::Standard,
            payment: PaymentTerms::Completion,
            dispute_resolution: DisputeResolution::Chain,
        };
        let preferences = Preferences::price_only(side, side.ideal_price(limit), limit, package);
        let tactic = if self.conduct.happens(HALF) { Tactic::BOULWARE } else { Tactic::CONCEDER };
        let seed: Digest = self.conduct.digest();
        let strategy = tactic.strategy(&preferences, seed);
        Negotiator::new(preferences, strategy)
    }
}
