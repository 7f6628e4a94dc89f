//! Who does which part of a task graph, what each is paid and why: a pure function of the
//! transcript.
use alloc::vec::Vec;

use ainur_crypto::hash;
use ainur_primitives::{Amount, Did, Digest, Ppm, SelectionRule};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::CombinatorialTranscript;
use super::mechanism::{self, Contender, LOT_BITS, Method};
use super::subtasks::SubtaskSet;
use super::terms::{Bundle, BundleBidTerms, CombinatorialTerms};
use crate::auction::mechanism::PriceSetBy;
use crate::auction::{Entrant, Error, Reason};

/// The outcome of a combinatorial auction, with all a person needs to see why.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// Who does what, ascending by bidder.
    pub assignments: Vec<Assignment>,
    /// What nobody does, because nobody offered it for less than having it done elsewhere.
    pub unassigned: SubtaskSet,
    /// What all accepted work is paid; at most the budget.
    pub payment: Amount,
    /// The reserves of the subtasks decided about, together.
    pub reserve: Amount,
    /// By how much the assignments cost less than the reserves of their subtasks, expected losses
    /// included and at the prices asked: what was maximised.
    pub gain: Amount,
    /// How winners were determined.
    pub method: Method,
    /// The rule applied.
    pub selection: SelectionRule,
    /// Revealed bundles that could not win, by bidder and place in the bid.
    pub refused: Vec<RefusedBundle>,
    /// Who committed and did not reveal, ascending: their bonds are forfeit.
    pub unrevealed: Vec<Did>,
    /// The digest of the transcript it follows from.
    pub transcript: Digest,
}

impl Allocation {
    /// The digest that names this outcome.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/allocation/v1", &[&self.encode()])
    }
}

/// One bidder's part of an [`Allocation`].
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Who is to do the work.
    pub bidder: Did,
    /// The bundle won, and what was asked for it.
    pub bundle: Bundle,
    /// How likely the ledger's reputation said the bidder is to fail.
    pub failure_probability: Ppm,
    /// What the buyer expects to lose by that, rounded up; zero unless selection is scored.
    pub expected_loss: Amount,
    /// What the subtasks may cost at most.
    pub reserve: Amount,
    /// What accepted work is paid: at least the price asked, at most the reserve.
    pub payment: Amount,
    /// What fixed the payment: what others would do instead, or the reserve.
    pub price_set_by: PriceSetBy,
    /// Who would do more if this bidder were not there, and what; where that is less than the
    /// bundle, the reserve stands for the rest.
    pub displaced: Vec<Displaced>,
}

/// A bundle that would win if some winner were not there.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Displaced {
    /// Whose it is.
    pub bidder: Did,
    /// What was asked for what.
    pub bundle: Bundle,
    /// What the buyer would expect to lose.
    pub expected_loss: Amount,
}

/// A revealed bundle that could not win.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct RefusedBundle {
    /// Whose it is.
    pub bidder: Did,
    /// What was asked for what.
    pub bundle: Bundle,
    /// What the buyer would expect to lose; with the price, it may be above the reserve.
    pub expected_loss: Amount,
    /// Why it could not win.
    pub reason: Reason,
}

/// A feasible bundle and where it comes from.
struct Source<'a> {
    entrant: &'a Entrant<BundleBidTerms>,
    bundle: Bundle,
}

/// Decides a closed combinatorial auction without the `excluded` bidders; order among them does
/// not matter. Nobody may win anything: then all is unassigned.
///
/// # Errors
/// When the transcript is not one an auction could have produced.
pub fn award(transcript: &CombinatorialTranscript, excluded: &[Did]) -> Result<Allocation, Error> {
    award_part(transcript, excluded, &SubtaskSet::first(transcript.terms.subtasks.len()))
}

