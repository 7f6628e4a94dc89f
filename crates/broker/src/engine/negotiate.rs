//! Negotiations: sellers say what they need as they would bid it, both sides' strategies talk to
//! the end, and what was said is signed by whose it is before any of it counts.
//!
//! This node keeps the keys of both sides, so a conversation is held in one turn. All messages of
//! one agent in a turn share a signature. The terms are signed last and only where they are
//! awarded, so nothing that a seller has signed outlives a refusal.
use std::collections::{BTreeMap, BTreeSet};

use ainur_consensus::ReplicatedLog;
use ainur_crypto::batch::{BatchProof, sign_batch};
use ainur_market::auction::terms::TERMS_AMOUNT_MAX;
use ainur_market::negotiation::strategy::negotiate;
use ainur_market::negotiation::{
    NegotiatedTerms, NegotiationMessage, NegotiationRules, NegotiationThread, Negotiator,
    SellerLimits, Tactic,
};
use ainur_primitives::{Did, Digest, DurationMs, Ppm, TaskSpec};
use ainur_runtime::Executor;
use ainur_runtime::job::Quote;
use ainur_storage::{Disk, crash_point};

use super::bidding::{no_bid, quality_level};
use super::{Broker, one_line};
use crate::error::Error;
use crate::event::{Event, JournalEntry, NegotiatedAward, SignedThread};
use crate::limits::{DEADLINE_MS_MIN, NEGOTIATED_MAX};
use crate::task::{Phase, Task};

/// Negotiations that are about to be held. Only in memory: after a crash they are held again, and
/// nothing was signed or locked before.
#[derive(Default)]
pub(super) struct Negotiations {
    /// What each seller has said it needs, by task.
    limits: BTreeMap<u64, BTreeMap<Did, SellerLimits>>,
    /// Tasks whose negotiations are held at the end of the turn.
    due: BTreeSet<u64>,
}

impl Negotiations {
    /// Nothing is to be negotiated in this turn.
    pub(super) fn is_idle(&self) -> bool {
        self.due.is_empty()
    }

    /// The task has ended.
    pub(super) fn forget(&mut self, number: u64) {
        self.limits.remove(&number);
        self.due.remove(&number);
    }
}

/// What was said about a task, before it is signed.
struct Held {
    task: u64,
    attempt: u32,
    threads: Vec<(NegotiationThread, Ppm)>,
    best: Option<NegotiatedTerms>,
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// The most reliable of those that could be asked, as many as are negotiated with.
    pub(super) fn most_reliable(&self, mut invited: Vec<Did>) -> Vec<Did> {
        if invited.len() > NEGOTIATED_MAX {
            invited.sort_by_cached_key(|did| (self.failure_probability(*did), *did));
            invited.truncate(NEGOTIATED_MAX);
            invited.sort_unstable();
        }
        invited
    }

    /// A seller has said what it needs, or may not be asked any more.
    pub(super) fn is_negotiable(&self, task: &Task, seller: Did) -> bool {
        let said = self.negotiations.limits.get(&task.number);
        said.is_some_and(|said| said.contains_key(&seller)) || task.excluded().contains(&seller)
    }

