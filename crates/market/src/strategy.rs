//! What a seller asks: one trait for every way to price work, and what a bidder knows of itself.
//!
//! A [`BidStrategy`] is asked for a price when there is an [`Opportunity`] and is told the
//! [`BidOutcome`]; how busy the bidder is and how its work went is its [`BidderState`]. A price
//! here is a proposal: reserve, payment and bond are decided by the mechanisms (decision 10).
//! [`StaticFloor`] and [`LoadAware`] are integers only; learned strategies implement the trait in
//! a layer above.
pub mod bidder;
pub mod floor;
pub mod load;

use core::fmt;
use core::str::FromStr;

use ainur_primitives::{Amount, CapabilityName, TaskId, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

pub use bidder::{BidderState, CapabilityStats};
pub use floor::StaticFloor;
pub use load::LoadAware;

/// A way to price work. The same calls in the same order give the same prices.
pub trait BidStrategy {
    /// What to ask, or `None` to stay out. At least the cost; never above the ceiling, when that
    /// is told.
    fn quote(&mut self, opportunity: &Opportunity<'_>, state: &BidderState) -> Option<Amount>;

    /// What became of a price that was asked.
    fn learn(&mut self, outcome: &BidOutcome);
}

/// What a bidder can be paid for, and what it sees of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opportunity<'a> {
    /// The task, or another name under which the outcome will be told.
    pub task: TaskId,
    /// What is wanted.
    pub capability: &'a CapabilityName,
    /// What the work costs the bidder.
    pub cost: Amount,
    /// The most that is paid, unless that is sealed.
    pub ceiling: Option<Amount>,
    /// What a winner is paid.
    pub rule: PaymentRule,
    /// How many others the bidder has seen compete for such work lately.
    pub competitors: u32,
    /// When.
    pub now: Timestamp,
    /// A number all of whose values are equally likely, for strategies that try things out.
    pub draw: u64,
}

/// What a winner is paid.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentRule {
    /// The price at which it would just have won; its own price decides only whether it wins.
    SecondPrice,
    /// What it asked.
    OwnPrice,
}

/// What became of a price.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct BidOutcome {
    /// The opportunity's task.
    pub task: TaskId,
    /// What the work costs the bidder.
    pub cost: Amount,
    /// What was asked.
    pub asked: Amount,
    /// What accepted work is paid; `None` when somebody else won, or nobody.
    pub paid: Option<Amount>,
    /// The highest price that would have won, as a published transcript or a list of offers
    /// tells; `None` when it is not known.
    pub critical: Option<Amount>,
}

/// The strategies an agent picks from, by name.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyChoice {
    /// Cost and a fixed margin.
    #[default]
    #[serde(alias = "floor")]
    StaticFloor,
    /// Cost and a margin that grows with how busy the agent is.
    LoadAware,
    /// A contextual bandit that learns its margins from its own outcomes.
    Bandit,
    /// Margins that were learned in simulation.
    Policy,
}

/// A name that is no strategy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a strategy is floor (static-floor), load-aware, bandit or policy")]
pub struct StrategyNameError;

impl StrategyChoice {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 4] = [Self::Bandit, Self::LoadAware, Self::Policy, Self::StaticFloor];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StaticFloor => "static-floor",
            Self::LoadAware => "load-aware",
            Self::Bandit => "bandit",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Display for StrategyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StrategyChoice {
    type Err = StrategyNameError;

    fn from_str(name: &str) -> Result<Self, StrategyNameError> {
        let name = if name == "floor" { Self::StaticFloor.as_str() } else { name };
        Self::ALL.into_iter().find(|choice| choice.as_str() == name).ok_or(StrategyNameError)
    }
}

/// A price within the ceiling, when that is told.
fn within(price: Amount, opportunity: &Opportunity<'_>) -> Option<Amount> {
    opportunity.ceiling.is_none_or(|ceiling| price <= ceiling).then_some(price)
}
