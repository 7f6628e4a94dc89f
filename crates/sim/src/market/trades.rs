//! What the trade in credits came to.
use ainur_ledger::exchange::query;
use ainur_primitives::Amount;

use super::Error;
use super::economy::Economy;

/// Counts of the trade in credits while a market runs.
#[derive(Debug, Default)]
pub(super) struct ExchangeTally {
    /// Credits that buyers bought, in book and pool.
    pub(super) bought: (u64, u64),
    /// What traders paid to pools as fees; of what is paid in credits, at the price of the trade.
    pub(super) pool_fees: u128,
    /// What traders gained between book and pool.
    pub(super) arbitrage: u128,
    /// How far the two sides of a book were apart at the ends of turns, in parts per million.
    pub(super) bid_ask: Vec<u64>,
    /// How far a pool's price was from the middle of the book then.
    pub(super) pool_gaps: Vec<u64>,
}

impl ExchangeTally {
    /// A buyer bought so many credits in the book, and so many from the pool.
    pub(super) fn bought(&mut self, book: u64, pool: u64) {
        self.bought.0 += book;
        self.bought.1 += pool;
    }

    /// So much money went through a pool that takes so much of it.
    pub(super) fn swapped(&mut self, money: Amount, fee_bps: u16) {
        self.pool_fees += money.0.saturating_mul(fee_bps.into()) / 10_000;
    }

    /// A trader gained.
    pub(super) fn arbitraged(&mut self, gain: Amount) {
        self.arbitrage += gain.0;
    }
}

impl Economy<'_> {
    /// Notes how books and pools stand at the end of a turn.
    pub(super) fn observe_books(&mut self) {
        let markets = self.venues.iter().filter_map(|venue| venue.credits.as_ref());
        for (spread, gap) in markets.filter_map(|market| market.distances()) {
            self.tally.exchange.bid_ask.push(spread);
            self.tally.exchange.pool_gaps.extend(gap);
        }
    }

    /// Compares books and pools with the ledger's.
    pub(super) fn compare_books(&self) -> Result<(), Error> {
        let mut markets = self.venues.iter().filter_map(|venue| venue.credits.as_ref());
        markets.try_for_each(|market| market.compare(&self.settlement))
    }

    /// Compares what sellers and buyers believe to have and to owe with the ledger.
    pub(super) fn compare_holdings(&self) -> Result<(), Error> {
        let state = self.settlement.state();
        for seller in &self.sellers {
            let market = self.venues[seller.capability].credits.as_ref();
            let (Some(writing), Some(market)) = (&seller.writing, market) else { continue };
            let class = &market.class;
            let owed = query::obligation(state, class, &seller.did);
            let found = (
                query::credits(state, class, &seller.did),
                owed.map_or(0, |owed| owed.outstanding),
                query::pool_shares(state, class, &seller.did),
            );
            if found != (writing.spare, writing.owed, Amount(writing.shares)) {
                return Err(Error::Invariant("a seller's credits differ from the ledger's".into()));
            }
        }
        for buyer in &self.buyers {
            for (capability, stock) in &buyer.stocks {
                let Some(market) = &self.venues[*capability].credits else { continue };
                let in_hand = u64::from(stock.held.is_some() && !market.rests(stock.order));
                if query::credits(state, &market.class, &buyer.did) != in_hand {
                    return Err(Error::Invariant(
                        "a buyer's credits differ from the ledger's".into(),
                    ));
                }
            }
        }
        Ok(())
    }
}
