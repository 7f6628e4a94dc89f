//! Which message may follow which, in the conversation about one task.
//!
//! A buyer calls. Any other party commits to a bid in reply to the call, and opens it in reply to
//! its own commitment. The buyer answers: it accepts one bid at a time, and rejects bids,
//! commitments without a bid, or what it had accepted. After such a withdrawal it can accept
//! another bid, also one it had rejected, since a failed winner is replaced from the same bids
//! (decision 17); the one withdrawn cannot come back.
//!
//! A conversation that begins with a standing offer follows rules of its own
//! ([`OfferConversation`]).
//!
//! Times of day are not judged here: phases are the market's, freshness is [`crate::replay`]'s.
use std::collections::BTreeMap;

use ainur_primitives::{ConversationId, Did, MessageId, Timestamp};

use crate::envelope::MessageHeader;
use crate::limits::BIDDERS_MAX;
use crate::message::MessageType;
use crate::recipients::Recipients;

mod offer;

pub use offer::OfferConversation;

/// One conversation so far. The bodies are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    id: ConversationId,
    call: Option<Spoken>,
    bidders: BTreeMap<Did, Bidder>,
}

/// A message that was accepted, as far as later ones refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spoken {
    id: MessageId,
    by: Did,
    created: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bidder {
    commit: Spoken,
    bid: Option<Spoken>,
    answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Rejected(Timestamp),
    Accepted(Timestamp),
    Withdrawn,
}

/// Why a message has no place in the conversation now; the conversation is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// About something else.
    #[error("this message belongs to conversation {found}, not {expected}")]
    OtherConversation {
        /// This conversation.
        expected: ConversationId,
        /// The message's.
        found: ConversationId,
    },
    /// Not what its sender may say now.
    #[error("{found} is not expected from {from} now; expected: {}", names(.expected))]
    Unexpected {
        /// What came.
        found: MessageType,
        /// From whom.
        from: Did,
        /// What that party may say.
        expected: Vec<MessageType>,
    },
    /// A reply to no message, or to one that it cannot answer any more.
    #[error("{found} cannot answer that message; expected: {}", names(.expected))]
    Stale {
        /// What came.
        found: MessageType,
        /// What its sender may say.
        expected: Vec<MessageType>,
    },
    /// Not addressed to the party it concerns.
    #[error("{found} has to be addressed to {expected} alone")]
    Recipient {
        /// What came.
        found: MessageType,
        /// To whom it has to be.
        expected: Did,
    },
    /// Written before the message it answers.
    #[error("{found} was created before the message it answers")]
    Backdated {
        /// What came.
        found: MessageType,
    },
    /// No more bidders are kept.
    #[error("the conversation has its {BIDDERS_MAX} bidders already")]
    Full,
}

fn names(types: &[MessageType]) -> String {
    if types.is_empty() {
        return "nothing".into();
    }
    types.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", ")
}

impl Conversation {
    /// A conversation in which nothing was said.
    pub fn new(id: ConversationId) -> Self {
        Self { id, call: None, bidders: BTreeMap::new() }
    }

    /// Who called, once somebody has.
    pub fn buyer(&self) -> Option<Did> {
        self.call.map(|call| call.by)
    }

    /// Whose bid is accepted now.
    pub fn accepted(&self) -> Option<Did> {
        let accepted = |bidder: &Bidder| matches!(bidder.answer, Some(Answer::Accepted(_)));
        self.bidders.iter().find(|(_, bidder)| accepted(bidder)).map(|(did, _)| *did)
    }

    /// What anybody may say now, in the order of [`MessageType`].
    pub fn expected(&self) -> Vec<MessageType> {
        let says = |message_type: &MessageType| match message_type {
            MessageType::Call => self.call.is_none(),
            MessageType::BidCommit => self.call.is_some() && self.bidders.len() < BIDDERS_MAX,
            MessageType::Bid => self.bidders.values().any(Bidder::may_bid),
            MessageType::Accept => self.may_accept(),
            MessageType::Reject => self.bidders.values().any(Bidder::may_be_rejected),
            MessageType::StandingOffer | MessageType::Withdraw => false,
        };
        MessageType::ALL.into_iter().filter(says).collect()
    }

