//! Negotiate: one proposal in a thread of them.
//!
//! What is proposed, and what may follow it, is the market's; here is how it travels.
use ainur_primitives::{
    Amount, Digest, DisputeResolution, DurationMs, MessageId, NegotiationId, Ppm, QualityLevel,
    TaskId, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{Body, MessageType, Specification, exact, probability};
use crate::error::Error;
use crate::extensions::Extensions;
use crate::limits::{
    MILESTONE_NAME_BYTES_MAX, NEGOTIATION_MESSAGES_MAX, RELAXATIONS_MAX, SCHEDULED_PAYMENTS_MAX,
};

/// A proposal, in reply to the other side's last one, to a bid, or as a beginning.
///
/// The message's signature covers `conversation_thread` and `thread_digest`, and so everything
/// both sides have said before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negotiate {
    /// The negotiation's messages before this one, in order.
    pub conversation_thread: Vec<MessageId>,
    /// What the sender would change in `proposal`; without it the sender proposes `proposal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter_proposal: Option<CounterTerms>,
    /// Which negotiation: the digest of its rules, which follow from `opening` and the parties.
    pub negotiation_id: NegotiationId,
    /// The rules, in the first message and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<NegotiationOpening>,
    /// What the sender proposes; with a `counter_proposal`, the other side's last proposal that is
    /// to be changed, in full.
    pub proposal: ProposedTerms,
    /// Counted from one; a round is a message of each side.
    pub round: u32,
    /// The task.
    pub task: TaskId,
    /// The market's digest of the thread that ends with this message.
    pub thread_digest: Digest,
    /// Optional fields.
    #[serde(flatten)]
    pub extensions: Extensions,
}

/// What the buyer fixes when it opens a negotiation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NegotiationOpening {
    /// The seller's share of what is unpaid when the buyer ends the agreement later than free.
    pub cancellation_fee: Ppm,
    /// Until so long after the agreement ending it is free.
    pub cancellation_free_ms: DurationMs,
    /// Digest of the agent card whose contract the seller will fulfil.
    pub card: Digest,
    /// Messages are taken until before then.
    pub deadline: Timestamp,
    /// When it begins.
    pub opened: Timestamp,
    /// How many rounds there are at most.
    pub rounds_max: u32,
    /// What is wanted, when no call has said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specification: Option<Box<Specification>>,
    /// What is agreed can be brought to the ledger until then.
    pub valid_until: Timestamp,
}

/// Everything a side binds itself to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposedTerms {
    /// Who decides a dispute.
    pub dispute_resolution: DisputeResolution,
    /// When it is paid.
    pub payment_schedule: PaymentSchedule,
    /// What accepted work is paid.
    pub price: Amount,
    /// How good the work is to be.
    pub quality_level: QualityLevel,
    /// Time from the agreement to delivery.
    pub timeline_ms: DurationMs,
}

/// When the price is paid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentSchedule {
    /// When all of the work is accepted.
    #[default]
    Completion,
    /// When the agreement is made.
    Upfront,
    /// In parts, each when its part of the work is accepted.
    Milestone(Vec<ScheduledPayment>),
}

/// One part of the price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledPayment {
    /// When it is due, counted from the agreement.
    pub due_ms: DurationMs,
    /// For which part of the work.
    pub milestone: String,
    /// Its share of the price.
    pub share: Ppm,
}

/// What a side would change in a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterTerms {
    /// The price instead.
    pub adjusted_price: Amount,
    /// The time to delivery instead.
    pub alternate_timeline_ms: DurationMs,
    /// What else is changed.
    pub requirements_relaxation: Vec<RelaxedRequirement>,
}

/// One requirement of a proposal, replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelaxedRequirement {
    /// Another quality.
    QualityLevel(QualityLevel),
    /// Another schedule of payment.
    PaymentSchedule(PaymentSchedule),
    /// Another way to decide disputes.
    DisputeResolution(DisputeResolution),
}

impl PaymentSchedule {
    pub(super) fn is_completion(&self) -> bool {
        *self == Self::Completion
    }

    pub(super) fn validate(&self, field: &'static str) -> Result<(), Error> {
        let Self::Milestone(payments) = self else { return Ok(()) };
        if !(1..=SCHEDULED_PAYMENTS_MAX).contains(&payments.len()) {
            return Err(Error::field(field, "1 to 32 payments"));
        }
        for payment in payments {
            exact(field, payment.due_ms.0)?;
            probability(field, payment.share)?;
            if payment.milestone.len() > MILESTONE_NAME_BYTES_MAX {
                return Err(Error::field(field, "a milestone's name has at most 48 bytes"));
            }
        }
        Ok(())
    }
}

impl CounterTerms {
    fn validate(&self) -> Result<(), Error> {
        exact("counter_proposal.alternate_timeline_ms", self.alternate_timeline_ms.0)?;
        let field = "counter_proposal.requirements_relaxation";
        if self.requirements_relaxation.len() > RELAXATIONS_MAX {
            return Err(Error::field(field, "at most 3, each kind once"));
        }
        for change in &self.requirements_relaxation {
            if let RelaxedRequirement::PaymentSchedule(schedule) = change {
                schedule.validate(field)?;
            }
        }
        Ok(())
    }
}

impl Body for Negotiate {
    const TYPE: MessageType = MessageType::Negotiate;

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn validate(&self, created: Timestamp) -> Result<(), Error> {
        let said = &self.conversation_thread;
        if said.len() >= NEGOTIATION_MESSAGES_MAX {
            return Err(Error::field("conversation_thread", "at most 127 messages before"));
        }
        if (1..said.len()).any(|place| said[..place].contains(&said[place])) {
            return Err(Error::field("conversation_thread", "a message is named twice"));
        }
        if usize::try_from(self.round).ok() != Some(said.len() / 2 + 1) {
            return Err(Error::field("round", "not that of the next message in the thread"));
        }
        if self.opening.is_some() != said.is_empty() {
            return Err(Error::field("opening", "in the first message, and only there"));
        }
        if let Some(opening) = &self.opening {
            exact("opening.cancellation_free_ms", opening.cancellation_free_ms.0)?;
            probability("opening.cancellation_fee", opening.cancellation_fee)?;
            if opening.deadline <= created {
                return Err(Error::field("opening.deadline", "nobody could answer any more"));
            }
            if let Some(specification) = &opening.specification {
                specification.validate()?;
            }
        }
        exact("proposal.timeline_ms", self.proposal.timeline_ms.0)?;
        self.proposal.payment_schedule.validate("proposal.payment_schedule")?;
        match &self.counter_proposal {
            Some(_) if said.is_empty() => {
                Err(Error::field("counter_proposal", "there is nothing to counter yet"))
            }
            Some(counter) => counter.validate(),
            None => Ok(()),
        }
    }
}
