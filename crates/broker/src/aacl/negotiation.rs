//! A negotiation in messages: one side's view of a conversation that begins with Negotiate.
//!
//! [`SpokenNegotiation`] hears and says what has a place in both, the protocol's conversation and
//! the market's session, and so both sides of the wire use it: a node for its agents, a client for
//! a party with keys of its own. The rest turns proposals into fields and back.
use ainur_crypto::Proof;
use ainur_crypto::signature::SigningKey;
use ainur_market::negotiation::{
    self, CounterProposal, Negotiation, NegotiationAct, NegotiationProposal, NegotiationRules,
    Relaxation,
};
use ainur_market::payment::CancellationPolicy;
use ainur_primitives::{ConversationId, Did, DurationMs, MessageId, TaskId, Timestamp};
use ainur_protocol::limits::LIFETIME_MS_MAX;
use ainur_protocol::{
    Accept, Body, Conversation, CounterTerms, Draft, Extensions, Message, MessageHeader, Negotiate,
    NegotiationOpening, ProposedTerms, Recipients, Reject, RejectReason, RelaxedRequirement,
    Specification, conversation, task_meant,
};
use serde_json::Value;

use super::offer::{payment_terms, written_schedule};

/// The optional field of an Accept that names the task on the ledger.
pub const TASK_FIELD: &str = "x-task";

