//! Tasks that are uses of a rental: the ledger's meter takes the place of an escrow. And what a
//! rental needs while it runs: its statements when they are due, and a note when its agent goes.
//!
//! The buyer and the verifier are this node, the seller is an agent of it. A use begins and ends
//! once, and a period is stated once, whatever crashes, because the ledger keeps both by their names.
use ainur_audit::receipt::{LedgerEvent, StatementKind, StatementReceipt};
use ainur_consensus::ReplicatedLog;
use ainur_crypto::batch::sign_batch;
use ainur_ledger::escrow::ServiceTerms;
use ainur_ledger::rental::{
    self, Action, MeterRefusal, RentalAgreement, RentalUseEnd, StatedPeriod, query,
};
use ainur_ledger::{Event as Happened, EventRecord, Submission, TransactionError};
use ainur_market::pricing::RentalTerms;
use ainur_primitives::{Amount, Did, Digest, DurationMs, FailureReason, TaskSpec, Timestamp};
use ainur_runtime::Executor;
use ainur_storage::{Disk, crash_point};

use super::Broker;
use super::contract::{Answer, evidence};
use crate::error::Error;
use crate::event::{Event, JournalEntry, LedgerPosition, RentalEvent, RentalTake, SignedRental};
use crate::limits::{RENTALS_MAX, RETRY_MS};
use crate::task::{Phase, TaskStep};

/// What one task takes of a quota.
const UNITS: u64 = 1;
/// How long a statement or a note may take before it is asked for again.
const LOOK_AGAIN_MS: DurationMs = DurationMs::seconds(2);

/// Terms that can be rented, or a rental that this node's buyer holds.
#[derive(Clone, Debug)]
pub struct RentalState {
    /// What names it.
    pub digest: Digest,
    /// The terms.
    pub terms: RentalTerms,
    /// The rental, once it is rented.
    pub agreement: Option<RentalAgreement>,
    /// Tasks that wait for a slot.
    pub waiting: u32,
    /// Why it cannot be rented, or used, now.
    pub unavailable: Option<String>,
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Publishes terms of an agent that has a seat here: signed with the agent's key, and durable
    /// with the next [`Broker::turn`].
    ///
    /// # Errors
    /// When the terms cannot be, nobody here could fulfil them, or too many are kept.
    pub fn publish_rental(&mut self, terms: RentalTerms) -> Result<RentalState, Error> {
        let invalid = |why: &dyn std::fmt::Display| Error::Invalid(format!("the rental: {why}"));
        terms.validate().map_err(|error| invalid(&error))?;
        if terms.slots > rental::SLOTS_MAX {
            return Err(invalid(&rental::Error::TooManySlots));
        }
        let longest = self.parameters.escrow.offer_validity_ms_max;
        if terms.valid_until <= self.now || terms.valid_until.since(self.now) > longest {
            return Err(invalid(&format!("it can be rented for {longest} at most")));
        }
        self.rentals.expire(self.now);
        let seat = self.seats.get(terms.seller).ok_or_else(|| invalid(&"no such agent is here"))?;
        if seat.card != terms.card {
            return Err(invalid(&"its agent has another card now"));
        }
        if seat.contract(&terms.capability).is_none() {
            return Err(invalid(&format!("{} does not do {}", seat.name, terms.capability)));
        }
        let Some(key) = &seat.key else {
            return Err(invalid(&format!("{} keeps its own key, which would sign it", seat.name)));
        };
        if !self.rentals.has_room(terms.seller) {
            return Err(invalid(&"its agent rents out too much (RENTALS_OFFERED_MAX)"));
        }
        let digest = terms.digest();
        let (signature, proofs) = sign_batch(key, seat.did, seat.key_version, &[digest]);
        let proof = proofs.into_iter().next().expect("one item has one proof");
        let signed = SignedRental { terms: terms.clone(), proof };
        self.journal.append(&JournalEntry::Signature(signature))?;
        let event = RentalEvent::Published(Box::new(signed));
        self.journal.append(&JournalEntry::Rental(event.clone()))?;
        self.rentals.replay(event);
        Ok(self.offered_state(digest, terms))
    }