    /// Takes what a seller would bid as the limits it negotiates within.
    pub(super) fn take_limits(
        &mut self,
        number: u64,
        seller: Did,
        quote: Option<Quote>,
    ) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.phase != Phase::Announced || !task.negotiable().contains(&seller) {
            return Ok(());
        }
        let longest = task.auction.terms().duration_ms_max;
        let refusal = match &quote {
            None => Some("does not negotiate"),
            Some(quote) if quote.price > TERMS_AMOUNT_MAX => Some("asks more than can be said"),
            Some(quote) if quote.estimated_duration_ms > longest => {
                Some("expects to take longer than it may")
            }
            Some(_) if self.seats.get(seller).is_none() => Some("is no longer here"),
            Some(_) => None,
        };
        match (refusal, quote) {
            (None, Some(quote)) => {
                let limits = SellerLimits {
                    price: quote.price,
                    timeline_ms: quote.estimated_duration_ms,
                    quality_level: quality_level(&quote),
                };
                self.negotiations.limits.entry(number).or_default().insert(seller, limits);
            }
            (refusal, _) => {
                let detail = refusal.unwrap_or_default().to_owned();
                self.record(number, Event::Passed { bidder: seller, detail })?;
            }
        }
        self.close_when_answered(number)
    }

    /// Negotiates at the end of the turn, with those who have said what they need.
    pub(super) fn negotiate_now(&mut self, number: u64) {
        self.negotiations.due.insert(number);
    }

    pub(super) fn negotiate_when_answered(&mut self, number: u64) {
        let Some(task) = self.tasks.get(&number) else { return };
        let all = task.negotiable().into_iter().all(|did| self.is_negotiable(task, did));
        if task.phase == Phase::Announced && all {
            self.negotiate_now(number);
        }
    }

    /// Negotiates with those who are left, after a seller has failed or could not be bound.
    pub(super) fn negotiate_again(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let left = task.deadline.since(self.now);
        let detail = if task.negotiable().is_empty() {
            "every agent that could be negotiated with has failed"
        } else if left < DEADLINE_MS_MIN {
            "too little time is left to negotiate again"
        } else {
            let spec = TaskSpec { deadline_ms: left, ..task.spec.clone() };
            let terms = self.auction_terms(task.id, &spec, None);
            return self.record(number, Event::Called(Box::new(terms)));
        };
        self.record(number, Event::NoAward { detail: detail.into() })
    }

    /// Holds the negotiations that are due, signs what was said with one signature an agent, and
    /// records it.
    pub(super) fn negotiate_due(&mut self) -> Result<(), Error> {
        let mut held = Vec::new();
        for number in std::mem::take(&mut self.negotiations.due) {
            held.extend(self.hold(number)?);
        }
        if held.is_empty() {
            return Ok(());
        }
        let mut items: BTreeMap<Did, Vec<Digest>> = BTreeMap::new();
        for (signer, digest) in held.iter().flat_map(Held::signed) {
            items.entry(signer).or_default().push(digest);
        }
        let mut proofs: BTreeMap<Did, std::vec::IntoIter<BatchProof>> = BTreeMap::new();
        for (signer, items) in items {
            let (signature, signed) = match self.seats.get(signer) {
                Some(seat) => sign_batch(&seat.key, signer, seat.key_version, &items),
                None => {
                    let operator = &self.operator;
                    sign_batch(&operator.key, operator.did, operator.key_version, &items)
                }
            };
            self.journal.append(&JournalEntry::Signature(signature))?;
            proofs.insert(signer, signed.into_iter());
        }
        crash_point("broker.negotiated");
        for held in held {
            let number = held.task;
            let event = held.event(&mut |signer| {
                let own = proofs.get_mut(&signer).expect("everybody who spoke has signed");
                own.next().expect("as many proofs as items")
            });
            self.record(number, event)?;
        }
        Ok(())
    }

    /// Talks to every seller that has said what it needs.
    fn hold(&mut self, number: u64) -> Result<Option<Held>, Error> {
        let Some(limits) = self.take_limits_of(number) else { return Ok(None) };
        let Some(task) = self.tasks.get(&number) else { return Ok(None) };
        let mut threads = Vec::with_capacity(limits.len());
        for (seller, limits) in limits {
            let Some(seat) = self.seats.get(seller) else { continue };
            let rules = task.negotiation_rules(self.now, seller, seat.card);
            let tactic = seat.tactic.conceding(Tactic::OPENING_DEFAULT);
            // Without time for a conversation there is none.
            if let Ok(thread) = converse(task, rules, limits, tactic) {
                threads.push((thread, self.failure_probability(seller)));
            }
        }
        if threads.is_empty() {
            let detail = match task.passed.is_empty() {
                true => "too little time is left to negotiate".to_owned(),
                false => no_bid(task),
            };
            self.record(number, Event::NoAward { detail: one_line(&detail) })?;
            return Ok(None);
        }
        let attempt = task.attempts.len() as u32 + 1;
        let unsigned = threads.iter().map(|(thread, failing)| (thread, *failing));
        let best = task.best_agreement(unsigned)?.map(|(_, terms)| terms);
        Ok(Some(Held { task: number, attempt, threads, best }))
    }

    /// What sellers have said they need for a task that is to be negotiated.
    fn take_limits_of(&mut self, number: u64) -> Option<BTreeMap<Did, SellerLimits>> {
        let limits = self.negotiations.limits.remove(&number).unwrap_or_default();
        let task = self.tasks.get(&number)?;
        (task.phase == Phase::Announced && task.negotiation.is_some()).then_some(limits)
    }
}

impl Held {
    /// Everything that is signed, in the order of the threads, and by whom.
    fn signed(&self) -> impl Iterator<Item = (Did, Digest)> {
        let messages = self.threads.iter().flat_map(|(thread, _)| &thread.messages);
        let said = messages.map(|message: &NegotiationMessage| (message.from, message.digest()));
        said.chain(self.best.iter().map(|terms| (terms.seller, terms.digest())))
    }

    /// The event, with the next proof of whoever signed.
    fn event(self, proof_of: &mut impl FnMut(Did) -> BatchProof) -> Event {
        let mut threads = Vec::with_capacity(self.threads.len());
        for (thread, failure_probability) in self.threads {
            let proofs = thread.messages.iter().map(|message| proof_of(message.from)).collect();
            threads.push(SignedThread { thread, proofs, failure_probability });
        }
        let award = self.best.map(|terms| {
            let proof = proof_of(terms.seller);
            Box::new(NegotiatedAward { attempt: self.attempt, terms, proof })
        });
        Event::Negotiated { threads, award }
    }
}

/// Holds the conversation between a task's buyer and a seller to its end.
fn converse(
    task: &Task,
    rules: NegotiationRules,
    limits: SellerLimits,
    tactic: Tactic,
) -> Result<NegotiationThread, ainur_market::negotiation::Error> {
    // What chance would decide follows from what the negotiation is about.
    let seed = rules.id().0;
    let (ours, theirs) = (task.buyer_preferences(&rules), limits.preferences());
    let strategy = task.wish().tactic().strategy(&ours, seed);
    let mut buyer = Negotiator::new(ours, strategy);
    let strategy = tactic.strategy(&theirs, seed);
    let mut seller = Negotiator::new(theirs, strategy);
    let session = negotiate(rules, &mut buyer, &mut seller, DurationMs(0))?;
    Ok(NegotiationThread::of(&session))
}
