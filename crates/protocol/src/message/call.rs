//! Call: a buyer announces a task and the rules of its auction.
use ainur_crypto::hash;
use ainur_primitives::{
    AcceptanceCheck, Amount, BudgetId, CapabilityName, ContentId, ConversationId, Digest,
    DurationMs, ExecutionLimits, Ppm, QualityLevel, SelectionRule, TaskGraph, TaskId, TaskSpec,
    Timestamp, WorkChunk,
};
use serde::{Deserialize, Serialize};

use super::{Body, MessageType, exact, probability};
use crate::canonical;
use crate::error::Error;
use crate::extensions::Extensions;

/// A call for proposals.
///
/// Capability, reserve price, budget, acceptance check and selection rule are said once, in the
/// inline specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The least bond a bid commitment brings.
    pub bid_bond: Amount,
    /// Commitments are taken until before then.
    pub commit_until: Timestamp,
    /// What a bid has to satisfy.
    pub constraints: Constraints,
    /// The buyer is refunded when nothing is settled by then: `created` and the specification's
    /// `deadline_ms`.
    pub deadline: Timestamp,
    /// JSON Schema of the parameters, as JSON text; part of the contract the buyer expects.
    pub input_schema: String,
    /// JSON Schema of a JSON output, as JSON text.
    pub output_schema: String,
    /// Bids are revealed from `commit_until` until before then.
    pub reveal_until: Timestamp,
    /// What is wanted.
    pub specification: Specification,
    /// [`Specification::digest`], by which the other messages and the ledger know it.
    pub specification_digest: Digest,
    /// The task.
    pub task: TaskId,
    /// Optional fields.
    #[serde(flatten)]
    pub extensions: Extensions,
}

/// What a bid has to satisfy to be eligible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraints {
    /// The longest estimated duration.
    pub duration_ms_max: DurationMs,
    /// The highest failure probability by the ledger's reputation.
    pub failure_probability_max: Ppm,
    /// The lowest quality offered.
    pub quality_level_min: QualityLevel,
}

/// [`TaskSpec`] as it travels: the same fields, with a reserve that may be sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Specification {
    /// The budget it draws on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetId>,
    /// What is wanted.
    pub capability: CapabilityName,
    /// How the result is accepted.
    #[serde(serialize_with = "canonical::check")]
    pub check: AcceptanceCheck,
    /// The pieces it is delivered, accepted and paid in, when it is not all at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<WorkChunk>,
    /// Time from announcement to settlement.
    pub deadline_ms: DurationMs,
    /// The parts it is made of, when it is more than one piece of work.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "canonical::graph")]
    pub graph: Option<TaskGraph>,
    /// The input stream, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<ContentId>,
    /// Length of the input stream in bytes.
    pub input_bytes: u64,
    /// Limits on each attempt.
    #[serde(serialize_with = "canonical::limits")]
    pub limits: ExecutionLimits,
    /// What failed work would cost the buyer.
    pub loss: Amount,
    /// JSON parameters in canonical form.
    pub parameters: String,
    /// The most the buyer pays.
    pub reserve: ReservePrice,
    /// How the winner is chosen.
    pub selection: SelectionRule,
}

/// The most the buyer pays, or a commitment to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ReservePrice {
    /// Known to the bidders.
    Open(Amount),
    /// Shown to them after the bids ([`ReservePrice::seal`]).
    Sealed(Digest),
}

impl ReservePrice {
    /// Seals a reserve under 32 random bytes.
    pub fn seal(reserve: Amount, salt: &[u8; 32]) -> Self {
        Self::Sealed(hash::tagged("ainur/sealed-reserve/v1", &[salt, &reserve.0.to_le_bytes()]))
    }
}

/// The task that a buyer means in a conversation it begins, before a ledger has given it an id.
pub fn task_meant(specification: &Digest, conversation: &ConversationId) -> TaskId {
    TaskId(hash::tagged("ainur/aacl-task/v1", &[&specification.0, &conversation.0.0]))
}

impl Specification {
    /// A specification whose reserve the bidders know.
    pub fn open(spec: &TaskSpec) -> Self {
        Self::with_reserve(spec, ReservePrice::Open(spec.reserve))
    }

