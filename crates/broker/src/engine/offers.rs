//! Standing offers: publishing and withdrawing them, taking one for a task, and bids by owners.
use std::collections::BTreeMap;

use ainur_consensus::ReplicatedLog;
use ainur_crypto::batch::{RootSignature, sign_batch};
use ainur_ledger::escrow::{self, ServiceTerms};
use ainur_market::offer::{OfferRequest, OfferTerms};
use ainur_market::payment::PaymentTerms;
use ainur_primitives::chunks::WORK_CHUNKS_MIN;
use ainur_primitives::{
    Amount, CapabilityName, Did, Digest, DurationMs, Ppm, QualityLevel, TaskSpec, Venue,
};
use ainur_runtime::Executor;
use ainur_runtime::job::Quote;
use ainur_storage::Disk;

use super::announce::in_time;
use super::{Broker, one_line};
use crate::error::Error;
use crate::event::{Event, JournalEntry, OfferEvent, OfferTake, SignedOffer};
use crate::limits::DEADLINE_MS_MIN;
use crate::seat::Seat;
use crate::task::{Phase, Task};

/// A standing offer as it is now.
#[derive(Clone, Debug)]
pub struct OfferState {
    /// What names it.
    pub digest: Digest,
    /// The offer.
    pub terms: OfferTerms,
    /// What a task costs this node's buyer now.
    pub price: Amount,
    /// Tasks the buyer has agreed to under it.
    pub bought: u32,
    /// Tasks at work under it.
    pub running: u32,
    /// Tasks that wait for their turn.
    pub waiting: u32,
    /// Why it cannot be taken now, when it cannot.
    pub unavailable: Option<String>,
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Publishes an offer of an agent that has a seat here: signed with the agent's key, and durable
    /// with the next [`Broker::turn`].
    ///
    /// # Errors
    /// When the terms cannot be, nobody here could fulfil them, or too many offers are kept.
    pub fn publish_offer(&mut self, terms: OfferTerms) -> Result<OfferState, Error> {
        let seat = self.check_offer(&terms)?;
        let Some(key) = &seat.key else {
            return Err(Error::Invalid(format!(
                "the offer: {} keeps its own key, which has to sign it: ainur aacl offer",
                seat.name
            )));
        };
        let digest = terms.digest();
        let (signature, proofs) = sign_batch(key, seat.did, seat.key_version, &[digest]);
        let proof = proofs.into_iter().next().expect("one item has one proof");
        self.keep_offer(SignedOffer { terms, proof, message: None }, &signature)
    }

    /// The seat of an offer's seller, when the offer can stand here.
    pub(super) fn check_offer(&self, terms: &OfferTerms) -> Result<&Seat, Error> {
        let invalid = |why: &dyn std::fmt::Display| Error::Invalid(format!("the offer: {why}"));
        terms.validate().map_err(|error| invalid(&error))?;
        let longest = self.parameters.escrow.offer_validity_ms_max;
        if terms.valid_until.since(terms.valid_from) > longest {
            return Err(invalid(&format!("it can be taken for {longest} at most")));
        }
        if let PaymentTerms::Milestone(milestones) = &terms.payment {
            if milestones.len() < WORK_CHUNKS_MIN {
                return Err(invalid(&"one milestone is payment at completion: say that"));
            }
            let last = milestones.last().map(|milestone| milestone.due_ms);
            if last > Some(terms.estimated_duration_ms) {
                return Err(invalid(&"its last milestone is due after the work is expected"));
            }
        }
        let seat = self.seats.get(terms.seller).ok_or_else(|| invalid(&"no such agent is here"))?;
        if seat.card != terms.card {
            return Err(invalid(&"its agent has another card now"));
        }
        if let Some(missing) = terms.capabilities.iter().find(|name| seat.contract(name).is_none())
        {
            return Err(invalid(&format!("{} does not do {missing}", seat.name)));
        }
        Ok(seat)
    }

    /// Puts a signed offer on the board and into the journal.
    pub(super) fn keep_offer(
        &mut self,
        offer: SignedOffer,
        signature: &RootSignature,
    ) -> Result<OfferState, Error> {
        let (digest, terms) = (offer.terms.digest(), offer.terms.clone());
        let refused = |error| Error::Invalid(format!("the offer: {error}"));
        let bought = self.bought(digest);
        self.offers.publish(offer.clone(), bought, self.now).map_err(refused)?;
        self.journal.append(&JournalEntry::Signature(signature.clone()))?;
        self.journal.append(&JournalEntry::Offer(OfferEvent::Published(Box::new(offer))))?;
        Ok(self.offer_state(digest, terms))
    }

