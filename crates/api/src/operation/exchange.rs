//! What traders of credits ask of a node: orders, pools, and writing credits.
use ainur_market::exchange::{OrderId, OrderKind, SelfTrade, Side};
use ainur_primitives::{Amount, CapabilityName, DurationMs, QualityLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// A book to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BookQuery {
    /// What its credits are for.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// At which quality.
    #[serde(default)]
    #[schemars(with = "schema::QualityLevel")]
    pub quality_level: QualityLevel,
    /// At most this many prices of each side.
    pub levels: u32,
    /// Whose holding to show beside it: an agent's DID or name; the node's when absent.
    pub agent: Option<String>,
}

/// An order for credits. What is absent takes the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderDraft {
    /// Who trades: an agent's DID or name; the node itself when absent.
    pub agent: Option<String>,
    /// What the credits are for.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// At which quality.
    #[serde(default)]
    #[schemars(with = "schema::QualityLevel")]
    pub quality_level: QualityLevel,
    /// Buying or selling.
    #[schemars(with = "schema::Side")]
    pub side: Side,
    /// Credits.
    #[schemars(with = "schema::CreditCount")]
    pub quantity: u64,
    /// How it trades; only a market or immediate-or-cancel order is routed.
    #[schemars(with = "schema::OrderKind")]
    pub kind: OrderKind,
    /// What happens when it meets the trader's own order.
    #[serde(default)]
    #[schemars(with = "schema::SelfTrade")]
    pub self_trade: SelfTrade,
    /// For how long it rests; a day when absent.
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub expires_ms: Option<DurationMs>,
    /// Trade each credit where it is cheaper, in the book or with the pool. The price is then the
    /// worst of a credit with fees, and the order does not rest.
    #[serde(default)]
    pub routed: bool,
    /// The trader's own key: the same key never does it twice. It is remembered for a day.
    #[serde(default)]
    #[schemars(with = "Option<schema::IdempotencyKey>")]
    pub idempotency_key: Option<String>,
}

/// An order to take out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderCancellation {
    /// Whose: an agent's DID or name; the node's own when absent.
    pub agent: Option<String>,
    /// What its credits are for.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// At which quality.
    #[serde(default)]
    #[schemars(with = "schema::QualityLevel")]
    pub quality_level: QualityLevel,
    /// Its number.
    #[schemars(with = "schema::OrderNumber")]
    pub order: OrderId,
}

/// Another quantity and price for an order; it keeps its place only for less at the same price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderReplacement {
    /// Whose: an agent's DID or name; the node's own when absent.
    pub agent: Option<String>,
    /// What its credits are for.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// At which quality.
    #[serde(default)]
    #[schemars(with = "schema::QualityLevel")]
    pub quality_level: QualityLevel,
    /// Its number.
    #[schemars(with = "schema::OrderNumber")]
    pub order: OrderId,
    /// Credits.
    #[schemars(with = "schema::CreditCount")]
    pub quantity: u64,
    /// What each is to cost.
    #[schemars(with = "schema::PositiveAmount")]
    pub price: Amount,
    /// What happens when it meets the trader's own order.
    #[serde(default)]
    #[schemars(with = "schema::SelfTrade")]
    pub self_trade: SelfTrade,
}

/// Something to do with a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolDraft {
    /// Who does it: an agent's DID or name; the node itself when absent.
    pub agent: Option<String>,
    /// What its credits are for.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// At which quality.
    #[serde(default)]
    #[schemars(with = "schema::QualityLevel")]
    pub quality_level: QualityLevel,
    /// What.
    pub step: PoolStep,
    /// The trader's own key: the same key never does it twice. It is remembered for a day.
    #[serde(default)]
    #[schemars(with = "Option<schema::IdempotencyKey>")]
    pub idempotency_key: Option<String>,
}

/// What is done with a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PoolStep {
    /// Begin it.
    Open {
        /// What traders pay it, in basis points.
        fee_bps: u16,
        /// Credits it begins with.
        #[schemars(with = "schema::CreditCount")]
        credits: u64,
        /// Money it begins with.
        #[schemars(with = "schema::PositiveAmount")]
        money: Amount,
    },
    /// Add credits, and money in proportion.
    Add {
        /// Credits.
        #[schemars(with = "schema::CreditCount")]
        credits: u64,
        /// The most money.
        #[schemars(with = "schema::Amount")]
        money_max: Amount,
        /// The least shares, as a decimal string.
        #[serde(default)]
        #[schemars(with = "schema::Amount")]
        shares_min: Amount,
    },
    /// Give shares back for their part of it.
    Remove {
        /// Shares, as a decimal string.
        #[schemars(with = "schema::PositiveAmount")]
        shares: Amount,
        /// The least credits.
        #[serde(default)]
        credits_min: u64,
        /// The least money.
        #[serde(default)]
        #[schemars(with = "schema::Amount")]
        money_min: Amount,
    },
    /// Trade with it.
    Swap {
        /// Buying or selling credits.
        #[schemars(with = "schema::Side")]
        side: Side,
        /// Credits.
        #[schemars(with = "schema::CreditCount")]
        quantity: u64,
        /// The most they may cost, or the least they may fetch, together.
        #[schemars(with = "schema::Amount")]
        limit: Amount,
    },
}

/// Something an agent does with credits of its own work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditsDraft {
    /// DID, or the agent's name.
    pub agent: String,
    /// What the credits are for.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// At which quality.
    #[serde(default)]
    #[schemars(with = "schema::QualityLevel")]
    pub quality_level: QualityLevel,
    /// What.
    pub step: CreditsStep,
    /// The trader's own key: the same key never does it twice. It is remembered for a day.
    #[serde(default)]
    #[schemars(with = "Option<schema::IdempotencyKey>")]
    pub idempotency_key: Option<String>,
}

/// What an agent does with credits of its own work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CreditsStep {
    /// Open their class.
    OpenClass {
        /// What is locked behind each credit.
        #[schemars(with = "schema::PositiveAmount")]
        collateral: Amount,
    },
    /// Write credits and lock their collateral.
    Issue {
        /// How many.
        #[schemars(with = "schema::CreditCount")]
        quantity: u64,
    },
    /// Burn credits it holds and get their collateral back.
    Retire {
        /// How many.
        #[schemars(with = "schema::CreditCount")]
        quantity: u64,
    },
}
