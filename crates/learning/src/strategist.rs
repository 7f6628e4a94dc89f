//! Any strategy an agent picks by name, with all it has learned, as it is stored.
use ainur_market::strategy::{
    BidOutcome, BidStrategy, BidderState, LoadAware, Opportunity, StaticFloor, StrategyChoice,
};
use ainur_primitives::Amount;
use scale::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::bandit::MarginBandit;
use crate::policy::{MarginLearner, MarginPolicy};

/// A strategy and its memory.
#[derive(Clone, PartialEq, Debug, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Strategist {
    /// The same margin always.
    StaticFloor(StaticFloor),
    /// The busier, the dearer.
    LoadAware(LoadAware),
    /// Learns from its own outcomes.
    Bandit(Box<MarginBandit>),
    /// Asks what was learned in simulation.
    Policy(MarginPolicy),
    /// Learns such a policy.
    Learner(Box<MarginLearner>),
}

impl Strategist {
    /// The strategy of this name, with its usual settings and no memory.
    ///
    /// ```
    /// use ainur_learning::Strategist;
    /// use ainur_market::strategy::{StaticFloor, StrategyChoice};
    /// let floor = Strategist::new("static-floor".parse().unwrap());
    /// assert_eq!(floor, Strategist::StaticFloor(StaticFloor::default()));
    /// assert_eq!(Strategist::new(StrategyChoice::Policy).choice(), Some(StrategyChoice::Policy));
    /// ```
    pub fn new(choice: StrategyChoice) -> Self {
        match choice {
            StrategyChoice::StaticFloor => Self::StaticFloor(StaticFloor::default()),
            StrategyChoice::LoadAware => Self::LoadAware(LoadAware::default()),
            StrategyChoice::Bandit => Self::Bandit(Box::default()),
            StrategyChoice::Policy => Self::Policy(MarginPolicy),
        }
    }

    /// Its name; none while a policy is being trained.
    pub fn choice(&self) -> Option<StrategyChoice> {
        match self {
            Self::StaticFloor(_) => Some(StrategyChoice::StaticFloor),
            Self::LoadAware(_) => Some(StrategyChoice::LoadAware),
            Self::Bandit(_) => Some(StrategyChoice::Bandit),
            Self::Policy(_) => Some(StrategyChoice::Policy),
            Self::Learner(_) => None,
        }
    }

    fn inner(&mut self) -> &mut dyn BidStrategy {
        match self {
            Self::StaticFloor(strategy) => strategy,
            Self::LoadAware(strategy) => strategy,
            Self::Bandit(strategy) => strategy.as_mut(),
            Self::Policy(strategy) => strategy,
            Self::Learner(strategy) => strategy.as_mut(),
        }
    }
}

impl BidStrategy for Strategist {
    fn quote(&mut self, opportunity: &Opportunity<'_>, state: &BidderState) -> Option<Amount> {
        self.inner().quote(opportunity, state)
    }

    fn learn(&mut self, outcome: &BidOutcome) {
        self.inner().learn(outcome);
    }
}
