//! Rental: so many slots of one seller's capability for so long, a quota of units each period, and
//! a level of service whose breach is compensated.
//!
//! [`RentalMeter`] counts. Each use is one task: it takes a slot and units when it begins, and says
//! how it ended. A period is what is paid for, what the quota is for, and over what the service is
//! measured; its [`PeriodStatement`] says what the seller gets of the period's price and what goes
//! back to the buyer. A use counts in the period in which it began. The statement is drawn
//! `latency_ms_max` after the period's end: what has not ended by then is late and has failed, so
//! nothing is gained by never ending it.
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use ainur_crypto::hash;
use ainur_primitives::{
    Amount, CapabilityName, Did, Digest, DurationMs, Ppm, QualityLevel, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::Subscription;

mod statement;

pub use statement::{Breach, PeriodStatement, PeriodUsage};

/// How many slots one rental has at most.
pub const RENTAL_SLOTS_MAX: u32 = 4_096;
/// How many periods one rental lasts at most.
pub const RENTAL_PERIODS_MAX: u32 = 1_000;

/// What a seller rents out.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct RentalTerms {
    /// Who rents it out.
    pub seller: Did,
    /// The seller's own number for it, so that the same terms can be offered again.
    pub serial: u64,
    /// Digest of the agent card whose contract the seller will fulfil.
    pub card: Digest,
    /// What is rented.
    pub capability: CapabilityName,
    /// The quality of every use.
    pub quality_level: QualityLevel,
    /// Uses at once; also the rental's weight where it competes with others ([`crate::queue`]).
    pub slots: u32,
    /// The period, its price and its quota.
    pub subscription: Subscription,
    /// How many periods it lasts.
    pub periods: u32,
    /// The service promised.
    pub service: ServiceLevelAgreement,
    /// From then on it cannot be rented any more.
    pub valid_until: Timestamp,
}

/// A promised level of service, measured over one period, and what a breach is worth.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ServiceLevelAgreement {
    /// A use that takes longer is late; at most a period.
    pub latency_ms_max: DurationMs,
    /// At least this share of the uses is not late.
    pub latency_share_min: Ppm,
    /// At least this share of the uses succeeds.
    pub success_share_min: Ppm,
    /// At least this share of the period it can be used.
    pub availability_min: Ppm,
    /// The share of the period's price that goes back when too many uses were late.
    pub latency_compensation: Ppm,
    /// The share that goes back when too many uses failed.
    pub success_compensation: Ppm,
    /// The share that goes back when it could not be used for too long.
    pub availability_compensation: Ppm,
}

/// Why a rental cannot be, or a use not begin or end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A subscription that cannot be, or a quota that is exhausted.
    #[error("the rental's subscription does not allow it")]
    Subscription(#[from] super::Error),
    /// No slot, or too many.
    #[error("a rental has 1 to {RENTAL_SLOTS_MAX} slots")]
    Slots,
    /// No period, too many, or one that ends after the end of time.
    #[error("a rental lasts 1 to {RENTAL_PERIODS_MAX} periods")]
    Periods,
    /// A latency longer than a period.
    #[error("the promised latency is at most a period")]
    Latency,
    /// A share of more than all, or more to give back than was paid.
    #[error("shares, and all compensations together, are at most 1000000 parts per million")]
    Share,
    /// Before the rental begins or after it is over.
    #[error("the rental runs from {from} until before {until}")]
    NotRunning {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// It cannot be used now; counts against the seller.
    #[error("the rented service is not available now")]
    Unavailable,
    /// All slots are in use.
    #[error("all {0} slots are in use")]
    NoSlot(u32),
    /// The task is a use already.
    #[error("task {0} has begun already")]
    AlreadyBegun(TaskId),
    /// The task is not a use that has begun and not ended.
    #[error("task {0} is not in use")]
    UnknownUse(TaskId),
}

impl RentalTerms {
    /// What the seller's signature covers, and what names the rental.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/rental-terms/v1", &[&self.encode()])
    }

    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), Error> {
        self.subscription.validate()?;
        if !(1..=RENTAL_SLOTS_MAX).contains(&self.slots) {
            return Err(Error::Slots);
        }
        if !(1..=RENTAL_PERIODS_MAX).contains(&self.periods) {
            return Err(Error::Periods);
        }
        self.service.validate(self.subscription.period_ms)
    }
}

