//! That seller and price follow from what was said: the thread is replayed by its rules, every
//! message is signed by whoever said it, and the seller signed what came of it.
use super::{Checked, Examination, because, same};
use crate::receipt::{AttemptRecord, MESSAGES_MAX, NegotiatedAgreement};

impl Examination<'_> {
    /// Replays what was said; it ends with exactly the terms that were agreed to.
    pub(super) fn renegotiate(
        &self,
        attempt: &AttemptRecord,
        agreement: &NegotiatedAgreement,
    ) -> Checked {
        let NegotiatedAgreement { thread, terms, .. } = agreement;
        if thread.messages.len() > MESSAGES_MAX {
            return Err(format!("the negotiation has more than {MESSAGES_MAX} messages"));
        }
        let rules = &thread.rules;
        same("task", &self.body.task, &rules.task)?;
        same("buyer", &self.body.buyer, &rules.buyer)?;
        same("seller", &attempt.seller, &rules.seller)?;
        let session = thread.replay().map_err(|error| because(&error))?;
        let agreed = session.agreed().ok_or("the negotiation did not end with an agreement")?;
        same("digest of the negotiated terms", &terms.digest(), &agreed.digest())?;
        same("price", &attempt.price, &agreed.agreed.price)?;
        if agreed.agreed.price > self.body.specification.reserve {
            return Err("the price is above the reserve".into());
        }
        if let Some(event) = &attempt.agreed
            && event.proof.header.timestamp >= agreed.valid_until
        {
            return Err("the terms were not valid any more when they were agreed to".into());
        }
        let (price, round) = (agreed.agreed.price.to_ainu(), session.round());
        Ok(format!("price {price} AINU, agreed in round {round} of a negotiation"))
    }

    /// How many messages were signed, each by whoever said it, and the terms by the seller.
    pub(super) fn negotiation_signatures(
        &self,
        agreement: &NegotiatedAgreement,
    ) -> Result<usize, String> {
        let NegotiatedAgreement { thread, messages: proofs, terms, proof } = agreement;
        let said = &thread.messages;
        if said.len() != proofs.len() {
            return Err(format!("{} messages have {} signatures", said.len(), proofs.len()));
        }
        for (number, (message, proof)) in (1..).zip(said.iter().zip(proofs)) {
            self.signed(message.from, message.digest(), proof)
                .map_err(|reason| format!("message {number} of {}: {reason}", message.from))?;
        }
        self.signed(thread.rules.seller, terms.digest(), proof)
            .map_err(|reason| format!("terms of {}: {reason}", thread.rules.seller))?;
        Ok(said.len())
    }
}
