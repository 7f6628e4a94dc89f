//! What a market came to.
use std::collections::BTreeMap;

use ainur_primitives::{Amount, Digest};
use serde::{Deserialize, Serialize};

use super::demand::Wish;
use super::economy::Economy;
use super::trades::ExchangeTally;

/// How a buyer and a seller agreed on a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// Sealed bids.
    Auction,
    /// A standing offer.
    Offer,
    /// Proposals and counter-proposals.
    Negotiation,
    /// Several sellers for a task graph, one of them leading.
    Coalition,
    /// The order book.
    Book,
}

impl Route {
    const ALL: [Self; 5] =
        [Self::Auction, Self::Offer, Self::Negotiation, Self::Coalition, Self::Book];
}

/// What a simulated market came to. Shares and ratios are fractions rounded down to a millionth;
/// amounts are base units as decimal strings, with a minus for a loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketReport {
    /// The scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// Tasks that arrived.
    pub tasks: u64,
    /// Of those, done and paid.
    pub settled: u64,
    /// Of those, agreed on and paid back.
    pub refunded: u64,
    /// What buyers and sellers gained together over what they could have with all costs known:
    /// each task done by the cheapest able seller that was free when it came.
    pub efficiency: f64,
    /// How far the second-lowest score of an auction's bids was above the lowest, in the median
    /// over auctions with two bids; none when there was none.
    pub spread_median: Option<f64>,
    /// How far the second-best price on the table was above the best, by way to agree.
    pub spread_by_route: BTreeMap<Route, f64>,
    /// Which share of agreements came about in which way.
    pub share: BTreeMap<Route, f64>,
    /// In how many rounds four of five settled negotiations settled; none without negotiation.
    pub rounds_p80: Option<u32>,
    /// Of all negotiations in which there was something to agree on, the share that settled in at
    /// most three rounds.
    pub settled_in_three_rounds: Option<f64>,
    /// How far the best prices of the two sides of a book were apart, over their middle, in the
    /// median over books and turns at whose end both sides had orders.
    pub bid_ask_spread_median: Option<f64>,
    /// Where buyers bought their credits; none bought, none here.
    pub credits_bought: Option<CreditsBought>,
    /// How far a pool's price was from the middle of the book then, over the middle, in the median.
    pub pool_gap_median: Option<f64>,
    /// What pools earned for those who provide them; fees paid in credits at the price of the trade.
    pub pool_fees: String,
    /// What traders gained between books and pools.
    pub arbitrage_profit: String,
    /// Why the ledger did not take agreements, and how often.
    pub refusals: BTreeMap<String, u64>,
    /// The share of graphs that a coalition won, where it was cheaper than the sellers one by one.
    pub coalition_win_rate: Option<f64>,
    /// What buyers valued settled work above what they paid.
    pub buyer_surplus: String,
    /// What sellers were paid above cost and lost stake, by strategy.
    pub seller_profit_by_strategy: BTreeMap<String, String>,
    /// How many prices a buyer could choose from, in the median.
    pub depth_median: u64,
    /// How concentrated sales are, in the mean over capabilities: the Herfindahl–Hirschman index
    /// Σ share², 1 for a monopoly.
    pub concentration: f64,
    /// Failed attempts, as a share of all that ended.
    pub failure_rate: f64,
    /// The ledger's height.
    pub height: u64,
    /// The root of the ledger's state.
    pub state_root: Digest,
}

/// Where buyers bought credits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditsBought {
    /// The share from orders in the book, and by orders of theirs in it.
    pub book: f64,
    /// The share from pools.
    pub pool: f64,
}

/// Counts while a market runs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    tasks: u64,
    settled: u64,
    refunded: u64,
    failures: u64,
    agreed: BTreeMap<Route, u64>,
    welfare: i128,
    optimum: i128,
    surplus: i128,
    /// In parts per million.
    spreads: BTreeMap<Route, Vec<u64>>,
    depths: Vec<u64>,
    negotiations: u64,
    rounds: Vec<u32>,
    refusals: BTreeMap<String, u64>,
    /// Graphs on which a coalition was cheaper, and those of them it won.
    coalitions: (u64, u64),
    pub(super) exchange: ExchangeTally,
}

impl Tally {
    pub(super) fn arrived(&mut self, optimum: Amount) {
        self.tasks += 1;
        self.optimum += optimum.0 as i128;
    }

    /// Prices a buyer could choose from, best first.
    pub(super) fn quoted(&mut self, route: Route, scores: &[Amount]) {
        self.depths.push(scores.len() as u64);
        if let [best, second, ..] = scores {
            let above = (second.0 - best.0).saturating_mul(1_000_000) / best.0.max(1);
            self.spreads.entry(route).or_default().push(above as u64);
        }
    }

    pub(super) fn settled(&mut self, wish: &Wish, route: Route, paid: Amount, spent: Amount) {
        self.settled += 1;
        *self.agreed.entry(route).or_default() += 1;
        self.welfare += wish.value.0 as i128 - spent.0 as i128;
        self.surplus += wish.value.0 as i128 - paid.0 as i128;
    }

    /// A buyer redeems a credit for which it paid so much.
    pub(super) fn charged(&mut self, paid: Amount) {
        self.surplus -= paid.0 as i128;
    }

    /// A buyer sold a credit it did not need.
    pub(super) fn resold(&mut self, paid: Amount, fetched: Amount) {
        self.surplus += fetched.0 as i128 - paid.0 as i128;
    }

