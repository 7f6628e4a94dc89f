//! Which message may follow which, in the conversation about a standing offer.
//!
//! The seller offers. Any other party takes the offer by accepting it, for one task at a time and
//! as often as it likes: that is the match, nobody has to answer. The seller can reject an
//! acceptance, as when it has no place left, and the party that accepted can take it back. The
//! seller withdraws the offer once; what was accepted before can still be rejected or taken back.
//! Other terms are another offer, in a conversation of its own.
use std::collections::VecDeque;

use ainur_primitives::{ConversationId, Did, MessageId, Timestamp};

use super::{Error, addressed, not_before};
use crate::envelope::MessageHeader;
use crate::limits::OFFER_ACCEPTANCES_MAX;
use crate::message::MessageType;

/// A conversation that begins with a standing offer, so far. The bodies are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferConversation {
    id: ConversationId,
    offer: Option<Offered>,
    withdrawn: bool,
    /// Acceptances nobody has taken back, oldest first. Of too many the oldest is forgotten: it
    /// stands, and what becomes of it the ledger knows.
    acceptances: VecDeque<Acceptance>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offered {
    id: MessageId,
    seller: Did,
    created: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Acceptance {
    id: MessageId,
    buyer: Did,
    created: Timestamp,
}

impl OfferConversation {
    /// A conversation in which nothing was said.
    pub fn new(id: ConversationId) -> Self {
        Self { id, offer: None, withdrawn: false, acceptances: VecDeque::new() }
    }

    /// Who offers, once somebody does.
    pub fn seller(&self) -> Option<Did> {
        self.offer.map(|offer| offer.seller)
    }

    /// True when the offer was made and not withdrawn; whether it is still valid is the market's to
    /// say.
    pub fn stands(&self) -> bool {
        self.offer.is_some() && !self.withdrawn
    }

    /// Who has accepted and not been rejected, oldest first, once for each task.
    pub fn accepted(&self) -> impl ExactSizeIterator<Item = (Did, MessageId)> {
        self.acceptances.iter().map(|acceptance| (acceptance.buyer, acceptance.id))
    }

    /// What this party may say now, in the order of [`MessageType::ALL`].
    pub fn expected_from(&self, party: &Did) -> Vec<MessageType> {
        let seller = self.seller();
        let is_seller = seller == Some(*party);
        let says = |message_type: &MessageType| match message_type {
            MessageType::StandingOffer => seller.is_none(),
            MessageType::Accept => self.stands() && !is_seller,
            MessageType::Withdraw => self.stands() && is_seller,
            MessageType::Reject => {
                self.acceptances.iter().any(|accepted| is_seller || accepted.buyer == *party)
            }
            _ => false,
        };
        MessageType::ALL.into_iter().filter(says).collect()
    }

    /// Takes the next message, or says what was expected instead.
    ///
    /// # Errors
    /// Why it has no place here; nothing changes then.
    pub fn accept(&mut self, header: &MessageHeader) -> Result<(), Error> {
        if header.conversation_id != self.id {
            let found = header.conversation_id;
            return Err(Error::OtherConversation { expected: self.id, found });
        }
        let expected = self.expected_from(&header.from);
        let found = header.message_type;
        if !expected.contains(&found) {
            return Err(Error::Unexpected { found, from: header.from, expected });
        }
        let stale = Error::Stale { found, expected };
        let Some(offer) = self.offer else { return self.take_offer(header, stale) };
        if found == MessageType::Reject {
            return self.take_reject(header, offer.seller, stale);
        }
        if header.in_reply_to != Some(offer.id) {
            return Err(stale);
        }
        not_before(header, offer.created)?;
        if found == MessageType::Withdraw {
            self.withdrawn = true;
            return Ok(());
        }
        addressed(header, offer.seller)?;
        if self.acceptances.len() >= OFFER_ACCEPTANCES_MAX {
            self.acceptances.pop_front();
        }
        let (id, created) = (header.id, header.created);
        self.acceptances.push_back(Acceptance { id, buyer: header.from, created });
        Ok(())
    }

    fn take_offer(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        if header.in_reply_to.is_some() {
            return Err(stale);
        }
        self.offer = Some(Offered { id: header.id, seller: header.from, created: header.created });
        Ok(())
    }

    /// The seller rejects, or the buyer takes back, what the buyer had accepted.
    fn take_reject(
        &mut self,
        header: &MessageHeader,
        seller: Did,
        stale: Error,
    ) -> Result<(), Error> {
        let answered = |(_, accepted): &(usize, &Acceptance)| {
            header.in_reply_to == Some(accepted.id)
                && (header.from == seller || header.from == accepted.buyer)
        };
        let Some((place, accepted)) = self.acceptances.iter().enumerate().find(answered) else {
            return Err(stale);
        };
        addressed(header, if header.from == seller { accepted.buyer } else { seller })?;
        not_before(header, accepted.created)?;
        self.acceptances.remove(place);
        Ok(())
    }
}
