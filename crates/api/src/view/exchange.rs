//! The exchange as people and programs see it.
use ainur_market::exchange::{DepthLevel, Ending, LiquidityPool, Order, OrderId};
use ainur_primitives::{Amount, CapabilityName, Did, Digest, Ppm, QualityLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// A class of credits with its book and its pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BookView {
    /// What names the class.
    #[schemars(with = "schema::Digest")]
    pub class: Digest,
    /// What a credit is for.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// At which quality.
    #[schemars(with = "schema::QualityLevel")]
    pub quality_level: QualityLevel,
    /// What is locked behind each credit.
    #[schemars(with = "schema::Amount")]
    pub collateral: Amount,
    /// Credits that are out.
    pub supply: u64,
    /// Prices are multiples of this.
    #[schemars(with = "schema::Amount")]
    pub tick: Amount,
    /// What whoever takes from the book pays of the value.
    #[schemars(with = "schema::Ppm")]
    pub taker_fee: Ppm,
    /// Buying, highest price first. What has expired counts until an order meets it.
    #[schemars(with = "Vec<schema::DepthLevel>")]
    pub buy: Vec<DepthLevel>,
    /// Selling, lowest price first. What has expired counts until an order meets it.
    #[schemars(with = "Vec<schema::DepthLevel>")]
    pub sell: Vec<DepthLevel>,
    /// The pool, when there is one.
    #[schemars(with = "Option<schema::LiquidityPool>")]
    pub pool: Option<LiquidityPool>,
    /// What one credit costs and fetches now.
    pub quotes: BestQuotes,
    /// What the one who asks has in it; shown to those who may do everything.
    pub holding: Option<HoldingView>,
}

/// What one credit costs and fetches, with all fees but the transaction's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BestQuotes {
    /// What it costs in the book.
    #[schemars(with = "Option<schema::Amount>")]
    pub buy_in_book: Option<Amount>,
    /// What it costs from the pool.
    #[schemars(with = "Option<schema::Amount>")]
    pub buy_from_pool: Option<Amount>,
    /// What it fetches in the book.
    #[schemars(with = "Option<schema::Amount>")]
    pub sell_in_book: Option<Amount>,
    /// What it fetches from the pool.
    #[schemars(with = "Option<schema::Amount>")]
    pub sell_to_pool: Option<Amount>,
}

/// What one party has in a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldingView {
    /// Who.
    #[schemars(with = "schema::Did")]
    pub trader: Did,
    /// Its name here.
    pub trader_name: String,
    /// Money it can spend.
    #[schemars(with = "schema::Amount")]
    pub money: Amount,
    /// Money in its buy orders.
    #[schemars(with = "schema::Amount")]
    pub money_in_orders: Amount,
    /// Credits it can sell.
    pub credits: u64,
    /// Credits in its sell orders.
    pub credits_in_orders: u64,
    /// Credits it issued and owes a task for.
    pub owed: u64,
    /// Its shares of the pool, as a decimal string.
    #[schemars(with = "schema::Amount")]
    pub pool_shares: Amount,
    /// Its orders that rest.
    #[schemars(with = "Vec<schema::RestingOrder>")]
    pub orders: Vec<Order>,
}

/// What became of an order or a swap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TradeReport {
    /// What traded, in order.
    pub trades: Vec<TradeRow>,
    /// Credits that traded.
    pub filled: u64,
    /// What they cost or fetched together, the pool's fee included.
    #[schemars(with = "schema::Amount")]
    pub total: Amount,
    /// What was paid for taking from the book, beside the total.
    #[schemars(with = "schema::Amount")]
    pub fee: Amount,
    /// The number of the order, when it rests.
    #[schemars(with = "Option<schema::OrderNumber>")]
    pub order: Option<OrderId>,
    /// Credits that rest.
    pub resting: u64,
    /// How it ended.
    #[schemars(with = "schema::OrderEnding")]
    pub ending: Ending,
    /// What the trader has now.
    pub holding: HoldingView,
}

/// One trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TradeRow {
    /// Where.
    pub place: TradePlace,
    /// Whose order it met, by name; none with the pool.
    pub with: Option<String>,
    /// Credits.
    pub quantity: u64,
    /// What each cost or fetched; with the pool on average, rounded up.
    #[schemars(with = "schema::Amount")]
    pub price: Amount,
    /// What they cost or fetched together.
    #[schemars(with = "schema::Amount")]
    pub value: Amount,
}

/// Where credits trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TradePlace {
    /// With somebody's order.
    Book,
    /// With the pool.
    Pool,
}

/// What moved when an order was cancelled, a pool grew or shrank, or credits were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovementReport {
    /// Credits freed, added, taken out, written or burned.
    pub credits: u64,
    /// Money freed, added, taken out, locked or given back.
    #[schemars(with = "schema::Amount")]
    pub money: Amount,
    /// Shares given or taken, as a decimal string.
    #[schemars(with = "schema::Amount")]
    pub shares: Amount,
    /// What the trader has now.
    pub holding: HoldingView,
}
