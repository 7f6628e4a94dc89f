//! That seller and price follow from the bids: the transcript, its replay, the signed bids.
use ainur_crypto::HybridVerifier;
use ainur_market::auction::{BidTerms, award};
use ainur_primitives::Did;

use super::{Checked, Examination, because, same};

impl Examination<'_> {
    /// The transcript is about this task on these terms. That it is the one agreed to is part of
    /// the attempts.
    pub(super) fn transcript(&self) -> Checked {
        let (terms, wanted) = (&self.body.transcript.terms, &self.body.specification);
        same("task", &self.body.task, &terms.task)?;
        same("reserve", &wanted.reserve, &terms.reserve)?;
        same("loss", &wanted.loss, &terms.loss)?;
        if wanted.selection != terms.selection {
            return Err("the auction selected by another rule than was asked for".into());
        }
        self.body.transcript.validate().map_err(|error| because(&error))?;
        let entrants = self.body.transcript.entrants.len();
        Ok(format!("{entrants} sealed bids, digest {}", self.body.transcript.digest().short()))
    }

    /// Replays the auction for every attempt without those before it.
    pub(super) fn award(&self) -> Checked {
        let mut passed: Vec<Did> = Vec::new();
        let mut seen = String::new();
        for (number, attempt) in (1..).zip(&self.body.attempts) {
            let place = |reason: String| format!("attempt {number}: {reason}");
            let replayed =
                award(&self.body.transcript, &passed).map_err(|error| place(because(&error)))?;
            same("seller", &attempt.seller, &replayed.winner).map_err(place)?;
            same("price", &attempt.price, &replayed.payment).map_err(place)?;
            passed.push(attempt.seller);
            let (bid, price) = (replayed.bid.price.to_ainu(), replayed.payment.to_ainu());
            seen = format!("bid {bid} AINU, price {price} AINU by replay of the auction");
        }
        if self.body.attempts.is_empty() { Err("there is no attempt".into()) } else { Ok(seen) }
    }

    /// Every bid that was opened is signed by its bidder.
    pub(super) fn bid_signatures(&self) -> Checked {
        let revealed = self.body.transcript.entrants.iter().filter_map(|entrant| {
            let reveal = entrant.reveal.as_ref()?;
            Some((entrant.commit.bidder, &reveal.terms))
        });
        let mut proofs = self.body.bids.iter();
        let mut count = 0;
        for (bidder, terms) in revealed {
            let place = |reason: String| format!("bid of {bidder}: {reason}");
            let proof =
                proofs.next().ok_or_else(|| place("the bidder's signature is missing".into()))?;
            same("bidder", &bidder, &proof.signer).map_err(place)?;
            let keys = self.keys.get(proof.signer, proof.key_version).ok_or_else(|| {
                place(format!("no key of version {} of {}", proof.key_version, proof.signer))
            })?;
            proof
                .verify(terms.digest(), keys, &HybridVerifier)
                .map_err(|error| place(because(&error)))?;
            count += 1;
        }
        if proofs.next().is_some() {
            return Err("there is a signature of a bid that was not opened".into());
        }
        Ok(format!("{count} bids signed, Ed25519 and ML-DSA-65"))
    }

    /// The bid this seller revealed.
    pub(super) fn bid_of(&self, seller: Did) -> Option<&BidTerms> {
        let mut entrants = self.body.transcript.entrants.iter();
        let entrant = entrants.find(|entrant| entrant.commit.bidder == seller)?;
        entrant.reveal.as_ref().map(|reveal| &reveal.terms)
    }
}