    /// The work of a buyer's credit failed, and it got the collateral.
    pub(super) fn compensated(&mut self, collateral: Amount) {
        self.surplus += collateral.0 as i128;
    }

    pub(super) fn failed(&mut self) {
        self.failures += 1;
    }

    /// A task was given up after so much was paid for parts of it.
    pub(super) fn refunded(&mut self, paid: Amount, spent: Amount) {
        self.refunded += 1;
        self.welfare -= spent.0 as i128;
        self.surplus -= paid.0 as i128;
    }

    /// The ledger did not take an agreement.
    pub(super) fn refused(&mut self, why: String, spent: Amount) {
        self.refunded += 1;
        self.welfare -= spent.0 as i128;
        *self.refusals.entry(why).or_default() += 1;
    }

    /// A graph was called for; a coalition could do part of it for less, and won.
    pub(super) fn graph(&mut self, cheaper: bool, won: bool) {
        self.coalitions.0 += u64::from(cheaper);
        self.coalitions.1 += u64::from(won);
    }

    /// A negotiation in which there was something to agree on ended, settled in so many rounds.
    pub(super) fn negotiated(&mut self, rounds: Option<u32>) {
        self.negotiations += 1;
        self.rounds.extend(rounds);
    }

    pub(super) fn unserved(&mut self) {
        self.depths.push(0);
    }
}

impl MarketReport {
    pub(super) fn of(economy: &Economy<'_>, seed: u64) -> Self {
        let tally = &economy.tally;
        let agreed: u64 = tally.agreed.values().sum();
        let share = |route: Route| tally.agreed.get(&route).copied().unwrap_or_default();
        let mut profits: BTreeMap<String, i128> = BTreeMap::new();
        for (number, seller) in economy.sellers.iter().enumerate() {
            let name = match seller.conduct.works() {
                true => seller.choice.to_string(),
                false => "dishonest".into(),
            };
            *profits.entry(name).or_default() += seller.profit + economy.position_value(number);
        }
        let mut rounds = tally.rounds.clone();
        rounds.sort_unstable();
        let quick = rounds.iter().filter(|rounds| **rounds <= 3).count();
        let (cheaper, won) = tally.coalitions;
        let head = economy.settlement.head();
        Self {
            scenario: economy.scenario.name.clone(),
            seed,
            tasks: tally.tasks,
            settled: tally.settled,
            refunded: tally.refunded,
            efficiency: fraction(tally.welfare, tally.optimum),
            spread_median: tally.spreads.get(&Route::Auction).and_then(|all| spread(all.clone())),
            spread_by_route: (tally.spreads.iter())
                .filter_map(|(route, all)| Some((*route, spread(all.clone())?)))
                .collect(),
            share: Route::ALL
                .into_iter()
                .map(|route| (route, fraction(share(route).into(), agreed.into())))
                .collect(),
            rounds_p80: rounds.get((rounds.len() * 4).div_ceil(5).saturating_sub(1)).copied(),
            settled_in_three_rounds: (tally.negotiations > 0)
                .then(|| fraction(quick as i128, tally.negotiations.into())),
            bid_ask_spread_median: spread(tally.exchange.bid_ask.clone()),
            credits_bought: CreditsBought::of(tally.exchange.bought),
            pool_gap_median: spread(tally.exchange.pool_gaps.clone()),
            pool_fees: tally.exchange.pool_fees.to_string(),
            arbitrage_profit: tally.exchange.arbitrage.to_string(),
            refusals: tally.refusals.clone(),
            coalition_win_rate: (cheaper > 0).then(|| fraction(won.into(), cheaper.into())),
            buyer_surplus: tally.surplus.to_string(),
            seller_profit_by_strategy: (profits.into_iter())
                .map(|(strategy, profit)| (strategy, profit.to_string()))
                .collect(),
            depth_median: median(tally.depths.clone()).unwrap_or_default(),
            concentration: concentration(economy),
            failure_rate: fraction(tally.failures.into(), (tally.failures + tally.settled).into()),
            height: head.height.0,
            state_root: head.state_root,
        }
    }
}

impl CreditsBought {
    fn of((book, pool): (u64, u64)) -> Option<Self> {
        let share = |part: u64| fraction(part.into(), (book + pool).into());
        (book + pool > 0).then(|| Self { book: share(book), pool: share(pool) })
    }
}

/// A ratio, rounded down to a millionth so that it reads the same everywhere; zero for nothing.
fn fraction(part: i128, whole: i128) -> f64 {
    if whole <= 0 { 0.0 } else { (part.saturating_mul(1_000_000) / whole) as f64 / 1e6 }
}

fn median(mut all: Vec<u64>) -> Option<u64> {
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}

fn spread(all: Vec<u64>) -> Option<f64> {
    median(all).map(|ppm| ppm as f64 / 1e6)
}

fn concentration(economy: &Economy<'_>) -> f64 {
    let indices = (0..economy.venues.len()).map(|capability| {
        let sellers = economy.sellers.iter().filter(|seller| seller.capability == capability);
        let sales: Vec<u64> = sellers.map(|seller| seller.settled).collect();
        let all: u128 = sales.iter().map(|sold| u128::from(*sold)).sum();
        let squares: u128 = sales.iter().map(|sold| u128::from(*sold) * u128::from(*sold)).sum();
        (squares * 1_000_000).checked_div(all * all).unwrap_or_default()
    });
    fraction(indices.sum::<u128>() as i128, economy.venues.len() as i128 * 1_000_000)
}
