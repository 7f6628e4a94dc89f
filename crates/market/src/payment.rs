//! When agreed money is paid: at the beginning, by milestones or at completion, and what a
//! cancellation costs.
//!
//! A schedule divides one price and never adds to it: its parts are rounded down, and the last one
//! takes what is left.
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use ainur_primitives::chunks::shares_of_chunks;
use ainur_primitives::{Amount, DurationMs, Ppm, WorkChunk};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// How many milestones a schedule has at most.
pub const MILESTONES_MAX: usize = ainur_primitives::WORK_CHUNKS_MAX;
/// How long a milestone's name is at most, in bytes.
pub const MILESTONE_NAME_BYTES_MAX: usize = 48;

/// When a seller is paid.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentTerms {
    /// When all of the work is accepted.
    #[default]
    Completion,
    /// All of it when the agreement is made; failed work is paid back from the seller's stake.
    Upfront,
    /// In parts, each when its part of the work is accepted.
    Milestone(Vec<Milestone>),
}

/// One part of the work and of the price.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Milestone {
    /// What people call it; unique in its schedule.
    pub name: String,
    /// Its share of the price; all shares together are the whole.
    pub share: Ppm,
    /// When it is due, counted from the agreement; later milestones are due no earlier.
    pub due_ms: DurationMs,
}

/// What ending an agreement early costs its buyer.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct CancellationPolicy {
    /// Until so long after the agreement it costs nothing.
    pub free_ms: DurationMs,
    /// Afterwards the seller gets this share of what has not been paid yet.
    pub fee: Ppm,
}

/// Why terms of payment cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// None, or too many.
    #[error("a schedule has 1 to {MILESTONES_MAX} milestones, not {0}")]
    Count(usize),
    /// No name, one that is too long, or one that another milestone has.
    #[error("milestone {0} needs a name of its own, of 1 to {MILESTONE_NAME_BYTES_MAX} bytes")]
    Name(usize),
    /// A milestone worth nothing, or shares that are not the whole.
    #[error("the milestones' shares are each above zero and together 1000000, not {0}")]
    Shares(u64),
    /// A milestone before the one before it.
    #[error("milestone {0} is due before the one before it")]
    Due(usize),
    /// More than all of it.
    #[error("a cancellation costs at most 1000000 parts per million, not {}", .0.0)]
    Fee(Ppm),
}

impl PaymentTerms {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), PaymentError> {
        let Self::Milestone(milestones) = self else { return Ok(()) };
        if !(1..=MILESTONES_MAX).contains(&milestones.len()) {
            return Err(PaymentError::Count(milestones.len()));
        }
        for (index, milestone) in milestones.iter().enumerate() {
            let earlier = &milestones[..index];
            let named = (1..=MILESTONE_NAME_BYTES_MAX).contains(&milestone.name.len());
            if !named || earlier.iter().any(|other| other.name == milestone.name) {
                return Err(PaymentError::Name(index));
            }
            if earlier.last().is_some_and(|before| before.due_ms > milestone.due_ms) {
                return Err(PaymentError::Due(index));
            }
        }
        let whole: u64 = milestones.iter().map(|milestone| u64::from(milestone.share.0)).sum();
        if whole != u64::from(Ppm::ONE.0) || milestones.iter().any(|m| m.share == Ppm::ZERO) {
            return Err(PaymentError::Shares(whole));
        }
        Ok(())
    }

    /// What a buyer asks for: at completion for work in one piece, else a milestone a chunk, due in
    /// equal steps over the time the work may take.
    pub fn of_chunks(chunks: &[WorkChunk], duration: DurationMs) -> Self {
        if chunks.is_empty() {
            return Self::Completion;
        }
        let count = chunks.len() as u64;
        let milestone = |(number, share): (u64, Ppm)| Milestone {
            name: format!("chunk {number}"),
            share,
            due_ms: DurationMs(duration.0 / count * number),
        };
        Self::Milestone((1..).zip(shares_of_chunks(chunks)).map(milestone).collect())
    }

    /// True when work in these chunks can be paid so: a milestone for each, with the share the
    /// buyer asked for, if it asked for any; work in one piece has no milestones.
    pub fn suits(&self, chunks: &[WorkChunk]) -> bool {
        let Self::Milestone(milestones) = self else { return chunks.is_empty() };
        let is_share = |(milestone, chunk): (&Milestone, &WorkChunk)| {
            chunk.share.is_none_or(|share| share == milestone.share)
        };
        milestones.len() == chunks.len() && milestones.iter().zip(chunks).all(is_share)
    }

    /// The parts of a price, in the order in which they are paid; together exactly the price.
    ///
    /// ```
    /// use ainur_market::payment::{Milestone, PaymentTerms};
    /// use ainur_primitives::{Amount, DurationMs, Ppm};
    /// let part = |name: &str, share| Milestone {
    ///     name: name.into(),
    ///     share: Ppm(share),
    ///     due_ms: DurationMs::seconds(60),
    /// };
    /// let terms = PaymentTerms::Milestone(vec![part("draft", 333_333), part("final", 666_667)]);
    /// assert_eq!(terms.parts(Amount(10)), [Amount(3), Amount(7)]);
    /// ```
    pub fn parts(&self, price: Amount) -> Vec<Amount> {
        let Self::Milestone(milestones) = self else { return [price].into() };
        let mut rest = price;
        let mut parts: Vec<Amount> = Vec::with_capacity(milestones.len());
        for milestone in milestones {
            let part = price.share_floor(milestone.share).min(rest);
            rest = rest.saturating_sub(part);
            parts.push(part);
        }
        if let Some(last) = parts.last_mut() {
            *last = last.saturating_add(rest);
        }
        parts
    }
}