/// Decides again about some subtasks only, as after the failure of who was to do them: a caller
/// excludes the failed and those at work, who offered to do one bundle each. What is paid for the
/// part is at most the reserves of its subtasks.
///
/// Ties are decided by `H(commitments ‖ beacon ‖ bidder ‖ place of the bundle)` over the
/// commitments of all entrants, the largest sum first, so that an exclusion does not shuffle the
/// others. A bid's `valid_until` is checked against the end of revealing only: a caller that
/// re-awards later excludes those that have expired by then.
///
/// # Errors
/// When the transcript is not one an auction could have produced.
pub fn award_part(
    transcript: &CombinatorialTranscript,
    excluded: &[Did],
    part: &SubtaskSet,
) -> Result<Allocation, Error> {
    transcript.validate()?;
    let terms = &transcript.terms;
    let commitments = transcript.commitments();
    let reserves: Vec<Amount> = terms.subtasks.iter().map(|subtask| subtask.reserve).collect();
    let mut contenders: Vec<Contender> = Vec::new();
    let mut sources: Vec<Source<'_>> = Vec::new();
    let mut refused = Vec::new();
    for (number, entrant) in (0u32..).zip(&transcript.entrants) {
        let Some(reveal) = &entrant.reveal else { continue };
        let bid = &reveal.terms;
        for (place, bundle) in (0u32..).zip(&bid.bundles) {
            let loss = terms.expected_loss(&bundle.subtasks, entrant.failure_probability);
            let contender = Contender {
                bidder: number,
                subtasks: bundle.subtasks,
                price: bundle.price,
                expected_loss: loss,
                lot: lot(&commitments, &transcript.beacon, &bid.bidder, place),
            };
            let underway = !bundle.subtasks.is_subset(part);
            let outside = underway.then_some(Reason::Underway);
            match outside.or_else(|| reason(terms, bid, bundle, contender.score(), excluded)) {
                None => {
                    contenders.push(contender);
                    sources.push(Source { entrant, bundle: *bundle });
                }
                Some(reason) => {
                    let (bidder, bundle) = (bid.bidder, *bundle);
                    refused.push(RefusedBundle { bidder, bundle, expected_loss: loss, reason });
                }
            }
        }
    }
    let decision = mechanism::decide(&reserves, &contenders);
    let mut allocation = Allocation {
        assignments: Vec::with_capacity(decision.wins.len()),
        unassigned: *part,
        payment: Amount::ZERO,
        reserve: terms.reserve(part),
        gain: Amount::ZERO,
        method: decision.method,
        selection: terms.selection,
        refused,
        unrevealed: transcript.unrevealed(),
        transcript: transcript.digest(),
    };
    for win in &decision.wins {
        let (source, contender) = (&sources[win.place], &contenders[win.place]);
        let displaced = win.displaced.iter().map(|place| Displaced {
            bidder: sources[*place].entrant.commit.bidder,
            bundle: sources[*place].bundle,
            expected_loss: contenders[*place].expected_loss,
        });
        let gain = contender.gain(&reserves).unwrap_or(Amount::ZERO);
        allocation.unassigned = allocation.unassigned.minus(&contender.subtasks);
        allocation.payment = allocation.payment.saturating_add(win.payment);
        allocation.gain = allocation.gain.saturating_add(gain);
        allocation.assignments.push(Assignment {
            bidder: source.entrant.commit.bidder,
            bundle: source.bundle,
            failure_probability: source.entrant.failure_probability,
            expected_loss: contender.expected_loss,
            reserve: terms.reserve(&contender.subtasks),
            payment: win.payment,
            price_set_by: win.price_set_by,
            displaced: displaced.collect(),
        });
    }
    Ok(allocation)
}

/// A bundle's lot in ties: unpredictable while commitments are taken, the same in every replay.
fn lot(commitments: &Digest, beacon: &Digest, bidder: &Did, place: u32) -> u32 {
    let parts: [&[u8]; 4] = [&commitments.0, &beacon.0, &bidder.0.0, &place.to_le_bytes()];
    let [first, second, third, ..] = hash::tagged("ainur/bundle-lot/v1", &parts).0;
    u32::from_be_bytes([0, first, second, third]) & ((1 << LOT_BITS) - 1)
}

fn reason(
    terms: &CombinatorialTerms,
    bid: &BundleBidTerms,
    bundle: &Bundle,
    score: Amount,
    excluded: &[Did],
) -> Option<Reason> {
    if excluded.contains(&bid.bidder) {
        Some(Reason::Excluded)
    } else if score > terms.reserve(&bundle.subtasks) {
        Some(Reason::AboveReserve)
    } else if bundle.estimated_duration_ms > terms.duration_ms_max(&bundle.subtasks) {
        Some(Reason::TooSlow)
    } else if bid.valid_until < terms.reveal_until {
        Some(Reason::Expired)
    } else {
        None
    }
}
