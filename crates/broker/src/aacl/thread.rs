//! What was said about a task that was called for in a message: the buyer's call, what the sellers
//! answered, and whom the buyer's broker accepted and rejected, made of what the journal tells.
//!
//! A standing offer that was taken is accepted in the offer's own conversation; the acceptance names
//! the call in `x-call`. Nothing is said before it has happened: a bid is told once it is open, an
//! acceptance once the ledger has locked the money.
use std::collections::{BTreeMap, BTreeSet};

use ainur_crypto::batch::BatchProof;
use ainur_crypto::{Proof, hash};
use ainur_market::auction::Entrant;
use ainur_primitives::{
    Amount, CapabilityContract, ConversationId, Did, Digest, MessageId, Ppm, QualityLevel, TaskId,
    Timestamp,
};
use ainur_protocol::limits::LIFETIME_MS_MAX;
use ainur_protocol::{
    Accept, Body, Call, Constraints, Draft, Envelope, Extensions, Message, Recipients, Reject,
    RejectReason, Specification,
};

use super::bid::{written_bid, written_commit};
use super::offer::{offer_conversation, offer_message};
use crate::error::Error;
use crate::event::OfferTake;
use crate::task::{AwardBasis, HistoryKind, Phase, Task, TaskAttempt};

mod graph;

/// Makes a signature of the journal one that stands alone.
pub type Joined<'a> = dyn Fn(Digest, &BatchProof) -> Result<Proof, Error> + 'a;

/// Bytes of an explanation in a message.
const TOLD_BYTES_MAX: usize = 1_000;

/// The conversation that the operator's own call for a task begins.
pub fn call_conversation(task: TaskId) -> ConversationId {
    ConversationId(hash::tagged("ainur/aacl-call-conversation/v1", &[&task.0.0]))
}

/// A task's call as the operator says it to whoever listens; `contract` is one that is expected.
///
/// # Errors
/// When no message can carry it.
pub fn call_message(
    task: &Task,
    contract: Option<&CapabilityContract>,
) -> Result<Envelope<Call>, Error> {
    let terms = task.auction.terms();
    let schema = |of: fn(&CapabilityContract) -> &String| contract.map(of).cloned();
    let body = Call {
        bid_bond: terms.bid_bond,
        commit_until: terms.commit_until,
        constraints: Constraints {
            duration_ms_max: terms.duration_ms_max,
            failure_probability_max: Ppm::ONE,
            quality_level_min: QualityLevel::Standard,
        },
        deadline: task.deadline,
        input_schema: schema(|contract| &contract.input_schema).unwrap_or_default(),
        output_schema: schema(|contract| &contract.output_schema).unwrap_or_default(),
        reveal_until: terms.reveal_until,
        specification: Specification::open(&task.spec),
        specification_digest: task.call,
        task: task.id,
        extensions: Extensions::default(),
    };
    let topic = format!("topic:call/{}", task.spec.capability);
    let draft = Draft {
        conversation_id: call_conversation(task.id),
        in_reply_to: None,
        from: task.buyer,
        to: Recipients::Topic(topic.parse().map_err(unsayable)?),
        created: task.opened,
        expires: task.opened.plus(LIFETIME_MS_MAX).min(terms.commit_until),
        body,
        extensions: Extensions::default(),
    };
    draft.finish().map_err(unsayable)
}

/// Everything said so far about a task that `call` was announced by, in order, without signatures
/// but those that bind the sellers on the ledger.
///
/// # Errors
/// When a signature is missing in the journal, or no message can carry something.
pub fn thread(
    task: &Task,
    call: &Envelope<Call>,
    operator: Did,
    joined: &Joined<'_>,
) -> Result<Vec<Message>, Error> {
    let mut writer = Writer {
        task,
        call,
        operator,
        joined,
        now: call.header().created.max(task.opened),
        said: vec![Message::Call(Box::new(call.clone()))],
        bidders: BTreeMap::new(),
        offers: BTreeSet::new(),
    };
    match &task.graph {
        Some(graph) => writer.write_graph(graph)?,
        None => writer.write_task()?,
    }
    Ok(writer.said)
}

/// A thread that is being written.
struct Writer<'a> {
    task: &'a Task,
    call: &'a Envelope<Call>,
    operator: Did,
    joined: &'a Joined<'a>,
    /// When the last message was said: nothing is said before it.
    now: Timestamp,
    said: Vec<Message>,
    /// Who bid, and what was answered.
    bidders: BTreeMap<Did, Bidding>,
    /// Offers whose conversation has begun.
    offers: BTreeSet<Digest>,
}

