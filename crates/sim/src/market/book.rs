//! Sellers of credits: what each writes, asks and rests in the order book of its capability.
//!
//! A credit is owed by whoever wrote it, whoever holds it. So a seller writes credits only while what
//! they are worth covers its cost, and for no more work than it has places for.
use ainur_crypto::hash::tagged;
use ainur_ledger::exchange::{Action, CreditClassId};
use ainur_market::exchange::{OrderId, Side, Trade};
use ainur_market::strategy::{BidOutcome, BidStrategy, Opportunity, PaymentRule};
use ainur_primitives::{Amount, Did, Digest, DurationMs, QualityLevel, TaskId, Timestamp};

use super::Error;
use super::credits::{CreditMarket, Exchanged, Routed};
use super::economy::{BEGINNING, Economy};
use super::turn::Effect;

/// How long a price stands before its owner thinks about it again; as long as an offer.
pub(super) const PRICE_STANDS_MS: DurationMs = DurationMs::seconds(10);

/// A seller's credits and its order, as it remembers them.
pub(super) struct Writing {
    order: Option<OrderId>,
    /// Credits it holds beside its order.
    pub(super) spare: u64,
    /// Tasks it owes, whoever holds the credits.
    pub(super) owed: u64,
    /// Its shares of the pool.
    pub(super) shares: u128,
    /// It is one of those who put credits and money into the pool.
    pub(super) provides: bool,
    /// Until then it leaves its part of the pool as it is.
    pub(super) provides_until: Timestamp,
    price: Option<Amount>,
    name: TaskId,
    /// How many it sold at this price.
    sold: u64,
    /// How many buyers had looked when it chose the price.
    looks: u64,
    until: Timestamp,
}

impl Writing {
    /// Nothing is written yet, and there is no price.
    pub(super) fn new(provides: bool) -> Self {
        Self {
            order: None,
            spare: 0,
            owed: 0,
            shares: 0,
            provides,
            provides_until: BEGINNING,
            price: None,
            name: TaskId(Digest::ZERO),
            sold: 0,
            looks: 0,
            until: BEGINNING,
        }
    }
}

/// What a seller would sell now, and at what price.
struct ForSale {
    quantity: u64,
    price: Amount,
    /// It writes credits, and keeps those it owes and cannot serve now.
    writes: bool,
}

