//! What a seller offers, and what a task costs under it.
use alloc::vec::Vec;

use ainur_crypto::hash;
use ainur_primitives::{
    Amount, CapabilityName, Did, Digest, DurationMs, Ppm, QualityLevel, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::payment::{CancellationPolicy, PaymentError, PaymentTerms};

/// How many capabilities one offer names at most.
pub const OFFER_CAPABILITIES_MAX: usize = 64;
/// How many steps of volume discount one offer has at most.
pub const VOLUME_DISCOUNTS_MAX: usize = 16;
/// How many spans of premium hours one offer has at most.
pub const PREMIUM_HOURS_MAX: usize = 16;
/// The largest surcharge, in parts per million of the price: ten times the price.
pub const SURCHARGE_MAX: Ppm = Ppm(10_000_000);

/// The longest duration, wait or time of free cancellation: a hundred years.
pub const OFFER_SPAN_MS_MAX: DurationMs = DurationMs::seconds(100 * 366 * 86_400);
/// The largest serial: beyond, JSON could not carry it.
pub const SERIAL_MAX: u64 = (1 << 53) - 1;

const MINUTES_PER_DAY: u16 = 1_440;
const MS_PER_MINUTE: u64 = 60_000;
const MS_PER_DAY: u64 = 86_400_000;

/// A standing offer.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct OfferTerms {
    /// Who offers.
    pub seller: Did,
    /// The seller's own number for it, so that the same terms can be offered again.
    pub serial: u64,
    /// Digest of the agent card whose contracts the seller will fulfil.
    pub card: Digest,
    /// What is offered; ascending.
    pub capabilities: Vec<CapabilityName>,
    /// The quality offered.
    pub quality_level: QualityLevel,
    /// How long one task is expected to take.
    pub estimated_duration_ms: DurationMs,
    /// What one task costs.
    pub pricing: OfferPricing,
    /// How much is done at once.
    pub capacity: OfferCapacity,
    /// A task whose buyer pays at most less than this is not taken.
    pub minimum_budget: Amount,
    /// When the seller is paid.
    pub payment: PaymentTerms,
    /// What ending a task early costs its buyer.
    pub cancellation: CancellationPolicy,
    /// It can be taken from then…
    pub valid_from: Timestamp,
    /// …until before then.
    pub valid_until: Timestamp,
}

/// What one task costs.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct OfferPricing {
    /// The price without discount and surcharge.
    pub base_price: Amount,
    /// Discounts by volume; ascending by `tasks_min` and by discount.
    pub volume_discount: Vec<VolumeDiscount>,
    /// When it costs more.
    pub premium_hours: Vec<PremiumHours>,
}

/// Less for a buyer who has bought so much under this offer before.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct VolumeDiscount {
    /// From so many tasks agreed before; at least one.
    pub tasks_min: u32,
    /// This share of the base price is not charged.
    pub discount: Ppm,
}

/// More at certain times of the day, in UTC.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct PremiumHours {
    /// On these days of the week: bit 0 is Monday, bit 6 Sunday.
    pub weekdays: u8,
    /// From this minute of the day…
    pub from_minute: u16,
    /// …until before this one, at most 1440; a span over midnight is two spans.
    pub until_minute: u16,
    /// This share of the discounted price is added.
    pub surcharge: Ppm,
}

/// How much a seller does at once.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct OfferCapacity {
    /// Tasks at work at once, over all capabilities of the offer; at least one.
    pub concurrent_tasks: u32,
    /// Tasks that may wait for their turn beyond those.
    pub queue_size: u32,
    /// How long a task that has to wait waits for each one before it, by the seller's own estimate.
    pub estimated_wait_ms: DurationMs,
}

/// Why terms cannot be offered, or a task not be done under them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// No capability, too many, or not ascending.
    #[error("an offer names 1 to {OFFER_CAPABILITIES_MAX} capabilities, ascending and each once")]
    Capabilities,
    /// Nothing to pay.
    #[error("an offer's base price is above zero")]
    PriceZero,
    /// Steps out of order, too many, or a discount of everything.
    #[error(
        "an offer has at most {VOLUME_DISCOUNTS_MAX} volume discounts, each for more tasks than \
         the one before and larger, from one task on, of less than the whole price"
    )]
    VolumeDiscount,
    /// A span that is empty or not within a day, too many, or too large a surcharge.
    #[error(
        "an offer has at most {PREMIUM_HOURS_MAX} spans of premium hours, each on some day, \
         within minutes 0 to 1440, with at most ten times the price added"
    )]
    PremiumHours,
    /// Nothing could be done.
    #[error("an offer does at least one task at once")]
    Capacity,
    /// It could never be taken.
    #[error("an offer ends after it begins")]
    ValidityEmpty,
    /// A duration or serial that no document could carry.
    #[error("an offer's durations are at most a hundred years, its serial below 2^53")]
    TooLong,
    /// Terms of payment or cancellation that cannot be.
    #[error("the offer's terms of payment cannot be")]
    Payment(#[from] PaymentError),
}

