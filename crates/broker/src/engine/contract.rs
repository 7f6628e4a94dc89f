//! What the ledger is asked to do for a task, and what follows from its answer.
use ainur_consensus::ReplicatedLog;
use ainur_crypto::batch::{RootSignature, sign_batch};
use ainur_crypto::hash;
use ainur_ledger::escrow::{self, Agreement, Consent, Escrow, SignedAward};
use ainur_ledger::reputation::{Violation, ViolationReason};
use ainur_ledger::{
    Action, AuthorizedTransaction, Outcome, Rejection, Submission, Transaction, TransactionError,
    balances, reputation,
};
use ainur_primitives::{Amount, Did, Digest, DurationMs, TaskId};
use ainur_runtime::Executor;
use ainur_storage::{Disk, crash_point};

use super::outcome::applied;
use super::{Broker, LedgerAnswer, one_line};
use crate::error::Error;
use crate::event::{Event, LedgerPosition};
use crate::limits::{RETRY_DOUBLINGS_MAX, RETRY_MS, TRANSACTION_MS};
use crate::task::{AwardBasis, Phase, Task, TaskStep};

/// A transaction about to be signed, and what it is for.
pub(super) struct Posting {
    pub(super) task: u64,
    pub(super) step: TaskStep,
    pub(super) action: Action,
    /// The roots of other parties' signatures that the action needs.
    pub(super) roots: Vec<Digest>,
    /// The agent of this node that sends it, when that is not the operator.
    pub(super) agent: Option<Did>,
}

/// Told what became of a submission.
pub type Answer = Box<dyn FnOnce(LedgerAnswer) + Send>;

