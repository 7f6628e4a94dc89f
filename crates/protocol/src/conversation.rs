//! Which message may follow which, in the conversation about one task.
//!
//! A buyer calls. Any other party commits to a bid in reply to the call, and opens it in reply to
//! its own commitment, as its own bid or as the bid of a coalition it leads. The buyer answers: it
//! accepts one bid at a time, and rejects bids, commitments without a bid, or what it had accepted.
//! After such a withdrawal it can accept another bid, also one it had rejected, since a failed
//! winner is replaced from the same bids (decision 17); the one withdrawn cannot come back. When the
//! call is for a task of several parts, several bids can be accepted at once.
//!
//! A call that is addressed to one party alone names the buyer's broker: it may say what the buyer
//! may say (accept and reject), and does not bid itself. What sellers say is still for the buyer.
//!
//! Instead of calling, a buyer can open a negotiation with any seller; after a call, with whoever
//! has committed or bid. The two then take turns, each in reply to the other's last message, until
//! one of them accepts or rejects it. While a negotiation runs, it is what is answered; when it
//! fails, a bid made before stands as it was. Nobody negotiates while somebody is accepted.
//!
//! A conversation that begins with a standing offer follows rules of its own
//! ([`OfferConversation`]).
//!
//! Times of day are not judged here: phases are the market's, freshness is [`crate::replay`]'s.
use std::collections::BTreeMap;

use ainur_primitives::{ConversationId, Did, MessageId, Timestamp};

use self::seller::{Answer, Seller, Speaker};
use crate::envelope::MessageHeader;
use crate::limits::BIDDERS_MAX;
use crate::message::{Message, MessageType};
use crate::recipients::Recipients;

mod offer;
mod seller;

pub use offer::OfferConversation;

/// One conversation so far. The bodies are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    id: ConversationId,
    /// Who said the first message.
    buyer: Option<Did>,
    /// Who speaks for the buyer, when the call was for one party alone.
    broker: Option<Did>,
    call: Option<Spoken>,
    /// The call is for a task of several parts.
    is_parted: bool,
    sellers: BTreeMap<Did, Seller>,
}

