//! What is negotiated: the rules both sides are bound by, the proposals, and what is agreed.
use alloc::vec::Vec;

use ainur_crypto::hash;
use ainur_primitives::{
    Amount, Did, Digest, DisputeResolution, DurationMs, NegotiationId, QualityLevel, TaskId,
    Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::payment::{CancellationPolicy, PaymentTerms};

/// How many rounds a negotiation has at most; a round is a message of each side.
pub const ROUNDS_MAX: u32 = 64;
/// How many rounds a buyer asks for who has no reason to ask for others.
pub const ROUNDS_DEFAULT: u32 = 3;
/// How many requirements a counter-proposal changes at most: each kind once.
pub const RELAXATIONS_MAX: usize = 3;

/// What a negotiation is about and when it ends; fixed by the buyer who opens it.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct NegotiationRules {
    /// The task.
    pub task: TaskId,
    /// Who pays; speaks first.
    pub buyer: Did,
    /// Who works.
    pub seller: Did,
    /// Digest of the agent card whose contract the seller will fulfil.
    pub card: Digest,
    /// What ending the agreement early costs the buyer.
    pub cancellation: CancellationPolicy,
    /// Messages are taken from then…
    pub opened: Timestamp,
    /// …until before then.
    pub deadline: Timestamp,
    /// After so many rounds the seller can only accept or end it.
    pub rounds_max: u32,
    /// What is agreed can be brought to the ledger until then; not before the deadline.
    pub valid_until: Timestamp,
}

/// Everything a side binds itself to by one message.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct NegotiationProposal {
    /// What accepted work is paid.
    pub price: Amount,
    /// Time from the agreement to delivery.
    pub timeline_ms: DurationMs,
    /// How good the work is to be.
    pub quality_level: QualityLevel,
    /// When it is paid.
    pub payment: PaymentTerms,
    /// Who decides a dispute.
    pub dispute_resolution: DisputeResolution,
}

/// What a side would change in the other side's last proposal.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct CounterProposal {
    /// The price instead.
    pub adjusted_price: Amount,
    /// The time to delivery instead.
    pub alternate_timeline_ms: DurationMs,
    /// Requirements changed; each kind at most once, in the order of [`Relaxation`].
    pub requirements_relaxation: Vec<Relaxation>,
}

/// One requirement of a proposal, replaced.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Relaxation {
    /// Another quality.
    QualityLevel(QualityLevel),
    /// Another schedule of payment.
    Payment(PaymentTerms),
    /// Another way to decide disputes.
    DisputeResolution(DisputeResolution),
}

/// What both sides agreed to, and what the seller signs as its consent.
///
/// `thread` is the digest of all that was said up to the proposal that was accepted. So the seller
/// can sign the terms together with its own proposal, and the buyer who accepts needs no further
/// word from it; or it signs them when it accepts the buyer's.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct NegotiatedTerms {
    /// The task.
    pub task: TaskId,
    /// Who pays.
    pub buyer: Did,
    /// Who works.
    pub seller: Did,
    /// Digest of the agent card whose contract the seller will fulfil.
    pub card: Digest,
    /// Price, time, quality, payment and dispute resolution.
    pub agreed: NegotiationProposal,
    /// What ending the agreement early costs the buyer.
    pub cancellation: CancellationPolicy,
    /// Digest of the thread up to the accepted proposal.
    pub thread: Digest,
    /// The terms can be brought to the ledger until then.
    pub valid_until: Timestamp,
}

impl NegotiationRules {
    /// The name of the negotiation, and the beginning of its thread.
    pub fn id(&self) -> NegotiationId {
        NegotiationId(hash::tagged("ainur/negotiation-rules/v1", &[&self.encode()]))
    }

    /// Checks what a negotiation by these rules needs.
    ///
    /// # Errors
    /// When a party would talk to itself, no message could be taken, there are no rounds or too
    /// many, what is agreed would be void before the deadline, or the cancellation cannot be.
    pub fn validate(&self) -> Result<(), Error> {
        if self.buyer == self.seller {
            return Err(Error::Alone(self.buyer));
        }
        if self.opened >= self.deadline || self.valid_until < self.deadline {
            return Err(Error::Times);
        }
        if !(1..=ROUNDS_MAX).contains(&self.rounds_max) {
            return Err(Error::Rounds(self.rounds_max));
        }
        Ok(self.cancellation.validate()?)
    }

    /// How many messages there are at most: two a round.
    pub const fn messages_max(&self) -> usize {
        self.rounds_max as usize * 2
    }

    /// Who says the message after `said` messages: buyer and seller take turns.
    pub const fn speaker(&self, said: usize) -> Did {
        if said.is_multiple_of(2) { self.buyer } else { self.seller }
    }
}

impl NegotiationProposal {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// For no price, no time, or terms of payment that cannot be.
    pub fn validate(&self) -> Result<(), Error> {
        if self.price.is_zero() || self.timeline_ms.0 == 0 {
            return Err(Error::Nothing);
        }
        Ok(self.payment.validate()?)
    }
}

impl CounterProposal {
    /// The changes that make `wanted` of `answered`.
    pub fn between(answered: &NegotiationProposal, wanted: &NegotiationProposal) -> Self {
        let mut requirements_relaxation = Vec::new();
        if wanted.quality_level != answered.quality_level {
            requirements_relaxation.push(Relaxation::QualityLevel(wanted.quality_level));
        }
        if wanted.payment != answered.payment {
            requirements_relaxation.push(Relaxation::Payment(wanted.payment.clone()));
        }
        if wanted.dispute_resolution != answered.dispute_resolution {
            requirements_relaxation.push(Relaxation::DisputeResolution(wanted.dispute_resolution));
        }
        Self {
            adjusted_price: wanted.price,
            alternate_timeline_ms: wanted.timeline_ms,
            requirements_relaxation,
        }
    }

    /// The whole proposal that these changes make of `answered`.
    ///
    /// # Errors
    /// When requirements are repeated or out of order, or the proposal cannot be.
    pub fn applied_to(&self, answered: &NegotiationProposal) -> Result<NegotiationProposal, Error> {
        let changes = &self.requirements_relaxation;
        if !changes.windows(2).all(|pair| pair[0].kind() < pair[1].kind()) {
            return Err(Error::Relaxations);
        }
        let mut proposal = answered.clone();
        proposal.price = self.adjusted_price;
        proposal.timeline_ms = self.alternate_timeline_ms;
        for change in changes {
            match change {
                Relaxation::QualityLevel(level) => proposal.quality_level = *level,
                Relaxation::Payment(payment) => proposal.payment = payment.clone(),
                Relaxation::DisputeResolution(way) => proposal.dispute_resolution = *way,
            }
        }
        proposal.validate()?;
        Ok(proposal)
    }
}

impl Relaxation {
    const fn kind(&self) -> u8 {
        match self {
            Self::QualityLevel(_) => 0,
            Self::Payment(_) => 1,
            Self::DisputeResolution(_) => 2,
        }
    }
}

impl NegotiatedTerms {
    /// Checks what the types alone do not; terms that a [`super::Negotiation`] made are valid.
    ///
    /// # Errors
    /// As [`NegotiationRules::validate`] and [`NegotiationProposal::validate`].
    pub fn validate(&self) -> Result<(), Error> {
        if self.buyer == self.seller {
            return Err(Error::Alone(self.buyer));
        }
        self.agreed.validate()?;
        Ok(self.cancellation.validate()?)
    }

    /// What the seller's signature covers.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/negotiated-terms/v1", &[&self.encode()])
    }
}
