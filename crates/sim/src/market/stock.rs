//! Buyers who trade in credits: one who expects to need a capability rests an order for a credit of
//! it, and one who does not any more sells the credit it holds.
use ainur_market::exchange::{OrderId, Side};
use ainur_primitives::{Amount, DurationMs, Ppm, Timestamp};

use super::Error;
use super::book::PRICE_STANDS_MS;
use super::credits::Routed;
use super::demand::Wish;
use super::economy::{BEGINNING, Economy};

/// Who needed a capability so lately expects to need it again.
const EXPECTED_MS: DurationMs = DurationMs::seconds(120);

/// A buyer's dealings in the credits of one capability.
pub(super) struct Stock {
    /// What it paid for the credit it has, in hand or in its order.
    pub(super) held: Option<Amount>,
    /// Its order: to buy while it has no credit, to sell when it needs none.
    pub(super) order: Option<OrderId>,
    /// When it needed the capability last, and what for.
    needed: Timestamp,
    wish: Wish,
    /// Until then its price stands.
    until: Timestamp,
}

impl Economy<'_> {
    /// A buyer remembers what it needed, when credits of it are traded.
    pub(super) fn note_need(&mut self, wish: &Wish) {
        if self.venues[wish.capability].credits.is_none() {
            return;
        }
        let stocks = &mut self.buyers[wish.buyer].stocks;
        let stock = stocks.entry(wish.capability).or_insert_with(|| Stock {
            held: None,
            order: None,
            needed: BEGINNING,
            wish: wish.clone(),
            until: BEGINNING,
        });
        stock.needed = self.now;
        stock.wish = wish.clone();
    }

    /// Buyers think about what they will need. Who comes first changes from turn to turn.
    pub(super) fn restock(&mut self) -> Result<(), Error> {
        let count = self.buyers.len();
        for place in 0..count {
            let buyer = (place + self.turn as usize) % count;
            let capabilities: Vec<usize> = self.buyers[buyer].stocks.keys().copied().collect();
            for capability in capabilities {
                self.restock_one(buyer, capability)?;
            }
        }
        Ok(())
    }

    fn restock_one(&mut self, buyer: usize, capability: usize) -> Result<(), Error> {
        let now = self.now;
        let Some(stock) = self.buyers[buyer].stocks.get_mut(&capability) else { return Ok(()) };
        let expects = now.since(stock.needed) <= EXPECTED_MS;
        match (expects, stock.held) {
            // It has what it needs, or needs nothing.
            (true, Some(_)) | (false, None) => self.rest_stock(buyer, capability, None),
            _ if stock.until > now => Ok(()),
            (true, None) => {
                stock.until = now.plus(PRICE_STANDS_MS);
                self.buy_ahead(buyer, capability)
            }
            (false, Some(_)) => {
                stock.until = now.plus(PRICE_STANDS_MS);
                self.resell(buyer, capability)
            }
        }
    }

    /// What a credit is worth that is not needed yet: what a task like the last one would cost without
    /// it, by what auctions have paid lately or by the best standing offer, less what is lost when its
    /// work fails. And what auctions have paid.
    fn worth(&self, buyer: usize, capability: usize) -> Option<(Amount, Amount)> {
        let going = self.venues[capability].going_price()?;
        let wish = &self.buyers[buyer].stocks.get(&capability)?.wish;
        let offer = self.look(wish, going).first().map(|offer| offer.terms.score);
        let otherwise = offer.map_or(going, |offer| offer.min(going));
        let failure = self.owing(capability, None).map_or(Ppm::ZERO, |(_, failure)| failure);
        Some((otherwise.saturating_sub(wish.loss.share_ceil(failure)), going))
    }

    /// Buys a credit where one is worth its price, or rests an order for it.
    fn buy_ahead(&mut self, buyer: usize, capability: usize) -> Result<(), Error> {
        let Some((worth, _)) = self.worth(buyer, capability) else { return Ok(()) };
        let owner = self.buyers[buyer].did;
        let Some(market) = &mut self.venues[capability].credits else { return Ok(()) };
        market.look(worth);
        let wanted = Routed { owner, side: Side::Buy, quantity: 1, limit: Some(worth) };
        if market.quote(self.now, &wanted).is_none() {
            return self.rest_stock(buyer, capability, Some((Side::Buy, worth)));
        }
        self.rest_stock(buyer, capability, None)?;
        let Some(bought) = self.route(capability, &wanted)? else { return Ok(()) };
        self.tally.exchange.bought(bought.book, bought.pool);
        if let Some(stock) = self.buyers[buyer].stocks.get_mut(&capability) {
            stock.held = Some(bought.cost());
        }
        Ok(())
    }

    /// Sells the credit where that fetches what it is worth, or rests an order at what auctions paid.
    fn resell(&mut self, buyer: usize, capability: usize) -> Result<(), Error> {
        let Some((worth, going)) = self.worth(buyer, capability) else { return Ok(()) };
        let owner = self.buyers[buyer].did;
        let Some(market) = &self.venues[capability].credits else { return Ok(()) };
        let wanted = Routed { owner, side: Side::Sell, quantity: 1, limit: Some(worth) };
        if market.quote(self.now, &wanted).is_none() {
            return self.rest_stock(buyer, capability, Some((Side::Sell, going)));
        }
        self.rest_stock(buyer, capability, None)?;
        let Some(sold) = self.route(capability, &wanted)? else { return Ok(()) };
        if let Some(stock) = self.buyers[buyer].stocks.get_mut(&capability) {
            let paid = stock.held.take().unwrap_or_default();
            self.tally.resold(paid, sold.proceeds());
        }
        Ok(())
    }

    /// Makes a buyer's order one for a credit at this price, or none.
    pub(super) fn rest_stock(
        &mut self,
        buyer: usize,
        capability: usize,
        price: Option<(Side, Amount)>,
    ) -> Result<(), Error> {
        let buyer = &mut self.buyers[buyer];
        let owner = buyer.did;
        let Some(stock) = buyer.stocks.get_mut(&capability) else { return Ok(()) };
        let Some(market) = &mut self.venues[capability].credits else { return Ok(()) };
        let (side, quantity, price) =
            price.map_or((Side::Buy, 0, Amount::ZERO), |(side, price)| (side, 1, price));
        let order = &mut stock.order;
        if let Some(action) = market.rest(self.now, order, (owner, side), (quantity, price))? {
            self.exchange(owner, action);
        }
        Ok(())
    }
}