/// A message that was accepted, as far as later ones refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spoken {
    id: MessageId,
    created: Timestamp,
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
    /// A negotiation with nobody, with many, or with one it is held with already.
    #[error("a negotiation is opened with one seller, and with each once")]
    Opening,
    /// No more bidders are kept.
    #[error("the conversation has its {BIDDERS_MAX} bidders already")]
    Full,
    /// A proposal that names another thread than the one it belongs to.
    #[error("the thread has {expected} messages before this one; the first {same} are as named")]
    OtherThread {
        /// How many messages the thread has.
        expected: usize,
        /// How many of them the message names rightly, from the first.
        same: usize,
    },
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
        let sellers = BTreeMap::new();
        Self { id, buyer: None, broker: None, call: None, is_parted: false, sellers }
    }

    /// Who called or opened a negotiation, once somebody has.
    pub fn buyer(&self) -> Option<Did> {
        self.buyer
    }

    /// Who speaks for the buyer, when it called one party alone.
    pub fn broker(&self) -> Option<Did> {
        self.broker
    }

    /// Whose bid or proposal is accepted now, or who accepted the buyer's; of several for the parts
    /// of one task the first by DID.
    pub fn accepted(&self) -> Option<Did> {
        self.all_accepted().next()
    }

    /// Everybody whose bid is accepted now, ascending.
    pub fn all_accepted(&self) -> impl Iterator<Item = Did> {
        let accepted = |seller: &Seller| matches!(seller.answer, Some(Answer::Accepted(_)));
        self.sellers.iter().filter(move |(_, seller)| accepted(seller)).map(|(did, _)| *did)
    }

    /// The messages of the negotiation with this seller, in order: what the next one names.
    pub fn thread(&self, seller: &Did) -> &[MessageId] {
        let thread = self.sellers.get(seller).and_then(|seller| seller.thread.as_ref());
        thread.map_or(&[], |thread| &thread.ids)
    }

    /// What anybody may say now, in the order of [`MessageType::ALL`].
    pub fn expected(&self) -> Vec<MessageType> {
        let says = |message_type: &MessageType| {
            self.buyer_says(*message_type)
                || self.newcomer_says(*message_type)
                || self.sellers.values().any(|seller| self.seller_says(seller, *message_type))
        };
        MessageType::ALL.into_iter().filter(says).collect()
    }

    /// What this party may say now, in the order of [`MessageType::ALL`].
    pub fn expected_from(&self, party: &Did) -> Vec<MessageType> {
        let says = |message_type: &MessageType| {
            if self.buyer.is_none() || self.speaks_for_buyer(party) {
                self.buyer_says(*message_type)
            } else if let Some(seller) = self.sellers.get(party) {
                self.seller_says(seller, *message_type)
            } else {
                self.newcomer_says(*message_type)
            }
        };
        MessageType::ALL.into_iter().filter(says).collect()
    }

    /// Takes the next message, or says what was expected instead. Beyond what
    /// [`Conversation::accept`] checks, a proposal has to name the thread it belongs to, and a call
    /// tells whether its task has parts.
    ///
    /// # Errors
    /// Why it has no place here; nothing changes then.
    pub fn take(&mut self, message: &Message) -> Result<(), Error> {
        if let Message::Call(call) = message {
            self.accept(call.header())?;
            self.is_parted = call.body().specification.graph.is_some();
            return Ok(());
        }
        let Message::Negotiate(envelope) = message else { return self.accept(message.header()) };
        let mut next = self.clone();
        next.accept(envelope.header())?;
        let header = envelope.header();
        let seller = match &header.to {
            Recipients::One(to) if next.speaks_for_buyer(&header.from) => to,
            _ => &header.from,
        };
        let (expected, found) = (self.thread(seller), &envelope.body().conversation_thread);
        if expected != found.as_slice() {
            let same = expected.iter().zip(found).take_while(|(one, other)| one == other).count();
            return Err(Error::OtherThread { expected: expected.len(), same });
        }
        *self = next;
        Ok(())
    }

    /// Takes the next message as far as its header shows, or says what was expected instead.
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
            let is_new = self.buyer.is_some()
                && !self.speaks_for_buyer(&header.from)
                && !self.sellers.contains_key(&header.from);
            if found == MessageType::BidCommit && is_new && self.call.is_some() {
                return Err(Error::Full);
            }
            return Err(Error::Unexpected { found, from: header.from, expected });
        }
        let stale = Error::Stale { found, expected };
        match found {
            MessageType::Call => self.take_call(header, stale),
            MessageType::BidCommit => self.take_commit(header, stale),
            MessageType::Bid | MessageType::CoalitionBid => self.take_bid(header, stale),
            MessageType::Accept => self.take_accept(header, stale),
            MessageType::Reject => self.take_reject(header, stale),
            MessageType::Negotiate => self.take_negotiate(header, stale),
            MessageType::StandingOffer | MessageType::Withdraw => Err(stale),
        }
    }

    /// True for the buyer and the broker it called.
    fn speaks_for_buyer(&self, party: &Did) -> bool {
        self.buyer == Some(*party) || self.broker == Some(*party)
    }

    /// Nobody is accepted, or others may be beside those who are.
    fn may_be_accepted(&self) -> bool {
        self.is_parted || self.accepted().is_none()
    }

    fn buyer_says(&self, message_type: MessageType) -> bool {
        let nobody = self.may_be_accepted();
        let mut sellers = self.sellers.values();
        match message_type {
            MessageType::Call => self.buyer.is_none(),
            MessageType::BidCommit | MessageType::Bid | MessageType::CoalitionBid => false,
            MessageType::StandingOffer | MessageType::Withdraw => false,
            MessageType::Accept => nobody && sellers.any(|s| s.may_accept(Speaker::Buyer)),
            MessageType::Reject => sellers.any(|seller| seller.may_reject(Speaker::Buyer)),
            MessageType::Negotiate => {
                let goes_on = |s: &Seller| s.may_be_asked() || s.may_propose(Speaker::Buyer);
                nobody && (self.may_open() || sellers.any(goes_on))
            }
        }
    }

    fn seller_says(&self, seller: &Seller, message_type: MessageType) -> bool {
        let nobody = self.may_be_accepted();
        match message_type {
            MessageType::Call | MessageType::BidCommit => false,
            MessageType::StandingOffer | MessageType::Withdraw => false,
            MessageType::Bid | MessageType::CoalitionBid => seller.may_bid(),
            MessageType::Accept => nobody && seller.may_accept(Speaker::Seller),
            MessageType::Reject => seller.may_reject(Speaker::Seller),
            MessageType::Negotiate => nobody && seller.may_propose(Speaker::Seller),
        }
    }

    fn newcomer_says(&self, message_type: MessageType) -> bool {
        let called = self.call.is_some() && self.sellers.len() < BIDDERS_MAX;
        message_type == MessageType::BidCommit && called
    }

    /// Without a call, the buyer may ask any seller.
    fn may_open(&self) -> bool {
        self.call.is_none() && self.sellers.len() < BIDDERS_MAX
    }

    fn take_call(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        if header.in_reply_to.is_some() {
            return Err(stale);
        }
        self.buyer = Some(header.from);
        self.broker = match header.to {
            Recipients::One(broker) => Some(broker).filter(|broker| *broker != header.from),
            _ => None,
        };
        self.call = Some(spoken(header));
        Ok(())
    }

    fn take_commit(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        let call = self.call.filter(|call| header.in_reply_to == Some(call.id));
        let (Some(call), Some(buyer)) = (call, self.buyer) else { return Err(stale) };
        addressed(header, buyer)?;
        not_before(header, call.created)?;
        let seller = Seller { commit: Some(spoken(header)), ..Seller::default() };
        self.sellers.insert(header.from, seller);
        Ok(())
    }

    fn take_bid(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        let seller = self.sellers.get_mut(&header.from);
        let commit = seller.as_ref().and_then(|seller| seller.commit);
        let commit = commit.filter(|commit| header.in_reply_to == Some(commit.id));
        let (Some(seller), Some(commit), Some(buyer)) = (seller, commit, self.buyer) else {
            return Err(stale);
        };
        addressed(header, buyer)?;
        not_before(header, commit.created)?;
        seller.bid = Some(spoken(header));
        Ok(())
    }

    fn take_accept(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        let (seller, speaker) = self.answered(header, Seller::may_accept, stale)?;
        seller.accept(speaker, header);
        Ok(())
    }

    fn take_reject(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        let (seller, _) = self.answered(header, Seller::may_reject, stale)?;
        seller.reject(header);
        Ok(())
    }

    fn take_negotiate(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        if header.in_reply_to.is_none() {
            return self.take_opening(header, stale);
        }
        let may = |seller: &Seller, speaker| {
            seller.may_propose(speaker) || speaker == Speaker::Buyer && seller.may_be_asked()
        };
        let (seller, _) = self.answered(header, may, stale)?;
        seller.propose(spoken(header));
        Ok(())
    }

    fn take_opening(&mut self, header: &MessageHeader, stale: Error) -> Result<(), Error> {
        if !self.may_open() {
            return Err(stale);
        }
        let Recipients::One(seller) = header.to else { return Err(Error::Opening) };
        if seller == header.from || self.sellers.contains_key(&seller) {
            return Err(Error::Opening);
        }
        self.buyer = Some(header.from);
        let mut opened = Seller::default();
        opened.propose(spoken(header));
        self.sellers.insert(seller, opened);
        Ok(())
    }

    /// The seller whose standing message this one answers, and who answers; addressed to the other
    /// and not written before what it answers.
    fn answered(
        &mut self,
        header: &MessageHeader,
        may: impl Fn(&Seller, Speaker) -> bool,
        stale: Error,
    ) -> Result<(&mut Seller, Speaker), Error> {
        let Some(buyer) = self.buyer else { return Err(stale) };
        let speaks_for_buyer = self.speaks_for_buyer(&header.from);
        let speaker = if speaks_for_buyer { Speaker::Buyer } else { Speaker::Seller };
        let is_answered = |(did, seller): &(&Did, &mut Seller)| {
            let stands = seller.standing().is_some_and(|last| header.in_reply_to == Some(last.id));
            let speaks = speaker == Speaker::Buyer || **did == header.from;
            stands && speaks && may(seller, speaker)
        };
        let Some((did, seller)) = self.sellers.iter_mut().find(is_answered) else {
            return Err(stale);
        };
        addressed(header, if speaker == Speaker::Buyer { *did } else { buyer })?;
        not_before(header, seller.said_last())?;
        Ok((seller, speaker))
    }
}

fn spoken(header: &MessageHeader) -> Spoken {
    Spoken { id: header.id, created: header.created }
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
