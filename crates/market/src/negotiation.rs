//! Two parties agree on price, time, quality and payment by taking turns.
//!
//! A [`Negotiation`] takes what is said, with the time as an argument, and refuses what is out of
//! turn, stale, repeated, late or about something else, naming what was expected. Every message
//! covers the digest of the thread before it, so a signature on one is a signature on all before
//! it. A proposal binds its sender until it is answered: only whoever has the turn can end the
//! negotiation, so an acceptance and a withdrawal can never cross. Accepting names the digest of
//! exactly the other side's last proposal; [`NegotiatedTerms`] is what comes of it.
//!
//! [`preferences`] says what a proposal is worth to a side, [`bargain`] where two sides would meet
//! if they knew each other, [`strategy`] what to say next.
//!
//! Known limits: parties see only what the other proposes, so neither learns whether there was
//! something to agree on; whoever proposes last proposes under threat of nothing.
use alloc::boxed::Box;
use alloc::vec::Vec;

use ainur_primitives::{Did, Digest, Timestamp};
use scale::{Decode, Encode};

pub mod bargain;
pub mod error;
pub mod message;
pub mod power;
pub mod preferences;
pub mod strategy;
pub mod terms;
pub mod thread;
pub mod wish;

pub use error::Error;
pub use message::{NegotiationAct, NegotiationActKind, NegotiationMessage};
pub use preferences::{IssueWeights, NegotiationSide, Package, Preferences};
pub use strategy::{NegotiationDecision, NegotiationStrategy, Negotiator, Tactic, Turn};
pub use terms::{
    CounterProposal, NegotiatedTerms, NegotiationProposal, NegotiationRules, Relaxation,
};
pub use thread::NegotiationThread;
pub use wish::{NegotiationWish, SellerLimits, TacticName, WishError};

/// A negotiation while it runs and after it has ended; at most two messages a round.
///
/// ```
/// use ainur_market::negotiation::terms::ROUNDS_DEFAULT;
/// use ainur_market::negotiation::{
///     CounterProposal, Negotiation, NegotiationAct, NegotiationProposal, NegotiationRules,
/// };
/// use ainur_market::payment::{CancellationPolicy, PaymentTerms};
/// use ainur_primitives::{
///     Amount, Did, Digest, DisputeResolution, DurationMs, QualityLevel, TaskId, Timestamp,
/// };
/// let (now, deadline) = (Timestamp(1_000), Timestamp(61_000));
/// let mut negotiation = Negotiation::open(NegotiationRules {
///     task: TaskId(Digest([1; 32])),
///     buyer: Did(Digest([2; 32])),
///     seller: Did(Digest([3; 32])),
///     card: Digest([4; 32]),
///     cancellation: CancellationPolicy::default(),
///     opened: now,
///     deadline,
///     rounds_max: ROUNDS_DEFAULT,
///     valid_until: deadline,
/// })?;
/// let asked = NegotiationProposal {
///     price: Amount::ainu(100),
///     timeline_ms: DurationMs::seconds(3_600),
///     quality_level: QualityLevel::Standard,
///     payment: PaymentTerms::Completion,
///     dispute_resolution: DisputeResolution::Chain,
/// };
/// negotiation.take(now, negotiation.draft(NegotiationAct::Propose(asked.clone())))?;
/// let wanted = NegotiationProposal { price: Amount::ainu(120), ..asked.clone() };
/// let counter = NegotiationAct::Counter(CounterProposal::between(&asked, &wanted));
/// negotiation.take(now, negotiation.draft(counter))?;
/// let terms = negotiation.offered().expect("a proposal").digest();
/// negotiation.take(now, negotiation.draft(NegotiationAct::Accept { terms }))?;
/// assert_eq!(negotiation.agreed().expect("an agreement").agreed.price, Amount::ainu(120));
/// # Ok::<(), ainur_market::negotiation::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Negotiation {
    rules: NegotiationRules,
    messages: Vec<NegotiationMessage>,
    /// What each side bound itself to, in turns: the buyer first.
    proposals: Vec<NegotiationProposal>,
    /// Digest of the rules and everything said.
    thread: Digest,
    end: Option<NegotiationEnd>,
}

/// How a negotiation ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum NegotiationEnd {
    /// With an agreement.
    Agreed(Box<NegotiatedTerms>),
    /// With a no to the last proposal.
    Rejected {
        /// Who said it.
        by: Did,
    },
    /// One side did not want to go on.
    Withdrawn {
        /// Which.
        by: Did,
    },
    /// The deadline passed.
    Expired,
}

impl Negotiation {
    /// A negotiation in which nothing was said.
    ///
    /// # Errors
    /// When the rules are not [valid](NegotiationRules::validate).
    pub fn open(rules: NegotiationRules) -> Result<Self, Error> {
        rules.validate()?;
        let thread = rules.id().0;
        Ok(Self { rules, messages: Vec::new(), proposals: Vec::new(), thread, end: None })
    }

    /// The rules it was opened with.
    pub fn rules(&self) -> &NegotiationRules {
        &self.rules
    }

    /// Everything said, in order: with the rules, all that is needed to replay it.
    pub fn messages(&self) -> &[NegotiationMessage] {
        &self.messages
    }

    /// What was proposed so far, in turns: the buyer first.
    pub fn proposals(&self) -> &[NegotiationProposal] {
        &self.proposals
    }