impl OfferTerms {
    /// What the seller's signature covers, and what names the offer.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/offer-terms/v1", &[&self.encode()])
    }

    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of [`OfferError`].
    pub fn validate(&self) -> Result<(), OfferError> {
        let ascend = self.capabilities.windows(2).all(|pair| pair[0] < pair[1]);
        if !(1..=OFFER_CAPABILITIES_MAX).contains(&self.capabilities.len()) || !ascend {
            return Err(OfferError::Capabilities);
        }
        self.pricing.validate()?;
        if self.capacity.concurrent_tasks == 0 {
            return Err(OfferError::Capacity);
        }
        if self.valid_from >= self.valid_until {
            return Err(OfferError::ValidityEmpty);
        }
        let spans = [
            self.estimated_duration_ms,
            self.capacity.estimated_wait_ms,
            self.cancellation.free_ms,
        ];
        let longest = spans.into_iter().max().unwrap_or_default();
        if longest > OFFER_SPAN_MS_MAX || self.serial > SERIAL_MAX {
            return Err(OfferError::TooLong);
        }
        self.payment.validate()?;
        Ok(self.cancellation.validate()?)
    }

    /// True when it can be taken at this time.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.valid_from <= now && now < self.valid_until
    }

    /// True when this capability is offered.
    pub fn offers(&self, capability: &CapabilityName) -> bool {
        self.capabilities.binary_search(capability).is_ok()
    }
}

impl OfferPricing {
    /// What one task costs a buyer who has agreed to `bought` tasks under the offer before, when
    /// it is taken at this time: the discount is rounded down and the surcharge up.
    ///
    /// ```
    /// use ainur_market::offer::{OfferPricing, PremiumHours, VolumeDiscount};
    /// use ainur_primitives::{Amount, Ppm, Timestamp};
    /// let pricing = OfferPricing {
    ///     base_price: Amount(1_000),
    ///     volume_discount: vec![VolumeDiscount { tasks_min: 10, discount: Ppm(200_000) }],
    ///     premium_hours: vec![PremiumHours {
    ///         weekdays: 0b001_1111,
    ///         from_minute: 8 * 60,
    ///         until_minute: 18 * 60,
    ///         surcharge: Ppm(500_000),
    ///     }],
    /// };
    /// let (thursday_noon, night) = (Timestamp(12 * 3_600_000), Timestamp(0));
    /// assert_eq!(pricing.price(0, night), Amount(1_000));
    /// assert_eq!(pricing.price(10, night), Amount(800));
    /// assert_eq!(pricing.price(10, thursday_noon), Amount(1_200));
    /// ```
    pub fn price(&self, bought: u32, at: Timestamp) -> Amount {
        let reached = self.volume_discount.iter().rev().find(|step| step.tasks_min <= bought);
        let discount =
            reached.map_or(Amount::ZERO, |step| self.base_price.share_floor(step.discount));
        PremiumHours::surcharged(&self.premium_hours, self.base_price.saturating_sub(discount), at)
    }

    fn validate(&self) -> Result<(), OfferError> {
        if self.base_price.is_zero() {
            return Err(OfferError::PriceZero);
        }
        let steps = &self.volume_discount;
        // What is agreed while a count is read can only make it cheaper.
        let ascend = steps.windows(2).all(|pair| {
            pair[0].tasks_min < pair[1].tasks_min && pair[0].discount < pair[1].discount
        });
        let each = steps.iter().all(|step| step.tasks_min > 0 && step.discount < Ppm::ONE);
        if steps.len() > VOLUME_DISCOUNTS_MAX || !ascend || !each {
            return Err(OfferError::VolumeDiscount);
        }
        let hours = &self.premium_hours;
        if hours.len() > PREMIUM_HOURS_MAX || !hours.iter().all(PremiumHours::is_span) {
            return Err(OfferError::PremiumHours);
        }
        Ok(())
    }
}

impl PremiumHours {
    /// The price with the largest surcharge of the spans that the time is in, rounded up.
    pub fn surcharged(spans: &[Self], price: Amount, at: Timestamp) -> Amount {
        let surcharges = spans.iter().filter(|hours| hours.contains(at));
        match surcharges.map(|hours| hours.surcharge).max() {
            Some(surcharge) => price.saturating_add(price.share_ceil(surcharge)),
            None => price,
        }
    }

    /// True when the time is in the span.
    pub fn contains(&self, at: Timestamp) -> bool {
        // 1970-01-01 was a Thursday: day 3 counted from Monday.
        let weekday = (at.0 / MS_PER_DAY + 3) % 7;
        let minute = at.0 % MS_PER_DAY / MS_PER_MINUTE;
        let within = u64::from(self.from_minute) <= minute && minute < u64::from(self.until_minute);
        within && self.weekdays >> weekday & 1 == 1
    }

    fn is_span(&self) -> bool {
        (1..0x80).contains(&self.weekdays)
            && self.from_minute < self.until_minute
            && self.until_minute <= MINUTES_PER_DAY
            && self.surcharge <= SURCHARGE_MAX
    }
}
