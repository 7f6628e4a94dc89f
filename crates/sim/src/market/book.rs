//! The way by order book: sellers write credits of their work and rest sell orders; a buyer takes the
//! best of them where that is cheaper than the best offer, and redeems the credit with its seller.
//!
//! The book here is the engine in memory, which takes the same orders in the same order as the
//! ledger does in its next block; where the two came to different trades, the ledger would refuse a
//! redemption, which the report tells.
use ainur_crypto::hash::tagged;
use ainur_ledger::exchange::{Action, CreditClassId};
use ainur_market::exchange::{
    Book, BookUpdate, Order, OrderId, OrderKind, OrderRequest, SelfTrade, Side,
};
use ainur_market::strategy::{BidOutcome, BidStrategy, Opportunity, PaymentRule};
use ainur_primitives::{
    Amount, ContentId, Did, Digest, DurationMs, FailureReason, Ppm, QualityLevel, TaskId, Timestamp,
};

use super::Error;
use super::demand::Wish;
use super::economy::{BEGINNING, Economy};
use super::offers::{FAILURE_MAX, Looks};
use super::report::Route;
use super::turn::Effect;
use super::work::{DEADLINE_FACTOR, Job, Member, MemberStage, Share, Work};

/// How long a price stands before its seller thinks about it again; as long as an offer.
const PRICE_STANDS_MS: DurationMs = DurationMs::seconds(10);
/// Longer than any market runs: orders are replaced, not left to expire.
const ORDERS_UNTIL: Timestamp = Timestamp(BEGINNING.0 + 20 * 86_400_000);

/// The trade in credits of one capability.
pub(super) struct CreditMarket {
    class: CreditClassId,
    book: Book,
    looks: Looks,
    feed: Vec<BookUpdate>,
}

/// A seller's credits and its order, as it remembers them.
pub(super) struct Writing {
    order: Option<OrderId>,
    /// Credits it holds beside its order.
    spare: u64,
    price: Option<Amount>,
    name: TaskId,
    /// How many it sold at this price.
    sold: u32,
    /// How many buyers had looked when it chose the price.
    looks: u64,
    until: Timestamp,
}

impl Default for Writing {
    /// Nothing is written yet, and there is no price.
    fn default() -> Self {
        Self {
            order: None,
            spare: 0,
            price: None,
            name: TaskId(Digest::ZERO),
            sold: 0,
            looks: 0,
            until: BEGINNING,
        }
    }
}

impl CreditMarket {
    fn new(class: CreditClassId, tick: Amount) -> Self {
        Self { class, book: Book::new(tick), looks: Looks::default(), feed: Vec::new() }
    }
}

/// Tells a second task for the same wish from the first.
const RETRY: u64 = 1 << 63;

