//! One conversation between a task's buyer and a seller, while it is held.
use ainur_market::auction::terms::TERMS_AMOUNT_MAX;
use ainur_market::negotiation::{
    Error, Negotiation, NegotiationAct, NegotiationDecision, NegotiationProposal, NegotiationRules,
    NegotiationStrategy, NegotiationThread, Negotiator, Preferences, SellerLimits, Tactic, Turn,
};
use ainur_market::payment::PaymentTerms;
use ainur_primitives::{CapabilityName, DisputeResolution, DurationMs, QualityLevel, Timestamp};
use ainur_runtime::{GuestDecision, GuestProposal, NegotiationTurnView};

use crate::task::Task;

/// See the module.
pub(super) struct Talk {
    session: Negotiation,
    /// Nobody here where the buyer speaks from outside.
    buyer: Option<Negotiator>,
    seller: Speaker,
    limits: SellerLimits,
    /// When the seller is paid, as the task says.
    payment: PaymentTerms,
    /// The longest that work may take: longer times are not said.
    timeline_ms_max: DurationMs,
    is_over: bool,
}

/// Whose word a conversation waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// Nobody's: it is over.
    Nobody,
    /// That of the seller's program.
    Guest,
    /// That of the buyer outside.
    Outside,
}

/// Who speaks for the seller.
enum Speaker {
    /// Its program, which is asked each time.
    Guest,
    /// The tactic its owner chose.
    Owner(Negotiator),
}

/// What a guest has decided, for the guard that lets nothing through beyond its limits.
struct Decided(NegotiationDecision);

impl NegotiationStrategy for Decided {
    fn decide(&mut self, _turn: &Turn<'_>) -> NegotiationDecision {
        self.0.clone()
    }
}

impl Talk {
    /// A conversation in which nothing was said; `asks` when the seller's program speaks for it.
    pub(super) fn begin(
        task: &Task,
        rules: NegotiationRules,
        limits: SellerLimits,
        (tactic, asks): (Tactic, bool),
    ) -> Result<Self, Error> {
        let preferences = task.buyer_preferences(&rules);
        // What chance would decide follows from what the negotiation is about.
        let strategy = task.wish().tactic().strategy(&preferences, rules.id().0);
        let is_here = task.outside.is_none();
        let payment = task.payment_under(&rules);
        let mut talk = Self {
            payment,
            session: Negotiation::open(rules)?,
            buyer: is_here.then(|| Negotiator::new(preferences, strategy)),
            seller: Speaker::Guest,
            limits,
            timeline_ms_max: task.auction.terms().duration_ms_max,
            is_over: false,
        };
        if !asks {
            talk.fall_back(tactic);
        }
        Ok(talk)
    }

    /// Talks until it is over, or somebody has the turn who is not here.
    pub(super) fn go_on(&mut self, now: Timestamp) -> Awaited {
        while !self.is_over && !self.session.expire(now) {
            let session = &self.session;
            let said = self.buyer.as_mut().and_then(|buyer| buyer.answer(session, now));
            let answer = said.or_else(|| match &mut self.seller {
                Speaker::Guest => None,
                Speaker::Owner(seller) => seller.answer(session, now),
            });
            let Some(message) = answer else {
                let is_sellers = session.proposals().len() % 2 == 1;
                return if is_sellers { Awaited::Guest } else { Awaited::Outside };
            };
            self.is_over = self.session.take(now, message).is_err();
        }
        Awaited::Nobody
    }

    /// Says what the buyer outside has said.
    pub(super) fn take_from_outside(
        &mut self,
        now: Timestamp,
        act: NegotiationAct,
    ) -> Result<(), Error> {
        // Under the ledger's own names of task and buyer, the same terms have another digest.
        let act = match (act, self.session.offered()) {
            (NegotiationAct::Accept { .. }, Some(terms)) => {
                NegotiationAct::Accept { terms: terms.digest() }
            }
            (act, _) => act,
        };
        let message = self.session.draft(act);
        self.session.take(now, message)
    }

    /// What the seller has said, after the first so many messages.
    pub(super) fn said_by_seller(&self, after: usize) -> Vec<NegotiationAct> {
        let seller = self.session.rules().seller;
        let said = self.session.messages().iter().skip(after);
        said.filter(|message| message.from == seller).map(|message| message.act.clone()).collect()
    }

    /// How much was said.
    pub(super) fn length(&self) -> usize {
        self.session.messages().len()
    }

    /// What the seller's program sees.
    pub(super) fn view(&self, capability: &CapabilityName) -> NegotiationTurnView {
        let limits = self.limits;
        let proposals = || self.session.proposals().iter().map(told);
        NegotiationTurnView {
            capability: capability.clone(),
            limit: GuestProposal {
                price: limits.price,
                timeline_ms: limits.timeline_ms,
                quality_level: limits.quality_level as u8,
            },
            round: self.session.round(),
            rounds_max: self.session.rules().rounds_max,
            ours: proposals().skip(1).step_by(2).collect(),
            theirs: proposals().step_by(2).collect(),
        }
    }

    /// Says what the seller's program decided; the end where it may not say it.
    pub(super) fn hear(&mut self, now: Timestamp, decision: GuestDecision) {
        let decision = match decision {
            GuestDecision::Accept => NegotiationDecision::Accept,
            GuestDecision::WalkAway => NegotiationDecision::WalkAway,
            // What could stand in no receipt is not said.
            GuestDecision::Propose(proposal)
                if proposal.price > TERMS_AMOUNT_MAX
                    || proposal.timeline_ms > self.timeline_ms_max =>
            {
                NegotiationDecision::WalkAway
            }
            GuestDecision::Propose(proposal) => {
                NegotiationDecision::Propose(meant(&proposal, self.payment.clone()))
            }
        };
        let mut seller = Negotiator::new(self.seller_wants(), Box::new(Decided(decision)));
        if !self.is_over
            && let Some(message) = seller.answer(&self.session, now)
        {
            self.is_over = self.session.take(now, message).is_err();
        }
    }

    /// From here on the owner's tactic speaks for the seller.
    pub(super) fn fall_back(&mut self, tactic: Tactic) {
        let preferences = self.seller_wants();
        let strategy = tactic.strategy(&preferences, self.session.rules().id().0);
        self.seller = Speaker::Owner(Negotiator::new(preferences, strategy));
    }

    fn seller_wants(&self) -> Preferences {
        let mut preferences = self.limits.preferences();
        preferences.settle_payment(&self.payment);
        preferences
    }

    /// Everything said.
    pub(super) fn thread(&self) -> NegotiationThread {
        NegotiationThread::of(&self.session)
    }
}

fn told(proposal: &NegotiationProposal) -> GuestProposal {
    GuestProposal {
        price: proposal.price,
        timeline_ms: proposal.timeline_ms,
        quality_level: proposal.quality_level as u8,
    }
}

fn meant(proposal: &GuestProposal, payment: PaymentTerms) -> NegotiationProposal {
    NegotiationProposal {
        price: proposal.price,
        timeline_ms: proposal.timeline_ms,
        quality_level: match proposal.quality_level {
            0 => QualityLevel::Standard,
            1 => QualityLevel::Premium,
            _ => QualityLevel::Enterprise,
        },
        payment,
        dispute_resolution: DisputeResolution::Chain,
    }
}