    /// An offer by its digest or a unique beginning of it.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn offer(&self, text: &str) -> Result<OfferTerms, Error> {
        let mut found = self
            .offers
            .iter()
            .filter(|offer| !text.is_empty() && offer.terms.digest().to_string().starts_with(text));
        let (Some(offer), None) = (found.next(), found.next()) else {
            return Err(Error::UnknownOffer(text.to_owned()));
        };
        Ok(offer.terms.clone())
    }

    /// Takes an offer off: nobody can take it any more, tasks under way go on. Doing it again does
    /// no harm.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn withdraw_offer(&mut self, offer: Digest) -> Result<(), Error> {
        self.offers.withdraw(&offer);
        self.journal.append(&JournalEntry::Offer(OfferEvent::Withdrawn(offer)))
    }

    /// Repeats what the journal tells of an offer.
    pub(super) fn replay_offer(&mut self, event: OfferEvent) {
        let bought = match &event {
            OfferEvent::Published(offer) => self.bought(offer.terms.digest()),
            OfferEvent::Withdrawn(_) => 0,
        };
        self.offers.replay(event, bought, self.now);
    }

    /// The offers, ascending by digest; those of one capability, or all.
    pub fn offer_states<'a>(
        &'a self,
        capability: Option<&'a CapabilityName>,
    ) -> impl Iterator<Item = OfferState> + 'a {
        let wanted = move |offer: &&SignedOffer| {
            capability.is_none_or(|capability| offer.terms.offers(capability))
                && self.now < offer.terms.valid_until
        };
        self.offers
            .iter()
            .filter(wanted)
            .map(|offer| self.offer_state(offer.terms.digest(), offer.terms.clone()))
    }

    fn offer_state(&self, digest: Digest, terms: OfferTerms) -> OfferState {
        let bought = self.offers.bought(&digest);
        let (running, waiting) = self.offers.load(&digest);
        let seat = self.seats.get(terms.seller);
        let full =
            running >= terms.capacity.concurrent_tasks && waiting >= terms.capacity.queue_size;
        let unavailable = match seat {
            None => Some("its agent was removed"),
            Some(seat) if !seat.reachable => Some("its agent is unreachable"),
            Some(_) if full => Some("full"),
            Some(_) => None,
        };
        let price = terms.pricing.price(bought, self.now);
        let unavailable = unavailable.map(ToOwned::to_owned);
        OfferState { digest, terms, price, bought, running, waiting, unavailable }
    }

    /// Tasks this node's buyer has agreed to under an offer, by the ledger.
    pub(super) fn bought(&self, offer: Digest) -> u32 {
        let buyer = self.operator.did;
        self.ledger.read(|state| escrow::query::offer_uses(state, &offer, &buyer))
    }

    /// Notes what the ledger says of how often this node's buyer has agreed under a task's offer.
    pub(super) fn recount(&mut self, number: u64) {
        let take = self.tasks.get(&number).and_then(Task::offer);
        let Some(offer) = take.map(|take| take.offer.terms.digest()) else { return };
        let bought = self.bought(offer);
        self.offers.recount(&offer, bought);
    }

    /// The best offer of those agents for a task, or why there is none when that is to be told.
    pub(super) fn match_offer(
        &mut self,
        (spec, service, longest): (&TaskSpec, Option<&ServiceTerms>, DurationMs),
        invited: &[Did],
        failed: &[Did],
        explain: bool,
    ) -> Result<OfferTake, String> {
        self.offers.expire(self.now);
        if self.offers.is_empty() {
            return Err("nothing is on offer".into());
        }
        let mut excluded = failed.to_vec();
        for seller in self.offers.sellers().collect::<Vec<Did>>() {
            let failure_probability = self.failure_probability(seller);
            self.offers.rate(&seller, failure_probability);
            if !invited.contains(&seller) {
                excluded.push(seller);
            }
        }
        let none = BTreeMap::new();
        let request = OfferRequest {
            buyer: self.operator.did,
            capability: &spec.capability,
            quality_min: QualityLevel::Standard,
            reserve: spec.reserve,
            loss: spec.loss,
            selection: spec.selection,
            failure_probability_max: Ppm::ONE,
            now: self.now,
            deadline: self.now.plus(in_time(spec, service).min(longest)),
            bought: &none,
            excluded: &excluded,
            chunks: &spec.chunks,
        };
        while let Some(found) = self.offers.best(request) {
            let Some(offer) = self.offers.get(&found.offer).cloned() else { break };
            let card = self.seats.get(offer.terms.seller).map(|seat| seat.card);
            if card == Some(offer.terms.card) {
                let bought = self.offers.bought(&found.offer);
                return Ok(OfferTake { offer, matched: self.now, bought });
            }
            // The agent has another card now: the ledger would not take the offer any more.
            self.offers.withdraw(&found.offer);
        }
        Err(if explain { self.offers.why_none(request) } else { String::new() })
    }

    pub(super) fn take_offer(
        &mut self,
        number: u64,
        attempt: u32,
        take: OfferTake,
    ) -> Result<(), Error> {
        let (price, offer) = (take.price(), Box::new(take));
        self.record(number, Event::OfferTaken { attempt, price, offer })
    }

    /// Looks for another offer after one has failed; when there is none, the call goes out.
    pub(super) fn next_offer(&mut self, number: u64, attempt: u32) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let (id, venue, invited, excluded) =
            (task.id, task.venue, task.invited.clone(), task.excluded());
        let (service, longest) = (task.service, task.auction.terms().duration_ms_max);
        let bid_bond = task.auction.terms().bid_bond;
        let left = task.deadline.since(self.now);
        if left < DEADLINE_MS_MIN {
            let detail = "too little time is left for another seller".to_owned();
            return self.record(number, Event::NoAward { detail });
        }
        let spec = TaskSpec { deadline_ms: left, ..task.spec.clone() };
        let found = match task.has_refused_offer() {
            true => Err("the ledger did not take the last one".to_owned()),
            false => {
                let wanted = (&spec, service.as_ref(), longest);
                self.match_offer(wanted, &invited, &excluded, venue == Venue::Offer)
            }
        };
        match (found, venue) {
            (Ok(take), _) => self.take_offer(number, attempt, take),
            (Err(why), Venue::Offer) => {
                let detail = one_line(&format!("no other offer fits: {why}"));
                self.record(number, Event::NoAward { detail })
            }
            (Err(_), _) => {
                let mut terms = self.auction_terms(id, (&spec, service.as_ref()), None);
                // No longer and with no less at stake than the buyer has called for.
                terms.duration_ms_max = terms.duration_ms_max.min(longest);
                terms.bid_bond = terms.bid_bond.max(bid_bond);
                self.record(number, Event::Called(Box::new(terms)))
            }
        }
    }

    /// Calls for proposals that take bids, oldest first.
    pub fn open_calls(&self) -> impl Iterator<Item = &Task> {
        let open = |task: &&Task| {
            task.phase == Phase::Announced
                && task.takes_bids()
                && self.now < task.auction.commitments_end()
        };
        self.tasks.values().filter(open)
    }

    /// Bids for an agent that has a seat here, in the place of what it would quote itself. `quote`
    /// is told how long the work may take.
    ///
    /// # Errors
    /// When the call takes no bids, the agent cannot fulfil it, has bid, or bids what cannot win.
    pub fn bid_for(
        &mut self,
        number: u64,
        bidder: Did,
        quote: impl FnOnce(DurationMs) -> Quote,
    ) -> Result<(), Error> {
        let invalid = |why: String| Error::Invalid(format!("the bid is not taken: {why}"));
        let task = self.call_for(number, bidder)?;
        if !self.seats.get(bidder).is_some_and(Seat::is_keyed) {
            let why = "the agent keeps its own key, which has to sign the bid: ainur aacl bid";
            return Err(invalid(why.into()));
        }
        let sealed = task.auction.entrants().any(|entrant| entrant.commit.bidder == bidder);
        if sealed || self.is_sealing(number, bidder) {
            return Err(invalid("the agent has sealed a bid".into()));
        }
        let longest = task.auction.terms().duration_ms_max;
        let quote = quote(longest);
        if quote.price > task.spec.reserve {
            let reserve = task.spec.reserve.to_ainu();
            return Err(invalid(format!("the buyer pays {reserve} AINU at most")));
        }
        if quote.estimated_duration_ms > longest {
            return Err(invalid(format!("the work may take {longest} at most")));
        }
        self.seal(number, bidder, Some(quote))
    }

    /// A call that takes a bid of this agent now.
    pub(super) fn call_for(&self, number: u64, bidder: Did) -> Result<&Task, Error> {
        let invalid = |why: &str| Error::Invalid(format!("the bid is not taken: {why}"));
        let over = || invalid("the call takes no bids any more");
        let task = self.tasks.get(&number).ok_or_else(over)?;
        if task.phase != Phase::Announced || self.now >= task.auction.commitments_end() {
            return Err(over());
        }
        if !task.takes_bids() {
            return Err(invalid("its sellers are not found by bids of owners"));
        }
        if !task.invited.contains(&bidder) {
            let why = "the agent does not offer what is wanted, or its contract does not fit";
            return Err(invalid(why));
        }
        Ok(task)
    }
}
