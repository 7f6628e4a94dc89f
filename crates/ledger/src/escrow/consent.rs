//! What a seller has signed that binds it to a task, and what the ledger asks of it.
use ainur_crypto::BatchProof;
use ainur_market::auction::BidTerms;
use ainur_market::offer::OfferTerms;
use ainur_primitives::{Amount, Did, Digest, TaskId, Timestamp};
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
    /// What the seller agreed to.
    pub consent: Consent,
    /// Its signature over the consent's digest; the root signature travels with the transactions.
    pub proof: BatchProof,
}

/// A seller's word, by the way of agreeing on a price.
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

impl Consent {
    /// Who is bound by it.
    pub fn seller(&self) -> Did {
        match self {
            Self::Bid { bid, .. } => bid.bidder,
            Self::Offer { offer, .. } => offer.seller,
        }
    }

    /// What the seller's signature covers.
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
}

/// Checks that a seller's word binds it to a task of a buyer whose money left is `reserve`, and
/// returns the digest of what it signed.
pub(super) fn ensure(
    context: &mut Context<'_>,
    task: TaskId,
    (buyer, reserve): (Did, Amount),
    award: &SignedAward,
) -> Result<Digest, Error> {
    let SignedAward { price, consent, proof } = award;
    let (seller, digest) = (consent.seller(), consent.digest());
    let asked = match consent {
        Consent::Bid { bid, .. } => asked_in_bid(context, task, bid)?,
        Consent::Offer { offer, matched } => {
            offer::asked(context, (offer, digest), *matched, (buyer, reserve))?
        }
    };
    if *price < asked || *price > reserve {
        return Err(Error::PriceOutOfRange { asked, reserve });
    }
    if !context.said_by(seller, digest, proof) {
        return Err(Error::Unproven(seller));
    }
    if let Consent::Offer { offer, .. } = consent {
        offer::count_use(context, digest, buyer, offer.valid_until);
    }
    Ok(digest)
}

fn asked_in_bid(context: &Context<'_>, task: TaskId, bid: &BidTerms) -> Result<Amount, Error> {
    if bid.task != task {
        return Err(Error::BidForAnotherTask(bid.task));
    }
    if context.now >= bid.valid_until {
        return Err(Error::BidExpired(bid.valid_until));
    }
    let latest = context.now.plus(context.parameters.escrow.bid_validity_ms_max);
    if bid.valid_until > latest {
        return Err(Error::BidValidTooLong(latest));
    }
    Ok(bid.price)
}