/// Why a message is not heard, or not said. Nothing changes then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpokenError {
    /// It has no place in the conversation now.
    #[error(transparent)]
    Place(#[from] conversation::Error),
    /// It has no place in the negotiation now, or proposes what cannot be.
    #[error(transparent)]
    Negotiation(#[from] negotiation::Error),
    /// It is no message of a negotiation, or not of this one.
    #[error("{0}")]
    Meaning(&'static str),
    /// It could not be written as a message.
    #[error("it cannot be written as a message: {0}")]
    Unwritable(String),
}

/// The key that messages are signed with, and whose it is.
#[derive(Clone, Copy)]
pub struct MessageSigner<'a> {
    /// Who speaks.
    pub did: Did,
    /// Version of the key.
    pub key_version: u32,
    /// The key.
    pub key: &'a SigningKey,
}

/// One negotiation as it is heard and said. Who signed what is heard, and whether it is fresh, is
/// the caller's to check.
#[derive(Clone, Debug)]
pub struct SpokenNegotiation {
    conversation_id: ConversationId,
    conversation: Conversation,
    session: Negotiation,
    /// The last message, and when it was written.
    last: Option<(MessageId, Timestamp)>,
}

impl SpokenNegotiation {
    /// A negotiation by these rules in which nothing was said.
    ///
    /// # Errors
    /// When the rules cannot be.
    pub fn new(conversation: ConversationId, rules: NegotiationRules) -> Result<Self, SpokenError> {
        Ok(Self {
            conversation_id: conversation,
            conversation: Conversation::new(conversation),
            session: Negotiation::open(rules)?,
            last: None,
        })
    }

    /// The negotiation that begins with this message.
    ///
    /// # Errors
    /// When it opens none, or one about another task than its specification and conversation say.
    pub fn opened(now: Timestamp, message: &Message) -> Result<Self, SpokenError> {
        let Message::Negotiate(envelope) = message else {
            return Err(SpokenError::Meaning("only Negotiate begins a negotiation"));
        };
        let (header, body) = (envelope.header(), envelope.body());
        let rules = opened_rules(header, body)?;
        let specification = body.opening.as_ref().and_then(|it| it.specification.as_ref());
        let Some(specification) = specification else {
            let why = "the first message says what is wanted: opening.specification is missing";
            return Err(SpokenError::Meaning(why));
        };
        let digest = specification.digest().map_err(unwritable)?;
        if task_meant(&digest, &header.conversation_id) != body.task {
            let why = "task is not the one that follows from opening.specification and the \
                       conversation";
            return Err(SpokenError::Meaning(why));
        }
        let mut spoken = Self::new(header.conversation_id, rules)?;
        spoken.hear(now, message)?;
        Ok(spoken)
    }

    /// What was said so far, each message taken as if it came in time.
    ///
    /// # Errors
    /// The first message that has no place where it is.
    pub fn replay(messages: &[Message]) -> Result<Self, SpokenError> {
        let Some((first, rest)) = messages.split_first() else {
            return Err(SpokenError::Meaning("nothing was said"));
        };
        let mut spoken = Self::opened(Timestamp::default(), first)?;
        for message in rest {
            spoken.hear(Timestamp::default(), message)?;
        }
        Ok(spoken)
    }

    /// The market's view of it.
    pub fn session(&self) -> &Negotiation {
        &self.session
    }

    /// Takes a message and says what it does.
    ///
    /// # Errors
    /// When it has no place now, with what was expected, or does not say what it should.
    pub fn hear(
        &mut self,
        now: Timestamp,
        message: &Message,
    ) -> Result<NegotiationAct, SpokenError> {
        let mut conversation = self.conversation.clone();
        conversation.take(message)?;
        let mut session = self.session.clone();
        let header = message.header();
        let act = self.act(message)?;
        let mut said = session.draft(act.clone());
        said.from = header.from;
        if let Message::Negotiate(envelope) = message {
            let body = envelope.body();
            (said.negotiation, said.round) = (body.negotiation_id, body.round);
            if said.digest() != body.thread_digest {
                let (expected, found) = (said.digest(), body.thread_digest);
                return Err(negotiation::Error::Stale { expected, found }.into());
            }
        }
        // Clocks differ: nobody is early by its own clock.
        session.take(now.max(session.rules().opened), said)?;
        (self.conversation, self.session) = (conversation, session);
        self.last = Some((header.id, header.created));
        Ok(act)
    }

    /// Says this, signed: the message in canonical form. `detail` is the reason of a no, for
    /// people; `ledger_task` goes along with a yes.
    ///
    /// # Errors
    /// When it cannot be said now.
    pub fn say(
        &mut self,
        now: Timestamp,
        act: NegotiationAct,
        (detail, ledger_task): (&str, Option<TaskId>),
        signer: MessageSigner<'_>,
    ) -> Result<Vec<u8>, SpokenError> {
        if self.last.is_none() {
            return Err(SpokenError::Meaning("what is wanted is said first"));
        }
        let rules = self.session.rules();
        let task = rules.task;
        let bytes = match act {
            NegotiationAct::Propose(_) | NegotiationAct::Counter(_) => {
                let body = self.proposing(act, None)?;
                self.signed(now, body, signer)?
            }
            NegotiationAct::Accept { terms } => {
                let offered = self.session.offered();
                let offered = offered.ok_or(SpokenError::Meaning("nothing was proposed yet"))?;
                let mut extensions = Extensions::default();
                if let Some(task) = ledger_task {
                    let named = Value::String(task.to_string());
                    extensions.insert(TASK_FIELD, named).map_err(unwritable)?;
                }
                let body = Accept {
                    agreement: terms,
                    price: offered.agreed.price,
                    task,
                    transcript: offered.thread,
                    extensions,
                };
                self.signed(now, body, signer)?
            }
            NegotiationAct::Reject | NegotiationAct::Withdraw => {
                let body = Reject {
                    agreement: None,
                    detail: detail.to_owned(),
                    price: None,
                    reason: match act {
                        NegotiationAct::Withdraw => RejectReason::Cancelled,
                        _ => RejectReason::Declined,
                    },
                    task,
                    transcript: None,
                    extensions: Extensions::default(),
                };
                self.signed(now, body, signer)?
            }
        };
        self.hear_own(now, &bytes)?;
        Ok(bytes)
    }

    /// Opens it with a first proposal, signed; the opening states the rules it was made with.
    ///
    /// # Errors
    /// When it was opened before, or the rules or the proposal cannot be.
    pub fn open(
        &mut self,
        now: Timestamp,
        opening: NegotiationOpening,
        proposal: NegotiationProposal,
        signer: MessageSigner<'_>,
    ) -> Result<Vec<u8>, SpokenError> {
        let body = self.proposing(NegotiationAct::Propose(proposal), Some(opening))?;
        let bytes = self.signed(now, body, signer)?;
        self.hear_own(now, &bytes)?;
        Ok(bytes)
    }

    fn hear_own(&mut self, now: Timestamp, bytes: &[u8]) -> Result<(), SpokenError> {
        let message = Message::from_json(bytes).map_err(unwritable)?;
        self.hear(now, &message).map(|_| ())
    }

    fn proposing(
        &self,
        act: NegotiationAct,
        opening: Option<NegotiationOpening>,
    ) -> Result<Negotiate, SpokenError> {
        let said = self.session.draft(act);
        let (proposal, counter_proposal) = match (&said.act, self.session.proposals().last()) {
            (NegotiationAct::Propose(proposal), _) => (proposal, None),
            (NegotiationAct::Counter(counter), Some(answered)) => {
                (answered, Some(counter_terms(counter)))
            }
            _ => return Err(SpokenError::Meaning("there is nothing to counter yet")),
        };
        let rules = self.session.rules();
        let thread = self.conversation.thread(&rules.seller);
        Ok(Negotiate {
            conversation_thread: thread.to_vec(),
            counter_proposal,
            negotiation_id: rules.id(),
            opening,
            proposal: proposed_terms(proposal),
            round: said.round,
            task: rules.task,
            thread_digest: said.digest(),
            extensions: Extensions::default(),
        })
    }

    fn signed<B: Body>(
        &self,
        now: Timestamp,
        body: B,
        signer: MessageSigner<'_>,
    ) -> Result<Vec<u8>, SpokenError> {
        let rules = self.session.rules();
        let to = if signer.did == rules.buyer { rules.seller } else { rules.buyer };
        // Never before what it answers, whatever the other side's clock says.
        let created = self.last.map_or(now, |(_, last)| now.max(last));
        let expires = rules.deadline.max(created.plus(DurationMs(1)));
        let draft = Draft {
            conversation_id: self.conversation_id,
            in_reply_to: self.last.map(|(id, _)| id),
            from: signer.did,
            to: Recipients::One(to),
            created,
            expires: expires.min(created.plus(LIFETIME_MS_MAX)),
            body,
            extensions: Extensions::default(),
        };
        let mut envelope = draft.finish().map_err(unwritable)?;
        let proof = Proof::sign(signer.key, signer.did, signer.key_version, envelope.id().0);
        envelope.attach(proof).map_err(unwritable)?;
        envelope.to_json().map_err(unwritable)
    }

    /// What a message does in this negotiation.
    fn act(&self, message: &Message) -> Result<NegotiationAct, SpokenError> {
        let own_task = |task: TaskId| {
            let why = "task is another than this negotiation is about";
            if task == self.session.rules().task { Ok(()) } else { Err(SpokenError::Meaning(why)) }
        };
        match message {
            Message::Negotiate(envelope) => {
                let body = envelope.body();
                own_task(body.task)?;
                let answered = self.session.proposals().last();
                match &body.counter_proposal {
                    None => Ok(NegotiationAct::Propose(proposal(&body.proposal))),
                    Some(_) if answered.map(proposed_terms).as_ref() != Some(&body.proposal) => {
                        let why = "proposal is not the one that is countered";
                        Err(SpokenError::Meaning(why))
                    }
                    Some(counter) => Ok(NegotiationAct::Counter(counter_proposal(counter))),
                }
            }
            Message::Accept(envelope) => {
                let body = envelope.body();
                own_task(body.task)?;
                if let Some(offered) = self.session.offered()
                    && (body.price, body.transcript) != (offered.agreed.price, offered.thread)
                {
                    let why = "price and transcript are not those of the last proposal";
                    return Err(SpokenError::Meaning(why));
                }
                Ok(NegotiationAct::Accept { terms: body.agreement })
            }
            Message::Reject(envelope) => {
                let body = envelope.body();
                own_task(body.task)?;
                match body.reason {
                    RejectReason::Declined => Ok(NegotiationAct::Reject),
                    RejectReason::Cancelled => Ok(NegotiationAct::Withdraw),
                    _ => Err(SpokenError::Meaning(
                        "a negotiation is ended as 'declined' or 'cancelled'",
                    )),
                }
            }
            _ => Err(SpokenError::Meaning(
                "a negotiation has Negotiate, Accept and Reject, and nothing else",
            )),
        }
    }
}

/// The rules that the first message of a negotiation states.
///
/// # Errors
/// When it states none, or others than it names.
pub fn opened_rules(
    header: &MessageHeader,
    body: &Negotiate,
) -> Result<NegotiationRules, SpokenError> {
    let (Some(opening), Recipients::One(seller)) = (&body.opening, &header.to) else {
        let why = "a negotiation is opened with the rules, and with one seller";
        return Err(SpokenError::Meaning(why));
    };
    let rules = NegotiationRules {
        task: body.task,
        buyer: header.from,
        seller: *seller,
        card: opening.card,
        cancellation: CancellationPolicy {
            free_ms: opening.cancellation_free_ms,
            fee: opening.cancellation_fee,
        },
        opened: opening.opened,
        deadline: opening.deadline,
        rounds_max: opening.rounds_max,
        valid_until: opening.valid_until,
    };
    let (expected, found) = (rules.id(), body.negotiation_id);
    if expected == found {
        Ok(rules)
    } else {
        Err(negotiation::Error::OtherNegotiation { expected, found }.into())
    }
}

/// How rules are stated in a first message, with what is wanted.
pub fn opening(rules: &NegotiationRules, specification: Specification) -> NegotiationOpening {
    NegotiationOpening {
        cancellation_fee: rules.cancellation.fee,
        cancellation_free_ms: rules.cancellation.free_ms,
        card: rules.card,
        deadline: rules.deadline,
        opened: rules.opened,
        rounds_max: rules.rounds_max,
        specification: Some(Box::new(specification)),
        valid_until: rules.valid_until,
    }
}

/// A proposal as it travels.
pub fn proposed_terms(proposal: &NegotiationProposal) -> ProposedTerms {
    ProposedTerms {
        dispute_resolution: proposal.dispute_resolution,
        payment_schedule: written_schedule(&proposal.payment),
        price: proposal.price,
        quality_level: proposal.quality_level,
        timeline_ms: proposal.timeline_ms,
    }
}

/// A proposal as the market knows it.
pub fn proposal(terms: &ProposedTerms) -> NegotiationProposal {
    NegotiationProposal {
        price: terms.price,
        timeline_ms: terms.timeline_ms,
        quality_level: terms.quality_level,
        payment: payment_terms(&terms.payment_schedule),
        dispute_resolution: terms.dispute_resolution,
    }
}

/// Changes to a proposal as they travel.
pub fn counter_terms(counter: &CounterProposal) -> CounterTerms {
    let changes = counter.requirements_relaxation.iter().map(|change| match change {
        Relaxation::QualityLevel(level) => RelaxedRequirement::QualityLevel(*level),
        Relaxation::Payment(payment) => {
            RelaxedRequirement::PaymentSchedule(written_schedule(payment))
        }
        Relaxation::DisputeResolution(way) => RelaxedRequirement::DisputeResolution(*way),
    });
    CounterTerms {
        adjusted_price: counter.adjusted_price,
        alternate_timeline_ms: counter.alternate_timeline_ms,
        requirements_relaxation: changes.collect(),
    }
}

/// Changes to a proposal as the market knows them.
pub fn counter_proposal(terms: &CounterTerms) -> CounterProposal {
    let changes = terms.requirements_relaxation.iter().map(|change| match change {
        RelaxedRequirement::QualityLevel(level) => Relaxation::QualityLevel(*level),
        RelaxedRequirement::PaymentSchedule(schedule) => {
            Relaxation::Payment(payment_terms(schedule))
        }
        RelaxedRequirement::DisputeResolution(way) => Relaxation::DisputeResolution(*way),
    });
    CounterProposal {
        adjusted_price: terms.adjusted_price,
        alternate_timeline_ms: terms.alternate_timeline_ms,
        requirements_relaxation: changes.collect(),
    }
}

fn unwritable(error: ainur_protocol::Error) -> SpokenError {
    SpokenError::Unwritable(error.to_string())
}

#[cfg(test)]
mod tests;
