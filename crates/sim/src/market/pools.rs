//! Those who keep a pool, and those who keep its price and the book's together.
//!
//! Providers are sellers who put credits they wrote and money into the pool of their capability.
//! Traders have neither work nor wishes: they buy in one place what fetches more in the other.
use ainur_ledger::exchange::Action;
use ainur_market::exchange::{LiquidityPool, Order, Side};
use ainur_primitives::{Amount, DurationMs, Ppm, Timestamp};

use super::Error;
use super::credits::CreditMarket;
use super::economy::Economy;

/// How long a provider leaves its part as it is.
const PROVISION_STANDS_MS: DurationMs = DurationMs::seconds(60);
/// A provider's credits in the pool, for each of its places: when the price doubles, 1 − 1/√2 of the
/// credits leave a pool, so it has a place for each of those.
const CREDITS_PER_PLACE: u64 = 3;
/// What traders pay a pool, in basis points.
const POOL_FEE_BPS: u16 = 30;
/// A pool whose price is further from what auctions pay than this is not added to: somebody would
/// trade it there at the provider's cost.
const MISPRICED: Ppm = Ppm(100_000);
/// A trader trades so often in one market and turn.
const ARBITRAGE_TRADES_MAX: usize = 8;
/// So many credits at once.
const ARBITRAGE_CREDITS_MAX: u64 = 64;

/// Something bought in one place that fetches more in the other.
struct Arbitrage {
    /// The order in the book.
    order: Order,
    quantity: u64,
    gain: Amount,
}

