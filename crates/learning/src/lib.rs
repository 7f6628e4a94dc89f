//! Learned implementations of the strategies that lower layers define.
//!
//! What is learned here proposes and never decides: a price goes through the same mechanism,
//! reserve and bond as anybody's (decision 10). Floats stay inside; what comes out is an integer.
//! Only addition, multiplication, division and square roots are used, which are exact by the
//! standard, so that the same history gives the same price on every machine. Nothing reads a clock
//! or draws a random number: time and chance are part of the opportunity.
//!
//! A [`Strategist`] is any strategy an agent picks by name, with all it has learned, as it is
//! stored.
pub mod bandit;
pub mod linear;
pub mod margin;
pub mod policy;
pub mod strategist;

pub use bandit::MarginBandit;
pub use policy::{MarginLearner, MarginPolicy, TrainedPolicy};
pub use strategist::Strategist;