/// Transactions in one submission.
const POSTINGS_MAX: usize = 512;
/// Signatures of others in one submission; the agreement of one graph brings 64 at most.
const ROOTS_MAX: usize = 512;
/// How far back a crash's unfinished agreement is looked for.
pub(super) const SEARCH_BLOCKS_MAX: u64 = 10_000;

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Asks the ledger to lock money and bond for the current attempt.
    pub(super) fn agree(&mut self, number: u64) -> Result<(), Error> {
        if self.reconcile(number)? {
            return Ok(());
        }
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.part_of.is_some() {
            return self.substitute(number);
        }
        if let Some(take) = task.credit() {
            let redeem = super::credit::redemption(task, take);
            return self.push(number, redeem);
        }
        if task.rented().is_some() {
            return self.begin_use(number);
        }
        let (Some(attempt), Some(awards)) = (task.attempt(), awarded(task)) else {
            return Ok(());
        };
        let roots = roots(&awards);
        let action = if task.is_funded() {
            escrow::Action::Reaward { task: task.id, awards }
        } else {
            escrow::Action::Agree {
                task: task.id,
                verifier: task.verifier,
                reserve: task.spec.reserve,
                awards,
                service: task.service,
                budget: task.spec.budget,
                call: task.call,
                serial: number,
                check: ainur_audit::receipt::check_digest(&task.spec.check),
                deadline: task.deadline,
            }
        };
        let step = TaskStep::Agree(attempt.number);
        self.outbox.push(Posting { task: number, step, action: action.into(), roots, agent: None });
        Ok(())
    }

    /// Asks the ledger to pay.
    pub(super) fn settle(&mut self, number: u64) -> Result<(), Error> {
        if self.reconcile(number)? {
            return Ok(());
        }
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.part_of.is_some() {
            return self.settle_part(number);
        }
        if task.is_chunked() {
            return self.settle_chunk(number);
        }
        let (Some((output, _)), Some(verdict)) = (task.output, &task.verdict) else {
            return Ok(());
        };
        if task.credit().is_some() {
            return self.fulfil(number);
        }
        if task.rented().is_some() {
            return self.finish_use(number);
        }
        let action = escrow::Action::Settle {
            task: task.id,
            attempt: task.ledger_attempt(),
            delivered: task.delivered.unwrap_or(self.now),
            output,
            verdict: ainur_verification::verdict::digest(verdict),
        };
        self.push(number, action)
    }

    /// Tells the ledger that the attempt failed.
    pub(super) fn fail(&mut self, number: u64) -> Result<(), Error> {
        let is_graph = self.tasks.get(&number).is_some_and(|task| task.graph.is_some());
        if is_graph && !self.stop_parts(number)? {
            // Asked again when the last of them has ended.
            self.doing.remove(&number);
            return Ok(());
        }
        if is_graph && self.is_accepted_graph(number) {
            return self.settle_graph(number);
        }
        if self.reconcile(number)? {
            return Ok(());
        }
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.part_of.is_some() {
            return self.fail_part(number);
        }
        let Some((reason, detail)) = task.attempt().and_then(|attempt| attempt.failure.clone())
        else {
            return Ok(());
        };
        if task.credit().is_some() {
            return self.fail_claim(number, reason, &detail);
        }
        if task.rented().is_some() {
            return self.fail_use(number, reason, &detail);
        }
        if task.is_cancelled_for_fee() {
            return self.push(number, escrow::Action::Cancel { task: task.id });
        }
        let action = escrow::Action::Fail {
            task: task.id,
            attempt: task.ledger_attempt(),
            reason,
            evidence: evidence(&detail),
        };
        self.push(number, action)
    }

    /// Asks the ledger to return the money.
    pub(super) fn refund(&mut self, number: u64) -> Result<(), Error> {
        if self.reconcile(number)? {
            return Ok(());
        }
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let action = if self.now >= task.deadline {
            escrow::Action::Expire { task: task.id }
        } else {
            escrow::Action::Refund { task: task.id }
        };
        self.push(number, action)
    }

    /// Puts what a task's step asks of the ledger into the outbox.
    pub(super) fn push(&mut self, number: u64, action: impl Into<Action>) -> Result<(), Error> {
        self.push_as(None, number, action)
    }

    /// The same, sent by an agent of this node.
    pub(super) fn push_as(
        &mut self,
        agent: Option<Did>,
        number: u64,
        action: impl Into<Action>,
    ) -> Result<(), Error> {
        if let Some(step) = self.tasks.get(&number).and_then(Task::next_step) {
            let action = action.into();
            self.outbox.push(Posting { task: number, step, action, roots: Vec::new(), agent });
        }
        Ok(())
    }

    /// Has the ledger do something that belongs to no task; `answer` is called with what became
    /// of it.
    ///
    /// # Errors
    /// When the ledger has failed.
    pub fn submit_own(&mut self, actions: Vec<Action>, answer: Answer) -> Result<(), Error> {
        let (transactions, signature) = self.authorize(actions);
        self.submit(Submission { transactions, signatures: vec![signature] }, answer)
    }

    /// Hands the ledger what somebody else has signed.
    ///
    /// # Errors
    /// When the ledger has failed.
    pub fn submit(&mut self, submission: Submission, answer: Answer) -> Result<(), Error> {
        let ticket = self.ledger.submit(submission).inspect_err(|_| self.next_nonce = None)?;
        self.answers.insert(ticket, answer);
        Ok(())
    }

    /// Signs what is in the outbox and hands it to the ledger.
    pub(super) fn post(&mut self) -> Result<(), Error> {
        if self.resync {
            // Numbers that are on their way would collide: wait until all are answered.
            if !self.submitted.is_empty() || !self.answers.is_empty() {
                return Ok(());
            }
            self.next_nonce = None;
            self.resync = false;
        }
        while !self.outbox.is_empty() {
            // What an agent sends goes by itself, for it has its own numbers.
            let first = self.outbox.iter().take(POSTINGS_MAX);
            let mut roots = 0;
            let own = first.take_while(|posting| {
                roots += posting.roots.len();
                posting.agent.is_none() && roots <= ROOTS_MAX
            });
            let own = own.count();
            let rest = self.outbox.split_off(own.max(1));
            let postings = std::mem::replace(&mut self.outbox, rest);
            let submission = match postings.as_slice() {
                [Posting { agent: Some(agent), action, .. }] => {
                    let Some(submission) = self.sign_as_agent(*agent, action) else { continue };
                    submission
                }
                _ => self.sign(&postings)?,
            };
            crash_point("broker.submitting");
            match self.ledger.submit(submission) {
                Ok(ticket) => {
                    self.submitted.insert(ticket, postings);
                }
                Err(Error::LedgerBusy) => {
                    self.resync = true;
                    for posting in &postings {
                        self.wake_at(self.now.plus(RETRY_MS), posting.task);
                    }
                    self.outbox.splice(0..0, postings);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn sign(&mut self, postings: &[Posting]) -> Result<Submission, Error> {
        let actions = postings.iter().map(|posting| posting.action.clone()).collect();
        let (transactions, own) = self.authorize(actions);
        let mut signatures = vec![own];
        let mut roots: Vec<Digest> =
            postings.iter().flat_map(|posting| posting.roots.iter().copied()).collect();
        roots.sort_unstable();
        roots.dedup();
        for root in roots {
            signatures.extend(self.journal.signature(root)?);
        }
        Ok(Submission { transactions, signatures })
    }

    /// Numbers actions as the operator's next transactions and signs them with one signature.
    pub(super) fn authorize(
        &mut self,
        actions: Vec<Action>,
    ) -> (Vec<AuthorizedTransaction>, RootSignature) {
        let did = self.operator.did;
        let first_nonce = match self.next_nonce {
            Some(nonce) => nonce,
            None => self.ledger.read(|state| balances::query::account(state, &did).nonce),
        };
        self.next_nonce = Some(first_nonce + actions.len() as u64);
        let transactions: Vec<Transaction> = (first_nonce..)
            .zip(actions)
            .map(|(nonce, action)| Transaction {
                chain_id: self.chain_id,
                sender: did,
                nonce,
                expires: self.now.plus(TRANSACTION_MS),
                fee: self.parameters.fee_min,
                action,
            })
            .collect();
        let digests: Vec<Digest> = transactions.iter().map(Transaction::digest).collect();
        let operator = &self.operator;
        let (signature, proofs) = sign_batch(&operator.key, did, operator.key_version, &digests);
        let transactions = transactions
            .into_iter()
            .zip(proofs)
            .map(|(transaction, proof)| AuthorizedTransaction { transaction, proof })
            .collect();
        (transactions, signature)
    }

    pub(super) fn handle_completion(&mut self, completion: LedgerAnswer) -> Result<(), Error> {
        let postings = self.submitted.remove(&completion.ticket).unwrap_or_default();
        let answer = self.answers.remove(&completion.ticket);
        if self.submitted.is_empty() && self.answers.is_empty() && self.outbox.is_empty() {
            // Nothing is on its way: the ledger knows the next number best.
            self.next_nonce = None;
        }
        self.note_rentals(&completion.events);
        if let Some(answer) = answer {
            answer(completion);
            return Ok(());
        }
        for (posting, (_, outcome)) in postings.into_iter().zip(&completion.outcomes) {
            if posting.step == TaskStep::TakeBonds {
                self.bond_answered(&posting, outcome)?;
                continue;
            }
            let current = self.tasks.get(&posting.task).and_then(Task::next_step);
            if current != Some(posting.step) {
                continue;
            }
            match outcome {
                Outcome::Applied { events } => {
                    let own = &completion.events[events.start as usize..events.end as usize];
                    let place = (completion.height, completion.block);
                    let event = match self.chunk_applied((posting.task, posting.step), place, own) {
                        None if self.is_chunk_payment(&posting) => None,
                        None => applied(posting.step, place, own),
                        event => event,
                    };
                    if let Some(event) = event {
                        self.record(posting.task, event)?;
                    }
                }
                Outcome::Failed { error, .. } => self.refused(&posting, error)?,
                Outcome::Rejected(rejection) => self.rejected(&posting, rejection)?,
            }
        }
        Ok(())
    }

    /// The ledger took the transaction in and refused its action.
    fn refused(&mut self, posting: &Posting, error: &TransactionError) -> Result<(), Error> {
        if self.reconcile(posting.task)? {
            return Ok(());
        }
        tracing::warn!(task = posting.task, step = ?posting.step, %error, "the ledger refused");
        if super::rental::is_only_full(error) {
            return self.try_again(posting, &error.to_string());
        }
        if let TaskStep::Agree(_) = posting.step {
            let because_of_seller = matches!(
                error,
                TransactionError::Reputation(_)
                    | TransactionError::Escrow(
                        escrow::Error::Reputation(_)
                            | escrow::Error::BidExpired(_)
                            | escrow::Error::BidValidTooLong(_)
                            | escrow::Error::Unproven(_)
                            | escrow::Error::FailedBefore(_)
                            | escrow::Error::BoundBefore(_)
                            | escrow::Error::TooManyParts
                            | escrow::Error::OfferRevoked(_)
                            | escrow::Error::OfferNotValid { .. }
                            | escrow::Error::MatchedOutOfRange { .. }
                            | escrow::Error::CardNotRegistered(_)
                            | escrow::Error::TermsInvalid(_)
                            | escrow::Error::OfferValidTooLong(_)
                            | escrow::Error::BelowMinimumBudget(_)
                            | escrow::Error::DeadlineTooSoon(_)
                            | escrow::Error::FasterThanPromised(_)
                            | escrow::Error::PriceOutOfRange { .. }
                            | escrow::Error::SelfDealing,
                    )
            );
            let detail = one_line(&error.to_string());
            return self
                .record(posting.task, Event::AgreementRefused { because_of_seller, detail });
        }
        self.try_again(posting, &error.to_string())
    }

    /// The transaction is in no block; nothing was paid for it.
    fn rejected(&mut self, posting: &Posting, rejection: &Rejection) -> Result<(), Error> {
        self.resync |= posting.agent.is_none();
        let hopeless = matches!(rejection, Rejection::CannotPayFee { .. } | Rejection::TooLarge);
        if let (TaskStep::Agree(_), true) = (posting.step, hopeless) {
            let detail = one_line(&rejection.to_string());
            let event = Event::AgreementRefused { because_of_seller: false, detail };
            return self.record(posting.task, event);
        }
        self.try_again(posting, &rejection.to_string())
    }

    /// Tries the step again, ever later, but never gives up: money waits for it.
    fn try_again(&mut self, posting: &Posting, why: &str) -> Result<(), Error> {
        let count = self.rejections.entry(posting.task).or_default();
        *count = (*count + 1).min(RETRY_DOUBLINGS_MAX);
        let delay = DurationMs(RETRY_MS.0 << *count);
        tracing::warn!(task = posting.task, step = ?posting.step, why, %delay, "again later");
        self.wake_at(self.now.plus(delay), posting.task);
        Ok(())
    }

    /// Looks whether the ledger has already done what the task waits for (as after a crash between
    /// the ledger's block and our journal), and records it.
    pub(super) fn reconcile(&mut self, number: u64) -> Result<bool, Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(false) };
        if task.part_of.is_some() {
            return match self.reconciled_part(task)? {
                Some(event) => self.record(number, event).map(|()| true),
                None => Ok(false),
            };
        }
        let (id, buyer) = (task.id, task.buyer);
        if task.credit().is_some() {
            return self.reconcile_claim(number);
        }
        if task.rented().is_some() {
            return self.reconcile_use(number);
        }
        if let Some(event) = self.reconciled_chunk(task)? {
            return self.record(number, event).map(|()| true);
        }
        let found = self.ledger.read(|state| escrow::query::escrow(state, &id));
        // Somebody else's agreement of the same name is not ours.
        let found = found.filter(|escrow| match escrow {
            Escrow::Open(open) => open.buyer == buyer,
            Escrow::Closed(closed) => closed.buyer == buyer,
        });
        let unnoted = task.phase == Phase::Awarded
            && matches!(found, Some(Escrow::Closed(_)))
            && task.graph.is_some();
        if unnoted {
            // It was agreed, and has ended, while this node was down.
            let position = self.find_agreement(id, task.ledger_attempt())?;
            return self.record(number, Event::AgreementApplied(position)).map(|()| true);
        }
        let event = match (found, task.phase) {
            (Some(Escrow::Closed(stone)), phase) if !phase.is_final() => {
                let (height, index) = (stone.height.0, stone.event);
                let block = self.ledger.events(height)?.1;
                let position = LedgerPosition { height, index, block };
                let (paid, price) = (stone.paid(), task.attempt().map(|attempt| attempt.price));
                match stone.closing {
                    // The whole notes it when it has noted its last part.
                    escrow::Closing::Settled if task.graph.is_some() || task.is_chunked() => None,
                    escrow::Closing::Settled if price != Some(paid) => {
                        Some(Event::SettledLate { position, paid })
                    }
                    escrow::Closing::Settled => Some(Event::Settled(position)),
                    escrow::Closing::Cancelled => Some(Event::CancelledFor { position, paid }),
                    escrow::Closing::Refunded | escrow::Closing::Expired => {
                        Some(Event::Refunded(position))
                    }
                }
            }
            (Some(Escrow::Open(open)), Phase::Awarded)
                if open.is_running()
                    && open.attempt == task.ledger_attempt()
                    && seller_of(&open) == task.attempt().map(|a| a.seller) =>
            {
                Some(Event::AgreementApplied(self.find_agreement(id, open.attempt)?))
            }
            (Some(Escrow::Open(open)), Phase::Failing)
                if !open.is_running() && open.attempt == task.ledger_attempt() =>
            {
                // What the sellers of a graph lost is told with its parts.
                let seller = seller_of(&open).filter(|_| task.graph.is_none());
                let slashed = seller.map_or(Amount::ZERO, |seller| self.slashed_for(id, seller));
                Some(Event::FailureApplied { position: LedgerPosition::UNKNOWN, slashed })
            }
            _ => None,
        };
        match event {
            Some(event) => self.record(number, event).map(|()| true),
            None => Ok(false),
        }
    }

    /// What an agent lost for failing at a task, by its record on the ledger.
    pub(super) fn slashed_for(&self, id: TaskId, seller: Did) -> Amount {
        let record = self.ledger.read(|state| reputation::query::reputation(state, &seller));
        let of_task = |violation: &&Violation| matches!(violation.reason, ViolationReason::Attempt { task, .. } if task == id);
        record.violations.iter().filter(of_task).map(|violation| violation.amount).sum()
    }

    /// Looks for an agreement in the newest blocks; only after a crash is it not known.
    fn find_agreement(&self, id: TaskId, number: u32) -> Result<LedgerPosition, Error> {
        self.find_event(|event| {
            matches!(event, ainur_ledger::Event::Escrow(event) if match event {
                escrow::Event::Agreed { task, .. } => *task == id && number == 1,
                escrow::Event::Reawarded { task, attempt, .. } => {
                    *task == id && *attempt == number
                }
                _ => false,
            })
        })
    }

    /// Where the newest event of this kind is, in the newest blocks.
    pub(super) fn find_event(
        &self,
        wanted: impl Fn(&ainur_ledger::Event) -> bool,
    ) -> Result<LedgerPosition, Error> {
        let tip = self.ledger.height();
        for height in (tip.saturating_sub(SEARCH_BLOCKS_MAX)..=tip).rev() {
            let (events, block) = self.ledger.events(height)?;
            if let Some(record) = events.into_iter().find(|record| wanted(&record.event)) {
                return Ok(LedgerPosition { height, index: record.index, block });
            }
        }
        Ok(LedgerPosition::UNKNOWN)
    }
}

/// What binds the sellers of the last attempt.
fn awarded(task: &Task) -> Option<Vec<SignedAward>> {
    let attempt = task.attempt()?;
    let (consent, proof) = match &attempt.basis {
        AwardBasis::Auction => {
            // The running attempt's seller has not failed, so the replay gives it again.
            let bid = task.award().ok()?.bid;
            let proof = task.bid_proof(attempt.seller)?.clone();
            (Consent::Bid { bid, transcript: task.transcript.as_ref()?.digest() }, proof)
        }
        // A credit binds its issuer by itself, and a rental its seller.
        AwardBasis::Credit(_) | AwardBasis::Rental(_) => return None,
        AwardBasis::Offer(take) => {
            let offer = take.offer.terms.clone();
            (Consent::Offer { offer, matched: take.matched }, take.offer.proof.clone())
        }
        AwardBasis::Graph => {
            let decision = &task.graph.as_ref()?.decision;
            return decision.signed_awards(&decision.awards().ok()?.0);
        }
        AwardBasis::Part(_) => return None,
        AwardBasis::Negotiated(deal) => {
            (Consent::Negotiated { terms: deal.terms.clone() }, deal.proof.clone())
        }
    };
    Some(vec![SignedAward { price: attempt.price, consent, proofs: vec![proof] }])
}

/// The roots of the signatures that show what sellers agreed to.
fn roots(awards: &[SignedAward]) -> Vec<Digest> {
    let of_award = |award: &SignedAward| {
        let digest = award.consent.digest();
        award.proofs.iter().filter_map(move |proof| proof.root(digest)).collect::<Vec<_>>()
    };
    awards.iter().flat_map(of_award).collect()
}

/// Who works on a task of one seller.
fn seller_of(agreement: &Agreement) -> Option<Did> {
    agreement.engagements.first().map(|engagement| engagement.seller)
}

/// The digest of why an attempt failed.
pub(super) fn evidence(detail: &str) -> Digest {
    hash::tagged("ainur/evidence/v1", &[detail.as_bytes()])
}