    /// What this party may say now, in the order of [`MessageType`].
    pub fn expected_from(&self, party: &Did) -> Vec<MessageType> {
        let is_buyer = self.buyer().is_none_or(|buyer| buyer == *party);
        let bidder = self.bidders.get(party);
        let says = |message_type: &MessageType| match message_type {
            MessageType::Call | MessageType::Accept | MessageType::Reject => is_buyer,
            MessageType::BidCommit => !is_buyer && bidder.is_none(),
            MessageType::Bid => bidder.is_some_and(Bidder::may_bid),
            MessageType::StandingOffer | MessageType::Withdraw => false,
        };
        self.expected().into_iter().filter(says).collect()
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
            let is_new = self.call.is_some_and(|call| call.by != header.from)
                && !self.bidders.contains_key(&header.from);
            if found == MessageType::BidCommit && is_new {
                return Err(Error::Full);
            }
            return Err(Error::Unexpected { found, from: header.from, expected });
        }
        let stale = Error::Stale { found, expected };
        match found {
            MessageType::Call => self.take_call(header, stale),
            MessageType::BidCommit => self.take_commit(header, stale),
            MessageType::Bid => self.take_bid(header, stale),
            MessageType::Accept => self.take_accept(header, stale),
            MessageType::Reject => self.take_reject(header, stale),
            MessageType::StandingOffer | MessageType::Withdraw => Err(stale),
        }
    }

    fn may_accept(&self) -> bool {
        self.accepted().is_none() && self.bidders.values().any(Bidder::may_be_accepted)
    }

    fn take_call(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        if header.in_reply_to.is_some() {
            return Err(stale);
        }
        self.call = Some(spoken(header));
        Ok(())
    }

    fn take_commit(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        let Some(call) = self.call.filter(|call| header.in_reply_to == Some(call.id)) else {
            return Err(stale);
        };
        addressed(header, call.by)?;
        not_before(header, call.created)?;
        let bidder = Bidder { commit: spoken(header), bid: None, answer: None };
        self.bidders.insert(header.from, bidder);
        Ok(())
    }

    fn take_bid(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        let Some(call) = self.call else { return Err(stale) };
        let Some(bidder) = self.bidders.get_mut(&header.from) else { return Err(stale) };
        if header.in_reply_to != Some(bidder.commit.id) {
            return Err(stale);
        }
        addressed(header, call.by)?;
        not_before(header, bidder.commit.created)?;
        bidder.bid = Some(spoken(header));
        Ok(())
    }

    fn take_accept(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        let answered = |bidder: &&mut Bidder| match bidder.bid {
            Some(bid) => header.in_reply_to == Some(bid.id) && bidder.may_be_accepted(),
            None => false,
        };
        let Some(bidder) = self.bidders.values_mut().find(answered) else { return Err(stale) };
        addressed(header, bidder.commit.by)?;
        not_before(header, bidder.said_last())?;
        bidder.answer = Some(Answer::Accepted(header.created));
        Ok(())
    }

    fn take_reject(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        let answered = |bidder: &&mut Bidder| {
            let last = bidder.bid.unwrap_or(bidder.commit);
            header.in_reply_to == Some(last.id) && bidder.may_be_rejected()
        };
        let Some(bidder) = self.bidders.values_mut().find(answered) else { return Err(stale) };
        addressed(header, bidder.commit.by)?;
        not_before(header, bidder.said_last())?;
        bidder.answer = Some(match bidder.answer {
            Some(Answer::Accepted(_)) => Answer::Withdrawn,
            _ => Answer::Rejected(header.created),
        });
        Ok(())
    }
}

impl Bidder {
    fn may_bid(&self) -> bool {
        self.bid.is_none() && self.answer.is_none()
    }

    fn may_be_accepted(&self) -> bool {
        self.bid.is_some() && matches!(self.answer, None | Some(Answer::Rejected(_)))
    }

    fn may_be_rejected(&self) -> bool {
        matches!(self.answer, None | Some(Answer::Accepted(_)))
    }

    fn said_last(&self) -> Timestamp {
        match self.answer {
            Some(Answer::Rejected(at) | Answer::Accepted(at)) => at,
            _ => self.bid.unwrap_or(self.commit).created,
        }
    }
}

fn spoken(header: &MessageHeader) -> Spoken {
    Spoken { id: header.id, by: header.from, created: header.created }
}

fn addressed(header: &MessageHeader, expected: Did) -> Result<(), Error> {
    if header.to == Recipients::One(expected) {
        Ok(())
    } else {
        Err(Error::Recipient { found: header.message_type, expected })
    }
}

fn not_before(header: &MessageHeader, answered: Timestamp) -> Result<(), Error> {
    if header.created < answered {
        Err(Error::Backdated { found: header.message_type })
    } else {
        Ok(())
    }
}
