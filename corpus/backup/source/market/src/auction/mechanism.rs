//! The rule itself, in integers: who is preferred to whom, and what the winner is paid.
//!
//! Scored selection is a reverse second-price auction with a known handicap per bidder (Vickrey
//! 1961; Groves 1973): the score is bid + expected loss, the lowest score wins, and the winner is
//! paid the bid at which its score would tie the runner-up's, at most the reserve. A bid never
//! enters its own payment, so no bid gains over the bidder's true cost; the handicap is an integer
//! fixed before the bids, so this holds exactly and not up to rounding.
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, SelectionRule};
use core::cmp::Ordering;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// An eligible bid, reduced to what selection looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contender {
    /// Who bids.
    pub bidder: Did,
    /// What it asks; at most the reserve.
    pub price: Amount,
    /// How long it expects to take.
    pub estimated_duration_ms: DurationMs,
    /// How likely it is to fail.
    pub failure_probability: Ppm,
    /// Its lot where all else is equal; the lowest wins.
    pub lot: Digest,
}

/// What fixed the winner's payment.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PriceSetBy {
    /// The runner-up: at this price the two scores would be equal.
    RunnerUp,
    /// The reserve: nobody else bid, or the runner-up would have allowed more.
    Reserve,
    /// The bid itself; selection by duration or reputation is not truthful.
    OwnBid,
}

/// What the buyer expects to lose through a bidder's failures, in base units, rounded up.
///
/// Only [`SelectionRule::Scored`] weighs it; for the other rules it is zero.
pub fn expected_loss(rule: SelectionRule, loss: Amount, failure_probability: Ppm) -> Amount {
    match rule {
        SelectionRule::Scored => loss.share_ceil(failure_probability.min(Ppm::ONE)),
        SelectionRule::Cheapest | SelectionRule::Fastest | SelectionRule::BestReputation => {
            Amount::ZERO
        }
    }
}

/// The price and the expected loss together. Cannot overflow for prices and losses up to
/// [`super::terms::TERMS_AMOUNT_MAX`]; beyond, it is the largest amount.
pub fn score(rule: SelectionRule, loss: Amount, contender: &Contender) -> Amount {
    contender.price.saturating_add(expected_loss(rule, loss, contender.failure_probability))
}

/// Which of two the rule prefers: `Less` is better. Never `Equal` for two different lots.
fn prefer(rule: SelectionRule, loss: Amount, one: &Contender, other: &Contender) -> Ordering {
    let key = |contender: &Contender| {
        let score = score(rule, loss, contender);
        let first = match rule {
            SelectionRule::Scored | SelectionRule::Cheapest => 0,
            SelectionRule::Fastest => contender.estimated_duration_ms.0,
            SelectionRule::BestReputation => u64::from(contender.failure_probability.0),
        };
        (first, score, contender.lot, contender.bidder)
    };
    key(one).cmp(&key(other))
}

/// Sorts eligible bids best first and says what the first is paid, at least its bid and at most
/// the reserve; `None` when there is no bid.
pub fn decide(
    rule: SelectionRule,
    reserve: Amount,
    loss: Amount,
    contenders: &mut [Contender],
) -> Option<(Amount, PriceSetBy)> {
    contenders.sort_unstable_by(|one, other| prefer(rule, loss, one, other));
    let winner = contenders.first()?;
    Some(payment(rule, reserve, loss, winner, contenders.get(1)))
}

fn payment(
    rule: SelectionRule,
    reserve: Amount,
    loss: Amount,
    winner: &Contender,
    runner_up: Option<&Contender>,
) -> (Amount, PriceSetBy) {
    if matches!(rule, SelectionRule::Fastest | SelectionRule::BestReputation) {
        return (winner.price, PriceSetBy::OwnBid);
    }
    let handicap = expected_loss(rule, loss, winner.failure_probability);
    match runner_up.map(|second| score(rule, loss, second).saturating_sub(handicap)) {
        Some(tie) if tie <= reserve => (tie, PriceSetBy::RunnerUp),
        _ => (reserve, PriceSetBy::Reserve),
    }
}
