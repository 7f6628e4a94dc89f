//! What to say next: one trait, four ways, and the guard that no way gets around.
//!
//! A strategy sees the rules, everything proposed and the time, and decides. It may be anybody's:
//! a guest component that answers a proposal with one of its own fits as well as ours. A
//! [`Negotiator`] asks it and lets nothing through that its side would not agree to, so learned or
//! foreign strategies cannot lose money (decision 10). The same turns, preferences and seed always
//! give the same decisions.
use alloc::boxed::Box;

use ainur_primitives::{Digest, Ppm, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::message::{NegotiationAct, NegotiationMessage};
use super::power::ConcessionRate;
use super::preferences::{NegotiationSide, Package, Preferences};
use super::terms::{CounterProposal, NegotiationProposal, NegotiationRules};
use super::{Error, Negotiation};

mod learned;
mod micro;
mod time_dependent;
mod tit_for_tat;

pub use learned::LearnedReservation;
pub use micro::{MICRO_STEPS_MAX, Micro};
pub use time_dependent::TimeDependent;
pub use tit_for_tat::TitForTat;

/// Whoever decides what one side says next.
pub trait NegotiationStrategy: Send {
    /// What to say at this turn. The turn is this side's.
    fn decide(&mut self, turn: &Turn<'_>) -> NegotiationDecision;
}

/// What a strategy decides.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum NegotiationDecision {
    /// To propose this.
    Propose(NegotiationProposal),
    /// To accept the other side's last proposal.
    Accept,
    /// To end it.
    WalkAway,
}

/// What a strategy sees when it has the turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn<'a> {
    /// What the negotiation is about and when it ends.
    pub rules: &'a NegotiationRules,
    /// Everything proposed, in turns: the buyer first.
    pub proposals: &'a [NegotiationProposal],
    /// The time.
    pub now: Timestamp,
}

/// A strategy of ours, as an agent or a file names it.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Tactic {
    /// [`TimeDependent`].
    TimeDependent {
        /// When it concedes.
        rate: ConcessionRate,
        /// How much it concedes at once, before any time has passed (Faratin's k).
        opening: Ppm,
    },
    /// [`TitForTat`].
    TitForTat,
    /// [`Micro`].
    Micro {
        /// How many prices it knows between its ideal and its limit.
        steps: u32,
    },
    /// [`LearnedReservation`].
    LearnedReservation,
}

/// One side of a negotiation: what it wants, and who decides for it.
pub struct Negotiator {
    preferences: Preferences,
    strategy: Box<dyn NegotiationStrategy>,
}

impl<'a> Turn<'a> {
    /// Whose turn it is.
    pub const fn side(&self) -> NegotiationSide {
        if self.proposals.len().is_multiple_of(2) {
            NegotiationSide::Buyer
        } else {
            NegotiationSide::Seller
        }
    }

    /// What this side proposed, in order.
    pub fn own(&self) -> impl ExactSizeIterator<Item = &'a NegotiationProposal> + use<'a> {
        self.proposals.iter().skip(self.proposals.len() % 2).step_by(2)
    }

    /// What the other side proposed, in order.
    pub fn theirs(&self) -> impl ExactSizeIterator<Item = &'a NegotiationProposal> + use<'a> {
        self.proposals.iter().skip((self.proposals.len() + 1) % 2).step_by(2)
    }

    /// What there is to answer.
    pub fn answered(&self) -> Option<&'a NegotiationProposal> {
        self.proposals.last()
    }

    /// How much of the time is used: of the messages there can be or of the time to the deadline,
    /// whichever is more, so that nobody gains by being slow or by talking much.
    pub fn progress(&self) -> Ppm {
        let NegotiationRules { opened, deadline, .. } = self.rules;
        let by_time = Ppm::ratio(
            u128::from(self.now.since(*opened).0),
            u128::from(deadline.since(*opened).0),
        );
        self.progress_of(self.proposals.len()).max(by_time)
    }

    /// How much of the messages is used when so many were said.
    pub fn progress_of(&self, said: usize) -> Ppm {
        Ppm::ratio(said as u128, self.rules.messages_max() as u128 - 1)
    }

    /// True when nothing can be proposed any more, only accepted or ended.
    pub fn is_last(&self) -> bool {
        self.proposals.len() + 1 >= self.rules.messages_max()
    }

    /// True when the other side can only accept or end what is proposed now.
    pub fn is_ultimatum(&self) -> bool {
        self.proposals.len() + 2 >= self.rules.messages_max()
    }
}

impl Tactic {
    /// How much an agent that has no reason to do otherwise concedes at once: a tenth.
    pub const OPENING_DEFAULT: Ppm = Ppm(100_000);
    /// Holds out until the end is near.
    pub const BOULWARE: Self =
        Self::TimeDependent { rate: ConcessionRate::BOULWARE, opening: Self::OPENING_DEFAULT };
    /// Gives most at the beginning.
    pub const CONCEDER: Self =
        Self::TimeDependent { rate: ConcessionRate::CONCEDER, opening: Self::OPENING_DEFAULT };
    /// [`Micro`] with as many steps as usual rounds can use.
    pub const MICRO: Self = Self::Micro { steps: 8 };

