//! What a proposal is worth to a side: weighted, additive, in integers.
//!
//! Each issue has a value from nothing (at the side's limit) to the whole (at its ideal), in parts
//! per million; the utility is their weighted sum (Raiffa 1982). A proposal beyond any limit, or
//! worth less than the least utility, is not acceptable at any price. Values are rounded down: a
//! side never thinks a proposal better than it is.
use alloc::vec::Vec;

use ainur_primitives::{Amount, DisputeResolution, DurationMs, Ppm, QualityLevel};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::terms::NegotiationProposal;
use crate::payment::PaymentTerms;

/// How many packages a side has at most.
pub const PACKAGES_MAX: usize = 64;

/// Which side of a negotiation.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum NegotiationSide {
    /// Pays; speaks first.
    Buyer,
    /// Works.
    Seller,
}

impl NegotiationSide {
    /// What a side asks for first that knows nothing but its own limit: half of it or twice as
    /// much, at least one base unit.
    pub fn ideal_price(self, limit: Amount) -> Amount {
        match self {
            Self::Buyer => Amount((limit.0 / 2).max(1)),
            Self::Seller => limit.saturating_add(limit).max(Amount(1)),
        }
    }
}

/// How much each issue counts; together the whole.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct IssueWeights {
    /// The price.
    pub price: Ppm,
    /// The time to delivery.
    pub timeline: Ppm,
    /// The quality.
    pub quality: Ppm,
    /// When it is paid.
    pub schedule: Ppm,
}

impl IssueWeights {
    /// Nothing but the price counts.
    pub const PRICE: Self =
        Self { price: Ppm::ONE, timeline: Ppm::ZERO, quality: Ppm::ZERO, schedule: Ppm::ZERO };
}

/// All of a proposal but the price.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Time from the agreement to delivery.
    pub timeline_ms: DurationMs,
    /// How good the work is to be.
    pub quality_level: QualityLevel,
    /// When it is paid.
    pub payment: PaymentTerms,
    /// Who decides a dispute.
    pub dispute_resolution: DisputeResolution,
}

/// What a side wants, and what it can live with. Secret.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// Whose they are.
    pub side: NegotiationSide,
    /// How much each issue counts.
    pub weights: IssueWeights,
    /// The price it asks for first.
    pub price_ideal: Amount,
    /// The reservation price: the most a buyer pays, the least a seller takes.
    pub price_limit: Amount,
    /// The time it asks for first: short for a buyer, long for a seller.
    pub timeline_ideal_ms: DurationMs,
    /// The most time a buyer waits, the least a seller needs.
    pub timeline_limit_ms: DurationMs,
    /// What each quality is worth, from standard to enterprise; nothing when it cannot be.
    pub quality: [Option<Ppm>; 3],
    /// How early it is paid ([`earliness`]): the most a buyer, the least a seller agrees to.
    pub earliness_limit: Ppm,
    /// Who may decide a dispute.
    pub disputes: Vec<DisputeResolution>,
    /// What it proposes beside the price, the most wanted first.
    pub packages: Vec<Package>,
    /// The least utility it agrees to: what it has without an agreement.
    pub utility_min: Ppm,
}

/// Why preferences cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreferencesError {
    /// Weights that are not the whole.
    #[error("the weights are together 1000000, not {0}")]
    Weights(u64),
    /// A limit that is better than the ideal, or a price of nothing.
    #[error("prices are above zero, and no limit of price or time is better than the ideal")]
    Limits,
    /// A value above the whole.
    #[error("values are at most 1000000 parts per million")]
    Values,
    /// None, too many, or one that its own side cannot agree to.
    #[error("there are 1 to {PACKAGES_MAX} packages, each acceptable at the ideal price")]
    Packages,
}

