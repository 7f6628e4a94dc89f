//! The market's desk of a node: open calls, bids by owners of agents, standing offers.
use ainur_api::operation::{BidDraft, OfferDraft, Reply};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::{OfferView, OpenCall};
use ainur_broker::engine::OfferState;
use ainur_broker::task::{Phase, Task};
use ainur_ledger::escrow;
use ainur_market::offer::{OfferPricing, OfferTerms};
use ainur_primitives::{CapabilityContract, CapabilityName, Did, Digest, DurationMs};
use ainur_runtime::job::Quote;

use crate::node::Node;
use crate::problem::{of_broker, with_causes};

/// How long an offer takes that says nothing of it, and whose contract says nothing either.
const DURATION_MS_DEFAULT: DurationMs = DurationMs::seconds(60);

/// Offers shown in one list.
const SHOWN_MAX: usize = 1_000;

impl Node {
    /// Calls for proposals that take bids, oldest first.
    pub(crate) fn open_calls(&self) -> Result<Vec<OpenCall>, Problem> {
        self.mailbox.call(|broker| Ok(broker.open_calls().take(SHOWN_MAX).map(open_call).collect()))
    }

    /// Bids for an agent of this node.
    pub(crate) fn place_bid(&self, draft: BidDraft) -> Result<Reply, Problem> {
        let bidder = self.agent(&draft.agent)?.did;
        let number = self.task(&draft.task)?.number;
        self.mailbox.call(move |broker| {
            let quote = |longest: DurationMs| Quote {
                price: draft.price,
                estimated_duration_ms: draft
                    .estimated_duration_ms
                    .unwrap_or(DurationMs(longest.0 / 2)),
                confidence: ainur_primitives::Ppm::ONE,
                quality_level: draft.quality_level as u8,
            };
            broker.bid_for(number, bidder, quote).map_err(|error| of_broker(&error))
        })?;
        Ok(Reply::Done)
    }

    /// Standing offers, cheapest first.
    pub(crate) fn offer_list(
        &self,
        capability: Option<CapabilityName>,
    ) -> Result<Vec<OfferView>, Problem> {
        let offers = self.mailbox.call(move |broker| {
            Ok(broker.offer_states(capability.as_ref()).take(SHOWN_MAX).collect::<Vec<_>>())
        })?;
        let mut views: Vec<OfferView> =
            offers.into_iter().map(|state| self.offer_view(state)).collect();
        views.sort_by_key(|view| (view.price, view.offer));
        Ok(views)
    }

    /// Publishes a standing offer of an agent of this node.
    pub(crate) fn publish_offer(&self, draft: OfferDraft) -> Result<Reply, Problem> {
        let agent = self.agent(&draft.agent)?;
        let card = agent.card.card.digest();
        let card = card.map_err(|error| Problem::new(Code::Internal, with_causes(&error)))?;
        let terms = offer_terms(draft, (&agent.name, agent.did, card), &agent.capabilities)?;
        let state = self
            .mailbox
            .call(move |broker| broker.publish_offer(terms).map_err(|error| of_broker(&error)))?;
        Ok(Reply::Offer(Box::new(self.offer_view(state))))
    }

    /// Withdraws a standing offer here, and takes it back on the ledger, so that nobody who has a
    /// copy can agree under it.
    pub(crate) fn withdraw_offer(&self, offer: &str) -> Result<Reply, Problem> {
        let text = offer.to_owned();
        let terms = self
            .mailbox
            .call(move |broker| broker.offer(&text).map_err(|error| of_broker(&error)))?;
        let (digest, agent) = (terms.digest(), self.agent(&terms.seller.to_string())?);
        // The ledger first: what was done here alone could not be seen to be half done.
        let revoked = self.read(|state| escrow::query::is_offer_revoked(state, &digest));
        if !revoked && crate::now() < terms.valid_until {
            let action = escrow::Action::RevokeOffer { offer: terms };
            self.do_as_agent(&agent, vec![action.into()])?;
        }
        self.mailbox
            .call(move |broker| broker.withdraw_offer(digest).map_err(|error| of_broker(&error)))?;
        Ok(Reply::Done)
    }

    fn offer_view(&self, state: OfferState) -> OfferView {
        let OfferState { digest, terms, price, bought, running, waiting, unavailable } = state;
        OfferView {
            offer: digest,
            seller_name: self.name_of(terms.seller),
            terms,
            price,
            bought,
            running,
            waiting,
            unavailable,
        }
    }
}

/// The terms that an agent of this name, identity and card offers, from now on.
///
/// # Errors
/// When something is to be offered that the agent does not do.
pub fn offer_terms(
    draft: OfferDraft,
    (name, seller, card): (&str, Did, Digest),
    contracts: &[CapabilityContract],
) -> Result<OfferTerms, Problem> {
    let offered = |name: &CapabilityName| contracts.iter().find(|found| found.name == *name);
    if let Some(unknown) = draft.capabilities.iter().find(|name| offered(name).is_none()) {
        let message = format!("{name} does not offer {unknown}");
        return Err(Problem::new(Code::InvalidRequest, message)
            .next(format!("see what it offers: ainur agent show {name}")));
    }
    let mut capabilities = match draft.capabilities.is_empty() {
        true => contracts.iter().map(|contract| contract.name.clone()).collect(),
        false => draft.capabilities.clone(),
    };
    capabilities.sort();
    capabilities.dedup();
    let claimed = capabilities.iter().filter_map(offered);
    let claimed = claimed.filter_map(|contract| contract.service_level.duration_ms).max();
    let now = crate::now();
    Ok(OfferTerms {
        seller,
        // Two offers of one agent in one millisecond would be the same one.
        serial: now.0,
        card,
        capabilities,
        quality_level: draft.quality_level,
        estimated_duration_ms: draft
            .estimated_duration_ms
            .or(claimed)
            .unwrap_or(DURATION_MS_DEFAULT),
        pricing: OfferPricing {
            base_price: draft.base_price,
            volume_discount: draft.volume_discount,
            premium_hours: draft.premium_hours,
        },
        capacity: draft.capacity,
        minimum_budget: draft.minimum_budget,
        payment: draft.payment,
        cancellation: draft.cancellation,
        valid_from: now,
        valid_until: now.plus(draft.valid_ms),
    })
}

fn open_call(task: &Task) -> OpenCall {
    debug_assert_eq!(task.phase, Phase::Announced);
    let bids = task.auction.entrants().len();
    let answered = |did: &&Did| {
        task.passed.iter().any(|(who, _)| who == *did)
            || task.auction.entrants().any(|entrant| entrant.commit.bidder == **did)
    };
    let answers = task.invited.iter().filter(answered).count();
    OpenCall {
        task: task.id,
        capability: task.spec.capability.clone(),
        buyer: task.buyer,
        reserve: task.spec.reserve,
        bids: bids as u32,
        unanswered: (task.invited.len() - answers) as u32,
        commit_until: task.auction.commitments_end(),
        deadline: task.deadline,
    }
}