    /// A specification whose reserve the bidders do not know yet.
    pub fn sealed(spec: &TaskSpec, salt: &[u8; 32]) -> Self {
        Self::with_reserve(spec, ReservePrice::seal(spec.reserve, salt))
    }

    fn with_reserve(spec: &TaskSpec, reserve: ReservePrice) -> Self {
        let TaskSpec {
            capability,
            parameters,
            input,
            input_bytes,
            reserve: _,
            loss,
            budget,
            selection,
            check,
            deadline_ms,
            limits,
            graph,
            chunks,
        } = spec.clone();
        Self {
            budget,
            capability,
            check,
            chunks,
            deadline_ms,
            graph,
            input,
            input_bytes,
            limits,
            loss,
            parameters,
            reserve,
            selection,
        }
    }

    /// The task specification, when its reserve is open.
    pub fn task_spec(&self) -> Option<TaskSpec> {
        match self.reserve {
            ReservePrice::Open(reserve) => Some(self.with_amount(reserve)),
            ReservePrice::Sealed(_) => None,
        }
    }

    /// The task specification behind a sealed reserve; `None` when amount and salt do not fit.
    pub fn unsealed(&self, reserve: Amount, salt: &[u8; 32]) -> Option<TaskSpec> {
        (self.reserve == ReservePrice::seal(reserve, salt)).then(|| self.with_amount(reserve))
    }

    fn with_amount(&self, reserve: Amount) -> TaskSpec {
        let Self {
            budget,
            capability,
            check,
            chunks,
            deadline_ms,
            graph,
            input,
            input_bytes,
            limits,
            loss,
            parameters,
            reserve: _,
            selection,
        } = self.clone();
        TaskSpec {
            capability,
            parameters,
            input,
            input_bytes,
            reserve,
            loss,
            budget,
            selection,
            check,
            deadline_ms,
            limits,
            graph,
            chunks,
        }
    }

    /// The digest that names it, over its canonical JSON; a sealed reserve stays sealed in it.
    ///
    /// # Errors
    /// When an integer in it has no exact form in JSON.
    pub fn digest(&self) -> Result<Digest, Error> {
        self.validate()?;
        let bytes = canonical::write(self, false)?;
        Ok(hash::tagged("ainur/task-specification/v1", &[&bytes]))
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        exact("specification.deadline_ms", self.deadline_ms.0)?;
        exact("specification.input_bytes", self.input_bytes)?;
        exact("specification.limits.fuel_max", self.limits.fuel_max)?;
        exact("specification.limits.memory_bytes_max", self.limits.memory_bytes_max)?;
        exact("specification.limits.duration_ms_max", self.limits.duration_ms_max.0)?;
        exact("specification.limits.output_bytes_max", self.limits.output_bytes_max)?;
        for subtask in self.graph.iter().flat_map(|graph| &graph.subtasks) {
            exact("specification.graph.duration_ms_max", subtask.duration_ms_max.0)?;
        }
        for chunk in &self.chunks {
            exact("specification.chunks.input_bytes", chunk.input_bytes)?;
        }
        for check in self.check.flattened() {
            if let AcceptanceCheck::BuyerWord { window_ms } = check {
                exact("specification.check.window_ms", window_ms.0)?;
            }
        }
        Ok(())
    }
}

impl Body for Call {
    const TYPE: MessageType = MessageType::Call;

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn validate(&self, created: Timestamp) -> Result<(), Error> {
        exact("constraints.duration_ms_max", self.constraints.duration_ms_max.0)?;
        probability(
            "constraints.failure_probability_max",
            self.constraints.failure_probability_max,
        )?;
        if self.commit_until <= created || self.reveal_until <= self.commit_until {
            return Err(Error::field("reveal_until", "committing ends before revealing does"));
        }
        if self.deadline <= self.reveal_until {
            return Err(Error::field("deadline", "the deadline is after the end of revealing"));
        }
        if self.deadline != created.plus(self.specification.deadline_ms) {
            return Err(Error::field("deadline", "not the specification's deadline_ms later"));
        }
        let expected = self.specification.digest()?;
        if expected == self.specification_digest {
            return Ok(());
        }
        let found = self.specification_digest;
        Err(Error::Digest { field: "specification_digest", expected, found })
    }
}
