//! A check that can be carried out: small, in a sensible order, and possible for its capability.
use ainur_primitives::acceptance::CHECKS_MAX;
use ainur_primitives::{AcceptanceCheck, CapabilityContract, CapabilityName, DurationMs};

/// A valid check and its steps in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    check: AcceptanceCheck,
    steps: Vec<AcceptanceCheck>,
}

/// How deep `all` may stand inside `all`.
pub const DEPTH_MAX: usize = 4;

/// The longest time a buyer may take to refuse: thirty days.
pub const WINDOW_MS_MAX: DurationMs = DurationMs::seconds(30 * 24 * 3600);

/// Why a check cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing would be checked.
    #[error("the check has no steps: name at least one")]
    Empty,
    /// Too many steps.
    #[error("the check has {0} steps; at most {CHECKS_MAX} can be combined")]
    TooMany(usize),
    /// `all` inside `all` inside `all`…
    #[error("'all' stands more than {DEPTH_MAX} deep: flatten the check")]
    TooDeep,
    /// The buyer's word before something that is computed.
    #[error("the buyer's word has to be the last check, and only once")]
    BuyerNotLast,
    /// A window in which nobody could refuse, or that blocks the money for too long.
    #[error("the buyer's window is {0}; it has to be more than nothing and at most 30 days")]
    Window(DurationMs),
    /// Two different expected outputs.
    #[error("the check asks for two different outputs by digest: nothing can pass it")]
    Contradiction,
    /// The output is not JSON.
    #[error("{capability} gives {media_type}, which a schema cannot check")]
    NotJson {
        /// The capability.
        capability: CapabilityName,
        /// What it gives.
        media_type: String,
    },
    /// The same call need not give the same bytes.
    #[error("{0} is not deterministic, so running it again proves nothing")]
    NotDeterministic(CapabilityName),
}

impl Plan {
    /// Flattens a check, when it can be carried out at all.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(check: &AcceptanceCheck) -> Result<Self, PlanError> {
        check_depth(check, 0)?;
        let steps: Vec<AcceptanceCheck> = check.flattened().into_iter().cloned().collect();
        if steps.is_empty() {
            return Err(PlanError::Empty);
        }
        if steps.len() > CHECKS_MAX {
            return Err(PlanError::TooMany(steps.len()));
        }
        let mut expected_output = None;
        for (place, step) in steps.iter().enumerate() {
            match step {
                AcceptanceCheck::BuyerWord { window_ms } => {
                    if place + 1 < steps.len() {
                        return Err(PlanError::BuyerNotLast);
                    }
                    if window_ms.0 == 0 || *window_ms > WINDOW_MS_MAX {
                        return Err(PlanError::Window(*window_ms));
                    }
                }
                AcceptanceCheck::Digest { expected } => {
                    if expected_output.replace(*expected).is_some_and(|other| other != *expected) {
                        return Err(PlanError::Contradiction);
                    }
                }
                AcceptanceCheck::Schema
                | AcceptanceCheck::Verifier { .. }
                | AcceptanceCheck::Reexecution
                | AcceptanceCheck::All { .. } => {}
            }
        }
        Ok(Self { check: check.clone(), steps })
    }

    /// Checks that a capability's results can be checked like this.
    ///
    /// # Errors
    /// When a schema meets an output that is not JSON, or re-execution one that varies.
    pub fn fits(&self, contract: &CapabilityContract) -> Result<(), PlanError> {
        for step in &self.steps {
            if *step == AcceptanceCheck::Schema && !is_json(&contract.output_media_type) {
                return Err(PlanError::NotJson {
                    capability: contract.name.clone(),
                    media_type: contract.output_media_type.clone(),
                });
            }
            if *step == AcceptanceCheck::Reexecution && !contract.deterministic {
                return Err(PlanError::NotDeterministic(contract.name.clone()));
            }
        }
        Ok(())
    }

    /// The check as agreed.
    pub fn check(&self) -> &AcceptanceCheck {
        &self.check
    }

    /// Its leaves, in the order they run; at least one.
    pub fn steps(&self) -> &[AcceptanceCheck] {
        &self.steps
    }
}

/// `application/json`, with or without parameters.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn check_depth(check: &AcceptanceCheck, depth: usize) -> Result<(), PlanError> {
    let AcceptanceCheck::All { checks } = check else { return Ok(()) };
    if depth >= DEPTH_MAX {
        return Err(PlanError::TooDeep);
    }
    checks.iter().try_for_each(|inner| check_depth(inner, depth + 1))
}

/// What a step is called in a verdict.
pub(super) fn name(step: &AcceptanceCheck) -> &'static str {
    match step {
        AcceptanceCheck::Schema => "schema",
        AcceptanceCheck::Digest { .. } => "digest",
        AcceptanceCheck::Verifier { .. } => "verifier",
        AcceptanceCheck::Reexecution => "re-execution",
        AcceptanceCheck::BuyerWord { .. } => "the buyer's word",
        AcceptanceCheck::All { .. } => "all",
    }
}
