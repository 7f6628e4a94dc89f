//! The rentals' desk of a node: slots of its agents to rent out, and what it rents itself.
use std::sync::mpsc::sync_channel;

use ainur_api::operation::{RentalDraft, Reply};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::{RentalHolding, RentalStatement, RentalView};
use ainur_broker::engine::{LedgerAnswer, RentalState};
use ainur_ledger::rental;
use ainur_market::pricing::{RentalTerms, Subscription};
use ainur_primitives::{Amount, CapabilityName, Digest};

use crate::join::checked;
use crate::node::Node;
use crate::problem::{of_broker, with_causes};

impl Node {
    /// What can be rented here, and what the node rents.
    pub(crate) fn rental_list(
        &self,
        capability: Option<CapabilityName>,
    ) -> Result<Vec<RentalView>, Problem> {
        let states = self.mailbox.call(|broker| Ok(broker.rental_states()))?;
        let wanted = |state: &RentalState| {
            capability.as_ref().is_none_or(|wanted| *wanted == state.terms.capability)
        };
        Ok(states.into_iter().filter(wanted).map(|state| self.rental_view(state)).collect())
    }

    /// One of them, with what its periods came to.
    pub(crate) fn rental_show(&self, text: &str) -> Result<Reply, Problem> {
        let text = text.to_owned();
        let (state, stated) = self.mailbox.call(move |broker| {
            let state = broker.rental_state(&text).map_err(|error| of_broker(&error))?;
            let stated = broker.rental_statements(&state.digest);
            Ok((state, stated))
        })?;
        let statements = stated.into_iter().map(|stated| RentalStatement {
            statement: stated.statement,
            stated: stated.stated,
            block: stated.height.0,
            event: stated.event,
        });
        let statements = statements.collect();
        let view = RentalView { statements, ..self.rental_view(state) };
        Ok(Reply::Rental(Box::new(view)))
    }

    /// What a period came to, as a document that anyone can check.
    pub(crate) fn rental_statement(&self, text: &str, period: u32) -> Result<Reply, Problem> {
        let digest = self.rental_named(text)?;
        let bytes = self.mailbox.call(move |broker| {
            broker.rental_statement(digest, period).map_err(|error| of_broker(&error))
        })?;
        let receipt = String::from_utf8(bytes).expect("JSON is UTF-8");
        Ok(Reply::Receipt { receipt })
    }

    /// The digest of what the node rents, by a unique beginning of it.
    pub(crate) fn rental_named(&self, text: &str) -> Result<Digest, Problem> {
        let text = text.to_owned();
        self.mailbox.call(move |broker| {
            let state = broker.rental_state(&text).map_err(|error| of_broker(&error))?;
            Ok(state.digest)
        })
    }

    /// Rents out slots of an agent of this node.
    pub(crate) fn offer_rental(&self, draft: RentalDraft) -> Result<Reply, Problem> {
        let agent = self.agent(&draft.agent)?;
        if agent.capabilities.iter().all(|contract| contract.name != draft.capability) {
            let message = format!("{} does not offer {}", agent.name, draft.capability);
            return Err(Problem::new(Code::InvalidRequest, message)
                .next(format!("see what it offers: ainur agent show {}", agent.name)));
        }
        let card = agent.card.card.digest();
        let card = card.map_err(|error| Problem::new(Code::Internal, with_causes(&error)))?;
        let now = crate::now();
        let terms = RentalTerms {
            seller: agent.did,
            // Two of one agent in one millisecond would be the same one.
            serial: now.0,
            card,
            capability: draft.capability,
            quality_level: draft.quality_level,
            slots: draft.slots,
            subscription: Subscription {
                period_ms: draft.period_ms,
                price: draft.price,
                included_units: draft.included_units,
                overage_price: draft.overage_price,
            },
            periods: draft.periods,
            service: draft.service,
            valid_until: now.plus(draft.valid_ms),
        };
        let state = self
            .mailbox
            .call(move |broker| broker.publish_rental(terms).map_err(|error| of_broker(&error)))?;
        Ok(Reply::Rental(Box::new(self.rental_view(state))))
    }

    /// Rents what is on offer. What the node rents already is shown as it is.
    pub(crate) fn rent(&self, text: &str) -> Result<Reply, Problem> {
        let digest = self.rental_named(text)?;
        let held = |state: &dyn ainur_ledger::ReadState| rental::query::rental(state, &digest);
        if self.read(held).is_none_or(|held| held.buyer != self.did) {
            let (sender, receiver) = sync_channel(1);
            self.mailbox.call(move |broker| {
                let answer = Box::new(move |answer: LedgerAnswer| drop(sender.send(answer)));
                broker.rent(digest, answer).map_err(|error| of_broker(&error))
            })?;
            checked(receiver.recv().ok())?;
        }
        self.rental_show(&digest.to_string())
    }

    /// Takes back what nobody has rented, here and on the ledger, so that nobody who has a copy can
    /// rent it.
    pub(crate) fn withdraw_rental(&self, text: &str) -> Result<Reply, Problem> {
        let text = text.to_owned();
        let state = self
            .mailbox
            .call(move |broker| broker.rental_state(&text).map_err(|error| of_broker(&error)))?;
        let RentalState { digest, terms, agreement, .. } = state;
        if agreement.is_some() {
            let message = format!("rental {} is rented: it runs to its end", digest.short());
            return Err(Problem::new(Code::Conflict, message)
                .next(format!("see ainur market rental show {}", digest.short())));
        }
        let agent = self.agent(&terms.seller.to_string())?;
        // The ledger first: what was done here alone could not be seen to be half done.
        let withdrawn = self.read(|state| rental::query::is_withdrawn(state, &digest));
        if !withdrawn && crate::now() < terms.valid_until {
            let action = rental::Action::Withdraw { terms };
            self.do_as_agent(&agent, vec![action.into()])?;
        }
        self.mailbox.call(move |broker| {
            broker.withdraw_rental(digest).map_err(|error| of_broker(&error))
        })?;
        Ok(Reply::Done)
    }

    fn rental_view(&self, state: RentalState) -> RentalView {
        let RentalState { digest, terms, agreement, waiting, unavailable } = state;
        let now = crate::now();
        let held = agreement.map(|agreement| {
            let meter = &agreement.meter;
            let period = meter.period_at(now);
            RentalHolding {
                from: meter.from(),
                until: meter.until(),
                period,
                units_used: period.map_or(0, |period| meter.usage(period).units),
                units_left: meter.units_left(now),
                in_use: meter.in_use(),
                waiting,
                locked: agreement.held,
                stated: meter.stated(),
                next_statement: meter.next_due(),
            }
        });
        RentalView {
            rental: digest,
            seller_name: self.name_of(terms.seller),
            terms,
            held,
            statements: Vec::new(),
            unavailable,
        }
    }

    /// What a period of the rental costs that a task of this capability would use.
    pub(crate) fn period_price(
        &self,
        capability: &CapabilityName,
        wanted: Option<Digest>,
    ) -> Result<Amount, Problem> {
        let states = self.mailbox.call(|broker| Ok(broker.rental_states()))?;
        let mut held = states.into_iter().filter(|state| {
            state.agreement.is_some()
                && state.terms.capability == *capability
                && wanted.is_none_or(|wanted| wanted == state.digest)
        });
        let found = held.next().map(|state| state.terms.subscription.price);
        found.ok_or_else(|| {
            let why = format!("the node rents nothing for {capability}");
            of_broker(&ainur_broker::Error::NoRental(why))
        })
    }
}