    /// The strategy for a side with these preferences; `seed` decides what chance would.
    pub fn strategy(self, preferences: &Preferences, seed: Digest) -> Box<dyn NegotiationStrategy> {
        let preferences = preferences.clone();
        match self {
            Self::TimeDependent { rate, opening } => {
                Box::new(TimeDependent::new(preferences, rate, opening))
            }
            Self::TitForTat => Box::new(TitForTat::new(preferences)),
            Self::Micro { steps } => Box::new(Micro::new(preferences, steps, seed)),
            Self::LearnedReservation => Box::new(LearnedReservation::new(preferences)),
        }
    }
}

impl Negotiator {
    /// A side that follows this strategy within these preferences.
    pub fn new(preferences: Preferences, strategy: Box<dyn NegotiationStrategy>) -> Self {
        Self { preferences, strategy }
    }

    /// What the side wants.
    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// The side's next message, for [`Negotiation::take`]; nothing when the negotiation has ended
    /// or it is the other side's turn.
    pub fn answer(&mut self, session: &Negotiation, now: Timestamp) -> Option<NegotiationMessage> {
        let turn = session.turn(now).filter(|turn| turn.side() == self.preferences.side)?;
        let decision = self.strategy.decide(&turn);
        Some(session.draft(self.guarded(decision, session, &turn)))
    }

    /// The decision as an act; the end where it would be beyond what the side can live with, or is
    /// nothing that can be said.
    fn guarded(
        &self,
        decision: NegotiationDecision,
        session: &Negotiation,
        turn: &Turn<'_>,
    ) -> NegotiationAct {
        let acceptable = |proposal: &NegotiationProposal| self.preferences.is_acceptable(proposal);
        let walk_away = match turn.answered() {
            Some(_) => NegotiationAct::Reject,
            None => NegotiationAct::Withdraw,
        };
        match (decision, turn.answered(), session.offered()) {
            (NegotiationDecision::Accept, Some(answered), Some(terms)) if acceptable(answered) => {
                NegotiationAct::Accept { terms: terms.digest() }
            }
            (NegotiationDecision::Propose(proposal), answered, _)
                if !turn.is_last() && acceptable(&proposal) && proposal.validate().is_ok() =>
            {
                match answered {
                    None => NegotiationAct::Propose(proposal),
                    Some(answered) => {
                        NegotiationAct::Counter(CounterProposal::between(answered, &proposal))
                    }
                }
            }
            _ => walk_away,
        }
    }
}

/// Lets two sides talk until it ends, a message every `step`; for tests, simulations and examples.
///
/// # Errors
/// When the rules cannot be.
pub fn negotiate(
    rules: NegotiationRules,
    buyer: &mut Negotiator,
    seller: &mut Negotiator,
    step: ainur_primitives::DurationMs,
) -> Result<Negotiation, Error> {
    let mut now = rules.opened;
    let mut session = Negotiation::open(rules)?;
    while !session.expire(now) {
        let answer = buyer.answer(&session, now).or_else(|| seller.answer(&session, now));
        let Some(message) = answer else { break };
        session.take(now, message)?;
        now = now.plus(step);
    }
    Ok(session)
}

/// Accepts what is worth at least the target, or anything acceptable when nothing can be proposed
/// any more; proposes what is worth the target otherwise (Baarslag's AC-next).
fn aim(preferences: &Preferences, target: Ppm, turn: &Turn<'_>) -> NegotiationDecision {
    let target = target.max(preferences.utility_min);
    let worth = turn.answered().and_then(|answered| preferences.utility(answered));
    let enough = if turn.is_last() { preferences.utility_min } else { target };
    if worth.is_some_and(|worth| worth >= enough) {
        NegotiationDecision::Accept
    } else if turn.is_last() {
        NegotiationDecision::WalkAway
    } else {
        NegotiationDecision::Propose(proposal_worth(preferences, target, turn.answered()))
    }
}

/// The proposal worth the target that is most like what the other side asks for; the most wanted
/// package at the ideal price when none is worth so much.
fn proposal_worth(
    preferences: &Preferences,
    target: Ppm,
    answered: Option<&NegotiationProposal>,
) -> NegotiationProposal {
    let alike = |package: &Package| {
        answered.map_or(0, |answered| {
            u8::from(package.timeline_ms == answered.timeline_ms)
                + u8::from(package.quality_level == answered.quality_level)
                + u8::from(package.payment == answered.payment)
                + u8::from(package.dispute_resolution == answered.dispute_resolution)
        })
    };
    let mut best: Option<(u8, NegotiationProposal)> = None;
    for package in &preferences.packages {
        let Some(price) = preferences.price_for(target, package) else { continue };
        let alike = alike(package);
        if best.as_ref().is_none_or(|(before, _)| alike > *before) {
            best = Some((alike, package.at(price)));
        }
    }
    let ideal = || preferences.packages.first().map(|package| package.at(preferences.price_ideal));
    best.map(|(_, proposal)| proposal).or_else(ideal).expect("preferences have a package")
}