impl Economy<'_> {
    /// Providers think about what they have in the pools.
    pub(super) fn provide(&mut self) -> Result<(), Error> {
        for number in 0..self.sellers.len() {
            let now = self.now;
            let Some(writing) = &mut self.sellers[number].writing else { continue };
            if !writing.provides || writing.provides_until > now {
                continue;
            }
            writing.provides_until = now.plus(PROVISION_STANDS_MS);
            let Some((wanted, going)) = self.provision(number) else { continue };
            let provided = self.provided(number);
            let step = u64::from(self.sellers[number].state.capacity);
            if wanted >= provided + step {
                self.add_liquidity(number, wanted - provided, going)?;
            } else if wanted + step <= provided {
                self.remove_liquidity(number, provided - wanted, provided)?;
            }
        }
        Ok(())
    }

    /// How many credits a provider would have in the pool, and what one is worth. One whose work
    /// costs more than a credit is worth leaves; the last one leaves a place's, for a pool that is
    /// all but empty has no price anybody could trade at again.
    fn provision(&self, number: usize) -> Option<(u64, Amount)> {
        let seller = &self.sellers[number];
        let venue = &self.venues[seller.capability];
        let going = venue.going_price()?;
        let wanted = CREDITS_PER_PLACE * u64::from(seller.state.capacity);
        if seller.cost <= going {
            let writes = self.settlement.may_issue(&seller.did);
            return writes.then_some((wanted, going));
        }
        let others = self.sellers.iter().filter(|other| {
            let shares = other.writing.as_ref().map_or(0, |writing| writing.shares);
            other.capability == seller.capability && other.did != seller.did && shares > 0
        });
        Some((if others.count() > 0 { 0 } else { CREDITS_PER_PLACE }, going))
    }

    /// Credits of a seller's in the pool, whole ones.
    pub(super) fn provided(&self, number: usize) -> u64 {
        let part = self.part(number, |pool| u128::from(pool.credits));
        u64::try_from(part).unwrap_or_default()
    }

    /// A seller's money in the pool.
    pub(super) fn provided_money(&self, number: usize) -> Amount {
        Amount(self.part(number, |pool| pool.money.0))
    }

    fn part(&self, number: usize, of: impl Fn(&LiquidityPool) -> u128) -> u128 {
        let seller = &self.sellers[number];
        let shares = seller.writing.as_ref().map_or(0, |writing| writing.shares);
        let market = self.venues[seller.capability].credits.as_ref();
        let Some(pool) = market.and_then(|market| market.pool.as_ref()) else { return 0 };
        of(pool).saturating_mul(shares) / pool.shares.max(1)
    }

    fn add_liquidity(&mut self, number: usize, credits: u64, going: Amount) -> Result<(), Error> {
        let seller = &self.sellers[number];
        let (owner, capability) = (seller.did, seller.capability);
        let spare = seller.writing.as_ref().map_or(0, |writing| writing.spare);
        let Some(market) = &self.venues[capability].credits else { return Ok(()) };
        if market.pool.is_some_and(|pool| mispriced(&pool, going)) {
            return Ok(());
        }
        self.issue(number, credits.saturating_sub(spare));
        let Some(market) = &mut self.venues[capability].credits else { return Ok(()) };
        let class = market.class;
        let (money, shares, action) = if let Some(pool) = &mut market.pool {
            let (money_max, shares) = pool.add(credits)?;
            let shares_min = Amount(shares);
            (money_max, shares, Action::AddLiquidity { class, credits, money_max, shares_min })
        } else {
            let (fee_bps, money) = (POOL_FEE_BPS, Amount(going.0.saturating_mul(credits.into())));
            let (pool, shares) = LiquidityPool::begin(fee_bps, credits, money)?;
            market.pool = Some(pool);
            (money, shares, Action::OpenPool { class, fee_bps, credits, money })
        };
        self.exchange(owner, action);
        let seller = &mut self.sellers[number];
        seller.profit -= money.0 as i128;
        if let Some(writing) = &mut seller.writing {
            writing.shares += shares;
            writing.spare -= credits;
        }
        Ok(())
    }

    fn remove_liquidity(&mut self, number: usize, credits: u64, of: u64) -> Result<(), Error> {
        let seller = &mut self.sellers[number];
        let owner = seller.did;
        let Some(market) = &mut self.venues[seller.capability].credits else { return Ok(()) };
        let (class, Some(pool)) = (market.class, &mut market.pool) else { return Ok(()) };
        let Some(writing) = &mut seller.writing else { return Ok(()) };
        let shares = writing.shares.saturating_mul(credits.into()) / u128::from(of.max(1));
        let (credits_min, money_min) = pool.remove(shares)?;
        writing.shares -= shares;
        writing.spare += credits_min;
        seller.profit += money_min.0 as i128;
        let shares = Amount(shares);
        self.exchange(owner, Action::RemoveLiquidity { class, shares, credits_min, money_min });
        Ok(())
    }

    /// Traders take what is cheaper in one place than it fetches in the other.
    pub(super) fn arbitrage(&mut self) -> Result<(), Error> {
        let count = self.traders.len();
        for number in 0..if count > 0 { self.venues.len() } else { 0 } {
            let trader = self.traders[(number + self.turn as usize) % count];
            for _ in 0..ARBITRAGE_TRADES_MAX {
                // Two transactions.
                let fees = Amount(2 * self.settlement.parameters().fee_min.0);
                let market = self.venues[number].credits.as_ref();
                let found = market.and_then(|market| market.arbitrage(self.now, fees));
                let (Some(found), Some(market)) = (found, &mut self.venues[number].credits) else {
                    break;
                };
                let Arbitrage { order, quantity, gain } = found;
                let side = order.side.opposite();
                let mut in_book = || market.take(self.now, (trader, side), quantity, order.price);
                let calls = if side == Side::Buy {
                    let (_, bought) = in_book()?;
                    let (money, sold) = market.swap(Side::Sell, quantity)?;
                    (money, [bought, sold])
                } else {
                    let (_, sold) = in_book()?;
                    let (money, bought) = market.swap(Side::Buy, quantity)?;
                    (money, [bought, sold])
                };
                let bps = market.pool.map_or(0, |pool| pool.fee_bps);
                self.tally.exchange.swapped(calls.0, bps);
                self.tally.exchange.arbitraged(gain);
                for call in calls.1 {
                    self.exchange(trader, call);
                }
                self.settle_trades(number);
            }
        }
        Ok(())
    }
}