impl Economy<'_> {
    /// Has the first seller of each capability that writes credits open their class.
    pub(super) fn open_classes(&mut self) -> Vec<(Did, ainur_ledger::Action)> {
        let collateral = self.scenario.cost_median();
        let params = &self.settlement.parameters().exchange;
        let (tick, taker_fee) = (params.tick, params.taker_fee);
        let quality = QualityLevel::Standard;
        let mut calls = Vec::new();
        for number in 0..self.venues.len() {
            let mut sellers = self.sellers.iter().filter(|seller| seller.capability == number);
            let Some(opener) = sellers.find(|seller| seller.writing.is_some()) else { continue };
            let capability = self.venues[number].capability.clone();
            let class = CreditClassId::of(&capability, quality);
            self.venues[number].credits = Some(CreditMarket::new(class, tick, taker_fee));
            let open = Action::OpenClass { capability, quality, collateral };
            calls.push((opener.did, open.into()));
        }
        calls
    }

    /// A call to the exchange, which it must take.
    pub(super) fn exchange(&mut self, sender: Did, action: Action) {
        self.calls.push((sender, action.into(), Effect::Closed));
    }

    /// Sellers think about their prices, and sell what they have places for. Who comes first changes
    /// from turn to turn.
    pub(super) fn post_orders(&mut self) -> Result<(), Error> {
        let count = self.sellers.len();
        for place in 0..count {
            let number = (place + self.turn as usize) % count;
            let Some(writing) = &self.sellers[number].writing else { continue };
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
        let price = seller.strategist.quote(&opportunity, &seller.state);
        writing.price = price.map(|price| Amount(price.0.next_multiple_of(tick.0)));
        writing.looks = venue.credits.as_ref().map_or(0, |market| market.looks.count);
        writing.sold = 0;
        writing.until = now.plus(PRICE_STANDS_MS);
    }

    /// So many credits that, with all of them sold and redeemed with it, it has a place for each; and
    /// those beyond what it owes.
    fn for_sale(&self, number: usize) -> Option<ForSale> {
        let seller = &self.sellers[number];
        let writing = seller.writing.as_ref()?;
        let going = self.venues[seller.capability].going_price()?;
        let writes = seller.cost <= going && self.settlement.may_issue(&seller.did);
        let asked = writing.price.filter(|_| writes);
        let held = self.in_hand(number);
        let position = i128::from(held + self.provided(number)) - i128::from(writing.owed);
        let free = asked.map_or(0, |_| i128::from(seller.room()));
        let quantity = u64::try_from((position + free).max(0)).unwrap_or_default();
        let (quantity, price) = match asked {
            Some(price) => (quantity, price),
            None => (quantity.min(held), going),
        };
        Some(ForSale { quantity, price, writes })
    }

    /// Credits of a seller's, in its order and beside it.
    fn in_hand(&self, number: usize) -> u64 {
        let seller = &self.sellers[number];
        let Some(writing) = &seller.writing else { return 0 };
        let market = self.venues[seller.capability].credits.as_ref();
        let resting =
            writing.order.zip(market).and_then(|(order, market)| market.book.order(order));
        writing.spare + resting.map_or(0, |order| order.quantity)
    }

    /// Sells what a seller has for sale: at once where that fetches its price, the rest in an order.
    fn fit_order(&mut self, number: usize) -> Result<(), Error> {
        let Some(mut sale) = self.for_sale(number) else { return Ok(()) };
        if sale.quantity > 0 {
            sale.quantity -= self.sell_at_once(number, &sale)?;
        }
        let missing = sale.quantity.saturating_sub(self.in_hand(number));
        self.issue(number, missing);
        let held = self.in_hand(number);
        self.rest_order(number, sale.quantity, sale.price)?;
        let seller = &mut self.sellers[number];
        let (owner, capability) = (seller.did, seller.capability);
        let Some(writing) = &mut seller.writing else { return Ok(()) };
        writing.spare = held - sale.quantity;
        let retired = if sale.writes { 0 } else { writing.spare.min(writing.owed) };
        writing.spare -= retired;
        writing.owed -= retired;
        if let Some(market) = self.venues[capability].credits.as_ref().filter(|_| retired > 0) {
            let retire = Action::Retire { class: market.class, quantity: retired };
            self.exchange(owner, retire);
        }
        Ok(())
    }

    fn rest_order(&mut self, number: usize, quantity: u64, price: Amount) -> Result<(), Error> {
        let now = self.now;
        let seller = &mut self.sellers[number];
        let owner = seller.did;
        let Some(market) = &mut self.venues[seller.capability].credits else { return Ok(()) };
        let Some(writing) = &mut seller.writing else { return Ok(()) };
        let order = &mut writing.order;
        let rested = market.rest(now, order, (owner, Side::Sell), (quantity, price))?;
        if let Some(action) = rested {
            self.exchange(owner, action);
        }
        Ok(())
    }

    /// Writes credits, behind their collateral.
    pub(super) fn issue(&mut self, number: usize, quantity: u64) {
        let seller = &mut self.sellers[number];
        let (owner, capability) = (seller.did, seller.capability);
        let Some(market) = &self.venues[capability].credits else { return };
        let Some(writing) = seller.writing.as_mut().filter(|_| quantity > 0) else { return };
        writing.spare += quantity;
        writing.owed += quantity;
        let issue = Action::Issue { class: market.class, quantity };
        self.exchange(owner, issue);
    }

    /// Sells to orders that rest and to the pool what fetches the price there; how many.
    fn sell_at_once(&mut self, number: usize, sale: &ForSale) -> Result<u64, Error> {
        let seller = &self.sellers[number];
        let (owner, capability) = (seller.did, seller.capability);
        let (quantity, limit) = (sale.quantity, Some(sale.price));
        let wanted = Routed { owner, side: Side::Sell, quantity, limit };
        let market = self.venues[capability].credits.as_ref();
        let Some(quote) = market.and_then(|market| market.quote(self.now, &wanted)) else {
            return Ok(0);
        };
        let held = self.in_hand(number);
        let Some(writing) = &self.sellers[number].writing else { return Ok(0) };
        if writing.spare < quote.quantity() {
            self.rest_order(number, 0, Amount::ZERO)?;
            if let Some(writing) = &mut self.sellers[number].writing {
                writing.spare = held;
            }
            self.issue(number, quote.quantity().saturating_sub(held));
        }
        let sold = self.route(capability, &wanted)?.ok_or(Error::Nobody)?;
        let seller = &mut self.sellers[number];
        seller.profit += sold.proceeds().0 as i128;
        if let Some(writing) = &mut seller.writing {
            writing.spare -= sold.quantity();
            writing.sold += sold.quantity();
        }
        Ok(sold.quantity())
    }

    /// Trades where it is better, here and on the ledger.
    pub(super) fn route(
        &mut self,
        capability: usize,
        wanted: &Routed,
    ) -> Result<Option<Exchanged>, Error> {
        let Some(market) = &mut self.venues[capability].credits else { return Ok(None) };
        let Some((done, action)) = market.route(self.now, wanted)? else { return Ok(None) };
        let bps = market.pool.map_or(0, |pool| pool.fee_bps);
        self.tally.exchange.swapped(done.pool_money, bps);
        self.exchange(wanted.owner, action);
        self.settle_trades(capability);
        Ok(Some(done))
    }

    /// What orders that rested have traded reaches their owners.
    pub(super) fn settle_trades(&mut self, capability: usize) {
        let Some(market) = &mut self.venues[capability].credits else { return };
        for trade in market.trades() {
            let seller = self.sellers.iter_mut().find(|seller| seller.did == trade.maker_owner);
            match seller.and_then(|seller| Some((&mut seller.profit, seller.writing.as_mut()?))) {
                Some((profit, writing)) => {
                    *profit += trade.value().0 as i128;
                    writing.sold += trade.quantity;
                }
                None => self.settle_buyer(capability, &trade),
            }
        }
    }

    fn settle_buyer(&mut self, capability: usize, trade: &Trade) {
        let buyer = self.buyers.iter_mut().find(|buyer| buyer.did == trade.maker_owner);
        let Some(stock) = buyer.and_then(|buyer| buyer.stocks.get_mut(&capability)) else { return };
        match trade.taker_side {
            Side::Sell => {
                stock.held = Some(trade.price);
                self.tally.exchange.bought(trade.quantity, 0);
            }
            Side::Buy => {
                let paid = stock.held.take().unwrap_or_default();
                self.tally.resold(paid, trade.price);
            }
        }
    }

    /// Makes orders at the top of the book smaller whose sellers took on other work in this turn.
    pub(super) fn trim_orders(&mut self, capability: usize) -> Result<(), Error> {
        for _ in 0..self.sellers.len() {
            let market = self.venues[capability].credits.as_ref();
            let Some(best) = market.and_then(|market| market.best(Side::Sell)) else { break };
            let owner = self.sellers.iter().position(|seller| seller.did == best.owner);
            let Some(number) = owner else { break };
            if self.for_sale(number).is_none_or(|sale| sale.quantity >= best.quantity) {
                break;
            }
            self.fit_order(number)?;
        }
        Ok(())
    }

    /// What a seller's credits are worth beyond what it owes, and its money in the pool.
    pub(super) fn position_value(&self, number: usize) -> i128 {
        let seller = &self.sellers[number];
        let Some(writing) = &seller.writing else { return 0 };
        let going = self.venues[seller.capability].going_price().unwrap_or_default();
        let credits = i128::from(self.in_hand(number) + self.provided(number));
        let money = self.provided_money(number).0 as i128;
        (credits - i128::from(writing.owed)) * going.0 as i128 + money
    }
}