impl CancellationPolicy {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// When it costs more than there is.
    pub fn validate(&self) -> Result<(), PaymentError> {
        if self.fee > Ppm::ONE { Err(PaymentError::Fee(self.fee)) } else { Ok(()) }
    }

    /// What the seller gets of `unpaid` when the buyer ends an agreement `after` it was made;
    /// rounded down, because the buyer pays it.
    pub fn fee_for(&self, after: DurationMs, unpaid: Amount) -> Amount {
        if after <= self.free_ms { Amount::ZERO } else { unpaid.share_floor(self.fee) }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn part(name: &str, share: u32, due_ms: u64) -> Milestone {
        Milestone { name: name.into(), share: Ppm(share), due_ms: DurationMs(due_ms) }
    }

    #[test]
    fn parts_are_exactly_the_price_whatever_it_is() {
        let terms = PaymentTerms::Milestone(vec![
            part("a", 142_857, 0),
            part("b", 142_857, 0),
            part("c", 714_286, 1),
        ]);
        assert_eq!(terms.validate(), Ok(()));
        for price in [0, 1, 2, 6, 7, 1_000_003, u128::MAX] {
            let parts = terms.parts(Amount(price));
            let sum = parts.iter().try_fold(Amount::ZERO, |sum, part| sum.checked_add(*part));
            assert_eq!(sum, Some(Amount(price)));
        }
        assert_eq!(PaymentTerms::Upfront.parts(Amount(9)), [Amount(9)]);
    }

    #[test]
    fn chunks_are_paid_by_a_milestone_each_within_their_time() {
        let input = ainur_primitives::ContentId::default();
        let chunk = |share| WorkChunk { input, input_bytes: 1, share };
        let equal = vec![chunk(None); 3];
        let terms = PaymentTerms::of_chunks(&equal, DurationMs(100));
        assert_eq!(terms.validate(), Ok(()));
        assert_eq!(terms.parts(Amount(10)), [Amount(3), Amount(3), Amount(4)]);
        let PaymentTerms::Milestone(milestones) = &terms else { panic!("a schedule") };
        assert_eq!(milestones.iter().map(|it| it.due_ms.0).collect::<Vec<_>>(), [33, 66, 99]);
        assert!(terms.suits(&equal) && !terms.suits(&equal[..2]) && !terms.suits(&[]));
        let asked = [500_000, 250_000, 250_000].map(|share| chunk(Some(Ppm(share))));
        assert!(!terms.suits(&asked));
        assert!(PaymentTerms::of_chunks(&asked, DurationMs(9)).suits(&asked));
        assert_eq!(PaymentTerms::of_chunks(&[], DurationMs(9)), PaymentTerms::Completion);
        assert!(PaymentTerms::Upfront.suits(&[]) && !PaymentTerms::Upfront.suits(&equal));
    }

    #[test]
    fn a_schedule_that_is_not_the_whole_or_runs_backwards_is_refused() {
        let of = |milestones| PaymentTerms::Milestone(milestones).validate();
        assert_eq!(of(vec![]), Err(PaymentError::Count(0)));
        assert_eq!(of(vec![part("a", 999_999, 0)]), Err(PaymentError::Shares(999_999)));
        let nothing = vec![part("a", 1_000_000, 0), part("b", 0, 0)];
        assert_eq!(of(nothing), Err(PaymentError::Shares(1_000_000)));
        let backwards = vec![part("a", 500_000, 2), part("b", 500_000, 1)];
        assert_eq!(of(backwards), Err(PaymentError::Due(1)));
        let same = vec![part("a", 500_000, 1), part("a", 500_000, 1)];
        assert_eq!(of(same), Err(PaymentError::Name(1)));
    }

    #[test]
    fn a_cancellation_is_free_at_first_and_then_costs_its_share() {
        let policy = CancellationPolicy { free_ms: DurationMs(10), fee: Ppm(250_000) };
        assert_eq!(policy.fee_for(DurationMs(10), Amount(101)), Amount::ZERO);
        assert_eq!(policy.fee_for(DurationMs(11), Amount(101)), Amount(25));
        let all = CancellationPolicy { free_ms: DurationMs(0), fee: Ppm(1_000_001) };
        assert_eq!(all.validate(), Err(PaymentError::Fee(Ppm(1_000_001))));
    }
}
