//! From a wish to a call for proposals.
use ainur_consensus::ReplicatedLog;
use ainur_ledger::escrow::{self, ServiceTerms};
use ainur_ledger::{balances, budget, reputation};
use ainur_market::auction::AuctionTerms;
use ainur_market::bond::BondRule;
use ainur_market::combinatorial::CALL_AMOUNT_MAX;
use ainur_market::negotiation::NegotiationWish;
use ainur_market::payment::PaymentTerms;
use ainur_primitives::{
    AcceptanceCheck, Amount, BudgetId, CapabilityName, Did, Digest, DurationMs, Ppm, SelectionRule,
    TaskGraph, TaskId, TaskSpec, Venue,
};
use ainur_protocol::Specification;
use ainur_runtime::Executor;
use ainur_storage::Disk;
use ainur_verification::Plan;

use super::Broker;
use super::called::CallTerms;
use crate::error::Error;
use crate::event::{Announcement, Event, Idempotency, OutsideBuyer};
use crate::limits::{
    BIDDING_MS_MIN, COMMIT_MS, CONTEXT_BYTES_MAX, DEADLINE_MS_MAX, DEADLINE_MS_MIN,
    IDEMPOTENCY_KEY_BYTES_MAX, INVITED_MAX, PARAMETERS_BYTES_MAX, REVEAL_MS, TASKS_OPEN_MAX,
};
use crate::task::TaskTrace;

/// How many fees of transactions stay in the account when reserves are promised.
const FEES_KEPT: u128 = 100_000;

/// A wish.
#[derive(Clone, Debug)]
pub struct Request {
    spec: TaskSpec,
    /// The digest of `spec`, made by whoever asks, not by the broker's thread.
    call: Digest,
    only: Option<Did>,
    pub(super) venue: Venue,
    service: Option<ServiceTerms>,
    pub(super) negotiation: Option<NegotiationWish>,
    pub(super) outside: Option<OutsideBuyer>,
    rental: Option<Digest>,
    pub(super) bidding: Option<DurationMs>,
    called: Option<CallTerms>,
    idempotency: Option<Idempotency>,
    context: Option<String>,
    trace: Option<TaskTrace>,
}

impl Request {
    /// Asks for this of whoever offers it.
    ///
    /// # Errors
    /// When a number is so large that no call could carry it and no receipt show it.
    pub fn new(spec: TaskSpec) -> Result<Self, Error> {
        let call = Specification::open(&spec)
            .digest()
            .map_err(|error| Error::Invalid(format!("the request cannot be stated: {error}")))?;
        Ok(Self {
            spec,
            call,
            only: None,
            venue: Venue::Any,
            service: None,
            negotiation: None,
            outside: None,
            rental: None,
            bidding: None,
            called: None,
            idempotency: None,
            context: None,
            trace: None,
        })
    }

    /// Asks this agent alone.
    #[must_use]
    pub fn only(self, agent: Option<Did>) -> Self {
        Self { only: agent, ..self }
    }

    /// Says where to look for a price.
    #[must_use]
    pub fn at(self, venue: Venue) -> Self {
        Self { venue, ..self }
    }

    /// Says what late work costs its seller.
    #[must_use]
    pub fn served(self, service: Option<ServiceTerms>) -> Self {
        Self { service, ..self }
    }

    /// Says how to negotiate, where that is how a price is found.
    #[must_use]
    pub fn negotiating(self, negotiation: Option<NegotiationWish>) -> Self {
        Self { negotiation, ..self }
    }

    /// Says which rental to use, where that is how it is paid.
    #[must_use]
    pub fn renting(self, rental: Option<Digest>) -> Self {
        Self { rental, ..self }
    }

    /// Takes bids for so long, even when all who were invited have answered.
    #[must_use]
    pub fn held_open(self, bidding: Option<DurationMs>) -> Self {
        Self { bidding, ..self }
    }

    /// Holds the auction by the terms of a call that a buyer has signed.
    #[must_use]
    pub fn called(self, terms: CallTerms) -> Self {
        Self { called: Some(terms), ..self }
    }

    /// What makes it one that may be repeated.
    pub fn idempotency(&self) -> Option<&Idempotency> {
        self.idempotency.as_ref()
    }