impl CreditMarket {
    /// What a trader can gain now beyond its fees.
    fn arbitrage(&self, now: Timestamp, fees: Amount) -> Option<Arbitrage> {
        let pool = self.pool.as_ref()?;
        let of_order = |order: Order| {
            let most = order.quantity.min(ARBITRAGE_CREDITS_MAX);
            let gains = (1..=most).filter_map(|quantity| {
                let value = Amount(order.price.0.saturating_mul(quantity.into()));
                let fees = self.fee(value).saturating_add(fees);
                let (fetched, paid) = match order.side {
                    Side::Sell => (pool.proceeds(quantity).ok()?, value),
                    Side::Buy => (value, pool.cost(quantity).ok()?),
                };
                let gain = fetched.checked_sub(paid.saturating_add(fees))?;
                (!gain.is_zero()).then_some(Arbitrage { order, quantity, gain })
            });
            gains.max_by_key(|found| found.gain)
        };
        let orders = [Side::Sell, Side::Buy].into_iter().filter_map(|side| self.best(side));
        orders.filter(|order| order.expires > now).filter_map(of_order).max_by_key(|f| f.gain)
    }
}

/// Its price is far from this.
fn mispriced(pool: &LiquidityPool, going: Amount) -> bool {
    let price = Amount(pool.money.0 / u128::from(pool.credits.max(1)));
    Amount(price.0.abs_diff(going.0)) > going.share_floor(MISPRICED)
}

#[cfg(test)]
mod tests {
    use ainur_ledger::exchange::CreditClassId;
    use ainur_primitives::{Did, Digest};

    use super::super::economy::BEGINNING;
    use super::*;

    /// A pool at 1,000 a credit, and somebody's order for ten.
    fn market(side: Side, price: u128) -> CreditMarket {
        let mut market = CreditMarket::new(CreditClassId(Digest::ZERO), Amount(10), Ppm(1_000));
        let pool = LiquidityPool::begin(POOL_FEE_BPS, 100, Amount(100_000));
        market.pool = pool.ok().map(|(pool, _)| pool);
        let (of, anew) = ((Did(Digest([1; 32])), side), (10, Amount(price)));
        market.rest(BEGINNING, &mut None, of, anew).expect("a valid order");
        market
    }

    #[test]
    fn a_trader_buys_where_it_is_cheap_until_nothing_is_left_to_gain() {
        for (side, price) in [(Side::Sell, 950), (Side::Buy, 1_060)] {
            let mut market = market(side, price);
            let found = market.arbitrage(BEGINNING, Amount(2)).expect("a gain");
            assert!((1..10).contains(&found.quantity), "{side:?}: {}", found.quantity);
            let trader = (Did(Digest([2; 32])), side.opposite());
            let (quantity, price) = (found.quantity, found.order.price);
            let (in_book, _) = market.take(BEGINNING, trader, quantity, price).expect("it trades");
            let (money, _) = market.swap(side, quantity).expect("the pool trades");
            let (fetched, paid) = match side {
                Side::Sell => (money, in_book.cost()),
                Side::Buy => (in_book.proceeds(), money),
            };
            assert_eq!(fetched.saturating_sub(paid), found.gain.saturating_add(Amount(2)));
            assert!(market.arbitrage(BEGINNING, Amount(2)).is_none(), "{side:?}");
        }
    }

    #[test]
    fn prices_that_differ_by_less_than_the_fees_are_left_alone() {
        for (side, price) in [(Side::Sell, 1_000), (Side::Buy, 1_000)] {
            assert!(market(side, price).arbitrage(BEGINNING, Amount(2)).is_none());
        }
    }
}
