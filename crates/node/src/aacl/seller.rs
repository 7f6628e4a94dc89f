//! Outside parties that sell: agents of this node that keep their own keys. They make standing
//! offers and take them back, and bid on calls that are held open.
//!
//! What such an agent said is stored as a blob beside what it led to, so that the conversation can
//! be checked and shown again whatever happens to the node meanwhile.
use ainur_api::operation::Reply;
use ainur_api::problem::{Code, Problem};
use ainur_api::view::AaclThread;
use ainur_broker::aacl::{bid_terms, call_conversation, call_message, commit_terms, offer_terms};
use ainur_broker::task::{OutsideBid, Task};
use ainur_crypto::Proof;
use ainur_ledger::escrow;
use ainur_market::auction::Reveal;
use ainur_primitives::{ContentId, TaskId};
use ainur_protocol::{
    Bid, BidCommit, Conversation, Envelope, Message, OfferConversation, Recipients, StandingOffer,
    Withdraw,
};

use super::{Heard, not_expected, of_conversation, of_message};
use crate::node::Node;
use crate::problem::{of_broker, of_storage};

impl Node {
    /// Takes an offer or a bid of an agent whose key is elsewhere.
    pub(super) fn take_from_seller(&self, heard: &Heard) -> Result<Reply, Problem> {
        let header = heard.message.header();
        let agent = self.agent(&header.from.to_string()).map_err(|_| {
            not_expected(&heard.message, "add its sender with its key: ainur agent add --key")
        })?;
        if !agent.own_key {
            let text = format!("this node keeps the key of {} and speaks for it", agent.name);
            return Err(Problem::new(Code::Forbidden, text)
                .next("use ainur market offer and ainur market bid"));
        }
        match &heard.message {
            Message::StandingOffer(offer) => self.take_offer_message(heard, offer),
            Message::Withdraw(end) => self.take_withdraw(heard, end),
            Message::BidCommit(commit) => self.take_commit_message(heard, commit),
            Message::Bid(bid) => self.take_bid_message(heard, bid),
            message => Err(not_expected(message, "offer it, or bid on an open call")),
        }
    }

    fn take_offer_message(
        &self,
        heard: &Heard,
        offer: &Envelope<StandingOffer>,
    ) -> Result<Reply, Problem> {
        let mut conversation = OfferConversation::new(offer.header().conversation_id);
        conversation.accept(offer.header()).map_err(|error| of_conversation(&error))?;
        let body = offer.body();
        if body.agent != offer.header().from {
            let (from, signer) = (offer.header().from, body.agent);
            return Err(of_message(&ainur_protocol::Error::OtherSigner { from, signer }));
        }
        let terms = offer_terms(body);
        let (expected, found) = (terms.digest(), body.offer);
        if found != expected {
            let error = ainur_protocol::Error::Digest { field: "offer", expected, found };
            return Err(of_message(&error));
        }
        let (consent, message) = (body.consent.clone(), self.keep(heard)?);
        self.mailbox.call(move |broker| {
            let published = broker.publish_signed_offer(terms, &consent, message);
            published.map(drop).map_err(|error| of_broker(&error))
        })?;
        Ok(answer(AaclThread::default()))
    }

    /// Takes an offer off, once its seller has taken it back on the ledger: nobody who has a copy can
    /// agree under it any more, and no repetition of the offer can put it up again.
    fn take_withdraw(&self, heard: &Heard, end: &Envelope<Withdraw>) -> Result<Reply, Problem> {
        let digest = end.body().offer;
        let unknown = || {
            Problem::new(Code::NotFound, format!("no offer {digest} stands here"))
                .next("see ainur aacl offers")
        };
        let standing = self.mailbox.call(move |broker| Ok(broker.signed_offer(&digest)))?;
        let standing = standing.ok_or_else(unknown)?;
        let offer = self.kept(standing.message.ok_or_else(unknown)?)?;
        let mut conversation = OfferConversation::new(offer.header().conversation_id);
        for header in [offer.header(), heard.message.header()] {
            conversation.accept(header).map_err(|error| of_conversation(&error))?;
        }
        let revoked = self.read(|state| escrow::query::is_offer_revoked(state, &digest));
        if !revoked && heard.now < standing.terms.valid_until {
            let text = "the offer still stands on the ledger: a copy of it could be taken";
            return Err(Problem::new(Code::Conflict, text).next(
                "take it back there first: POST /v1/ledger/transactions, or ainur aacl withdraw, \
                 which does both",
            ));
        }
        self.mailbox
            .call(move |broker| broker.withdraw_offer(digest).map_err(|error| of_broker(&error)))?;
        Ok(answer(AaclThread { over: true, ..AaclThread::default() }))
    }

