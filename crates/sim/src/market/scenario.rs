//! What a market is drawn from: a file, or one of the reference scenarios.
use ainur_market::strategy::StrategyChoice;
use ainur_primitives::{Amount, Ppm};
use serde::{Deserialize, Serialize};

/// A market to be simulated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What people call it.
    pub name: String,
    /// How many tasks are traded before anything is counted.
    pub warm_up: u32,
    /// How many tasks arrive after that.
    pub tasks: u32,
    /// How many buyers there are.
    pub buyers: u32,
    /// Who sells what at which cost.
    pub supply: Supply,
    /// What is wanted, by when, and what it is worth.
    pub demand: Demand,
}

/// The sellers of a [`Scenario`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supply {
    /// How many capabilities are traded.
    pub capabilities: u32,
    /// How many sellers each has.
    pub sellers_per_capability: u32,
    /// How many tasks a seller does at once.
    pub places_per_seller: u32,
    /// The median private cost, in AINU.
    pub cost_median: String,
    /// The deviation σ of its logarithm.
    pub cost_sigma: f64,
    /// How long a task takes in the median, in milliseconds.
    pub duration_ms_median: u64,
    /// How often an honest attempt fails.
    pub failure: Ppm,
    /// The share of cheats, colluders and whitewashers together.
    pub dishonest: Ppm,
    /// The share of sellers who keep a standing offer.
    pub offering: Ppm,
    /// The share of honest sellers who sell credits of their work in an order book.
    #[serde(default)]
    pub writing: Ppm,
    /// Of those, the share who put credits and money into the pool of their capability.
    #[serde(default)]
    pub pooling: Ppm,
    /// How many traders keep the prices of books and pools together.
    #[serde(default)]
    pub traders: u32,
    /// Strategies, given out in turn.
    pub strategies: Vec<StrategyChoice>,
}

/// The tasks of a [`Scenario`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// The mean time between arrivals, in milliseconds.
    pub arrival_ms_mean: u64,
    /// The least value, as a multiple of the median cost.
    pub value_min: f64,
    /// The largest value, as a multiple of the median cost.
    pub value_max: f64,
    /// The shortest time allowed, as a multiple of the median duration.
    pub deadline_min: f64,
    /// The longest time allowed, as a multiple of the median duration.
    pub deadline_max: f64,
    /// What failed work costs the buyer, as a share of the value.
    pub loss: Ppm,
    /// The share of tasks that are graphs.
    pub graphs: Ppm,
    /// The share of tasks whose buyer prefers a seller that served it well.
    pub loyal: Ppm,
}

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Not a reference scenario.
    #[error("there is no scenario '{0}': simple, complex, thin, mature, adversarial")]
    Unknown(String),
    /// Not a scenario file.
    #[error("the scenario cannot be read")]
    Syntax(#[from] toml::de::Error),
    /// Outside of what is simulated.
    #[error("the scenario cannot be simulated: {0}")]
    Impossible(&'static str),
}

/// The most tasks one simulation has.
pub const SIMULATED_TASKS_MAX: u32 = 100_000;
/// The most sellers one simulation has: each signs with keys of its own.
pub const SIMULATED_SELLERS_MAX: u32 = 2_000;
/// The most buyers one simulation has.
pub const SIMULATED_BUYERS_MAX: u32 = 200;
/// The most traders one simulation has.
pub const SIMULATED_TRADERS_MAX: u32 = 16;

impl Scenario {
    /// The names of the reference scenarios.
    pub const REFERENCE: [&'static str; 5] = ["simple", "complex", "thin", "mature", "adversarial"];

    /// The reference scenario of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn reference(name: &str) -> Result<Self, ScenarioError> {
        let text = match name {
            "simple" => include_str!("../../scenarios/simple.toml"),
            "complex" => include_str!("../../scenarios/complex.toml"),
            "thin" => include_str!("../../scenarios/thin.toml"),
            "mature" => include_str!("../../scenarios/mature.toml"),
            "adversarial" => include_str!("../../scenarios/adversarial.toml"),
            other => return Err(ScenarioError::Unknown(other.into())),
        };
        Self::parse(text)
    }

    /// Reads a scenario file, in TOML.
    ///
    /// # Errors
    /// When it is not one, or is beyond the limits of this simulator.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check().map_err(ScenarioError::Impossible)?;
        Ok(scenario)
    }

    /// The median cost.
    pub(super) fn cost_median(&self) -> Amount {
        Amount::from_ainu(&self.supply.cost_median).unwrap_or(Amount::ZERO)
    }

    fn check(&self) -> Result<(), &'static str> {
        let Self { supply, demand, .. } = self;
        let sellers = supply.capabilities.saturating_mul(supply.sellers_per_capability);
        let shares = [
            supply.failure,
            supply.dishonest,
            supply.offering,
            supply.writing,
            supply.pooling,
            demand.loss,
            demand.graphs,
            demand.loyal,
        ];
        let rules = [
            ((1..=SIMULATED_TASKS_MAX).contains(&self.tasks), "1 to 100000 tasks"),
            (self.warm_up <= SIMULATED_TASKS_MAX, "at most 100000 tasks of warm-up"),
            ((1..=SIMULATED_BUYERS_MAX).contains(&self.buyers), "1 to 200 buyers"),
            ((1..=SIMULATED_SELLERS_MAX).contains(&sellers), "1 to 2000 sellers"),
            (supply.sellers_per_capability <= 64, "at most 64 sellers of one capability"),
            ((1..=64).contains(&supply.places_per_seller), "1 to 64 places of each seller"),
            (supply.traders <= SIMULATED_TRADERS_MAX, "at most 16 traders"),
            (!self.cost_median().is_zero(), "a median cost in AINU above zero"),
            ((0.0..=2.0).contains(&supply.cost_sigma), "a deviation of 0 to 2"),
            (supply.duration_ms_median > 0, "a median duration above zero"),
            (!supply.strategies.is_empty(), "at least one strategy"),
            (demand.arrival_ms_mean > 0, "a mean time between arrivals above zero"),
            (rising(demand.value_min, demand.value_max), "values between 0 and 100 that rise"),
            (rising(demand.deadline_min, demand.deadline_max), "deadlines from 0 to 100 that rise"),
            (shares.iter().all(|share| *share <= Ppm::ONE), "shares of at most the whole"),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(*rule))
    }
}

fn rising(low: f64, high: f64) -> bool {
    0.0 < low && low <= high && high <= 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_scenario_reads_and_says_what_its_name_promises() {
        for name in Scenario::REFERENCE {
            let scenario = Scenario::reference(name).expect("a scenario");
            assert_eq!(scenario.name, name);
            assert_eq!((scenario.demand.value_min, scenario.demand.value_max), (1.0, 2.5));
            assert_eq!((scenario.demand.deadline_min, scenario.demand.deadline_max), (1.0, 4.0));
            assert_eq!(scenario.supply.cost_sigma, 0.5);
            let graphs = if name == "complex" { 200_000 } else { 0 };
            assert_eq!(scenario.demand.graphs, Ppm(graphs));
            let dishonest = if name == "adversarial" { 200_000 } else { 0 };
            assert_eq!(scenario.supply.dishonest, Ppm(dishonest));
        }
        let sellers = |name| Scenario::reference(name).map(|s| s.supply.sellers_per_capability);
        assert_eq!((sellers("thin").ok(), sellers("mature").ok()), (Some(3), Some(50)));
        assert!(Scenario::reference("other").is_err());
    }
}
