//! How a buyer wants to negotiate, and what each side of a task's negotiation wants, made of the
//! few things that people say: a limit, where to begin, and which way to concede.
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use ainur_primitives::{Amount, DisputeResolution, DurationMs, Ppm, QualityLevel};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::power::{ConcessionRate, RATE_TERM_MAX};
use super::preferences::{IssueWeights, NegotiationSide, Package, Preferences};
use super::strategy::Tactic;
use super::terms::ROUNDS_DEFAULT;
use crate::payment::PaymentTerms;

/// How many rounds a buyer may ask for whose negotiation a node keeps and shows.
pub const WISHED_ROUNDS_MAX: u32 = 16;

/// How a buyer wants to negotiate. Its limit is the reserve of its task.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(default, deny_unknown_fields)]
pub struct NegotiationWish {
    /// Its first proposal, as a share of the reserve.
    pub opening: Ppm,
    /// How it goes on from there.
    pub tactic: TacticName,
    /// After so many rounds the seller can only accept or end it.
    pub rounds_max: u32,
    /// How much each issue counts.
    pub weights: IssueWeights,
}

/// A tactic as people name it: `boulware`, `linear`, `conceder`, `time-dependent:2/5` (its β),
/// `tit-for-tat`, `micro` or `learned`.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub enum TacticName {
    /// Concedes as time passes, at this rate.
    TimeDependent(ConcessionRate),
    /// Gives what it is given.
    TitForTat,
    /// A new proposal for a new proposal.
    Micro,
    /// Learns the other side's limit.
    Learned,
}

/// Why a buyer cannot negotiate like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WishError {
    /// Nothing, or more than all.
    #[error("a buyer opens with 1 to 1000000 parts per million of its reserve, not {}", .0.0)]
    Opening(Ppm),
    /// None, or more than are kept.
    #[error("a task is negotiated in 1 to {WISHED_ROUNDS_MAX} rounds, not {0}")]
    Rounds(u32),
    /// Weights that are not the whole.
    #[error("the weights of the issues are together 1000000, not {0}")]
    Weights(u64),
    /// A price that does not count, or a schedule that is not negotiated.
    #[error(
        "the price has a weight above zero, and the schedule none: a task is paid at completion"
    )]
    Schedule,
    /// No name of a tactic.
    #[error(
        "there is no tactic '{0}': boulware, linear, conceder, time-dependent:N/M with 1 to \
         {RATE_TERM_MAX} each, tit-for-tat, micro or learned"
    )]
    Tactic(String),
}

/// What a seller says of its own side: its limits, as it would bid them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SellerLimits {
    /// The least it takes.
    pub price: Amount,
    /// The least time it needs.
    pub timeline_ms: DurationMs,
    /// The best work it does.
    pub quality_level: QualityLevel,
}

impl Default for NegotiationWish {
    fn default() -> Self {
        Self {
            opening: Ppm(500_000),
            tactic: TacticName::default(),
            rounds_max: ROUNDS_DEFAULT,
            weights: IssueWeights::PRICE,
        }
    }
}