    fn take_commit_message(
        &self,
        heard: &Heard,
        said: &Envelope<BidCommit>,
    ) -> Result<Reply, Problem> {
        let (from, body) = (said.header().from, said.body());
        let task = self.called(body.task)?;
        let commit = commit_terms(from, body);
        let consent = consented(body.consent.as_ref())?;
        let known = task.auction.entrants().any(|entrant| entrant.commit == commit);
        if !known {
            self.check_place_in(&task, heard)?;
        }
        let (number, message) = (task.number, self.keep(heard)?);
        self.mailbox.call(move |broker| {
            let taken = broker.take_commit(number, commit, &consent, message);
            taken.map_err(|error| of_broker(&error))
        })?;
        self.bidding_thread(body.task)
    }

    fn take_bid_message(&self, heard: &Heard, said: &Envelope<Bid>) -> Result<Reply, Problem> {
        let (from, body) = (said.header().from, said.body());
        let task = self.called(body.task)?;
        let reveal = Reveal { terms: bid_terms(from, body), salt: body.salt };
        let consent = consented(body.consent.as_ref())?;
        let known = task.auction.entrants().any(|entrant| entrant.reveal.as_ref() == Some(&reveal));
        if !known {
            self.check_place_in(&task, heard)?;
        }
        let (number, message) = (task.number, self.keep(heard)?);
        self.mailbox.call(move |broker| {
            let taken = broker.take_reveal(number, reveal, &consent, message);
            taken.map_err(|error| of_broker(&error))
        })?;
        self.bidding_thread(body.task)
    }

    /// A task that takes, or took, bids of owners.
    fn called(&self, task: TaskId) -> Result<Task, Problem> {
        let task = self.task(&task.to_string())?;
        if task.takes_bids() {
            return Ok(task);
        }
        let text = format!("task {} takes no bids", task.id);
        Err(Problem::new(Code::Conflict, text).next("see what does: GET /v1/aacl/calls"))
    }

    /// The message fits behind all that was said about the task.
    fn check_place_in(&self, task: &Task, heard: &Heard) -> Result<(), Problem> {
        let header = heard.message.header();
        let mut conversation = Conversation::new(call_conversation(task.id));
        let call = call_message(task, None).map_err(|error| of_broker(&error))?;
        conversation.accept(call.header()).map_err(|error| of_conversation(&error))?;
        for said in self.said_by_bidders(task)? {
            conversation.accept(said.header()).map_err(|error| of_conversation(&error))?;
        }
        if !matches!(header.to, Recipients::One(to) if to == self.did) {
            let error = ainur_protocol::conversation::Error::Recipient {
                found: header.message_type,
                expected: self.did,
            };
            return Err(of_conversation(&error));
        }
        conversation.accept(header).map_err(|error| of_conversation(&error))
    }

    /// What agents that keep their own keys have said about a task, sealed bids first.
    fn said_by_bidders(&self, task: &Task) -> Result<Vec<Message>, Problem> {
        let sealed = task.outside_bids.iter().map(|bid: &OutsideBid| bid.sealing);
        let opened = task.outside_bids.iter().filter_map(|bid| bid.opening);
        sealed.chain(opened).map(|content| self.kept(content)).collect()
    }

    /// A task's open conversation so far: the call, what was bid, and what the buyer answered.
    fn bidding_thread(&self, task: TaskId) -> Result<Reply, Problem> {
        let task = self.task(&task.to_string())?;
        self.thread_of(&task).map(answer)
    }

    /// Stores a message as it came.
    fn keep(&self, heard: &Heard) -> Result<ContentId, Problem> {
        self.blobs.put(heard.bytes.as_bytes()).map_err(|error| of_storage(&error))
    }

    /// A message that was stored.
    pub(super) fn kept(&self, content: ContentId) -> Result<Message, Problem> {
        self.mailbox.call(move |broker| broker.message(content).map_err(|error| of_broker(&error)))
    }
}

fn answer(thread: AaclThread) -> Reply {
    Reply::AaclThread(Box::new(thread))
}

fn consented(consent: Option<&Proof>) -> Result<Proof, Problem> {
    consent.cloned().ok_or_else(|| {
        Problem::new(Code::InvalidRequest, "the message has no consent, which binds on the ledger")
            .next("sign the digest of the terms: docs/market/own-keys.md")
    })
}