/// How early a schedule pays: all of it when money is due at the agreement, nothing when it is due
/// at completion, in between for milestones by their share and how long before the end they are.
pub fn earliness(payment: &PaymentTerms, timeline_ms: DurationMs) -> Ppm {
    let of_part = |share: Ppm, due_ms: DurationMs| {
        let before = timeline_ms.0.saturating_sub(due_ms.0);
        let part = Ppm::ratio(u128::from(before), u128::from(timeline_ms.0));
        u64::from(share.0) * u64::from(part.0)
    };
    match payment {
        PaymentTerms::Upfront => Ppm::ONE,
        PaymentTerms::Completion => Ppm::ZERO,
        PaymentTerms::Milestone(milestones) => {
            let sum: u64 = milestones.iter().map(|part| of_part(part.share, part.due_ms)).sum();
            Ppm(u32::try_from(sum / 1_000_000).unwrap_or(u32::MAX)).min(Ppm::ONE)
        }
    }
}

impl Package {
    /// The proposal of this package at a price.
    pub fn at(&self, price: Amount) -> NegotiationProposal {
        let Self { timeline_ms, quality_level, payment, dispute_resolution } = self.clone();
        NegotiationProposal { price, timeline_ms, quality_level, payment, dispute_resolution }
    }
}

impl Preferences {
    /// A side that cares for nothing but the price, and takes the rest as this package says.
    pub fn price_only(
        side: NegotiationSide,
        ideal: Amount,
        limit: Amount,
        package: Package,
    ) -> Self {
        let earliness_limit = match side {
            NegotiationSide::Buyer => Ppm::ONE,
            NegotiationSide::Seller => Ppm::ZERO,
        };
        Self {
            side,
            weights: IssueWeights::PRICE,
            price_ideal: ideal,
            price_limit: limit,
            timeline_ideal_ms: package.timeline_ms,
            timeline_limit_ms: package.timeline_ms,
            quality: [Some(Ppm::ONE); 3],
            earliness_limit,
            disputes: [package.dispute_resolution].into(),
            packages: [package].into(),
            utility_min: Ppm::ZERO,
        }
    }

    /// Has every package paid so, and takes no other as too early or too late: when the task itself
    /// says how it is paid, that is no issue of the negotiation.
    pub fn settle_payment(&mut self, payment: &PaymentTerms) {
        for package in &mut self.packages {
            package.payment = payment.clone();
        }
        if *payment != PaymentTerms::Completion {
            self.earliness_limit = match self.side {
                NegotiationSide::Buyer => Ppm::ONE,
                NegotiationSide::Seller => Ppm::ZERO,
            };
        }
    }

    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of [`PreferencesError`].
    pub fn validate(&self) -> Result<(), PreferencesError> {
        let IssueWeights { price, timeline, quality, schedule } = self.weights;
        let whole: u64 = [price, timeline, quality, schedule].map(|w| u64::from(w.0)).iter().sum();
        if whole != u64::from(Ppm::ONE.0) {
            return Err(PreferencesError::Weights(whole));
        }
        let (cheap, dear) = self.ordered(self.price_ideal, self.price_limit);
        let (short, long) = self.ordered(self.timeline_ideal_ms, self.timeline_limit_ms);
        if cheap.is_zero() || dear.is_zero() || cheap > dear || short > long {
            return Err(PreferencesError::Limits);
        }
        let values =
            self.quality.iter().flatten().chain([&self.earliness_limit, &self.utility_min]);
        if values.into_iter().any(|value| *value > Ppm::ONE) {
            return Err(PreferencesError::Values);
        }
        let acceptable = |package: &Package| self.is_acceptable(&package.at(self.price_ideal));
        if !(1..=PACKAGES_MAX).contains(&self.packages.len())
            || !self.packages.iter().all(acceptable)
        {
            return Err(PreferencesError::Packages);
        }
        Ok(())
    }

    /// What a proposal is worth; nothing when it is beyond a limit. It can be worth less than
    /// [`Preferences::utility_min`].
    pub fn utility(&self, proposal: &NegotiationProposal) -> Option<Ppm> {
        let (better, worse) = self.ordered(proposal.price, self.price_limit);
        if better > worse {
            return None;
        }
        let price = u64::from(self.weights.price.0) * u64::from(self.price_value(proposal.price).0);
        let rest = self.rest(proposal)?;
        Some(Ppm(u32::try_from((price + rest) / 1_000_000).unwrap_or(u32::MAX)).min(Ppm::ONE))
    }