/// What a bidder has said last, and the broker's answer.
#[derive(Clone, Copy)]
struct Bidding {
    last: MessageId,
    answer: Answered,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answered {
    No,
    Rejected,
    Accepted,
    Withdrawn,
}

/// What an acceptance or a rejection says.
struct Verdict<'t> {
    agreement: Option<Digest>,
    transcript: Option<Digest>,
    reason: RejectReason,
    detail: &'t str,
}

/// When something of an attempt happened.
#[derive(Clone, Copy)]
struct Moments {
    agreed: Option<Timestamp>,
    failed: Option<Timestamp>,
}

impl Writer<'_> {
    /// The thread of one piece of work.
    fn write_task(&mut self) -> Result<(), Error> {
        let task = self.task;
        let (mut agreed, mut failed) =
            (times(task, HistoryKind::Agreed), times(task, HistoryKind::Failed));
        let mut called = false;
        for attempt in &task.attempts {
            let is_agreed = attempt.agreed_at.is_some();
            let moments = Moments {
                agreed: agreed.next_if_wanted(is_agreed),
                failed: failed.next_if_wanted(is_agreed && attempt.failure.is_some()),
            };
            match &attempt.basis {
                AwardBasis::Offer(take) => self.write_taking(attempt, take, moments)?,
                AwardBasis::Auction => {
                    if !called {
                        self.write_bids()?;
                        called = true;
                    }
                    self.write_award(attempt, moments)?;
                }
                _ => {}
            }
        }
        if !called {
            self.write_bids()?;
        }
        self.write_end()
    }

    /// A standing offer, its acceptance, and what came of it.
    fn write_taking(
        &mut self,
        attempt: &TaskAttempt,
        take: &OfferTake,
        moments: Moments,
    ) -> Result<(), Error> {
        let Some(agreed) = moments.agreed.or(attempt.agreed_at.map(|_| self.now)) else {
            return Ok(());
        };
        let terms = &take.offer.terms;
        let offer = terms.digest();
        let consent = (self.joined)(offer, &take.offer.proof)?;
        let message = offer_message(terms, consent, take.matched).map_err(unsayable)?;
        let (seller, standing) = (terms.seller, message.id());
        if self.offers.insert(offer) {
            self.said.push(Message::StandingOffer(Box::new(message)));
        }
        let conversation = offer_conversation(&offer);
        let accept = Accept {
            agreement: offer,
            price: attempt.price,
            task: self.task.id,
            transcript: offer,
            extensions: self.naming_call()?,
        };
        let accepted =
            self.say((conversation, standing), (self.operator, seller), agreed, accept)?;
        let over = self.is_undone(attempt);
        if attempt.failure.is_none() && !over {
            return Ok(());
        }
        let at = moments.failed.or(self.task.ended).unwrap_or(self.now);
        let reject = Reject {
            agreement: Some(offer),
            detail: shortened(attempt.failure.as_ref().map_or("", |(_, detail)| detail)),
            price: None,
            reason: ended_for(attempt, self.task),
            task: self.task.id,
            transcript: Some(offer),
            extensions: Extensions::default(),
        };
        self.say((conversation, accepted), (self.operator, seller), at, reject)?;
        Ok(())
    }

    /// Commitments in the order in which they came, then bids in the order in which they were
    /// opened.
    fn write_bids(&mut self) -> Result<(), Error> {
        let task = self.task;
        let at = |kind: HistoryKind, who: Did| {
            let who = who.to_string();
            let noted =
                task.history.iter().find(|it| it.kind == kind && it.detail.starts_with(&who));
            noted.map(|entry| entry.at)
        };
        for proof in &task.commit_proofs {
            let Some(entrant) = entrant(task, proof.signer) else { continue };
            let consent = (self.joined)(entrant.commit.digest(), proof)?;
            let commit = written_commit(&entrant.commit, Some(consent));
            let at = at(HistoryKind::Committed, proof.signer).unwrap_or(self.now);
            self.bid(self.call.id(), proof.signer, at, commit)?;
        }
        for proof in &task.bid_proofs {
            let reveal = entrant(task, proof.signer).and_then(|entrant| entrant.reveal.as_ref());
            let (Some(reveal), Some(bidding)) = (reveal, self.bidders.get(&proof.signer)) else {
                continue;
            };
            let last = bidding.last;
            let consent = (self.joined)(reveal.terms.digest(), proof)?;
            let bid = written_bid(&reveal.terms, reveal.salt, Some(consent));
            let at = at(HistoryKind::Revealed, proof.signer).unwrap_or(self.now);
            self.bid(last, proof.signer, at, bid)?;
        }
        Ok(())
    }

    /// The award of an attempt and what came of it.
    fn write_award(&mut self, attempt: &TaskAttempt, moments: Moments) -> Result<(), Error> {
        let task = self.task;
        let transcript = task.transcript.as_ref().map(|transcript| transcript.digest());
        let bid = entrant(task, attempt.seller).and_then(|entrant| entrant.reveal.as_ref());
        let Some((transcript, bid)) = transcript.zip(bid) else { return Ok(()) };
        let agreement = bid.terms.digest();
        if attempt.agreed_at.is_none() {
            let Some((_, detail)) = &attempt.failure else { return Ok(()) };
            let reason = RejectReason::Cancelled;
            let verdict = Verdict { agreement: None, transcript: Some(transcript), reason, detail };
            return self.reject(attempt.seller, self.now, &verdict);
        }
        let at = moments.agreed.unwrap_or(self.now);
        self.accept(attempt.seller, at, (agreement, transcript), attempt.price)?;
        self.reject_others(at, transcript)?;
        if attempt.failure.is_none() && !self.is_undone(attempt) {
            return Ok(());
        }
        let detail = attempt.failure.as_ref().map_or("", |(_, detail)| detail);
        let reason = ended_for(attempt, task);
        let (agreement, transcript) = (Some(agreement), Some(transcript));
        let at = moments.failed.or(task.ended).unwrap_or(self.now);
        self.reject(attempt.seller, at, &Verdict { agreement, transcript, reason, detail })
    }

    /// Everybody who has no answer yet is told that another was accepted.
    fn reject_others(&mut self, at: Timestamp, transcript: Digest) -> Result<(), Error> {
        let reserve = self.task.auction.terms();
        for bidder in self.unanswered() {
            let reveal = entrant(self.task, bidder).and_then(|entrant| entrant.reveal.as_ref());
            let reason = match reveal.map(|reveal| &reveal.terms) {
                None if self.task.graph.is_none() => RejectReason::Unrevealed,
                Some(bid)
                    if bid.price > reserve.reserve
                        || bid.estimated_duration_ms > reserve.duration_ms_max =>
                {
                    RejectReason::Ineligible
                }
                _ => RejectReason::Outbid,
            };
            let transcript = Some(transcript);
            let verdict = Verdict { agreement: None, transcript, reason, detail: "" };
            self.reject(bidder, at, &verdict)?;
        }
        Ok(())
    }

    /// When all is over without anybody accepted, whoever still waits is told so.
    fn write_end(&mut self) -> Result<(), Error> {
        if !self.task.phase.is_final() {
            return Ok(());
        }
        let at = self.task.ended.unwrap_or(self.now);
        for bidder in self.unanswered() {
            let (reason, detail) = (RejectReason::Cancelled, self.task.detail.as_str());
            let verdict = Verdict { agreement: None, transcript: None, reason, detail };
            self.reject(bidder, at, &verdict)?;
        }
        Ok(())
    }

    /// The buyer got its money back though nobody said that the attempt failed.
    fn is_undone(&self, attempt: &TaskAttempt) -> bool {
        let is_last = self.task.attempts.len() == attempt.number as usize;
        is_last && self.task.phase == Phase::Refunded
    }

    fn unanswered(&self) -> Vec<Did> {
        let open = |bidding: &Bidding| bidding.answer == Answered::No;
        self.bidders.iter().filter(|(_, bidding)| open(bidding)).map(|(did, _)| *did).collect()
    }

    /// A commitment or a bid.
    fn bid<B: Body>(
        &mut self,
        answers: MessageId,
        bidder: Did,
        at: Timestamp,
        body: B,
    ) -> Result<(), Error>
    where
        Message: From<Envelope<B>>,
    {
        let buyer = self.call.header().from;
        let conversation = self.call.header().conversation_id;
        let last = self.say((conversation, answers), (bidder, buyer), at, body)?;
        self.bidders.insert(bidder, Bidding { last, answer: Answered::No });
        Ok(())
    }

    /// The broker accepts a bid that was not accepted before.
    fn accept(
        &mut self,
        seller: Did,
        at: Timestamp,
        (agreement, transcript): (Digest, Digest),
        price: Amount,
    ) -> Result<(), Error> {
        let Some(bidding) = self.bidders.get(&seller).copied() else { return Ok(()) };
        if matches!(bidding.answer, Answered::Accepted | Answered::Withdrawn) {
            return Ok(());
        }
        let (task, extensions) = (self.task.id, Extensions::default());
        let accept = Accept { agreement, price, task, transcript, extensions };
        let conversation = self.call.header().conversation_id;
        self.say((conversation, bidding.last), (self.operator, seller), at, accept)?;
        self.answered(seller, Answered::Accepted);
        Ok(())
    }

    /// The broker rejects what has no answer yet, or what it had accepted.
    fn reject(&mut self, seller: Did, at: Timestamp, verdict: &Verdict<'_>) -> Result<(), Error> {
        let Some(bidding) = self.bidders.get(&seller).copied() else { return Ok(()) };
        let then = match bidding.answer {
            Answered::No => Answered::Rejected,
            Answered::Accepted => Answered::Withdrawn,
            Answered::Rejected | Answered::Withdrawn => return Ok(()),
        };
        let reject = Reject {
            agreement: verdict.agreement,
            detail: shortened(verdict.detail),
            price: None,
            reason: verdict.reason,
            task: self.task.id,
            transcript: verdict.transcript,
            extensions: Extensions::default(),
        };
        let conversation = self.call.header().conversation_id;
        self.say((conversation, bidding.last), (self.operator, seller), at, reject)?;
        self.answered(seller, then);
        Ok(())
    }

    fn answered(&mut self, seller: Did, answer: Answered) {
        if let Some(bidding) = self.bidders.get_mut(&seller) {
            bidding.answer = answer;
        }
    }

    fn naming_call(&self) -> Result<Extensions, Error> {
        let mut extensions = Extensions::default();
        extensions.insert("x-call", self.call.id().to_string().into()).map_err(unsayable)?;
        Ok(extensions)
    }

    /// Says something in reply to something, not before what was said last.
    fn say<B: Body>(
        &mut self,
        (conversation_id, answers): (ConversationId, MessageId),
        (from, to): (Did, Did),
        at: Timestamp,
        body: B,
    ) -> Result<MessageId, Error>
    where
        Message: From<Envelope<B>>,
    {
        self.now = self.now.max(at);
        let draft = Draft {
            conversation_id,
            in_reply_to: Some(answers),
            from,
            to: Recipients::One(to),
            created: self.now,
            expires: self.now.plus(LIFETIME_MS_MAX),
            body,
            extensions: Extensions::default(),
        };
        let envelope = draft.finish().map_err(unsayable)?;
        let id = envelope.id();
        self.said.push(envelope.into());
        Ok(id)
    }
}

