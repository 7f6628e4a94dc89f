//! Carrying out an agreement's check, step by step, up to the verdict.
//!
//! ```
//! use ainur_crypto::hash::content_id;
//! use ainur_primitives::{AcceptanceCheck, Did, Digest, DurationMs};
//! use ainur_verification::{Acceptance, Evidence, Plan, Step};
//!
//! let check = AcceptanceCheck::All {
//!     checks: vec![
//!         AcceptanceCheck::Digest { expected: content_id(b"42") },
//!         AcceptanceCheck::BuyerWord { window_ms: DurationMs::seconds(60) },
//!     ],
//! };
//! let plan = Plan::new(&check).unwrap();
//! let mut acceptance = Acceptance::new(plan, Did(Digest::ZERO), content_id(b"42"));
//! assert_eq!(acceptance.step(), Step::BuyerWord { window_ms: DurationMs::seconds(60) });
//! acceptance.feed(Evidence::BuyerSilent).unwrap();
//! assert!(acceptance.verdict().unwrap().accepted);
//! ```
use ainur_crypto::hash::content_id;
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::{AcceptanceCheck, ContentId, Did, DurationMs, FailureReason};

use crate::schema::Schema;
use crate::verdict::{DETAIL_BYTES_MAX, one_line};

mod plan;

pub use plan::{DEPTH_MAX, Plan, PlanError, WINDOW_MS_MAX};

/// An output on its way to a verdict. Checks run in order until one fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    plan: Plan,
    verifier: Did,
    output: ContentId,
    /// How many steps have passed.
    passed: usize,
    verdict: Option<Verdict>,
    failure: Option<FailureReason>,
}

/// What is needed next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Call [`Acceptance::check_schema`] with the output.
    Schema,
    /// Run this component on input and output, and feed [`Evidence::Verified`].
    Verifier {
        /// The component.
        component: ContentId,
    },
    /// Run the seller's component again, and feed [`Evidence::Reexecuted`].
    Reexecution,
    /// Wait for the buyer, and feed [`Evidence::BuyerSilent`] or [`Evidence::BuyerRefused`].
    BuyerWord {
        /// How long after delivery the buyer may refuse.
        window_ms: DurationMs,
    },
    /// Nothing: there is a verdict.
    Done,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// What the verifier component said. One that crashed said nothing: that is no evidence.
    Verified {
        /// Its verdict.
        accepted: bool,
        /// Its reason, for people.
        detail: String,
    },
    /// What the seller's component gave the second time.
    Reexecuted(ContentId),
    /// The buyer let the window pass.
    BuyerSilent,
    /// The buyer refused within the window.
    BuyerRefused {
        /// Its reason, for people.
        detail: String,
    },
}

/// Why evidence is not taken; the acceptance is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Evidence for another step than the next.
    #[error("the next step is {expected:?}; this is evidence for another")]
    OtherStep {
        /// What is needed.
        expected: Step,
    },
    /// Bytes that are not the output under check.
    #[error("these bytes are {found}, the output under check is {expected}")]
    OtherOutput {
        /// The output.
        expected: ContentId,
        /// What was given.
        found: ContentId,
    },
}

impl Acceptance {
    /// Begins to check an output on behalf of `verifier`, and decides all that its content id
    /// alone decides.
    pub fn new(plan: Plan, verifier: Did, output: ContentId) -> Self {
        let mut acceptance =
            Self { plan, verifier, output, passed: 0, verdict: None, failure: None };
        acceptance.decide_digests();
        acceptance
    }

    /// What is needed next.
    pub fn step(&self) -> Step {
        if self.verdict.is_some() {
            return Step::Done;
        }
        match self.plan.steps().get(self.passed) {
            Some(AcceptanceCheck::Schema) => Step::Schema,
            Some(AcceptanceCheck::Verifier { component }) => {
                Step::Verifier { component: *component }
            }
            Some(AcceptanceCheck::Reexecution) => Step::Reexecution,
            Some(AcceptanceCheck::BuyerWord { window_ms }) => {
                Step::BuyerWord { window_ms: *window_ms }
            }
            Some(AcceptanceCheck::Digest { .. } | AcceptanceCheck::All { .. }) | None => Step::Done,
        }
    }

    /// Takes what came of the next step.
    ///
    /// # Errors
    /// When it is evidence for another step.
    pub fn feed(&mut self, evidence: Evidence) -> Result<(), Error> {
        let refused = match (self.step(), evidence) {
            (Step::Verifier { .. }, Evidence::Verified { accepted: false, detail })
            | (Step::BuyerWord { .. }, Evidence::BuyerRefused { detail }) => Some(detail),
            (Step::Verifier { .. }, Evidence::Verified { accepted: true, .. })
            | (Step::BuyerWord { .. }, Evidence::BuyerSilent) => None,
            (Step::Reexecution, Evidence::Reexecuted(again)) => (again != self.output)
                .then(|| format!("running it again gave {again}, not {}", self.output)),
            (expected, _) => return Err(Error::OtherStep { expected }),
        };
        self.settle(refused);
        Ok(())
    }

    /// Decides a schema step: the output has to be JSON that the schema accepts.
    ///
    /// # Errors
    /// When the next step is another, or the bytes are not the output under check.
    pub fn check_schema(&mut self, schema: &Schema, output: &[u8]) -> Result<(), Error> {
        if self.step() != Step::Schema {
            return Err(Error::OtherStep { expected: self.step() });
        }
        let found = content_id(output);
        if found != self.output {
            return Err(Error::OtherOutput { expected: self.output, found });
        }
        let refused = schema.check_output(output).err().map(|mismatch| mismatch.to_string());
        self.settle(refused);
        Ok(())
    }

    /// The verdict, once there is one.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// Why the attempt failed, once the output is refused.
    pub fn failure(&self) -> Option<FailureReason> {
        self.failure
    }

    fn settle(&mut self, refused: Option<String>) {
        match refused {
            None => self.passed += 1,
            Some(detail) => self.refuse(&detail),
        }
        self.decide_digests();
    }

    fn decide_digests(&mut self) {
        while self.verdict.is_none() {
            match self.plan.steps().get(self.passed) {
                Some(AcceptanceCheck::Digest { expected }) if *expected == self.output => {
                    self.passed += 1;
                }
                Some(AcceptanceCheck::Digest { expected }) => {
                    let detail = format!("the output is {}, not {expected}", self.output);
                    self.refuse(&detail);
                }
                Some(_) => return,
                None => self.conclude(true, String::new()),
            }
        }
    }

    fn refuse(&mut self, detail: &str) {
        let step = self.plan.steps().get(self.passed);
        let by_buyer = matches!(step, Some(AcceptanceCheck::BuyerWord { .. }));
        self.failure =
            Some(if by_buyer { FailureReason::BuyerRefused } else { FailureReason::CheckFailed });
        let name = step.map_or("check", plan::name);
        let (place, count) = (self.passed + 1, self.plan.steps().len());
        let detail = format!("{name} (check {place} of {count}): {detail}");
        self.conclude(false, one_line(&detail, DETAIL_BYTES_MAX));
    }

    fn conclude(&mut self, accepted: bool, detail: String) {
        let check = self.plan.check().clone();
        self.verdict = Some(Verdict { accepted, check, verifier: self.verifier, detail });
    }
}
