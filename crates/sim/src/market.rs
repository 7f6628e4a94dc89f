//! Seeded markets: the reference scenarios over production code.
//!
//! [`simulate`] draws sellers and tasks from a [`Scenario`] and a seed and lets them trade: real
//! auctions, offers, negotiations, order books and pools, real bidding strategies, and a real ledger in memory that
//! executes signed blocks and whose promises are checked on the way. Only the work itself is made
//! up. The same scenario and seed give the same [`MarketReport`], down to the root of the ledger's
//! state.
mod auction;
mod book;
mod chance;
mod credits;
mod demand;
mod economy;
mod graph;
mod negotiation;
mod offers;
mod pools;
mod redeem;
mod report;
mod scenario;
mod seller;
mod settlement;
mod stock;
mod trades;
mod train;
mod turn;
mod venue;
mod whitewash;
mod work;

pub use report::{CreditsBought, MarketReport, Route};
pub use scenario::{
    Demand, SIMULATED_BUYERS_MAX, SIMULATED_SELLERS_MAX, SIMULATED_TASKS_MAX,
    SIMULATED_TRADERS_MAX, Scenario, ScenarioError, Supply,
};

use ainur_learning::Strategist;
use economy::Economy;
pub use train::{TRAINING_SEED, TRAINING_SEEDS, train};

/// Why a simulation stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A key could not be made.
    #[error("a party has no keys")]
    Keys(#[from] ainur_crypto::signature::SigningKeyError),
    /// The ledger could not go on.
    #[error("the ledger cannot go on")]
    Ledger(#[from] ainur_ledger::Error),
    /// The ledger did not take what it must.
    #[error("the ledger refused: {0}")]
    Rejected(String),
    /// A promise of the ledger was broken.
    #[error("an invariant of the ledger is broken: {0}")]
    Invariant(String),
    /// An auction refused what was in order.
    #[error("an auction refused")]
    Auction(#[from] ainur_market::auction::Error),
    /// An offer could not be posted or taken that was in order.
    #[error("the board of offers refused")]
    Offer(#[from] ainur_market::offer::Error),
    /// A book refused an order that was in order.
    #[error("the order book refused")]
    Book(#[from] ainur_market::exchange::Error),
    /// A negotiation refused what was in order.
    #[error("a negotiation refused")]
    Negotiation(#[from] ainur_market::negotiation::Error),
    /// A coalition that was in order could not be formed.
    #[error("a coalition could not be formed")]
    Coalition(#[from] ainur_market::coalition::Error),
    /// A party, task or key is missing.
    #[error("a party of the simulation is missing")]
    Nobody,
}

/// Runs a market to its end and says what it came to; `progress` is told how many tasks of how
/// many have arrived.
///
/// # Errors
/// When production code does not do what it promises.
pub fn simulate(
    scenario: &Scenario,
    seed: u64,
    progress: &mut dyn FnMut(u32, u32),
) -> Result<MarketReport, Error> {
    let mut economy = Economy::found(scenario, seed, &Strategist::new)?;
    economy.run(seed, progress)?;
    Ok(MarketReport::of(&economy, seed))
}
