//! StandingOffer and Withdraw: a price that is there before anybody asks, and its end.
use ainur_crypto::{Proof, PublicKeys, Verifier};
use ainur_primitives::{
    Amount, CapabilityName, Did, Digest, DurationMs, Ppm, QualityLevel, Timestamp,
};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::{Body, MessageType, PaymentSchedule, exact, probability};
use crate::canonical;
use crate::envelope::Envelope;
use crate::error::Error;
use crate::extensions::Extensions;
use crate::limits::{OFFER_ITEMS_MAX, OFFERED_CAPABILITIES_MAX};

/// A standing offer: the first message of a conversation of its own.
///
/// What it costs under which circumstances is the market's to say, which makes its terms of the
/// fields; their digest has to be `offer`. The envelope's `expires` says until when the message is
/// delivered, `expiry` until when the offer stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingOffer {
    /// Who offers: the sender.
    pub agent: Did,
    /// What is offered; ascending.
    pub capabilities: Vec<CapabilityName>,
    /// How much is done at once.
    pub capacity: OfferedCapacity,
    /// Digest of the agent card whose contracts the agent will fulfil.
    pub card: Digest,
    /// The agent's signature over `offer`: whoever takes the offer shows it to the ledger.
    #[serde(serialize_with = "consent")]
    pub consent: Proof,
    /// How long one task is expected to take.
    pub estimated_duration_ms: DurationMs,
    /// It can be taken until before then.
    pub expiry: Timestamp,
    /// Digest of the offer's terms, by which ledger and market know it.
    pub offer: Digest,
    /// What one task costs.
    pub pricing: OfferedPricing,
    /// The quality offered.
    pub quality_level: QualityLevel,
    /// The agent's own number for it.
    pub serial: u64,
    /// Under which conditions.
    pub terms: OfferedTerms,
    /// It can be taken from then.
    pub valid_from: Timestamp,
    /// Optional fields.
    #[serde(flatten)]
    pub extensions: Extensions,
}

/// How much is done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferedCapacity {
    /// Tasks at work at once.
    pub concurrent_tasks: u32,
    /// How long a task that has to wait waits for each one before it.
    pub estimated_wait_ms: DurationMs,
    /// Tasks that may wait beyond those at work.
    pub queue_size: u32,
}

/// What one task costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferedPricing {
    /// Without discount and surcharge.
    pub base_price: Amount,
    /// When it costs more.
    pub premium_hours: Vec<OfferedHours>,
    /// Less for those who have bought; ascending by `tasks_min`.
    pub volume_discount: Vec<OfferedDiscount>,
}

/// A span of the day, in UTC, in which a surcharge is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferedHours {
    /// From this minute of the day…
    pub from_minute: u16,
    /// This share of the discounted price is added.
    pub surcharge: Ppm,
    /// …until before this one.
    pub until_minute: u16,
    /// On these days of the week: bit 0 is Monday, bit 6 Sunday.
    pub weekdays: u8,
}

/// A discount for a buyer of so many tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferedDiscount {
    /// This share of the base price is not charged.
    pub discount: Ppm,
    /// From so many tasks agreed before.
    pub tasks_min: u32,
}

/// Under which conditions an offer is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferedTerms {
    /// What ending a task early costs its buyer.
    pub cancellation_policy: OfferedCancellation,
    /// A task whose buyer pays at most less than this is not taken.
    pub minimum_budget: Amount,
    /// When the agent is paid.
    pub payment_terms: PaymentSchedule,
}

/// What ending a task early costs its buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferedCancellation {
    /// The agent's share of what is unpaid, when it is ended later than free.
    pub fee: Ppm,
    /// Until so long after the agreement it is free.
    pub free_ms: DurationMs,
}

/// The end of a standing offer, in reply to it. Nobody can take it from then on; what was taken
/// goes on. The ledger knows it by an action of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdraw {
    /// Digest of the offer's terms.
    pub offer: Digest,
    /// Optional fields.
    #[serde(flatten)]
    pub extensions: Extensions,
}

fn consent<S: Serializer>(proof: &Proof, serializer: S) -> Result<S::Ok, S::Error> {
    canonical::proof(&Some(proof), serializer)
}

impl Envelope<StandingOffer> {
    /// Checks that the sender is the agent that offers, and signed the offer's terms. Its signature
    /// over the message is [`Envelope::verify`]'s; the caller found the keys by the sender and the
    /// key version in the consent.
    ///
    /// # Errors
    /// When the offer or the consent is another party's, or the consent does not hold.
    pub fn verify_consent(&self, keys: &PublicKeys, verifier: &impl Verifier) -> Result<(), Error> {
        let (from, body) = (self.header().from, self.body());
        for signer in [body.agent, body.consent.signer] {
            if signer != from {
                return Err(Error::OtherSigner { from, signer });
            }
        }
        Ok(body.consent.verify(body.offer, keys, verifier)?)
    }
}

impl OfferedPricing {
    fn validate(&self) -> Result<(), Error> {
        if self.base_price.is_zero() {
            return Err(Error::field("pricing.base_price", "a price is above zero"));
        }
        if self.volume_discount.len() > OFFER_ITEMS_MAX {
            return Err(Error::field("pricing.volume_discount", "at most 16 discounts"));
        }
        for step in &self.volume_discount {
            probability("pricing.volume_discount.discount", step.discount)?;
        }
        if self.premium_hours.len() > OFFER_ITEMS_MAX {
            return Err(Error::field("pricing.premium_hours", "at most 16 spans"));
        }
        let within = |hours: &OfferedHours| hours.until_minute <= 1_440 && hours.weekdays < 0x80;
        if !self.premium_hours.iter().all(within) {
            return Err(Error::field("pricing.premium_hours", "within a day, on seven weekdays"));
        }
        Ok(())
    }
}

impl Body for StandingOffer {
    const TYPE: MessageType = MessageType::StandingOffer;

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn validate(&self, created: Timestamp) -> Result<(), Error> {
        let ascend = self.capabilities.windows(2).all(|pair| pair[0] < pair[1]);
        if !(1..=OFFERED_CAPABILITIES_MAX).contains(&self.capabilities.len()) || !ascend {
            return Err(Error::field("capabilities", "1 to 64, ascending and each once"));
        }
        if self.capacity.concurrent_tasks == 0 {
            return Err(Error::field("capacity.concurrent_tasks", "at least one task at once"));
        }
        exact("capacity.estimated_wait_ms", self.capacity.estimated_wait_ms.0)?;
        exact("estimated_duration_ms", self.estimated_duration_ms.0)?;
        exact("serial", self.serial)?;
        self.pricing.validate()?;
        let OfferedTerms { cancellation_policy, payment_terms, .. } = &self.terms;
        probability("terms.cancellation_policy.fee", cancellation_policy.fee)?;
        exact("terms.cancellation_policy.free_ms", cancellation_policy.free_ms.0)?;
        payment_terms.validate("terms.payment_terms")?;
        if self.expiry <= created || self.expiry <= self.valid_from {
            return Err(Error::field("expiry", "the offer could not be taken"));
        }
        Ok(())
    }
}

impl Body for Withdraw {
    const TYPE: MessageType = MessageType::Withdraw;

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn validate(&self, _created: Timestamp) -> Result<(), Error> {
        Ok(())
    }
}
