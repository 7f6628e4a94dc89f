//! That seller and price follow from what was bid or offered: the transcript and its replay, the
//! offers that were taken, and everybody's signature.
use ainur_crypto::{HybridVerifier, Proof};
use ainur_market::auction::{BidTerms, Transcript, award};
use ainur_primitives::{Amount, Did, Digest, DurationMs};

use super::{Checked, Examination, because, same};
use crate::receipt::{AttemptBasis, AttemptRecord, TakenOffer};

/// How old the price of an offer is at most when it is agreed to, whatever a ledger's parameters
/// say; theirs may be less.
const MATCH_AGE_MS_MAX: DurationMs = DurationMs::seconds(600);

impl<'a> Examination<'a> {
    /// The transcript is about this task on these terms. That it is the one agreed to is part of
    /// the attempts.
    pub(super) fn transcript(&self) -> Checked {
        let Some(transcript) = &self.body.transcript else {
            return Ok("none: no auction was held".into());
        };
        let (terms, wanted) = (&transcript.terms, &self.body.specification);
        same("task", &self.body.task, &terms.task)?;
        same("reserve", &wanted.reserve, &terms.reserve)?;
        same("loss", &wanted.loss, &terms.loss)?;
        if wanted.selection != terms.selection {
            return Err("the auction selected by another rule than was asked for".into());
        }
        transcript.validate().map_err(|error| because(&error))?;
        let entrants = transcript.entrants.len();
        Ok(format!("{entrants} sealed bids, digest {}", transcript.digest().short()))
    }

    /// Computes seller and price of every attempt again: by replaying the auction without those
    /// before it, or from the offer that was taken.
    pub(super) fn award(&self) -> Checked {
        let mut passed: Vec<Did> = Vec::new();
        let mut seen = String::new();
        for (number, attempt) in (1..).zip(&self.body.attempts) {
            let place = |reason: String| format!("attempt {number}: {reason}");
            seen = match &attempt.basis {
                AttemptBasis::Auction => self.replay(attempt, &passed).map_err(place)?,
                AttemptBasis::Offer(taken) => self.compute(attempt, taken).map_err(place)?,
                AttemptBasis::Credit(redeemed) => {
                    same("price", &attempt.price, &Amount::ZERO).map_err(place)?;
                    let collateral = redeemed.collateral.to_ainu();
                    format!("a credit with {collateral} AINU behind it")
                }
                AttemptBasis::Rental(used) => {
                    same("price", &attempt.price, &Amount::ZERO).map_err(place)?;
                    format!("{} units of rental {}", used.units, used.rental.short())
                }
                AttemptBasis::Negotiated(agreement) => {
                    self.renegotiate(attempt, agreement).map_err(place)?
                }
            };
            // Who was refused with an offer has failed at nothing, and could still bid.
            if attempt.agreed.is_some() || attempt.basis == AttemptBasis::Auction {
                passed.push(attempt.seller);
            }
        }
        if self.body.attempts.is_empty() { Err("there is no attempt".into()) } else { Ok(seen) }
    }

    fn replay(&self, attempt: &AttemptRecord, passed: &[Did]) -> Checked {
        let replayed = award(self.auction()?, passed).map_err(|error| because(&error))?;
        same("seller", &attempt.seller, &replayed.winner)?;
        same("price", &attempt.price, &replayed.payment)?;
        let (bid, price) = (replayed.bid.price.to_ainu(), replayed.payment.to_ainu());
        Ok(format!("bid {bid} AINU, price {price} AINU by replay of the auction"))
    }

    fn compute(&self, attempt: &AttemptRecord, taken: &TakenOffer) -> Checked {
        let (offer, wanted) = (&taken.offer, &self.body.specification);
        offer.validate().map_err(|error| because(&error))?;
        same("seller", &attempt.seller, &offer.seller)?;
        if !offer.offers(&wanted.capability) {
            return Err(format!("the offer is not of {}", wanted.capability));
        }
        if let Some(agreed) = &attempt.agreed {
            let at = agreed.proof.header.timestamp;
            if taken.matched > at || at.since(taken.matched) > MATCH_AGE_MS_MAX {
                return Err("the price is that of another time than the agreement's".into());
            }
        }
        if !offer.is_valid_at(taken.matched) {
            return Err("the offer was taken when it was not valid".into());
        }
        if wanted.reserve < offer.minimum_budget {
            return Err("the offer asks for a larger reserve".into());
        }
        let price = offer.pricing.price(taken.bought, taken.matched);
        same("price", &attempt.price, &price)?;
        let (base, price) = (offer.pricing.base_price.to_ainu(), price.to_ainu());
        Ok(format!("base {base} AINU, price {price} AINU by its standing offer"))
    }

    /// Every bid that was opened and every offer that was taken is signed by whose it is.
    pub(super) fn bid_signatures(&self) -> Checked {
        let mut proofs = self.body.bids.iter();
        let mut bids = 0;
        let entrants = self.body.transcript.iter().flat_map(|transcript| &transcript.entrants);
        for entrant in entrants {
            let Some(reveal) = &entrant.reveal else { continue };
            let bidder = entrant.commit.bidder;
            let place = |reason: String| format!("bid of {bidder}: {reason}");
            let proof =
                proofs.next().ok_or_else(|| place("the bidder's signature is missing".into()))?;
            self.signed(bidder, reveal.terms.digest(), proof).map_err(place)?;
            bids += 1;
        }
        if proofs.next().is_some() {
            return Err("there is a signature of a bid that was not opened".into());
        }
        let (mut offers, mut messages) = (0, 0);
        for attempt in &self.body.attempts {
            match &attempt.basis {
                AttemptBasis::Auction | AttemptBasis::Credit(_) | AttemptBasis::Rental(_) => {}
                AttemptBasis::Offer(taken) => {
                    let seller = taken.offer.seller;
                    self.signed(seller, taken.offer.digest(), &taken.proof)
                        .map_err(|reason| format!("offer of {seller}: {reason}"))?;
                    offers += 1;
                }
                AttemptBasis::Negotiated(agreement) => {
                    messages += self.negotiation_signatures(agreement)?;
                }
            }
        }
        let mut signed = format!("{bids} bids");
        for (count, what) in [(offers, "offers"), (messages, "messages of negotiations")] {
            if count > 0 {
                signed.push_str(&format!(", {count} {what}"));
            }
        }
        Ok(format!("{signed} signed, Ed25519 and ML-DSA-65"))
    }

    /// Somebody signed this digest, with a key the receipt shows to be theirs.
    pub(super) fn signed(&self, by: Did, digest: Digest, proof: &Proof) -> Result<(), String> {
        same("signer", &by, &proof.signer)?;
        let keys = self.keys.get(proof.signer, proof.key_version).ok_or_else(|| {
            format!("no key of version {} of {}", proof.key_version, proof.signer)
        })?;
        proof.verify(digest, keys, &HybridVerifier).map_err(|error| because(&error))
    }

    /// The transcript, where one is needed.
    pub(super) fn auction(&self) -> Result<&'a Transcript, String> {
        let missing = || "the auction's transcript is missing".to_owned();
        self.body.transcript.as_ref().ok_or_else(missing)
    }

    /// The bid this seller revealed.
    pub(super) fn bid_of(&self, seller: Did) -> Option<&'a BidTerms> {
        self.auction().ok()?.bid(&seller)
    }
}