/// The moments of one kind of event, in order.
struct Times<I>(I);

impl<I: Iterator<Item = Timestamp>> Times<I> {
    /// The next one, when it is about this attempt.
    fn next_if_wanted(&mut self, wanted: bool) -> Option<Timestamp> {
        if wanted { self.0.next() } else { None }
    }
}

fn times(task: &Task, kind: HistoryKind) -> Times<impl Iterator<Item = Timestamp> + '_> {
    let of_kind = task.history.iter().filter(move |entry| entry.kind == kind);
    Times(of_kind.map(|entry| entry.at))
}

fn entrant(task: &Task, bidder: Did) -> Option<&Entrant> {
    task.auction.entrants().find(|entrant| entrant.commit.bidder == bidder)
}

fn ended_for(attempt: &TaskAttempt, task: &Task) -> RejectReason {
    match attempt.cancelled || (task.cancelled && attempt.failure.is_none()) {
        true => RejectReason::Cancelled,
        false => RejectReason::Failed,
    }
}

/// As much of an explanation as a message carries.
fn shortened(text: &str) -> String {
    let mut short = String::new();
    for letter in text.chars() {
        if short.len() + letter.len_utf8() > TOLD_BYTES_MAX {
            break;
        }
        short.push(letter);
    }
    short
}

fn unsayable(error: ainur_protocol::Error) -> Error {
    Error::Invalid(format!("no message can say so: {error}"))
}