impl ServiceLevelAgreement {
    fn validate(&self, period_ms: DurationMs) -> Result<(), Error> {
        if self.latency_ms_max > period_ms {
            return Err(Error::Latency);
        }
        let least = [self.latency_share_min, self.success_share_min, self.availability_min];
        let back =
            [self.latency_compensation, self.success_compensation, self.availability_compensation];
        let together: u64 = back.iter().map(|share| u64::from(share.0)).sum();
        if least.iter().any(|share| *share > Ppm::ONE) || together > u64::from(Ppm::ONE.0) {
            return Err(Error::Share);
        }
        Ok(())
    }
}

/// What is used of one rental, and how well it is served. Time never goes back between calls.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RentalMeter {
    terms: RentalTerms,
    from: Timestamp,
    uses: BTreeMap<TaskId, OpenUse>,
    /// By period; those whose statement is drawn are gone.
    usage: BTreeMap<u32, PeriodUsage>,
    /// How many statements are drawn.
    stated: u32,
    down_since: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
struct OpenUse {
    began: Timestamp,
    period: u32,
}

impl RentalMeter {
    /// A rental that begins now, unused.
    ///
    /// # Errors
    /// When its terms cannot be, or it would end after the end of time.
    pub fn new(terms: RentalTerms, from: Timestamp) -> Result<Self, Error> {
        terms.validate()?;
        let period_ms = terms.subscription.period_ms.0;
        let spans = period_ms.checked_mul(u64::from(terms.periods) + 1);
        spans.and_then(|spans| from.0.checked_add(spans)).ok_or(Error::Periods)?;
        let (uses, usage) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { terms, from, uses, usage, stated: 0, down_since: None })
    }

    /// What was rented.
    pub fn terms(&self) -> &RentalTerms {
        &self.terms
    }

    /// When it is over; statements are drawn until `latency_ms_max` later.
    pub fn until(&self) -> Timestamp {
        self.end_of(self.terms.periods.saturating_sub(1))
    }

    /// Uses that have begun and not ended.
    pub fn in_use(&self) -> u32 {
        self.uses.len() as u32
    }

    /// Units of the quota left now; zero when the rental does not run.
    pub fn units_left(&self, now: Timestamp) -> u64 {
        let Some(period) = self.period_at(now) else { return 0 };
        let used = self.usage.get(&period).map_or(0, |usage| usage.units);
        self.terms.subscription.included_units.saturating_sub(used)
    }

    /// Begins a use that takes so many units, and says what it costs beyond the period's price.
    ///
    /// # Errors
    /// When the rental does not run or is not available, without a free slot, beyond the quota
    /// when more cannot be bought, and for a task that has begun.
    pub fn begin(&mut self, task: TaskId, units: u64, now: Timestamp) -> Result<Amount, Error> {
        let running = Error::NotRunning { from: self.from, until: self.until() };
        let period = self.period_at(now).ok_or(running)?;
        if self.down_since.is_some() {
            return Err(Error::Unavailable);
        }
        if self.uses.contains_key(&task) {
            return Err(Error::AlreadyBegun(task));
        }
        if self.in_use() >= self.terms.slots {
            return Err(Error::NoSlot(self.terms.slots));
        }
        let used = self.usage.get(&period).map_or(0, |usage| usage.units);
        let after = used.checked_add(units).ok_or(super::Error::TooLarge)?;
        let subscription = &self.terms.subscription;
        let overage = subscription.charge(after)?.saturating_sub(subscription.charge(used)?);
        self.usage.entry(period).or_default().units = after;
        self.uses.insert(task, OpenUse { began: now, period });
        Ok(overage)
    }

    /// Ends a use, says how long it took, and frees its slot. Whether it succeeded is the verdict
    /// of the agreed check; a failure by the buyer's fault is [`RentalMeter::cancel`].
    ///
    /// # Errors
    /// For a task that is not in use.
    pub fn end(
        &mut self,
        task: &TaskId,
        succeeded: bool,
        now: Timestamp,
    ) -> Result<DurationMs, Error> {
        let OpenUse { began, period } = self.uses.remove(task).ok_or(Error::UnknownUse(*task))?;
        let latency_ms = now.since(began);
        if period >= self.stated {
            let usage = self.usage.entry(period).or_default();
            usage.ended += 1;
            usage.succeeded += u64::from(succeeded);
            usage.in_time += u64::from(latency_ms <= self.terms.service.latency_ms_max);
        }
        Ok(latency_ms)
    }

    /// Ends a use that says nothing about the service. Its units stay used.
    ///
    /// # Errors
    /// For a task that is not in use.
    pub fn cancel(&mut self, task: &TaskId) -> Result<(), Error> {
        self.uses.remove(task).map(drop).ok_or(Error::UnknownUse(*task))
    }

    /// From now on it cannot be used.
    pub fn down(&mut self, now: Timestamp) {
        self.down_since = self.down_since.or(Some(now.max(self.from)));
    }

    /// It can be used again.
    pub fn up(&mut self, now: Timestamp) {
        let Some(since) = self.down_since.take() else { return };
        for period in self.stated..self.terms.periods {
            if self.start_of(period) >= now {
                break;
            }
            let down_ms = self.down_in(period, since, now);
            if down_ms > 0 {
                self.usage.entry(period).or_default().down_ms += down_ms;
            }
        }
    }

    /// Draws the statement of every period that is due by now, in order.
    pub fn statements(&mut self, now: Timestamp) -> Vec<PeriodStatement> {
        core::iter::from_fn(|| self.next_statement(now)).collect()
    }

    /// Draws the statement of the first period that has none, when it is due by now.
    pub fn next_statement(&mut self, now: Timestamp) -> Option<PeriodStatement> {
        if self.next_due()? > now {
            return None;
        }
        let period = self.stated;
        let mut usage = self.usage.remove(&period).unwrap_or_default();
        let open = self.uses.values().filter(|open| open.period == period).count();
        usage.ended += open as u64;
        if let Some(since) = self.down_since {
            usage.down_ms += self.down_in(period, since, now);
        }
        self.stated += 1;
        Some(PeriodStatement::of(&self.terms, period, usage))
    }

    /// When the next statement can be drawn; nothing once all are.
    pub fn next_due(&self) -> Option<Timestamp> {
        let due = || self.end_of(self.stated).plus(self.terms.service.latency_ms_max);
        (self.stated < self.terms.periods).then(due)
    }

    /// How many statements are drawn.
    pub fn stated(&self) -> u32 {
        self.stated
    }

    /// When it began.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// True while it cannot be used.
    pub fn is_down(&self) -> bool {
        self.down_since.is_some()
    }

    /// The period that runs at a time, from zero; none before the first and after the last.
    pub fn period_at(&self, now: Timestamp) -> Option<u32> {
        let since = now.0.checked_sub(self.from.0)?;
        let period = u32::try_from(since / self.terms.subscription.period_ms.0).ok()?;
        (period < self.terms.periods).then_some(period)
    }

    /// What was used so far of a period that has no statement.
    pub fn usage(&self, period: u32) -> PeriodUsage {
        self.usage.get(&period).copied().unwrap_or_default()
    }

    /// How much of a time is in a period, in milliseconds.
    fn down_in(&self, period: u32, since: Timestamp, until: Timestamp) -> u64 {
        let (from, end) = (self.start_of(period), self.end_of(period));
        until.min(end).since(since.max(from)).0
    }

    fn start_of(&self, period: u32) -> Timestamp {
        let span = self.terms.subscription.period_ms.0.saturating_mul(u64::from(period));
        self.from.plus(DurationMs(span))
    }

    fn end_of(&self, period: u32) -> Timestamp {
        self.start_of(period.saturating_add(1))
    }
}
