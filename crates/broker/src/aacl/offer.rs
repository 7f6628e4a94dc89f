//! Standing offers, and when sellers are paid.
use ainur_crypto::{Proof, hash};
use ainur_market::offer::{OfferCapacity, OfferPricing, OfferTerms, PremiumHours, VolumeDiscount};
use ainur_market::payment::{CancellationPolicy, Milestone, PaymentTerms};
use ainur_primitives::{ConversationId, Digest, DurationMs, Timestamp};
use ainur_protocol::limits::LIFETIME_MS_MAX;
use ainur_protocol::{
    Draft, Envelope, Error, Extensions, OfferedCancellation, OfferedCapacity, OfferedDiscount,
    OfferedHours, OfferedPricing, OfferedTerms, PaymentSchedule, Recipients, ScheduledPayment,
    StandingOffer,
};

/// The conversation that a standing offer begins.
pub fn offer_conversation(offer: &Digest) -> ConversationId {
    ConversationId(hash::tagged("ainur/aacl-offer-conversation/v1", &[&offer.0]))
}

/// The message of a standing offer as it is delivered on a day: an offer may stand for longer than a
/// message lives, so each day it is said again. It is from the seller, for whoever listens.
///
/// # Errors
/// When the offer is over, or a message cannot carry its terms.
pub fn offer_message(
    terms: &OfferTerms,
    consent: Proof,
    now: Timestamp,
) -> Result<Envelope<StandingOffer>, Error> {
    let days = now.since(terms.valid_from).0 / LIFETIME_MS_MAX.0;
    let created = terms.valid_from.plus(DurationMs(days * LIFETIME_MS_MAX.0));
    let topic = terms.capabilities.first().map(|name| format!("topic:offer/{name}"));
    let to = Recipients::Topic(topic.unwrap_or_default().parse()?);
    Draft {
        conversation_id: offer_conversation(&terms.digest()),
        in_reply_to: None,
        from: terms.seller,
        to,
        created,
        expires: created.plus(LIFETIME_MS_MAX).min(terms.valid_until),
        body: written_offer(terms, consent),
        extensions: Extensions::default(),
    }
    .finish()
}

/// A standing offer as its seller says it.
pub fn written_offer(terms: &OfferTerms, consent: Proof) -> StandingOffer {
    let OfferCapacity { concurrent_tasks, queue_size, estimated_wait_ms } = terms.capacity;
    let hours = |hours: &PremiumHours| {
        let PremiumHours { weekdays, from_minute, until_minute, surcharge } = *hours;
        OfferedHours { from_minute, surcharge, until_minute, weekdays }
    };
    let discount = |step: &VolumeDiscount| {
        let VolumeDiscount { tasks_min, discount } = *step;
        OfferedDiscount { discount, tasks_min }
    };
    StandingOffer {
        agent: terms.seller,
        capabilities: terms.capabilities.clone(),
        capacity: OfferedCapacity { concurrent_tasks, estimated_wait_ms, queue_size },
        card: terms.card,
        consent,
        estimated_duration_ms: terms.estimated_duration_ms,
        expiry: terms.valid_until,
        offer: terms.digest(),
        pricing: OfferedPricing {
            base_price: terms.pricing.base_price,
            premium_hours: terms.pricing.premium_hours.iter().map(hours).collect(),
            volume_discount: terms.pricing.volume_discount.iter().map(discount).collect(),
        },
        quality_level: terms.quality_level,
        serial: terms.serial,
        terms: OfferedTerms {
            cancellation_policy: OfferedCancellation {
                fee: terms.cancellation.fee,
                free_ms: terms.cancellation.free_ms,
            },
            minimum_budget: terms.minimum_budget,
            payment_terms: written_schedule(&terms.payment),
        },
        valid_from: terms.valid_from,
        extensions: Extensions::default(),
    }
}

/// What the sender of a standing offer is bound to; its digest has to be the message's `offer`.
pub fn offer_terms(offer: &StandingOffer) -> OfferTerms {
    let OfferedCapacity { concurrent_tasks, estimated_wait_ms, queue_size } = offer.capacity;
    let hours = |hours: &OfferedHours| {
        let OfferedHours { from_minute, surcharge, until_minute, weekdays } = *hours;
        PremiumHours { weekdays, from_minute, until_minute, surcharge }
    };
    let discount = |step: &OfferedDiscount| {
        let OfferedDiscount { discount, tasks_min } = *step;
        VolumeDiscount { tasks_min, discount }
    };
    OfferTerms {
        seller: offer.agent,
        serial: offer.serial,
        card: offer.card,
        capabilities: offer.capabilities.clone(),
        quality_level: offer.quality_level,
        estimated_duration_ms: offer.estimated_duration_ms,
        pricing: OfferPricing {
            base_price: offer.pricing.base_price,
            volume_discount: offer.pricing.volume_discount.iter().map(discount).collect(),
            premium_hours: offer.pricing.premium_hours.iter().map(hours).collect(),
        },
        capacity: OfferCapacity { concurrent_tasks, queue_size, estimated_wait_ms },
        minimum_budget: offer.terms.minimum_budget,
        payment: payment_terms(&offer.terms.payment_terms),
        cancellation: CancellationPolicy {
            free_ms: offer.terms.cancellation_policy.free_ms,
            fee: offer.terms.cancellation_policy.fee,
        },
        valid_from: offer.valid_from,
        valid_until: offer.expiry,
    }
}

/// When a seller is paid, as it is said.
pub fn written_schedule(payment: &PaymentTerms) -> PaymentSchedule {
    match payment {
        PaymentTerms::Completion => PaymentSchedule::Completion,
        PaymentTerms::Upfront => PaymentSchedule::Upfront,
        PaymentTerms::Milestone(milestones) => {
            let written = |milestone: &Milestone| ScheduledPayment {
                due_ms: milestone.due_ms,
                milestone: milestone.name.clone(),
                share: milestone.share,
            };
            PaymentSchedule::Milestone(milestones.iter().map(written).collect())
        }
    }
}

/// When a seller is paid, as the market reads it.
pub fn payment_terms(schedule: &PaymentSchedule) -> PaymentTerms {
    match schedule {
        PaymentSchedule::Completion => PaymentTerms::Completion,
        PaymentSchedule::Upfront => PaymentTerms::Upfront,
        PaymentSchedule::Milestone(payments) => {
            let read = |payment: &ScheduledPayment| Milestone {
                name: payment.milestone.clone(),
                share: payment.share,
                due_ms: payment.due_ms,
            };
            PaymentTerms::Milestone(payments.iter().map(read).collect())
        }
    }
}