    /// The digest of the rules and everything said.
    pub fn thread(&self) -> Digest {
        self.thread
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<&NegotiationEnd> {
        self.end.as_ref()
    }

    /// What was agreed, when it was.
    pub fn agreed(&self) -> Option<&NegotiatedTerms> {
        match &self.end {
            Some(NegotiationEnd::Agreed(terms)) => Some(terms),
            _ => None,
        }
    }

    /// The round of the next message, or of the last one when it has ended.
    pub fn round(&self) -> u32 {
        let said = self.messages.len() - usize::from(self.ended_by_message());
        u32::try_from(said / 2 + 1).expect("a negotiation has at most 64 rounds")
    }

    /// What the next strategy to speak sees; nothing once it has ended.
    pub fn turn(&self, now: Timestamp) -> Option<Turn<'_>> {
        let turn = Turn { rules: &self.rules, proposals: &self.proposals, now };
        self.end.is_none().then_some(turn)
    }

    /// What can be said next by whoever has the turn.
    pub fn expected(&self) -> &'static [NegotiationActKind] {
        use NegotiationActKind::{Accept, Counter, Propose, Reject, Withdraw};
        if self.end.is_some() {
            &[]
        } else if self.proposals.is_empty() {
            &[Propose, Withdraw]
        } else if self.proposals.len() + 1 >= self.rules.messages_max() {
            &[Accept, Reject, Withdraw]
        } else {
            &[Propose, Counter, Accept, Reject, Withdraw]
        }
    }

    /// The terms that accepting the last proposal makes.
    pub fn offered(&self) -> Option<NegotiatedTerms> {
        let NegotiationRules { task, buyer, seller, card, cancellation, valid_until, .. } =
            self.rules;
        let agreed = self.proposals.last()?.clone();
        let thread = self.thread;
        let terms = NegotiatedTerms {
            task,
            buyer,
            seller,
            card,
            agreed,
            cancellation,
            thread,
            valid_until,
        };
        self.end.is_none().then_some(terms)
    }

    /// The message by which whoever has the turn says this; [`Negotiation::take`] checks it.
    pub fn draft(&self, act: NegotiationAct) -> NegotiationMessage {
        NegotiationMessage {
            negotiation: self.rules.id(),
            round: self.round(),
            from: self.rules.speaker(self.messages.len()),
            previous: self.thread,
            act,
        }
    }

    /// Takes the next message. Who signed it is the caller's to check.
    ///
    /// # Errors
    /// Why it has no place here now, with what was expected; nothing changes then.
    pub fn take(&mut self, now: Timestamp, message: NegotiationMessage) -> Result<(), Error> {
        let digest = message.digest();
        self.check(now, &message, digest)?;
        let by = message.from;
        match &message.act {
            NegotiationAct::Propose(proposal) => {
                proposal.validate()?;
                self.proposals.push(proposal.clone());
            }
            NegotiationAct::Counter(counter) => {
                let answered = self.proposals.last().expect("a counter answers a proposal");
                let proposal = counter.applied_to(answered)?;
                self.proposals.push(proposal);
            }
            NegotiationAct::Accept { terms: found } => {
                let terms = self.offered().expect("only a proposal is accepted");
                let (expected, found) = (terms.digest(), *found);
                if expected != found {
                    return Err(Error::OtherTerms { expected, found });
                }
                self.end = Some(NegotiationEnd::Agreed(Box::new(terms)));
            }
            NegotiationAct::Reject => self.end = Some(NegotiationEnd::Rejected { by }),
            NegotiationAct::Withdraw => self.end = Some(NegotiationEnd::Withdrawn { by }),
        }
        self.thread = digest;
        self.messages.push(message);
        Ok(())
    }

    /// Ends it when its deadline has passed; true when it is over, for whatever reason.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        if self.end.is_none() && now >= self.rules.deadline {
            self.end = Some(NegotiationEnd::Expired);
        }
        self.end.is_some()
    }

    /// Everything about a message but its content.
    fn check(
        &self,
        now: Timestamp,
        message: &NegotiationMessage,
        digest: Digest,
    ) -> Result<(), Error> {
        let (expected, found) = (self.rules.id(), message.negotiation);
        if expected != found {
            return Err(Error::OtherNegotiation { expected, found });
        }
        if self.messages.iter().any(|said| said == message) {
            return Err(Error::Repeated(digest));
        }
        if self.end.is_some() {
            return Err(Error::Ended);
        }
        let (from, until) = (self.rules.opened, self.rules.deadline);
        if now < from || now >= until {
            return Err(Error::NotOpen { now, from, until });
        }
        let (expected, found) = (self.rules.speaker(self.messages.len()), message.from);
        if expected != found {
            return Err(Error::Turn { expected, found });
        }
        let (expected, found) = (self.round(), message.round);
        if expected != found {
            return Err(Error::Round { expected, found });
        }
        let (expected, found) = (self.thread, message.previous);
        if expected != found {
            return Err(Error::Stale { expected, found });
        }
        let (expected, found) = (self.expected(), message.act.kind());
        if expected.contains(&found) { Ok(()) } else { Err(Error::Unexpected { found, expected }) }
    }

    fn ended_by_message(&self) -> bool {
        !matches!(self.end, None | Some(NegotiationEnd::Expired))
    }
}