    /// Takes terms off: nobody can rent them any more. What is rented runs on.
    ///
    /// # Errors
    /// When nothing of that name is on offer, or the disk refuses.
    pub fn withdraw_rental(&mut self, rental: Digest) -> Result<(), Error> {
        if self.rentals.get(&rental).is_none() {
            return Err(Error::UnknownRental(rental.to_string()));
        }
        self.rentals.withdraw(&rental);
        self.journal.append(&JournalEntry::Rental(RentalEvent::Withdrawn(rental)))
    }

    /// Has the ledger rent what is on offer, for this node's buyer; `answer` is called with what
    /// became of it.
    ///
    /// # Errors
    /// When nothing of that name is on offer, too much is rented, or the ledger has failed.
    pub fn rent(&mut self, rental: Digest, answer: Answer) -> Result<(), Error> {
        self.rentals.expire(self.now);
        let signed = self.rentals.get(&rental);
        let unknown = || Error::UnknownRental(rental.to_string());
        let SignedRental { terms, proof } = signed.ok_or_else(unknown)?.clone();
        if self.held_rentals().len() >= RENTALS_MAX {
            return Err(Error::Invalid(format!("{RENTALS_MAX} rentals are held (RENTALS_MAX)")));
        }
        let all = terms.subscription.price.0.saturating_mul(u128::from(terms.periods));
        let (reserve, free) = (Amount(all), self.spendable());
        if free < reserve {
            return Err(Error::InsufficientFunds { reserve, free });
        }
        let root = proof.root(rental).ok_or_else(unknown)?;
        let signature = self.journal.signature(root)?.ok_or_else(unknown)?;
        let verifier = self.operator.did;
        let action = Action::Rent { terms, proof, verifier };
        let (transactions, own) = self.authorize(vec![action.into()]);
        self.submit(Submission { transactions, signatures: vec![own, signature] }, answer)
    }

    /// Everything that can be rented here, then what this node's buyer rents or has rented lately.
    pub fn rental_states(&self) -> Vec<RentalState> {
        let held = self.held_rentals();
        let is_held = |digest: &Digest| held.iter().any(|(held, _)| held == digest);
        let offered = self.rentals.iter().filter(|signed| self.now < signed.terms.valid_until);
        let mut states: Vec<RentalState> = offered
            .map(|signed| (signed.terms.digest(), signed.terms.clone()))
            .filter(|(digest, _)| !is_held(digest))
            .map(|(digest, terms)| self.offered_state(digest, terms))
            .collect();
        states.extend(held.into_iter().map(|(digest, held)| self.held_state(digest, held)));
        states
    }