    /// True when the side would rather have this than no agreement.
    pub fn is_acceptable(&self, proposal: &NegotiationProposal) -> bool {
        self.utility(proposal).is_some_and(|utility| utility >= self.utility_min)
    }

    /// The price furthest in the other side's favour at which the package is worth this much;
    /// nothing when no price makes it so.
    pub fn price_for(&self, utility: Ppm, package: &Package) -> Option<Amount> {
        let rest = self.rest(&package.at(self.price_ideal))?;
        let missing = (u64::from(utility.0) * 1_000_000).saturating_sub(rest);
        if missing == 0 {
            return Some(self.price_limit);
        }
        if self.weights.price == Ppm::ZERO {
            return None;
        }
        let value = missing.div_ceil(u64::from(self.weights.price.0));
        let value = u32::try_from(value).ok().filter(|value| *value <= Ppm::ONE.0)?;
        let kept = self.price_span().share_ceil(Ppm(value));
        Some(match self.side {
            NegotiationSide::Buyer => self.price_limit.saturating_sub(kept),
            NegotiationSide::Seller => self.price_limit.saturating_add(kept),
        })
    }

    /// What a price would be worth if it went on beyond the limit as it does before, in parts per
    /// million: negative beyond it, and at most the whole.
    pub fn price_appraisal(&self, price: Amount) -> i64 {
        let span = self.price_span().0.max(1);
        let (better, worse) = self.ordered(price, self.price_limit);
        if better <= worse {
            return i64::from(self.price_value(price).0);
        }
        let beyond = better.0 - worse.0;
        // Ten times the span is as good as never.
        let beyond = beyond.min(span.saturating_mul(10));
        let spans = i64::try_from(beyond / span).unwrap_or(10);
        -(spans * 1_000_000 + i64::from(Ppm::ratio(beyond % span, span).0))
    }

    fn price_value(&self, price: Amount) -> Ppm {
        let (better, worse) = self.ordered(price, self.price_limit);
        let span = self.price_span();
        if span.is_zero() { Ppm::ONE } else { Ppm::ratio(worse.saturating_sub(better).0, span.0) }
    }

    fn price_span(&self) -> Amount {
        let (cheap, dear) = self.ordered(self.price_ideal, self.price_limit);
        dear.saturating_sub(cheap)
    }

    /// The weighted values of all but the price, times a million; nothing beyond a limit.
    fn rest(&self, proposal: &NegotiationProposal) -> Option<u64> {
        let (better, worse) = self.ordered(proposal.timeline_ms, self.timeline_limit_ms);
        if better > worse || !self.disputes.contains(&proposal.dispute_resolution) {
            return None;
        }
        let (short, long) = self.ordered(self.timeline_ideal_ms, self.timeline_limit_ms);
        let span = long.0.saturating_sub(short.0);
        let timeline = match span {
            0 => Ppm::ONE,
            _ => Ppm::ratio(u128::from(worse.0 - better.0), u128::from(span)),
        };
        let quality = self.quality[proposal.quality_level as usize]?;
        let early = earliness(&proposal.payment, proposal.timeline_ms);
        let (better, worse) = self.ordered(early, self.earliness_limit);
        if better > worse {
            return None;
        }
        let schedule = match self.side {
            NegotiationSide::Buyer => early.complement(),
            NegotiationSide::Seller => early,
        };
        let IssueWeights { timeline: by_time, quality: by_quality, schedule: by_schedule, .. } =
            self.weights;
        let parts = [(by_time, timeline), (by_quality, quality), (by_schedule, schedule)];
        Some(parts.iter().map(|(weight, value)| u64::from(weight.0) * u64::from(value.0)).sum())
    }

    /// The two so that a buyer wants the first to be at most the second, and a seller the other
    /// way round: `(offered, limit)` is acceptable when the first is not above the second. Time is
    /// like the price: less is better for whoever waits.
    fn ordered<T>(&self, one: T, other: T) -> (T, T) {
        match self.side {
            NegotiationSide::Buyer => (one, other),
            NegotiationSide::Seller => (other, one),
        }
    }
}
