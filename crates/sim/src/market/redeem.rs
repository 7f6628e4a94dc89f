//! The way by credit: a buyer redeems the credit it has, or buys one where book or pool is cheaper
//! than the best offer and than the last auctions, and redeems it at once.
use ainur_ledger::exchange::{Action, query};
use ainur_market::exchange::Side;
use ainur_primitives::{Amount, ContentId, Digest, DurationMs, FailureReason, Ppm, TaskId};

use super::Error;
use super::credits::Routed;
use super::demand::Wish;
use super::economy::Economy;
use super::offers::FAILURE_MAX;
use super::report::Route;
use super::turn::Effect;
use super::work::{DEADLINE_FACTOR, Job, Member, MemberStage, Share, Work};

/// So many of those who owe are looked through for one in time; as many as by a node.
const ISSUERS_MAX: usize = 256;

/// Tells a second task for the same wish from the first.
const RETRY: u64 = 1 << 63;

/// A credit for a task.
struct Found {
    /// What it costs the buyer: its price, or what it would fetch when the buyer has it.
    cost: Amount,
    /// Who would do the work.
    issuer: usize,
    failure: Ppm,
    /// The buyer has it.
    held: bool,
}

impl Economy<'_> {
    /// Redeems a credit, when that is cheaper than the best offer and than the last auctions; gives
    /// the wish back otherwise.
    pub(super) fn buy_credit(&mut self, wish: Wish) -> Result<Option<Wish>, Error> {
        self.note_need(&wish);
        let Some(limit) = self.venues[wish.capability].going_price_within(wish.duration_ms_max)
        else {
            return Ok(Some(wish));
        };
        let limit = limit.min(wish.value);
        let Some(found) = self.find_credit(&wish, limit)? else { return Ok(Some(wish)) };
        let offer = self.look(&wish, limit).first().map(|offer| offer.terms.score);
        // As an offer is scored. The collateral is not counted, so a credit is worth a little more.
        let score = found.cost.saturating_add(wish.loss.share_ceil(found.failure));
        let cheaper = offer.is_none_or(|offer| score < offer);
        if !cheaper || found.cost > limit || found.failure > FAILURE_MAX {
            return Ok(Some(wish));
        }
        let Some(paid) = self.obtain(&wish, &found, limit)? else { return Ok(Some(wish)) };
        self.tally.charged(paid);
        self.redeem(wish, found.issuer);
        Ok(None)
    }

    /// The credit a buyer has, or the best that is for sale, when somebody can do its work in time.
    fn find_credit(&mut self, wish: &Wish, limit: Amount) -> Result<Option<Found>, Error> {
        let capability = wish.capability;
        self.trim_orders(capability)?;
        let buyer = &self.buyers[wish.buyer];
        let owner = buyer.did;
        let held = buyer.stocks.get(&capability).is_some_and(|stock| stock.held.is_some());
        let owing = self.owing(capability, Some(wish.duration_ms_max));
        let Some(market) = &mut self.venues[capability].credits else { return Ok(None) };
        if held {
            let wanted = Routed { owner, side: Side::Sell, quantity: 1, limit: None };
            let resale = market.quote(self.now, &wanted);
            let cost = resale.map_or(Amount::ZERO, |sold| sold.proceeds());
            return Ok(owing.map(|(issuer, failure)| Found { cost, issuer, failure, held }));
        }
        market.look(limit);
        let wanted = Routed { owner, side: Side::Buy, quantity: 1, limit: Some(limit) };
        let Some(quote) = market.quote(self.now, &wanted) else { return Ok(None) };
        let best = market.best(Side::Sell).filter(|_| quote.book > 0);
        let writer = best
            .and_then(|best| self.sellers.iter().position(|seller| seller.did == best.owner))
            .filter(|writer| self.can_owe(*writer, Some(wish.duration_ms_max)))
            .map(|writer| (writer, self.failure_of(writer)));
        let cost = quote.cost();
        Ok(writer.or(owing).map(|(issuer, failure)| Found { cost, issuer, failure, held }))
    }

    /// The buyer has the credit in hand, and paid so much for it.
    fn obtain(
        &mut self,
        wish: &Wish,
        found: &Found,
        limit: Amount,
    ) -> Result<Option<Amount>, Error> {
        let capability = wish.capability;
        // Its order to buy one is stale now, or the credit it has is in its order to sell.
        self.rest_stock(wish.buyer, capability, None)?;
        if found.held {
            let stock = self.buyers[wish.buyer].stocks.get_mut(&capability);
            return Ok(stock.and_then(|stock| stock.held.take()));
        }
        if let Some(market) = &self.venues[capability].credits {
            let orders = market.book.orders(Side::Sell);
            let prices: Vec<Amount> = orders.map(|order| order.price).collect();
            self.tally.quoted(Route::Book, &prices);
        }
        let owner = self.buyers[wish.buyer].did;
        let wanted = Routed { owner, side: Side::Buy, quantity: 1, limit: Some(limit) };
        let Some(bought) = self.route(capability, &wanted)? else { return Ok(None) };
        self.tally.exchange.bought(bought.book, bought.pool);
        Ok(Some(bought.cost()))
    }

    /// Of those who owe and would be done in time, whoever has owed for longest; and how likely it is
    /// to fail.
    pub(super) fn owing(
        &self,
        capability: usize,
        within: Option<DurationMs>,
    ) -> Option<(usize, Ppm)> {
        let market = self.venues[capability].credits.as_ref()?;
        let line = query::issuers(self.settlement.state(), &market.class, ISSUERS_MAX);
        let mut line =
            line.iter().filter_map(|did| self.sellers.iter().position(|seller| seller.did == *did));
        let issuer = line.find(|number| self.can_owe(*number, within))?;
        Some((issuer, self.failure_of(issuer)))
    }

    fn can_owe(&self, number: usize, within: Option<DurationMs>) -> bool {
        let seller = &self.sellers[number];
        seller.writing.as_ref().is_some_and(|writing| writing.owed > 0)
            && within.is_none_or(|within| seller.done_in_ms(self.now) <= within)
    }

    fn failure_of(&self, number: usize) -> Ppm {
        self.settlement.failure_probability(&self.sellers[number].did, self.now)
    }

    /// Begins the work of a credit in the buyer's hand. Whoever sold it has been paid, so this pays
    /// nobody.
    fn redeem(&mut self, wish: Wish, number: usize) {
        let (task, buyer, now) = (wish.task, self.buyers[wish.buyer].did, self.now);
        let Some(market) = &self.venues[wish.capability].credits else { return };
        let class = market.class;
        let seller = &mut self.sellers[number];
        if let Some(writing) = &mut seller.writing {
            writing.owed -= 1;
        }
        let (issuer, duration_ms) = (Some(seller.did), seller.done_in_ms(now));
        let share = Share { seller: number, price: Amount::ZERO, cost: seller.cost };
        seller.take_on(&self.venues[wish.capability].capability, task, now.plus(duration_ms));
        let deadline = now.plus(DurationMs(wish.duration_ms_max.0 * DEADLINE_FACTOR));
        let delivers = !self.conduct.happens(self.scenario.supply.failure);
        let members = vec![Member { share, stage: MemberStage::Working { delivers } }];
        let work = Work { began: now, members };
        let mut job = Job::new(wish, Route::Book, deadline);
        job.claim = true;
        job.attempt = 1;
        self.jobs.insert(task, job);
        let (verifier, call, check) = (Some(self.operator), task.0, Digest::ZERO);
        let redeem = Action::Redeem { class, task, issuer, verifier, call, check, deadline };
        self.calls.push((buyer, redeem.into(), Effect::Begun(task, work, duration_ms)));
    }

    /// The work of a claim was accepted.
    pub(super) fn fulfil(&mut self, task: TaskId) {
        let (output, verdict) = (ContentId(task.0), Digest::ZERO);
        self.exchange(self.operator, Action::Fulfil { task, output, verdict });
    }

    /// The work of a claim failed: its seller loses the collateral to the buyer, who looks for
    /// somebody else under another name of the task.
    pub(super) fn default(&mut self, task: TaskId, share: Share, reason: FailureReason) -> TaskId {
        let collateral = self.scenario.cost_median();
        self.sellers[share.seller].profit -= collateral.0 as i128;
        let mut again = task;
        if let Some(mut job) = self.jobs.remove(&task) {
            job.wish.serial ^= RETRY;
            again = self.name(&job.wish, job.wish.serial);
            if job.counted {
                self.tally.compensated(collateral);
            }
            job.claim = false;
            job.attempt = 0;
            job.wish.task = again;
            self.jobs.insert(again, job);
        }
        let evidence = Digest::ZERO;
        self.exchange(self.operator, Action::Fail { task, reason, evidence });
        again
    }
}
