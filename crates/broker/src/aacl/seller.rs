//! What agents that keep their own keys say, as terms of the market, and the calls they answer.
use ainur_crypto::{Proof, hash};
use ainur_market::auction::{BidTerms, CommitTerms, Reveal};
use ainur_market::offer::{OfferCapacity, OfferPricing, OfferTerms, PremiumHours, VolumeDiscount};
use ainur_market::payment::{CancellationPolicy, Milestone, PaymentTerms};
use ainur_primitives::{ConversationId, Did, Ppm, QualityLevel, TaskId};
use ainur_protocol::limits::LIFETIME_MS_MAX;
use ainur_protocol::{
    Bid, BidCommit, Call, Constraints, Draft, Envelope, Error, Extensions, OfferedCancellation,
    OfferedCapacity, OfferedDiscount, OfferedHours, OfferedPricing, OfferedTerms, PaymentSchedule,
    Recipients, ScheduledPayment, Specification, StandingOffer,
};

use crate::task::Task;

/// A schema that every value satisfies.
const ANY_SCHEMA: &str = "true";

/// The conversation about a task that is called for openly.
pub fn open_conversation(task: TaskId) -> ConversationId {
    ConversationId(hash::tagged("ainur/aacl-open-call/v1", &[&task.0.0]))
}

/// The call for a task that takes bids, as its buyer says it; always the same one, not signed.
///
/// # Errors
/// When a number in it is larger than a message can carry.
pub fn open_call(task: &Task) -> Result<Envelope<Call>, Error> {
    let terms = task.auction.terms();
    let topic = format!("topic:call/{}", task.spec.capability);
    let draft = Draft {
        conversation_id: open_conversation(task.id),
        in_reply_to: None,
        from: task.buyer,
        to: Recipients::Topic(topic.parse()?),
        created: task.opened,
        expires: terms.reveal_until.min(task.opened.plus(LIFETIME_MS_MAX)),
        body: Call {
            bid_bond: terms.bid_bond,
            commit_until: terms.commit_until,
            constraints: Constraints {
                duration_ms_max: terms.duration_ms_max,
                failure_probability_max: Ppm::ONE,
                quality_level_min: QualityLevel::Standard,
            },
            deadline: task.deadline,
            input_schema: ANY_SCHEMA.into(),
            output_schema: ANY_SCHEMA.into(),
            reveal_until: terms.reveal_until,
            specification: Specification::open(&task.spec),
            specification_digest: task.call,
            task: task.id,
            extensions: Extensions::default(),
        },
        extensions: Extensions::default(),
    };
    draft.finish()
}

/// What a bidder commits to.
pub fn commit_terms(bidder: Did, body: &BidCommit) -> CommitTerms {
    CommitTerms {
        task: body.task,
        bidder,
        commitment: body.commitment,
        bid_bond: body.bid_bond,
        reveal_until: body.reveal_until,
    }
}

/// A bid as it is opened; when it is paid is the call's to say.
pub fn reveal(bidder: Did, body: &Bid, payment: PaymentTerms) -> Reveal {
    let terms = BidTerms {
        task: body.task,
        bidder,
        price: body.price,
        bid_bond: body.bid_bond,
        estimated_duration_ms: body.estimated_duration_ms,
        confidence: body.confidence,
        quality_level: body.quality_level,
        card: body.card,
        valid_until: body.valid_until,
        payment,
    };
    Reveal { terms, salt: body.salt }
}

/// The terms of a standing offer.
///
/// # Errors
/// When they are not those that its digest names.
pub fn offer_terms(body: &StandingOffer) -> Result<OfferTerms, Error> {
    let discount = |step: &OfferedDiscount| VolumeDiscount {
        tasks_min: step.tasks_min,
        discount: step.discount,
    };
    let premium = |hours: &OfferedHours| PremiumHours {
        weekdays: hours.weekdays,
        from_minute: hours.from_minute,
        until_minute: hours.until_minute,
        surcharge: hours.surcharge,
    };
    let OfferedCancellation { fee, free_ms } = body.terms.cancellation_policy;
    let terms = OfferTerms {
        seller: body.agent,
        serial: body.serial,
        card: body.card,
        capabilities: body.capabilities.clone(),
        quality_level: body.quality_level,
        estimated_duration_ms: body.estimated_duration_ms,
        pricing: OfferPricing {
            base_price: body.pricing.base_price,
            volume_discount: body.pricing.volume_discount.iter().map(discount).collect(),
            premium_hours: body.pricing.premium_hours.iter().map(premium).collect(),
        },
        capacity: OfferCapacity {
            concurrent_tasks: body.capacity.concurrent_tasks,
            queue_size: body.capacity.queue_size,
            estimated_wait_ms: body.capacity.estimated_wait_ms,
        },
        minimum_budget: body.terms.minimum_budget,
        payment: payment_terms(&body.terms.payment_terms),
        cancellation: CancellationPolicy { free_ms, fee },
        valid_from: body.valid_from,
        valid_until: body.expiry,
    };
    let expected = terms.digest();
    if expected != body.offer {
        return Err(Error::Digest { field: "offer", expected, found: body.offer });
    }
    Ok(terms)
}

/// A standing offer as its seller says it, with its consent.
pub fn standing_offer(terms: &OfferTerms, consent: Proof) -> StandingOffer {
    let discount = |step: &VolumeDiscount| OfferedDiscount {
        discount: step.discount,
        tasks_min: step.tasks_min,
    };
    let premium = |hours: &PremiumHours| OfferedHours {
        from_minute: hours.from_minute,
        surcharge: hours.surcharge,
        until_minute: hours.until_minute,
        weekdays: hours.weekdays,
    };
    StandingOffer {
        agent: terms.seller,
        capabilities: terms.capabilities.clone(),
        capacity: OfferedCapacity {
            concurrent_tasks: terms.capacity.concurrent_tasks,
            estimated_wait_ms: terms.capacity.estimated_wait_ms,
            queue_size: terms.capacity.queue_size,
        },
        card: terms.card,
        consent,
        estimated_duration_ms: terms.estimated_duration_ms,
        expiry: terms.valid_until,
        offer: terms.digest(),
        pricing: OfferedPricing {
            base_price: terms.pricing.base_price,
            premium_hours: terms.pricing.premium_hours.iter().map(premium).collect(),
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
            payment_terms: payment_schedule(&terms.payment),
        },
        valid_from: terms.valid_from,
        extensions: Extensions::default(),
    }
}

fn payment_terms(schedule: &PaymentSchedule) -> PaymentTerms {
    let milestone = |part: &ScheduledPayment| Milestone {
        name: part.milestone.clone(),
        share: part.share,
        due_ms: part.due_ms,
    };
    match schedule {
        PaymentSchedule::Completion => PaymentTerms::Completion,
        PaymentSchedule::Upfront => PaymentTerms::Upfront,
        PaymentSchedule::Milestone(parts) => {
            PaymentTerms::Milestone(parts.iter().map(milestone).collect())
        }
    }
}

fn payment_schedule(terms: &PaymentTerms) -> PaymentSchedule {
    let part = |milestone: &Milestone| ScheduledPayment {
        due_ms: milestone.due_ms,
        milestone: milestone.name.clone(),
        share: milestone.share,
    };
    match terms {
        PaymentTerms::Completion => PaymentSchedule::Completion,
        PaymentTerms::Upfront => PaymentSchedule::Upfront,
        PaymentTerms::Milestone(parts) => {
            PaymentSchedule::Milestone(parts.iter().map(part).collect())
        }
    }
}