    /// One of them, by its digest or a unique beginning of it.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn rental_state(&self, text: &str) -> Result<RentalState, Error> {
        let named =
            |state: &RentalState| !text.is_empty() && state.digest.to_string().starts_with(text);
        let mut found = self.rental_states().into_iter().filter(named);
        match (found.next(), found.next()) {
            (Some(state), None) => Ok(state),
            _ => Err(Error::UnknownRental(text.to_owned())),
        }
    }

    /// What the periods of a rental came to.
    pub fn rental_statements(&self, rental: &Digest) -> Vec<StatedPeriod> {
        let most = ainur_market::pricing::rental::RENTAL_PERIODS_MAX as usize;
        self.ledger.read(|state| query::statements(state, rental, most))
    }

    /// What a period came to, with everything that shows it, as canonical JSON.
    ///
    /// # Errors
    /// When the rental or the statement is not known (any more), or their events cannot be read.
    pub fn rental_statement(&self, rental: Digest, period: u32) -> Result<Vec<u8>, Error> {
        let found = self.ledger.read(|state| query::rental(state, &rental));
        let found = found.ok_or_else(|| Error::UnknownRental(rental.to_string()))?;
        let stated = self.rental_statements(&rental);
        let stated = stated.into_iter().find(|stated| stated.statement.period == period);
        let none = || Error::Invalid(format!("period {period} has no statement (yet)"));
        let stated = stated.ok_or_else(none)?;
        let proven = |height: u64, index: u32| -> Result<LedgerEvent, Error> {
            let proof = self.ledger.prove(height, index)?;
            proof.ok_or_else(|| Error::Invalid(format!("block {height} is not here any more")))
        };
        let (height, index) = found.rented_at;
        let receipt = StatementReceipt {
            kind: StatementKind::V1,
            chain_id: self.chain_id,
            terms: found.meter.terms().clone(),
            rented: proven(height.0, index)?,
            stated: proven(stated.height.0, stated.event)?,
        };
        receipt.to_bytes().map_err(|error| Error::Audit(Box::new(error)))
    }

    fn held_rentals(&self) -> Vec<(Digest, RentalAgreement)> {
        let buyer = self.operator.did;
        self.ledger.read(|state| query::rentals_of(state, &buyer, RENTALS_MAX))
    }

    fn offered_state(&self, digest: Digest, terms: RentalTerms) -> RentalState {
        let unavailable = self.agent_missing(terms.seller);
        RentalState { digest, terms, agreement: None, waiting: 0, unavailable }
    }

    fn held_state(&self, digest: Digest, agreement: RentalAgreement) -> RentalState {
        let terms = agreement.meter.terms().clone();
        let unavailable = match agreement.meter.period_at(self.now) {
            _ if agreement.is_over() => Some("over".to_owned()),
            None => Some("over, the last statement is not due yet".to_owned()),
            Some(_) => self.agent_missing(terms.seller),
        };
        let waiting = self.rentals.waiting(&digest);
        RentalState { digest, terms, agreement: Some(agreement), waiting, unavailable }
    }

    fn agent_missing(&self, seller: Did) -> Option<String> {
        let why = match self.seats.get(seller) {
            None => "its agent was removed",
            Some(seat) if !seat.reachable => "its agent is unreachable",
            Some(_) => return None,
        };
        Some(why.to_owned())
    }

    /// A use of a rental names no budget and no other service than the rental's.
    pub(super) fn check_rental_request(
        &self,
        spec: &TaskSpec,
        service: Option<&ServiceTerms>,
    ) -> Result<(), Error> {
        let why = if service.is_some() {
            "late work of a rental costs what its terms say: leave out the terms of service"
        } else if spec.budget.is_some() {
            "a rental is paid by periods, not out of a budget: leave the budget out, which takes a \
             token that may do everything"
        } else if spec.graph.is_some() {
            "a rental is used by one task at a time, not by a task graph"
        } else {
            return Ok(());
        };
        Err(Error::Invalid(why.into()))
    }

    /// A rental of the buyer's that runs, can be used for this, and has something left: the one
    /// named, or the one with the most of its quota left.
    pub(super) fn match_rental(
        &self,
        spec: &TaskSpec,
        invited: &[Did],
        wanted: Option<Digest>,
    ) -> Result<RentalTake, Error> {
        let no = |why: String| Err(Error::NoRental(why));
        let held: Vec<(Digest, RentalAgreement)> = match wanted {
            Some(rental) => {
                let found = self.ledger.read(|state| query::rental(state, &rental));
                let found = found.filter(|agreement| agreement.buyer == self.operator.did);
                found.map(|agreement| (rental, agreement)).into_iter().collect()
            }
            None => self.held_rentals(),
        };
        let of_capability =
            held.into_iter().filter(|(_, held)| held.meter.terms().capability == spec.capability);
        let mut why = format!("no rental of {} is held", spec.capability);
        let mut best: Option<(u64, RentalTake)> = None;
        for (rental, agreement) in of_capability {
            let (meter, terms) = (&agreement.meter, agreement.meter.terms());
            let left = meter.units_left(self.now);
            if meter.period_at(self.now).is_none() {
                why = format!("rental {} ended {}", rental.short(), meter.until());
            } else if meter.is_down() || !invited.contains(&terms.seller) {
                let gone = self.agent_missing(terms.seller);
                let gone = gone.unwrap_or_else(|| "its agent cannot do this".into());
                why = format!("rental {}: {gone}", rental.short());
            } else if left < UNITS && terms.subscription.overage_price.is_none() {
                let quota = terms.subscription.included_units;
                why = format!(
                    "the quota of {quota} units of rental {} is exhausted: wait for its next \
                     period, or rent more",
                    rental.short()
                );
            } else if best.as_ref().is_none_or(|(most, _)| left > *most) {
                let take = RentalTake { rental, seller: terms.seller, units: UNITS };
                best = Some((left, take));
            }
        }
        best.map_or_else(|| no(why), |(_, take)| Ok(take))
    }

    /// Takes the rental of a task whose first take was not durable when the node died.
    pub(super) fn take_rental_again(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        match self.match_rental(&task.spec, &task.invited, task.rental) {
            Ok(take) => self.record(number, Event::RentalTaken(take)),
            Err(error) => self.record(number, Event::NoAward { detail: error.to_string() }),
        }
    }

    /// Begins the use once there is a slot; until then the task waits, and no longer than to its
    /// deadline.
    pub(super) fn begin_use(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let Some(RentalTake { rental, units, .. }) = task.rented().copied() else { return Ok(()) };
        if task.cancelled || self.now >= task.deadline {
            let waited = "the deadline passed before a slot of the rental was free";
            let why = if task.cancelled { task.detail.as_str() } else { waited };
            let detail = why.to_owned();
            return self.record(number, Event::NoAward { detail });
        }
        let found = self.ledger.read(|state| query::rental(state, &rental));
        let slots = found.map_or(1, |found| found.meter.terms().slots);
        if !self.rentals.enter(rental, slots, task) {
            // Its turn comes when another use ends.
            self.doing.remove(&number);
            return Ok(());
        }
        let found = self.ledger.read(|state| query::rental(state, &rental));
        let price = found.map_or(Amount::ZERO, |found| {
            found.meter.terms().subscription.overage_price.unwrap_or_default()
        });
        // All uses of this turn might be beyond the quota.
        let beginning =
            1 + self.outbox.iter().filter(|posting| begins_use(&posting.action)).count();
        let most =
            Amount(price.0.saturating_mul(u128::from(units)).saturating_mul(beginning as u128));
        if self.spendable() < most {
            let detail = "too little money is free for units beyond the quota".into();
            return self.record(number, Event::NoAward { detail });
        }
        let check = ainur_audit::receipt::check_digest(&task.spec.check);
        let action = Action::Begin { rental, task: task.id, units, call: task.call, check };
        self.push(number, action)
    }

    /// Says that a use was served.
    pub(super) fn finish_use(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let (Some((output, _)), Some(verdict)) = (task.output, &task.verdict) else {
            return Ok(());
        };
        let began = self.ledger.read(|state| query::rental_use(state, &task.id));
        // The ledger's clock may have been ahead of this one when the use began.
        let began = began.map_or(Timestamp(0), |found| found.began);
        let delivered = task.delivered.unwrap_or(self.now).max(began);
        let verdict = ainur_verification::verdict::digest(verdict);
        self.push(number, Action::Finish { task: task.id, delivered, output, verdict })
    }

    /// Says that a use failed.
    pub(super) fn fail_use(
        &mut self,
        number: u64,
        reason: FailureReason,
        detail: &str,
    ) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let evidence = evidence(detail);
        self.push(number, Action::Fail { task: task.id, reason, evidence })
    }

    /// Looks whether the ledger has already done with the use what the task waits for.
    pub(super) fn reconcile_use(&mut self, number: u64) -> Result<bool, Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(false) };
        let (id, phase) = (task.id, task.phase);
        let Some(wanted) = task.rented().map(|take| take.rental) else { return Ok(false) };
        let found = self.ledger.read(|state| query::rental_use(state, &id));
        let Some(found) = found.filter(|found| found.rental == wanted) else { return Ok(false) };
        let event = match found.ended {
            _ if phase == Phase::Awarded => {
                let held = self.ledger.read(|state| query::rental(state, &wanted));
                let slots = held.map_or(1, |held| held.meter.terms().slots);
                self.rentals.resume(wanted, slots, number);
                let (height, index) = found.begun_at;
                Event::AgreementApplied(self.position(height.0, index)?)
            }
            Some((RentalUseEnd::Finished(_), height, index)) if phase == Phase::Accepted => {
                Event::Settled(self.position(height.0, index)?)
            }
            Some((_, height, index)) if !phase.is_final() => {
                Event::Refunded(self.position(height.0, index)?)
            }
            _ => return Ok(false),
        };
        self.record(number, event).map(|()| true)
    }

    fn position(&self, height: u64, index: u32) -> Result<LedgerPosition, Error> {
        let block = self.ledger.events(height)?.1;
        Ok(LedgerPosition { height, index, block })
    }

    /// Takes up what the ledger and the tasks know of rentals, after a start.
    pub(super) fn rebuild_rentals(&mut self) {
        for (rental, agreement) in self.held_rentals() {
            if !agreement.is_over() {
                self.rentals.look_at(rental, self.now);
            }
        }
        let at_work: Vec<(u64, Digest)> = self
            .tasks
            .values()
            .filter(|task| !matches!(task.phase, Phase::Announced | Phase::Awarded))
            .filter(|task| !task.phase.is_final())
            .filter_map(|task| Some((task.number, task.rented()?.rental)))
            .collect();
        for (number, rental) in at_work {
            let found = self.ledger.read(|state| query::rental(state, &rental));
            let slots = found.map_or(1, |found| found.meter.terms().slots);
            self.rentals.resume(rental, slots, number);
        }
    }

    /// Notes what became of rentals of this node's buyer in a block of ours.
    pub(super) fn note_rentals(&mut self, events: &[EventRecord]) {
        for record in events {
            let Happened::Rental(event) = &record.event else { continue };
            match event {
                rental::Event::Rented { rental, buyer, .. } if *buyer == self.operator.did => {
                    self.rentals.look_at(*rental, self.now);
                    self.rentals.withdraw(rental);
                }
                rental::Event::Stated { rental, .. } | rental::Event::Noted { rental, .. } => {
                    self.rentals.look_at(*rental, self.now);
                }
                _ => {}
            }
        }
    }

    /// Asks for the statements that are due, and notes agents that went or came back.
    pub(super) fn look_after_rentals(&mut self) -> Result<(), Error> {
        for rental in self.rentals.due(self.now) {
            let found = self.ledger.read(|state| query::rental(state, &rental));
            let found = found.filter(|found| found.buyer == self.operator.did);
            let Some((agreement, due)) =
                found.and_then(|found| found.meter.next_due().map(|due| (found, due)))
            else {
                self.rentals.forget(&rental);
                continue;
            };
            let is_here = self.agent_missing(agreement.meter.terms().seller).is_none();
            let is_known = is_here != agreement.meter.is_down();
            let mut actions = Vec::new();
            if due <= self.now {
                actions.push(Action::State { rental }.into());
            }
            if !is_known && self.now < agreement.meter.until() {
                actions.push(Action::Note { rental, available: is_here }.into());
            }
            if actions.is_empty() {
                self.rentals.look_at(rental, due);
                continue;
            }
            self.rentals.look_at(rental, self.now.plus(LOOK_AGAIN_MS));
            crash_point("broker.stating");
            match self.submit_own(actions, Box::new(|_| {})) {
                Err(Error::LedgerBusy) => self.rentals.look_at(rental, self.now.plus(RETRY_MS)),
                other => other?,
            }
        }
        Ok(())
    }
}

/// The event that says the meter did what a step asked for.
pub(super) fn applied(
    step: TaskStep,
    (height, block): (u64, Digest),
    own: &[EventRecord],
) -> Option<Event> {
    own.iter().find_map(|record| {
        let Happened::Rental(event) = &record.event else { return None };
        let position = LedgerPosition { height, index: record.index, block };
        match (step, event) {
            (TaskStep::Agree(_), rental::Event::Begun { .. }) => {
                Some(Event::AgreementApplied(position))
            }
            (TaskStep::Settle(_), rental::Event::Finished { .. }) => Some(Event::Settled(position)),
            (TaskStep::Fail(_), rental::Event::Failed { .. }) => Some(Event::Refunded(position)),
            _ => None,
        }
    })
}

/// The meter has no slot now, and will have one.
pub(super) fn is_only_full(error: &TransactionError) -> bool {
    matches!(error, TransactionError::Rental(rental::Error::Meter(MeterRefusal::NoSlot(_))))
}

fn begins_use(action: &ainur_ledger::Action) -> bool {
    matches!(action, ainur_ledger::Action::Rental(Action::Begin { .. }))
}