    /// Makes it one that may be repeated.
    #[must_use]
    pub fn keyed(self, idempotency: Option<Idempotency>) -> Self {
        Self { idempotency, ..self }
    }

    /// Says what the task has in common with others.
    #[must_use]
    pub fn within(self, context: Option<String>) -> Self {
        Self { context, ..self }
    }

    /// Gives it a place in a distributed trace.
    #[must_use]
    pub fn traced(self, trace: Option<TaskTrace>) -> Self {
        Self { trace, ..self }
    }
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Announces a task; it exists once the next [`Broker::turn`] returns. A request with a known
    /// idempotency key gives the task it made before.
    ///
    /// # Errors
    /// When the request cannot lead to an agreement, and why.
    pub fn announce(&mut self, request: Request) -> Result<TaskId, Error> {
        if let Some(idempotency) = &request.idempotency
            && let Some(known) = self.known(idempotency)?
        {
            return Ok(known);
        }
        if self.tasks.len() >= TASKS_OPEN_MAX {
            return Err(Error::TooManyTasks(self.tasks.len()));
        }
        self.check_request(&request)?;
        let invited = self.invited(&request)?;
        let invited = self.as_called(&request, invited)?;
        let number = self.last_number + 1;
        let take = match (request.venue, request.bidding) {
            _ if request.spec.graph.is_some() => Err(None),
            (Venue::Auction | Venue::Credit | Venue::Negotiation | Venue::Rental, _)
            | (Venue::Any, Some(_)) => Err(None),
            (venue, _) => {
                let explain = venue == Venue::Offer;
                let longest = request.called.as_ref().map(|called| called.duration_ms_max);
                let longest = longest.unwrap_or(DurationMs(u64::MAX));
                let wanted = (&request.spec, request.service.as_ref(), longest);
                self.match_offer(wanted, &invited, &[], explain).map_err(Some)
            }
        };
        if let (Venue::Offer, Err(Some(why))) = (request.venue, &take) {
            return Err(Error::NoOffer(why.clone()));
        }
        let credit = match request.venue {
            Venue::Credit => Some(self.match_credit(&request.spec, &invited)?),
            _ => None,
        };
        let use_of = match request.venue {
            Venue::Rental => Some(self.match_rental(&request.spec, &invited, request.rental)?),
            _ => None,
        };
        let Request { spec, call, venue, service, negotiation, bidding, called, .. } = request;
        let Request { idempotency, context, trace, rental, outside, .. } = request;
        let is_negotiated = venue == Venue::Negotiation;
        let parties = (&self.operator.did, &self.operator.did);
        let id = escrow::task_id(&self.chain_id, parties, &call, number);
        let mut terms = self.auction_terms(id, (&spec, service.as_ref()), bidding);
        if let Some(called) = called {
            called.narrow(&mut terms);
        }
        let announcement = Announcement {
            id,
            spec,
            call,
            buyer: self.operator.did,
            verifier: self.operator.did,
            terms,
            invited,
            venue,
            service,
            rental,
            negotiation: is_negotiated.then(|| negotiation.unwrap_or_default()),
            outside,
            held_open: bidding.is_some(),
            idempotency,
            context,
            trace,
            part_of: None,
        };
        self.record(number, Event::Announced(Box::new(announcement)))?;
        if let Ok(take) = take {
            self.take_offer(number, 1, take)?;
        }
        if let Some(take) = credit {
            self.record(number, Event::CreditTaken(take))?;
        }
        if let Some(take) = use_of {
            self.record(number, Event::RentalTaken(take))?;
        }
        Ok(id)
    }

    /// Of those who could be asked, those whom the buyer's signed call is for.
    fn as_called(&self, request: &Request, invited: Vec<Did>) -> Result<Vec<Did>, Error> {
        let Some(called) = &request.called else { return Ok(invited) };
        let fits = |did: &Did| {
            let contracts = self.seats.get(*did).map(|seat| seat.contracts.as_slice());
            let offered = contracts.unwrap_or_default().iter();
            let mut offered = offered.filter(|it| it.name == request.spec.capability);
            self.failure_probability(*did) <= called.failure_probability_max
                && (request.spec.graph.is_some() || offered.any(|it| called.fits(it)))
        };
        let fitting: Vec<Did> = invited.into_iter().filter(fits).collect();
        if fitting.is_empty() {
            let why = "no agent offers this by the call's schemas and fails as seldom as it asks";
            return Err(Error::Invalid(why.into()));
        }
        Ok(fitting)
    }

