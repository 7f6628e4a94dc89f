//! Tasks paid with a credit: the claim on the ledger takes the place of an escrow.
//!
//! The buyer is the holder. Whoever owes the work is an agent of this node, and the node sends in its
//! name what it would send itself: what it has delivered, and that it gives up. Like an escrow, a
//! claim is opened once and closed once, whatever crashes, because the ledger keeps it by the task.
use ainur_consensus::ReplicatedLog;
use ainur_crypto::batch::sign_batch;
use ainur_ledger::escrow::ServiceTerms;
use ainur_ledger::exchange::{self, Action, Claim, ClaimEnding, CreditClassId, query};
use ainur_ledger::{
    AuthorizedTransaction, Event as LedgerEvent, EventRecord, ReadState, Submission, Transaction,
    balances,
};
use ainur_primitives::{
    CapabilityName, Did, Digest, DurationMs, FailureReason, QualityLevel, TaskSpec,
};
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::Broker;
use super::contract::{Posting, evidence};
use crate::error::Error;
use crate::event::{CreditTake, Event, LedgerPosition};
use crate::limits::{ISSUERS_MAX, TRANSACTION_MS};
use crate::seat::Seat;
use crate::task::{Phase, Task, TaskStep};

/// Time between a call and the claim that follows from it.
const REDEEM_MS: DurationMs = DurationMs::seconds(10);

