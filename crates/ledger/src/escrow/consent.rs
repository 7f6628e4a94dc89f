//! What sellers have signed that binds them to a task, and what the ledger asks of it.
use alloc::vec::Vec;

use ainur_crypto::BatchProof;
use ainur_market::auction::BidTerms;
use ainur_market::offer::OfferTerms;
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{Amount, Did, Digest, DurationMs, TaskId, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{Error, offer};
use crate::execution::Context;

/// Who gets work, for how much, and the signed word that binds them to it.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct SignedAward {
    /// What is paid for accepted work: at least what the consent asks.
    pub price: Amount,
    /// What was agreed to.
    pub consent: Consent,
    /// The signature over the consent's digest of each seller it binds, once and in their order;
    /// root signatures travel with the transactions.
    pub proofs: Vec<BatchProof>,
}

/// Sellers' word, by the way of agreeing on a price.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Consent {
    /// A bid in an auction; its bidder is the seller.
    Bid {
        /// The bid.
        bid: BidTerms,
        /// Digest of the auction's transcript, from which anyone recomputes winner and price.
        transcript: Digest,
    },
    /// A standing offer.
    Offer {
        /// The offer.
        offer: OfferTerms,
        /// The time whose price the buyer takes.
        matched: Timestamp,
    },
}

/// What one seller is bound to.
pub(super) struct Bound<'a> {
    pub(super) seller: Did,
    pub(super) price: Amount,
    pub(super) payment: &'a PaymentTerms,
    pub(super) cancellation: Option<CancellationPolicy>,
    /// The time it said it needs.
    pub(super) promised_ms: DurationMs,
    /// The least time to the deadline it is bound for. A bidder knew the deadline when it bid.
    pub(super) time_ms_min: DurationMs,
}

impl Consent {
    /// What the sellers' signatures cover.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Bid { bid, .. } => bid.digest(),
            Self::Offer { offer, .. } => offer.digest(),
        }
    }

    /// Digest of the document that explains the price: the auction's transcript, or the offer.
    pub fn transcript(&self) -> Digest {
        match self {
            Self::Bid { transcript, .. } => *transcript,
            Self::Offer { offer, .. } => offer.digest(),
        }
    }

    /// What each seller is bound to when all of them together get this price.
    fn bound(&self, price: Amount) -> Vec<Bound<'_>> {
        match self {
            Self::Bid { bid, .. } => [Bound {
                seller: bid.bidder,
                price,
                payment: &PaymentTerms::Completion,
                cancellation: None,
                promised_ms: bid.estimated_duration_ms,
                time_ms_min: DurationMs(0),
            }]
            .into(),
            Self::Offer { offer, .. } => [Bound {
                seller: offer.seller,
                price,
                payment: &offer.payment,
                cancellation: Some(offer.cancellation),
                promised_ms: offer.estimated_duration_ms,
                time_ms_min: time_ms_min(&offer.payment, offer.estimated_duration_ms),
            }]
            .into(),
        }
    }
}

/// The time that work takes which is due by milestones, or without them as long as was said.
fn time_ms_min(payment: &PaymentTerms, estimated: DurationMs) -> DurationMs {
    match payment {
        PaymentTerms::Milestone(milestones) => {
            milestones.last().map_or(estimated, |last| last.due_ms)
        }
        PaymentTerms::Completion | PaymentTerms::Upfront => estimated,
    }
}

/// Checks that sellers' word binds them to a task of a buyer with this much left to give, and
/// returns the digest of what they signed and what each is bound to.
pub(super) fn ensure<'a>(
    context: &mut Context<'_>,
    task: TaskId,
    (buyer, available): (Did, Amount),
    award: &'a SignedAward,
) -> Result<(Digest, Vec<Bound<'a>>), Error> {
    let SignedAward { price, consent, proofs } = award;
    let digest = consent.digest();
    let asked = match consent {
        Consent::Bid { bid, .. } => {
            ensure_for(task, bid.task)?;
            ensure_valid_until(context, bid.valid_until)?;
            bid.price
        }
        Consent::Offer { offer, matched } => {
            offer::asked(context, (offer, digest), *matched, (buyer, available))?
        }
    };
    if *price < asked || *price > available {
        return Err(Error::PriceOutOfRange { asked, reserve: available });
    }
    let bound = consent.bound(*price);
    ensure_signed(context, digest, &bound, proofs)?;
    if let Consent::Offer { offer, .. } = consent {
        offer::count_use(context, digest, buyer, offer.valid_until);
    }
    Ok((digest, bound))
}

fn ensure_for(task: TaskId, found: TaskId) -> Result<(), Error> {
    if found == task { Ok(()) } else { Err(Error::BidForAnotherTask(found)) }
}

/// Nothing signed for a task may outlive the memory of it.
fn ensure_valid_until(context: &Context<'_>, valid_until: Timestamp) -> Result<(), Error> {
    if context.now >= valid_until {
        return Err(Error::BidExpired(valid_until));
    }
    let latest = context.now.plus(context.parameters.escrow.bid_validity_ms_max);
    if valid_until > latest { Err(Error::BidValidTooLong(latest)) } else { Ok(()) }
}

/// Checks that each seller signed, once however many shares it has.
fn ensure_signed(
    context: &mut Context<'_>,
    digest: Digest,
    bound: &[Bound<'_>],
    proofs: &[BatchProof],
) -> Result<(), Error> {
    let mut proofs = proofs.iter();
    for (index, Bound { seller, .. }) in bound.iter().enumerate() {
        if bound[..index].iter().any(|earlier| earlier.seller == *seller) {
            continue;
        }
        let signed = proofs.next().is_some_and(|proof| context.said_by(*seller, digest, proof));
        if !signed {
            return Err(Error::Unproven(*seller));
        }
    }
    if proofs.next().is_some() { Err(Error::ProofsLeft) } else { Ok(()) }
}
