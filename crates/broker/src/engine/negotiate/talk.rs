//! One conversation between a task's buyer and a seller, while it is held.
use ainur_market::auction::terms::TERMS_AMOUNT_MAX;
use ainur_market::negotiation::{
    Error, Negotiation, NegotiationDecision, NegotiationProposal, NegotiationRules,
    NegotiationStrategy, NegotiationThread, Negotiator, Preferences, SellerLimits, Tactic, Turn,
};
use ainur_market::payment::PaymentTerms;
use ainur_primitives::{CapabilityName, DisputeResolution, DurationMs, QualityLevel, Timestamp};
use ainur_runtime::{GuestDecision, GuestProposal, NegotiationTurnView};

use crate::task::Task;

/// See the module.
pub(super) struct Talk {
    session: Negotiation,
    buyer: Negotiator,
    seller: Speaker,
    limits: SellerLimits,
    /// When the seller is paid, as the task says.
    payment: PaymentTerms,
    /// The longest that work may take: longer times are not said.
    timeline_ms_max: DurationMs,
    is_over: bool,
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
        let payment = task.payment_under(&rules);
        let mut talk = Self {
            payment,
            session: Negotiation::open(rules)?,
            buyer: Negotiator::new(preferences, strategy),
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

    /// Talks until it is over, which is true, or the seller's program has the turn.
    pub(super) fn go_on(&mut self, now: Timestamp) -> bool {
        while !self.is_over && !self.session.expire(now) {
            let session = &self.session;
            let answer = self.buyer.answer(session, now).or_else(|| match &mut self.seller {
                Speaker::Guest => None,
                Speaker::Owner(seller) => seller.answer(session, now),
            });
            match answer {
                Some(message) => self.is_over = self.session.take(now, message).is_err(),
                None => return false,
            }
        }
        true
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