    /// The terms of a task's auction, were it called for now.
    pub(super) fn auction_terms(
        &self,
        task: TaskId,
        (spec, service): (&TaskSpec, Option<&ServiceTerms>),
        bidding: Option<DurationMs>,
    ) -> AuctionTerms {
        // Everyone invited has usually answered long before; see close_when_answered.
        let window = |longest: DurationMs| DurationMs(longest.0.min(spec.deadline_ms.0 / 4));
        let commit_until = self.now.plus(bidding.unwrap_or_else(|| window(COMMIT_MS)));
        AuctionTerms {
            task,
            reserve: spec.reserve,
            loss: spec.loss,
            selection: spec.selection,
            // Who says it takes longer than it may would be late by its own word.
            duration_ms_max: in_time(spec, service).min(longest_work(spec)),
            opened: self.now,
            commit_until,
            reveal_until: commit_until.plus(window(REVEAL_MS)),
            bid_bond: BondRule::default().required(spec.reserve),
            payment: PaymentTerms::of_chunks(&spec.chunks, in_time(spec, service)),
        }
    }

    /// The task that was announced under this key.
    ///
    /// # Errors
    /// When the key was used for another request.
    pub fn known(&self, idempotency: &Idempotency) -> Result<Option<TaskId>, Error> {
        let Idempotency { key, request } = idempotency;
        if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            return Err(Error::Invalid(format!(
                "an idempotency key has 1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes"
            )));
        }
        let number = match self.keys.get(key) {
            Some(number) => Some(*number),
            None => self.journal.number_of_key(key)?,
        };
        let Some(number) = number else { return Ok(None) };
        match self.task_by_number(number)? {
            Some(task)
                if task.idempotency.as_ref().is_some_and(|known| known.request == *request) =>
            {
                Ok(Some(task.id))
            }
            Some(_) => Err(Error::Invalid(format!(
                "the idempotency key '{key}' was used for another request"
            ))),
            None => Err(Error::Missing(number)),
        }
    }

    /// What the operator can spend without endangering what it has promised: the reserves of open
    /// tasks, and the fees of settling, failing and refunding, which must stay payable whatever
    /// happens.
    pub fn spendable(&self) -> Amount {
        let account = self.ledger.read(|state| balances::query::account(state, &self.operator.did));
        let fees = Amount(self.parameters.fee_min.0.saturating_mul(FEES_KEPT));
        account.free.saturating_sub(self.promised).saturating_sub(fees)
    }

    fn check_request(&self, request: &Request) -> Result<(), Error> {
        let spec = &request.spec;
        if request.context.as_ref().is_some_and(|context| context.len() > CONTEXT_BYTES_MAX) {
            return Err(Error::Invalid(format!(
                "a context has at most {CONTEXT_BYTES_MAX} bytes (CONTEXT_BYTES_MAX)"
            )));
        }
        self.check_negotiation(request)?;
        if request.rental.is_some() && request.venue != Venue::Rental {
            let why = "a rental is named, but not that it is to be used: ask for the venue rental";
            return Err(Error::Invalid(why.into()));
        }
        if spec.reserve.is_zero() {
            return Err(Error::Invalid("the reserve is zero: say what it may cost".into()));
        }
        if !(DEADLINE_MS_MIN..=DEADLINE_MS_MAX).contains(&spec.deadline_ms) {
            return Err(Error::Deadline(spec.deadline_ms));
        }
        if let Some(bidding) = request.bidding
            && !(BIDDING_MS_MIN..=DurationMs(spec.deadline_ms.0 / 2)).contains(&bidding)
        {
            return Err(Error::Invalid(format!(
                "bids are taken for {BIDDING_MS_MIN} at least and for half of the deadline at most"
            )));
        }
        if let Some(called) = &request.called {
            called.check(self.now, spec.deadline_ms)?;
        }
        if let Some(terms) = &request.service {
            self.check_service(terms, spec.deadline_ms)?;
        }
        if spec.parameters.len() > PARAMETERS_BYTES_MAX {
            return Err(Error::Invalid(format!(
                "parameters have at most {PARAMETERS_BYTES_MAX} bytes (PARAMETERS_BYTES_MAX)"
            )));
        }
        if let Some(graph) = &spec.graph {
            check_graph(request, graph)?;
        }
        self.check_chunks(spec, request.venue)?;
        let limits = &spec.limits;
        if [limits.fuel_max, limits.memory_bytes_max, limits.duration_ms_max.0].contains(&0) {
            return Err(Error::Invalid("a limit is zero: nothing could be done within it".into()));
        }
        if let Some(input) = &spec.input {
            match self.blobs.len(input)? {
                Some(length) if length == spec.input_bytes => {}
                _ => return Err(Error::Invalid(format!("the input {input} is not stored here"))),
            }
        }
        let free = self.spendable();
        let is_paid_before = matches!(request.venue, Venue::Credit | Venue::Rental);
        if is_paid_before && free.is_zero() {
            // The fees of ending it must be payable.
            return Err(Error::InsufficientFunds { reserve: self.parameters.fee_min, free });
        }
        if request.venue == Venue::Credit {
            return self.check_credit_request(spec, request.service.as_ref());
        }
        if request.venue == Venue::Rental {
            return self.check_rental_request(spec, request.service.as_ref());
        }
        if free < spec.reserve {
            return Err(Error::InsufficientFunds { reserve: spec.reserve, free });
        }
        spec.budget.map_or(Ok(()), |id| self.check_budget(id, spec.reserve))
    }

    /// A budget and all around it allow so much.
    pub(super) fn check_budget(&self, id: BudgetId, reserve: Amount) -> Result<(), Error> {
        let found = self.ledger.read(|state| budget::query::budget(state, &id));
        let found = found.ok_or_else(|| Error::Budget(format!("there is no budget {id}")))?;
        let mut around = Some((id, found));
        while let Some((id, found)) = around {
            let found = found.at(self.now);
            if found.remaining() < reserve {
                return Err(Error::Budget(format!(
                    "budget {} allows {} AINU{} and has {} AINU left, the reserve is {} AINU",
                    id.short(),
                    found.limit.to_ainu(),
                    found.period.map(|period| each(period.length)).unwrap_or_default(),
                    found.remaining().to_ainu(),
                    reserve.to_ainu()
                )));
            }
            around = found.parent.and_then(|id| {
                let parent = self.ledger.read(|state| budget::query::budget(state, &id))?;
                Some((id, parent))
            });
        }
        Ok(())
    }

    fn check_service(&self, terms: &ServiceTerms, deadline: DurationMs) -> Result<(), Error> {
        let most = self.parameters.escrow.compensation_max;
        if terms.compensation == Ppm::ZERO || terms.compensation > most {
            let percent = most.0 / 10_000;
            return Err(Error::Invalid(format!(
                "late work gives up more than nothing and at most {percent}% of its price"
            )));
        }
        if terms.latency_ms_max == DurationMs(0) || terms.latency_ms_max > deadline {
            return Err(Error::Invalid(format!(
                "work is late after more than nothing, and before the deadline of {deadline}"
            )));
        }
        Ok(())
    }

    /// Agents that can do what is wanted, or some part of it.
    fn invited(&mut self, request: &Request) -> Result<Vec<Did>, Error> {
        let (spec, only) = (&request.spec, request.only);
        let Some(graph) = &spec.graph else {
            let able = self.able((&spec.capability, &spec.parameters), &spec.check, only)?;
            return Ok(match request.venue {
                Venue::Negotiation => self.most_reliable(able),
                _ => able,
            });
        };
        let mut invited = Vec::new();
        for subtask in &graph.subtasks {
            let able = self.able((&subtask.capability, &subtask.parameters), &spec.check, only);
            invited.extend(able.map_err(|error| {
                Error::Invalid(format!("'{}' cannot be done: {error}", subtask.name))
            })?);
        }
        invited.sort_unstable();
        invited.dedup();
        invited.truncate(INVITED_MAX);
        Ok(invited)
    }

    /// Agents that offer a capability and whose contract the parameters and the check fit.
    pub(super) fn able(
        &mut self,
        (capability, parameters): (&CapabilityName, &str),
        check: &AcceptanceCheck,
        only: Option<Did>,
    ) -> Result<Vec<Did>, Error> {
        let plan = Plan::new(check)
            .map_err(|error| Error::Invalid(format!("the check cannot be run: {error}")))?;
        let offering = self.seats.offering(capability);
        if offering.is_empty() {
            return Err(Error::UnknownCapability {
                capability: capability.clone(),
                offered: self.seats.capabilities().cloned().collect(),
            });
        }
        let wanted = |did: &&Did| only.is_none_or(|only| only == **did);
        let mut able = Vec::new();
        let mut misfit = None;
        for did in offering.iter().filter(wanted) {
            if able.len() >= INVITED_MAX {
                break;
            }
            let Some(seat) = self.seats.get(*did) else { continue };
            let Some(contract) = seat.contract(capability) else { continue };
            if !seat.may_bid(capability) {
                let why = if seat.reachable { "changed since it was added" } else { "unreachable" };
                misfit = Some(format!("{} is {why}: see ainur agent show", seat.name));
                continue;
            }
            if self.ledger.read(|state| reputation::query::reputation(state, did)).barred {
                misfit = Some(format!("{} is barred: its stake is below the minimum", did.short()));
                continue;
            }
            let fits = plan.fits(contract).map_err(|error| error.to_string()).and_then(|()| {
                let schema =
                    self.schemas.get(&contract.input_schema).map_err(|error| error.to_string())?;
                schema.check_parameters(parameters).map_err(|error| format!("parameters: {error}"))
            });
            match fits {
                Ok(()) => able.push(*did),
                Err(error) => misfit = Some(error),
            }
        }
        match (able.is_empty(), misfit) {
            (true, Some(error)) => Err(Error::Invalid(format!("no agent can be asked: {error}"))),
            (true, None) => Err(Error::Invalid("no such agent offers this capability".into())),
            (false, _) => Ok(able),
        }
    }
}