/// The class of the lowest quality of which a buyer holds credits, when it holds any.
pub fn held_credit(
    state: &dyn ReadState,
    holder: &Did,
    capability: &CapabilityName,
) -> Option<(QualityLevel, exchange::CreditClass)> {
    [QualityLevel::Standard, QualityLevel::Premium, QualityLevel::Enterprise].into_iter().find_map(
        |quality| {
            let id = CreditClassId::of(capability, quality);
            let held = query::credits(state, &id, holder) > 0;
            held.then(|| query::class(state, &id)).flatten().map(|class| (quality, class))
        },
    )
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// A request to be paid with a credit names no budget and leaves the ledger time.
    pub(super) fn check_credit_request(
        &self,
        spec: &TaskSpec,
        service: Option<&ServiceTerms>,
    ) -> Result<(), Error> {
        if service.is_some() {
            let why = "a credit has no price of which late work could give up a share";
            return Err(Error::Invalid(why.into()));
        }
        if spec.budget.is_some() {
            let why = "a credit is no money of a budget: leave the budget out, which takes a token \
                       that may do everything";
            return Err(Error::Invalid(why.into()));
        }
        let params = &self.parameters.exchange;
        let least = DurationMs(params.claim_ms_min.0.saturating_add(REDEEM_MS.0));
        if !(least..=params.claim_ms_max).contains(&spec.deadline_ms) {
            let most = params.claim_ms_max;
            return Err(Error::Invalid(format!(
                "whoever owes work for a credit has {least} to {most} for it: choose another deadline"
            )));
        }
        Ok(())
    }

    /// A credit of the buyer's, and who of those invited owes the work.
    pub(super) fn match_credit(
        &self,
        spec: &TaskSpec,
        invited: &[Did],
    ) -> Result<CreditTake, Error> {
        let holder = self.operator.did;
        let capability = &spec.capability;
        // What it delivers is said in its name, which takes its key.
        let is_able =
            |did: &Did| invited.contains(did) && self.seats.get(*did).is_some_and(Seat::is_keyed);
        self.ledger.read(|state| {
            let Some((quality, found)) = held_credit(state, &holder, capability) else {
                return Err(Error::NoCredit(format!("no credit for {capability} is held")));
            };
            let class = CreditClassId::of(capability, quality);
            let line = query::issuers(state, &class, ISSUERS_MAX);
            let able = line.into_iter().find(|issuer| is_able(issuer) && *issuer != holder);
            let issuer = able.ok_or_else(|| {
                let why = "nobody who owes the work is here, can be reached and fits the request";
                Error::NoCredit(why.into())
            })?;
            // Nobody here disputes a delivery, so nobody is given a say in it either.
            let (collateral, verifier) = (found.collateral, None);
            Ok(CreditTake { class, quality, collateral, issuer, verifier })
        })
    }

    /// Takes a credit for a task whose first one was not durable when the node died.
    pub(super) fn take_credit_again(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        match self.match_credit(&task.spec, &task.invited) {
            Ok(take) => self.record(number, Event::CreditTaken(take)),
            Err(error) => self.record(number, Event::NoAward { detail: error.to_string() }),
        }
    }

    /// Has the issuer say what it delivered, and the buyer accept it.
    pub(super) fn fulfil(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let (Some((output, _)), Some(verdict), Some(take)) =
            (task.output, &task.verdict, task.credit())
        else {
            return Ok(());
        };
        let (id, deadline, issuer) = (task.id, task.deadline, take.issuer);
        let verdict = ainur_verification::verdict::digest(verdict);
        let claim = self.ledger.read(|state| query::claim(state, &id));
        let undelivered = matches!(claim, Some(Claim::Open(claim)) if claim.delivery.is_none());
        if undelivered && self.now < deadline {
            // From here on the issuer's collateral is safe, should this node not come back.
            self.push_as(Some(issuer), number, Action::Deliver { task: id, output })?;
        }
        self.push(number, Action::Fulfil { task: id, output, verdict })
    }

    /// Ends the claim of an attempt that failed: the issuer gives up, or the buyer takes its credit
    /// back when nobody is to blame, or time is up.
    pub(super) fn fail_claim(
        &mut self,
        number: u64,
        reason: FailureReason,
        detail: &str,
    ) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let Some(issuer) = task.credit().map(|take| take.issuer) else { return Ok(()) };
        let (id, deadline) = (task.id, task.deadline);
        let action = Action::Fail { task: id, reason, evidence: evidence(detail) };
        match reason {
            FailureReason::Infrastructure | FailureReason::BuyerRefused => {
                self.push(number, action)
            }
            _ if self.now >= deadline => self.push(number, Action::Expire { task: id }),
            _ if self.seats.get(issuer).is_some_and(Seat::is_keyed) => {
                self.push_as(Some(issuer), number, action)
            }
            // Nobody can speak for it any more.
            _ => {
                self.wake_at(deadline, number);
                Ok(())
            }
        }
    }

    /// Signs what an agent of this node sends; nothing when it is gone.
    pub(super) fn sign_as_agent(
        &self,
        agent: Did,
        action: &ainur_ledger::Action,
    ) -> Option<Submission> {
        let seat = self.seats.get(agent)?;
        let key = seat.key.as_ref()?;
        // What it has on its way takes the numbers before.
        let on_its_way = |posting: &&Posting| posting.agent == Some(agent);
        let ahead = self.submitted.values().flatten().filter(on_its_way).count() as u64;
        let known = self.ledger.read(|state| balances::query::account(state, &agent).nonce);
        let transaction = Transaction {
            chain_id: self.chain_id,
            sender: seat.did,
            nonce: known.saturating_add(ahead),
            expires: self.now.plus(TRANSACTION_MS),
            fee: self.parameters.fee_min,
            action: action.clone(),
        };
        let digests = [transaction.digest()];
        let (signature, proofs) = sign_batch(key, seat.did, seat.key_version, &digests);
        let proof = proofs.into_iter().next()?;
        let transactions = vec![AuthorizedTransaction { transaction, proof }];
        Some(Submission { transactions, signatures: vec![signature] })
    }

    /// Looks whether the ledger has already done with the claim what the task waits for.
    pub(super) fn reconcile_claim(&mut self, number: u64) -> Result<bool, Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(false) };
        let (id, buyer, phase) = (task.id, task.buyer, task.phase);
        let event = match self.ledger.read(|state| query::claim(state, &id)) {
            Some(Claim::Open(claim)) if claim.holder == buyer && phase == Phase::Awarded => {
                let redeemed = |event: &LedgerEvent| match event {
                    LedgerEvent::Exchange(exchange::Event::Redeemed { task, .. }) => *task == id,
                    _ => false,
                };
                Event::AgreementApplied(self.find_event(redeemed)?)
            }
            Some(Claim::Closed(closed)) if closed.claim.holder == buyer && !phase.is_final() => {
                let (height, index) = (closed.height.0, closed.event);
                let block = self.ledger.events(height)?.1;
                let position = LedgerPosition { height, index, block };
                match closed.ending {
                    ClaimEnding::Fulfilled(_) if phase == Phase::Accepted => {
                        Event::Settled(position)
                    }
                    ClaimEnding::Fulfilled(_)
                    | ClaimEnding::Defaulted(_)
                    | ClaimEnding::Voided(_) => Event::Refunded(position),
                }
            }
            _ => return Ok(false),
        };
        self.record(number, event).map(|()| true)
    }
}

/// What opens the claim of a task.
pub(super) fn redemption(task: &Task, take: &CreditTake) -> Action {
    Action::Redeem {
        class: take.class,
        task: task.id,
        issuer: Some(take.issuer),
        verifier: take.verifier,
        call: task.call,
        check: ainur_audit::receipt::check_digest(&task.spec.check),
        deadline: task.deadline,
    }
}

/// The event that says the exchange did what a step asked for.
pub(super) fn applied(
    step: TaskStep,
    (height, block): (u64, Digest),
    own: &[EventRecord],
) -> Option<Event> {
    own.iter().find_map(|record| {
        let LedgerEvent::Exchange(event) = &record.event else { return None };
        let position = LedgerPosition { height, index: record.index, block };
        match (step, event) {
            (TaskStep::Agree(_), exchange::Event::Redeemed { .. }) => {
                Some(Event::AgreementApplied(position))
            }
            (TaskStep::Settle(_), exchange::Event::Fulfilled { .. }) => {
                Some(Event::Settled(position))
            }
            (
                TaskStep::Fail(_),
                exchange::Event::Defaulted { .. } | exchange::Event::Voided { .. },
            ) => Some(Event::Refunded(position)),
            _ => None,
        }
    })
}
