//! Training a policy in simulated markets.
use ainur_learning::{MarginLearner, Strategist, TrainedPolicy};
use ainur_market::strategy::StrategyChoice;

use super::Error;
use super::economy::Economy;
use super::scenario::Scenario;

/// The first seed of training; reports use smaller ones.
pub const TRAINING_SEED: u64 = 1_000_000;
/// How many seeds of each scenario training uses.
pub const TRAINING_SEEDS: u64 = 6;
/// The scenarios of training.
const SCENARIOS: [&str; 4] = ["simple", "thin", "mature", "adversarial"];

/// Trains the policy that agents pick by the name of `policy`, in the reference scenarios: those
/// sellers who would follow it learn instead, and after each market what they found is joined.
/// `progress` is told how many markets of how many are done. Takes minutes.
///
/// # Errors
/// When a simulation stops.
pub fn train(command: &str, progress: &mut dyn FnMut(u32, u32)) -> Result<TrainedPolicy, Error> {
    let mut learned = MarginLearner::default();
    let seeds: Vec<u64> = (TRAINING_SEED..TRAINING_SEED + TRAINING_SEEDS).collect();
    let all = seeds.len() as u32 * SCENARIOS.len() as u32;
    let mut done = 0;
    for seed in &seeds {
        for name in SCENARIOS {
            let scenario = Scenario::reference(name)?;
            let cast = |choice: StrategyChoice| match choice {
                StrategyChoice::Policy => Strategist::Learner(Box::new(learned.rested())),
                other => Strategist::new(other),
            };
            let mut economy = Economy::found(&scenario, *seed, &cast)?;
            economy.run(*seed, &mut |_, _| {})?;
            let learners: Vec<MarginLearner> = economy.learners().collect();
            learned = MarginLearner::joined(&learners);
            done += 1;
            progress(done, all);
        }
    }
    let (margins, visits) = learned.policy();
    let scenarios = SCENARIOS.map(String::from).to_vec();
    Ok(TrainedPolicy { command: command.into(), seeds, scenarios, margins, visits })
}

impl Economy<'_> {
    fn learners(&self) -> impl Iterator<Item = MarginLearner> {
        self.sellers.iter().filter_map(|seller| match &seller.strategist {
            Strategist::Learner(learner) => Some(learner.as_ref().clone()),
            _ => None,
        })
    }
}