/// What has to hold of a task graph beside what its type says.
fn check_graph(request: &Request, graph: &TaskGraph) -> Result<(), Error> {
    let (spec, invalid) = (&request.spec, |why: String| Err(Error::Invalid(why)));
    if let Err(error) = graph.validate() {
        return invalid(format!("the task graph: {error}"));
    }
    if !matches!(request.venue, Venue::Any | Venue::Auction) || request.bidding.is_some() {
        return invalid(
            "sellers of a task graph are found in one auction at once: leave out the \
                        venue and the time for bids"
                .into(),
        );
    }
    if request.service.is_some() {
        return invalid(
            "late parts of a task graph cost nothing yet: leave out the terms of service".into(),
        );
    }
    if !matches!(spec.selection, SelectionRule::Scored | SelectionRule::Cheapest) {
        return invalid("sellers of a task graph are chosen scored or cheapest".into());
    }
    let reserves: Amount = graph.subtasks.iter().map(|subtask| subtask.reserve).sum();
    if reserves > spec.reserve {
        return invalid(format!(
            "the parts may cost {} AINU together, the whole {} AINU",
            reserves.to_ainu(),
            spec.reserve.to_ainu()
        ));
    }
    if spec.reserve > CALL_AMOUNT_MAX || spec.loss > CALL_AMOUNT_MAX {
        return invalid("reserve or loss of a task graph is too large".into());
    }
    for subtask in &graph.subtasks {
        if subtask.parameters.len() > PARAMETERS_BYTES_MAX {
            return invalid(format!(
                "parameters of '{}' have more than {PARAMETERS_BYTES_MAX} bytes \
                 (PARAMETERS_BYTES_MAX)",
                subtask.name
            ));
        }
    }
    Ok(())
}

/// How long the work of a task may take without being late.
pub(super) fn in_time(spec: &TaskSpec, service: Option<&ServiceTerms>) -> DurationMs {
    service.map_or(spec.deadline_ms, |terms| terms.latency_ms_max.min(spec.deadline_ms))
}

/// How long the work may take by its limits, which hold for each chunk.
pub(super) fn longest_work(spec: &TaskSpec) -> DurationMs {
    let pieces = spec.chunks.len().max(1) as u64;
    DurationMs(spec.limits.duration_ms_max.0.saturating_mul(pieces))
}

/// ` each 86400 s`: how often a budget is whole again.
fn each(period: DurationMs) -> String {
    format!(" each {} s", period.0.div_ceil(1_000))
}