impl NegotiationWish {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), WishError> {
        if self.opening == Ppm::ZERO || self.opening > Ppm::ONE {
            return Err(WishError::Opening(self.opening));
        }
        if !(1..=WISHED_ROUNDS_MAX).contains(&self.rounds_max) {
            return Err(WishError::Rounds(self.rounds_max));
        }
        let IssueWeights { price, timeline, quality, schedule } = self.weights;
        let whole: u64 = [price, timeline, quality, schedule].map(|w| u64::from(w.0)).iter().sum();
        if whole != u64::from(Ppm::ONE.0) {
            return Err(WishError::Weights(whole));
        }
        if price == Ppm::ZERO || schedule > Ppm::ZERO {
            return Err(WishError::Schedule);
        }
        match self.tactic {
            TacticName::TimeDependent(rate) if !rate.is_valid() => {
                Err(WishError::Tactic(self.tactic.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// What the buyer of a task wants that costs at most the reserve and takes at most so long.
    pub fn preferences(&self, reserve: Amount, timeline_ms_max: DurationMs) -> Preferences {
        let weights = self.weights;
        let times = match weights.timeline {
            Ppm::ZERO => [timeline_ms_max].as_slice().to_vec(),
            _ => shares_of(timeline_ms_max),
        };
        let levels: &[QualityLevel] = match weights.quality {
            Ppm::ZERO => &[QualityLevel::Standard],
            _ => &[QualityLevel::Enterprise, QualityLevel::Premium, QualityLevel::Standard],
        };
        let packages =
            levels.iter().flat_map(|level| times.iter().map(|time| package(*time, *level)));
        Preferences {
            side: NegotiationSide::Buyer,
            weights,
            price_ideal: reserve.share_ceil(self.opening).max(Amount(1)),
            price_limit: reserve,
            timeline_ideal_ms: times.first().copied().unwrap_or(timeline_ms_max),
            timeline_limit_ms: timeline_ms_max,
            quality: match weights.quality {
                Ppm::ZERO => [Some(Ppm::ONE); 3],
                _ => [Some(Ppm::ZERO), Some(Ppm(500_000)), Some(Ppm::ONE)],
            },
            earliness_limit: Ppm::ZERO,
            disputes: [DisputeResolution::Chain].into(),
            packages: packages.collect(),
            utility_min: Ppm::ZERO,
        }
    }

    /// How it concedes: from its opening, with nothing given away before.
    pub fn tactic(&self) -> Tactic {
        self.tactic.conceding(Ppm::ZERO)
    }
}

/// The whole, half and a quarter of a time, the shortest first.
fn shares_of(time: DurationMs) -> Vec<DurationMs> {
    let mut times: Vec<DurationMs> =
        [4, 2, 1].map(|share| DurationMs((time.0 / share).max(1))).into();
    times.dedup();
    times
}

impl SellerLimits {
    /// What a seller wants that asks for twice its limit first, and has nothing against less time
    /// and better work than it must give, within what it can.
    pub fn preferences(&self) -> Preferences {
        let price_limit = self.price.max(Amount(1));
        let timeline_ms = self.timeline_ms.max(DurationMs(1));
        let levels = [QualityLevel::Enterprise, QualityLevel::Premium, QualityLevel::Standard];
        let able = |level: &QualityLevel| *level <= self.quality_level;
        let able_to = |level: QualityLevel| able(&level).then_some(Ppm::ONE);
        let packages = levels.into_iter().filter(able).map(|level| package(timeline_ms, level));
        Preferences {
            side: NegotiationSide::Seller,
            weights: IssueWeights::PRICE,
            price_ideal: NegotiationSide::Seller.ideal_price(price_limit),
            price_limit,
            timeline_ideal_ms: timeline_ms,
            timeline_limit_ms: timeline_ms,
            quality: [
                able_to(QualityLevel::Standard),
                able_to(QualityLevel::Premium),
                able_to(QualityLevel::Enterprise),
            ],
            earliness_limit: Ppm::ZERO,
            disputes: [DisputeResolution::Chain].into(),
            packages: packages.collect(),
            utility_min: Ppm::ZERO,
        }
    }
}

/// A package of a task that is paid at completion.
fn package(timeline_ms: DurationMs, quality_level: QualityLevel) -> Package {
    Package {
        timeline_ms,
        quality_level,
        payment: PaymentTerms::Completion,
        dispute_resolution: DisputeResolution::Chain,
    }
}

impl TacticName {
    /// The tactic, conceding so much at once where it concedes by the clock.
    pub const fn conceding(self, opening: Ppm) -> Tactic {
        match self {
            Self::TimeDependent(rate) => Tactic::TimeDependent { rate, opening },
            Self::TitForTat => Tactic::TitForTat,
            Self::Micro => Tactic::MICRO,
            Self::Learned => Tactic::LearnedReservation,
        }
    }
}

impl Default for TacticName {
    /// The same step every time.
    fn default() -> Self {
        Self::TimeDependent(ConcessionRate::LINEAR)
    }
}

impl fmt::Display for TacticName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeDependent(ConcessionRate::BOULWARE) => f.write_str("boulware"),
            Self::TimeDependent(ConcessionRate::LINEAR) => f.write_str("linear"),
            Self::TimeDependent(ConcessionRate::CONCEDER) => f.write_str("conceder"),
            Self::TimeDependent(ConcessionRate { numerator, denominator }) => {
                write!(f, "time-dependent:{numerator}/{denominator}")
            }
            Self::TitForTat => f.write_str("tit-for-tat"),
            Self::Micro => f.write_str("micro"),
            Self::Learned => f.write_str("learned"),
        }
    }
}

impl FromStr for TacticName {
    type Err = WishError;