impl Economy<'_> {
    /// Has the first seller of each capability that writes credits open their class.
    pub(super) fn open_classes(&mut self) -> Vec<(Did, ainur_ledger::Action)> {
        let collateral = self.scenario.cost_median();
        let tick = self.settlement.parameters().exchange.tick;
        let quality = QualityLevel::Standard;
        let mut calls = Vec::new();
        for number in 0..self.venues.len() {
            let mut sellers = self.sellers.iter().filter(|seller| seller.capability == number);
            let Some(opener) = sellers.find(|seller| seller.writing.is_some()) else { continue };
            let capability = self.venues[number].capability.clone();
            let class = CreditClassId::of(&capability, quality);
            self.venues[number].credits = Some(CreditMarket::new(class, tick));
            let open = Action::OpenClass { capability, quality, collateral };
            calls.push((opener.did, open.into()));
        }
        calls
    }

    /// Sellers think about their prices, and offer what they have places for.
    pub(super) fn post_orders(&mut self) -> Result<(), Error> {
        for number in 0..self.sellers.len() {
            let seller = &self.sellers[number];
            let Some(writing) = &seller.writing else { continue };
            if writing.until <= self.now {
                self.judge_order(number);
                self.price_order(number);
            }
            self.fit_order(number)?;
        }
        Ok(())
    }

    fn judge_order(&mut self, number: usize) {
        let seller = &mut self.sellers[number];
        let Some(market) = &self.venues[seller.capability].credits else { return };
        let Some(writing) = &mut seller.writing else { return };
        let Some(price) = writing.price.take() else { return };
        let looks = &market.looks;
        if looks.count == writing.looks {
            return;
        }
        let rival = looks.best.iter().find(|(did, _)| *did != seller.did).map(|(_, price)| *price);
        let critical = rival.map_or(looks.limit, |rival| rival.min(looks.limit));
        seller.strategist.learn(&BidOutcome {
            task: writing.name,
            cost: seller.cost,
            asked: price,
            paid: (writing.sold > 0).then_some(price),
            critical: Some(critical),
        });
    }

    fn price_order(&mut self, number: usize) {
        let draw = self.conduct.next();
        let now = self.now;
        let tick = self.settlement.parameters().exchange.tick;
        let seller = &mut self.sellers[number];
        let venue = &self.venues[seller.capability];
        let Some(writing) = &mut seller.writing else { return };
        let at = now.0.to_le_bytes();
        writing.name = TaskId(tagged("ainur/simulated-order/v1", &[&seller.did.0.0, &at]));
        let opportunity = Opportunity {
            task: writing.name,
            capability: &venue.capability,
            cost: seller.cost,
            ceiling: None,
            rule: PaymentRule::OwnPrice,
            competitors: venue.bidders.saturating_sub(1),
            now,
            draw,
        };
        let free = seller.state.free_capacity() > 0;
        let price = free.then(|| seller.strategist.quote(&opportunity, &seller.state)).flatten();
        writing.price = price.map(|price| Amount(price.0.next_multiple_of(tick.0)));
        writing.looks = venue.credits.as_ref().map_or(0, |market| market.looks.count);
        writing.sold = 0;
        writing.until = now.plus(PRICE_STANDS_MS);
    }

    /// Makes a seller's order one for as many credits as it has free places, at its price.
    fn fit_order(&mut self, number: usize) -> Result<(), Error> {
        let now = self.now;
        let seller = &mut self.sellers[number];
        let owner = seller.did;
        let Some(market) = &mut self.venues[seller.capability].credits else { return Ok(()) };
        let Some(writing) = &mut seller.writing else { return Ok(()) };
        let resting = writing.order.and_then(|order| market.book.order(order));
        let wanted = match writing.price {
            Some(_) => u64::from(seller.state.free_capacity()),
            None => 0,
        };
        let price = writing.price.unwrap_or_default();
        let held = resting.map_or(0, |order| order.quantity) + writing.spare;
        let class = market.class;
        let mut call = |action: Action| self.calls.push((owner, action.into(), Effect::Closed));
        if wanted > held {
            call(Action::Issue { class, quantity: wanted - held });
            writing.spare += wanted - held;
        }
        match resting {
            Some(order) if wanted == 0 => {
                market.book.cancel(order.id, &mut market.feed)?;
                call(Action::Cancel { class, order: order.id });
                writing.order = None;
                writing.spare += order.quantity;
            }
            Some(order) if (order.price, order.quantity) != (price, wanted) => {
                let self_trade = SelfTrade::default();
                let placed = market.book.replace(
                    now,
                    order.id,
                    (wanted, price),
                    self_trade,
                    &mut market.feed,
                )?;
                let (order, quantity) = (order.id, wanted);
                call(Action::Replace { class, order, quantity, price, self_trade });
                writing.order = Some(placed.order);
                writing.spare = held.max(wanted) - wanted;
            }
            None if wanted > 0 => {
                let kind = OrderKind::Limit { price };
                let request = request(owner, (Side::Sell, wanted), kind);
                let placed = market.book.place(now, &request, &mut market.feed)?;
                call(place(class, &request));
                writing.order = Some(placed.order);
                writing.spare -= wanted;
            }
            _ => {}
        }
        market.feed.clear();
        Ok(())
    }

    /// Buys a credit and redeems it, when that is cheaper than the best offer and than the last
    /// auctions; gives the wish back otherwise.
    pub(super) fn buy_credit(&mut self, wish: Wish) -> Result<Option<Wish>, Error> {
        let Some(limit) = self.venues[wish.capability].going_price(Ppm::ZERO) else {
            return Ok(Some(wish));
        };
        let limit = limit.min(wish.value);
        let Some((order, number)) = self.best_order(wish.capability)? else {
            return Ok(Some(wish));
        };
        let offer = self.look(&wish, limit).first().map(|offer| offer.terms.score);
        let Some(market) = &mut self.venues[wish.capability].credits else {
            return Ok(Some(wish));
        };
        let prices: Vec<Amount> = market.book.orders(Side::Sell).map(|order| order.price).collect();
        let best = market.book.orders(Side::Sell).take(2).map(|order| (order.owner, order.price));
        market.looks.best = best.collect();
        market.looks.count += 1;
        market.looks.limit = limit;
        let fee = order.price.share_ceil(self.settlement.parameters().exchange.taker_fee);
        let cost = order.price.saturating_add(fee);
        let failure = self.settlement.failure_probability(&order.owner, self.now);
        // As an offer is scored. The collateral is not counted, so a credit is worth a little more.
        let score = cost.saturating_add(wish.loss.share_ceil(failure));
        let in_time = self.sellers[number].duration_ms <= wish.duration_ms_max;
        let cheaper = offer.is_none_or(|offer| score < offer);
        if !in_time || !cheaper || cost > limit || failure > FAILURE_MAX {
            return Ok(Some(wish));
        }
        self.tally.quoted(Route::Book, &prices);
        self.tally.charged(fee);
        self.redeem(wish, order, number)?;
        Ok(None)
    }

    /// The best sell order and its seller. Orders of sellers who took on other work in this turn are
    /// made smaller first.
    fn best_order(&mut self, capability: usize) -> Result<Option<(Order, usize)>, Error> {
        loop {
            let market = self.venues[capability].credits.as_ref();
            let best = market.and_then(|market| market.book.orders(Side::Sell).next());
            let Some(order) = best else { return Ok(None) };
            let owner = self.sellers.iter().position(|seller| seller.did == order.owner);
            let Some(number) = owner else { return Ok(None) };
            if u64::from(self.sellers[number].state.free_capacity()) >= order.quantity {
                return Ok(Some((order, number)));
            }
            self.fit_order(number)?;
        }
    }

    fn redeem(&mut self, wish: Wish, order: Order, number: usize) -> Result<(), Error> {
        let (task, buyer, now) = (wish.task, self.buyers[wish.buyer].did, self.now);
        let Some(market) = &mut self.venues[wish.capability].credits else { return Ok(()) };
        let kind = OrderKind::ImmediateOrCancel { price: order.price };
        let request = request(buyer, (Side::Buy, 1), kind);
        let placed = market.book.place(now, &request, &mut market.feed)?;
        market.feed.clear();
        let (class, issuer) = (market.class, Some(order.owner));
        if placed.filled != 1 {
            return Err(Error::Rejected(format!("{} did not trade", order.id.0)));
        }
        let seller = &mut self.sellers[number];
        if let Some(writing) = &mut seller.writing {
            writing.sold += 1;
        }
        let (price, cost, duration_ms) = (order.price, seller.cost, seller.duration_ms);
        let share = Share { seller: number, price, cost };
        seller.take_on(&self.venues[wish.capability].capability, task, now.plus(duration_ms));
        let deadline = now.plus(DurationMs(wish.duration_ms_max.0 * DEADLINE_FACTOR));
        let delivers = !self.conduct.happens(self.scenario.supply.failure);
        let members = vec![Member { share, stage: MemberStage::Working { delivers } }];
        let work = Work { began: now, members };
        let mut job = Job::new(wish, Route::Book, deadline);
        job.claim = true;
        job.attempt = 1;
        self.jobs.insert(task, job);
        self.calls.push((buyer, place(class, &request).into(), Effect::Closed));
        let (verifier, call, check) = (Some(self.operator), task.0, Digest::ZERO);
        let redeem = Action::Redeem { class, task, issuer, verifier, call, check, deadline };
        self.calls.push((buyer, redeem.into(), Effect::Begun(task, work, duration_ms)));
        Ok(())
    }

    /// The work of a claim was accepted.
    pub(super) fn fulfil(&mut self, task: TaskId) {
        let (output, verdict) = (ContentId(task.0), Digest::ZERO);
        let action = Action::Fulfil { task, output, verdict };
        self.calls.push((self.operator, action.into(), Effect::Closed));
    }

    /// The work of a claim failed: its seller keeps the price and loses the collateral to the buyer,
    /// who looks for somebody else under another name of the task.
    pub(super) fn default(&mut self, task: TaskId, share: Share, reason: FailureReason) -> TaskId {
        let collateral = self.scenario.cost_median();
        self.sellers[share.seller].profit += share.price.0 as i128 - collateral.0 as i128;
        let mut again = task;
        if let Some(mut job) = self.jobs.remove(&task) {
            job.wish.serial ^= RETRY;
            again = self.name(&job.wish, job.wish.serial);
            if job.counted {
                self.tally.paid_in_vain(share.price, collateral);
            }
            job.claim = false;
            job.attempt = 0;
            job.wish.task = again;
            self.jobs.insert(again, job);
        }
        let evidence = Digest::ZERO;
        let action = Action::Fail { task, reason, evidence };
        self.calls.push((self.operator, action.into(), Effect::Closed));
        again
    }
}

fn request(owner: Did, (side, quantity): (Side, u64), kind: OrderKind) -> OrderRequest {
    let (self_trade, expires) = (SelfTrade::default(), ORDERS_UNTIL);
    OrderRequest { owner, side, quantity, kind, self_trade, expires }
}

fn place(class: CreditClassId, request: &OrderRequest) -> Action {
    let OrderRequest { side, quantity, kind, self_trade, expires, .. } = *request;
    Action::Place { class, side, quantity, kind, self_trade, expires }
}
