//! Who wins a closed auction, what is paid and why: a pure function of the transcript.
use alloc::vec::Vec;

use ainur_crypto::hash;
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, SelectionRule};
use core::fmt;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::mechanism::{self, Contender, PriceSetBy};
use super::terms::{AuctionTerms, BidTerms};
use super::transcript::Transcript;

/// The outcome of an auction, with all a person needs to see why.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Award {
    /// Who is to do the work.
    pub winner: Did,
    /// The winner's bid.
    pub bid: BidTerms,
    /// What accepted work is paid: at least the bid, at most the reserve.
    pub payment: Amount,
    /// What fixed the payment.
    pub price_set_by: PriceSetBy,
    /// Who would win without the winner.
    pub runner_up: Option<Did>,
    /// Every revealed bid, best first; those that could not win come last, ascending by bidder.
    pub ranking: Vec<Ranked>,
    /// Who committed and did not reveal, ascending: their bonds are forfeit.
    pub unrevealed: Vec<Did>,
    /// The rule applied.
    pub selection: SelectionRule,
    /// The call's reserve.
    pub reserve: Amount,
    /// The digest of the transcript it follows from.
    pub transcript: Digest,
}

/// One revealed bid in the order of preference.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Ranked {
    /// Place, from 1; those that could not win come after those that could.
    pub rank: u32,
    /// Who bid.
    pub bidder: Did,
    /// What it asked.
    pub price: Amount,
    /// How likely the ledger's reputation said it is to fail.
    pub failure_probability: Ppm,
    /// What the buyer expects to lose by that, rounded up; zero unless selection is scored.
    pub expected_loss: Amount,
    /// `price + expected_loss`.
    pub score: Amount,
    /// How long it expected to take.
    pub estimated_duration_ms: DurationMs,
    /// Why it could not win, when it could not.
    pub ineligible: Option<Reason>,
}

/// Why a revealed bid could not win.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It asked more than the reserve; for a bundle, with the expected loss.
    AboveReserve,
    /// It expected to take longer than the call allows.
    TooSlow,
    /// It was not valid until the end of revealing.
    Expired,
    /// It was excluded, as after a failed attempt.
    Excluded,
    /// It has subtasks that are not to be decided about (again).
    Underway,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AboveReserve => "above the reserve",
            Self::TooSlow => "slower than the call allows",
            Self::Expired => "not valid until the end of revealing",
            Self::Excluded => "excluded",
            Self::Underway => "of subtasks that are not open",
        })
    }
}

/// Why an auction has no winner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAward {
    /// The transcript is not one an auction could have produced.
    #[error("the transcript is not valid")]
    Invalid(#[source] Error),
    /// Nobody revealed a bid.
    #[error("nobody revealed a bid")]
    NoBid,
    /// No revealed bid can win; why, for each, ascending by bidder.
    #[error("none of the {} revealed bids can win", .0.len())]
    NoneEligible(Vec<Ranked>),
}

/// Decides a closed auction without the `excluded` bidders; order among them does not matter.
///
/// A re-award after a failure is the same call with one more exclusion. Ties are decided by
/// `H(commitments ‖ beacon ‖ bidder)`, lowest first, over the commitments of all entrants, so that
/// an exclusion does not shuffle the others. A bid's `valid_until` is checked against the end of
/// revealing only: a caller that re-awards later excludes those that have expired by then.
///
/// # Errors
/// When the transcript is not valid, or nobody can win.
pub fn award(transcript: &Transcript, excluded: &[Did]) -> Result<Award, NoAward> {
    transcript.validate().map_err(NoAward::Invalid)?;
    let terms = &transcript.terms;
    let commitments = transcript.commitments();
    let mut eligible: Vec<Contender> = Vec::new();
    let mut ineligible: Vec<Ranked> = Vec::new();
    for entrant in &transcript.entrants {
        let Some(reveal) = &entrant.reveal else { continue };
        let bid = &reveal.terms;
        let contender = Contender {
            bidder: bid.bidder,
            price: bid.price,
            estimated_duration_ms: bid.estimated_duration_ms,
            failure_probability: entrant.failure_probability,
            lot: lot(&commitments, &transcript.beacon, &bid.bidder),
        };
        match reason(terms, bid, excluded) {
            None => eligible.push(contender),
            Some(reason) => ineligible.push(ranked(terms, &contender, Some(reason))),
        }
    }
    let (rule, reserve, loss) = (terms.selection, terms.reserve, terms.loss);
    let decision = mechanism::decide(rule, reserve, loss, &mut eligible);
    let bid = eligible.first().and_then(|winner| transcript.bid(&winner.bidder));
    let (Some((payment, price_set_by)), Some(bid)) = (decision, bid) else {
        return Err(if ineligible.is_empty() {
            NoAward::NoBid
        } else {
            NoAward::NoneEligible(numbered(ineligible))
        });
    };
    let mut ranking: Vec<Ranked> =
        eligible.iter().map(|contender| ranked(terms, contender, None)).collect();
    ranking.append(&mut ineligible);
    Ok(Award {
        winner: bid.bidder,
        bid: bid.clone(),
        payment,
        price_set_by,
        runner_up: eligible.get(1).map(|contender| contender.bidder),
        ranking: numbered(ranking),
        unrevealed: transcript.unrevealed(),
        selection: rule,
        reserve,
        transcript: transcript.digest(),
    })
}

/// A bidder's lot in ties: unpredictable while commitments are taken, the same in every replay.
fn lot(commitments: &Digest, beacon: &Digest, bidder: &Did) -> Digest {
    hash::tagged("ainur/auction-lot/v1", &[&commitments.0, &beacon.0, &bidder.0.0])
}

fn reason(terms: &AuctionTerms, bid: &BidTerms, excluded: &[Did]) -> Option<Reason> {
    if excluded.contains(&bid.bidder) {
        Some(Reason::Excluded)
    } else if bid.price > terms.reserve {
        Some(Reason::AboveReserve)
    } else if bid.estimated_duration_ms > terms.duration_ms_max {
        Some(Reason::TooSlow)
    } else if bid.valid_until < terms.reveal_until {
        Some(Reason::Expired)
    } else {
        None
    }
}

fn ranked(terms: &AuctionTerms, contender: &Contender, ineligible: Option<Reason>) -> Ranked {
    let (rule, loss) = (terms.selection, terms.loss);
    Ranked {
        rank: 0,
        bidder: contender.bidder,
        price: contender.price,
        failure_probability: contender.failure_probability,
        expected_loss: mechanism::expected_loss(rule, loss, contender.failure_probability),
        score: mechanism::score(rule, loss, contender),
        estimated_duration_ms: contender.estimated_duration_ms,
        ineligible,
    }
}

fn numbered(mut ranking: Vec<Ranked>) -> Vec<Ranked> {
    for (rank, entry) in (1..).zip(ranking.iter_mut()) {
        entry.rank = rank;
    }
    ranking
}