    fn from_str(text: &str) -> Result<Self, WishError> {
        let unknown = || WishError::Tactic(text.chars().take(64).collect());
        Ok(match text {
            "boulware" => Self::TimeDependent(ConcessionRate::BOULWARE),
            "linear" => Self::TimeDependent(ConcessionRate::LINEAR),
            "conceder" => Self::TimeDependent(ConcessionRate::CONCEDER),
            "tit-for-tat" => Self::TitForTat,
            "micro" => Self::Micro,
            "learned" => Self::Learned,
            other => {
                let rate = other.strip_prefix("time-dependent:").and_then(|rate| {
                    let (numerator, denominator) = rate.split_once('/')?;
                    let (numerator, denominator) =
                        (numerator.parse().ok()?, denominator.parse().ok()?);
                    Some(ConcessionRate { numerator, denominator })
                });
                let rate = rate.filter(|rate| rate.is_valid()).ok_or_else(unknown)?;
                Self::TimeDependent(rate)
            }
        })
    }
}

impl TryFrom<String> for TacticName {
    type Error = WishError;

    fn try_from(text: String) -> Result<Self, WishError> {
        text.parse()
    }
}

impl From<TacticName> for String {
    fn from(name: TacticName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tactic_reads_back_what_it_shows() {
        for text in [
            "boulware",
            "linear",
            "conceder",
            "time-dependent:2/5",
            "tit-for-tat",
            "micro",
            "learned",
        ] {
            assert_eq!(text.parse::<TacticName>().map(|name| name.to_string()), Ok(text.into()));
        }
        for text in ["", "time-dependent", "time-dependent:0/1", "time-dependent:7/1", "Linear"] {
            assert!(text.parse::<TacticName>().is_err(), "{text}");
        }
    }

    #[test]
    fn both_sides_of_every_wish_have_preferences_that_can_be() {
        let shares = [Ppm(1), Ppm(600_000), Ppm::ONE];
        let all = [(1_000_000, 0, 0), (500_000, 500_000, 0), (400_000, 300_000, 300_000)];
        for (opening, (price, timeline, quality)) in
            shares.into_iter().flat_map(|share| all.map(|weights| (share, weights)))
        {
            let weights = IssueWeights {
                price: Ppm(price),
                timeline: Ppm(timeline),
                quality: Ppm(quality),
                schedule: Ppm::ZERO,
            };
            let wish = NegotiationWish { opening, weights, ..NegotiationWish::default() };
            assert_eq!(wish.validate(), Ok(()));
            for (reserve, time) in [(1, 1), (7, 3), (1_000_000, 60_000)] {
                let preferences = wish.preferences(Amount(reserve), DurationMs(time));
                assert_eq!(preferences.validate(), Ok(()), "{wish:?} {reserve} {time}");
            }
        }
        for (price, time) in [(0, 0), (1, 1), (u128::MAX, u64::MAX)] {
            for quality_level in
                [QualityLevel::Standard, QualityLevel::Premium, QualityLevel::Enterprise]
            {
                let (price, timeline_ms) = (Amount(price), DurationMs(time));
                let limits = SellerLimits { price, timeline_ms, quality_level };
                assert_eq!(limits.preferences().validate(), Ok(()), "{limits:?}");
            }
        }
    }

    #[test]
    fn a_wish_that_cannot_be_is_refused_with_what_is_wrong() {
        let usual = NegotiationWish::default();
        let wrong = |wish: NegotiationWish| wish.validate().expect_err("it cannot be");
        let opening = Ppm(1_000_001);
        assert_eq!(wrong(NegotiationWish { opening, ..usual }), WishError::Opening(opening));
        let rounds_max = WISHED_ROUNDS_MAX + 1;
        assert_eq!(wrong(NegotiationWish { rounds_max, ..usual }), WishError::Rounds(17));
        let weights = IssueWeights { timeline: Ppm(1), ..IssueWeights::PRICE };
        assert_eq!(wrong(NegotiationWish { weights, ..usual }), WishError::Weights(1_000_001));
        let weights = IssueWeights { price: Ppm::ZERO, schedule: Ppm::ONE, ..IssueWeights::PRICE };
        assert_eq!(wrong(NegotiationWish { weights, ..usual }), WishError::Schedule);
    }
}
