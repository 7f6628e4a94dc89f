//! Examples of standing offers.
use ainur_api::operation::OfferDraft;
use ainur_api::view::OfferView;
use ainur_market::offer::{OfferCapacity, OfferPricing, OfferTerms, PremiumHours, VolumeDiscount};
use ainur_market::payment::{CancellationPolicy, Milestone, PaymentTerms};
use ainur_primitives::{Amount, Digest, DurationMs, Ppm, QualityLevel, Timestamp};

use crate::did;

pub(crate) fn draft() -> OfferDraft {
    let OfferTerms { pricing, capacity, payment, .. } = view().terms;
    OfferDraft {
        agent: "upper".into(),
        capabilities: vec!["text.upper".parse().unwrap()],
        base_price: pricing.base_price,
        volume_discount: pricing.volume_discount,
        premium_hours: pricing.premium_hours,
        capacity,
        quality_level: QualityLevel::Enterprise,
        estimated_duration_ms: None,
        minimum_budget: Amount::ainu(1),
        payment,
        cancellation: CancellationPolicy { free_ms: DurationMs(60_000), fee: Ppm(100_000) },
        valid_ms: DurationMs::seconds(86_400),
    }
}

pub(crate) fn view() -> OfferView {
    let milestone = |name: &str| Milestone {
        name: name.into(),
        share: Ppm(500_000),
        due_ms: DurationMs::seconds(60),
    };
    OfferView {
        offer: Digest([12; 32]),
        seller_name: "upper".into(),
        terms: OfferTerms {
            seller: did(2),
            serial: 7,
            card: Digest([13; 32]),
            capabilities: vec!["text.upper".parse().unwrap()],
            quality_level: QualityLevel::Standard,
            estimated_duration_ms: DurationMs::seconds(5),
            pricing: OfferPricing {
                base_price: Amount::ainu(2),
                volume_discount: vec![VolumeDiscount { tasks_min: 10, discount: Ppm(200_000) }],
                premium_hours: vec![PremiumHours {
                    weekdays: 0x1f,
                    from_minute: 480,
                    until_minute: 1_080,
                    surcharge: Ppm(500_000),
                }],
            },
            capacity: OfferCapacity {
                concurrent_tasks: 2,
                queue_size: 4,
                estimated_wait_ms: DurationMs::seconds(10),
            },
            minimum_budget: Amount::ainu(1),
            payment: PaymentTerms::Milestone(vec![milestone("draft"), milestone("final")]),
            cancellation: CancellationPolicy::default(),
            valid_from: Timestamp(1_700_000_000_000),
            valid_until: Timestamp(1_700_086_400_000),
        },
        price: Amount(1_600_000_000_000),
        bought: 12,
        running: 2,
        waiting: 1,
        unavailable: None,
    }
}
