//! Negotiations: sellers say what they need as they would bid it, both sides' strategies talk to
//! the end, and what was said is signed by whose it is before any of it counts.
//!
//! This node keeps the keys of both sides, so a conversation is held here; a component with a
//! strategy of its own is asked each time it has the turn. What is said is signed when all of a
//! task's conversations are over, one signature an agent and turn. The terms are signed last and
//! only where they are awarded, so nothing that a seller has signed outlives a refusal.
use std::collections::{BTreeMap, BTreeSet};

use ainur_consensus::ReplicatedLog;
use ainur_crypto::batch::{BatchProof, sign_batch};
use ainur_market::auction::terms::TERMS_AMOUNT_MAX;
use ainur_market::negotiation::{
    NegotiatedTerms, NegotiationMessage, NegotiationThread, SellerLimits, Tactic,
};
use ainur_primitives::{Did, Digest, Ppm, TaskSpec, Venue};
use ainur_runtime::job::Quote;
use ainur_runtime::{Executor, GuestDecision, Job, NegotiationTurnView, Program};
use ainur_storage::{Disk, crash_point};

use super::announce::Request;
use super::bidding::{no_bid, quality_level};
use super::work::Errand;
use super::{Broker, one_line};
use crate::error::Error;
use crate::event::{Event, JournalEntry, NegotiatedAward, SignedThread};
use crate::limits::{DEADLINE_MS_MIN, NEGOTIATED_MAX};
use crate::task::{Phase, Task};

mod outside;
mod talk;

use outside::OutsideTalk;
use talk::{Awaited, Talk};

/// Negotiations that are about to be held. Only in memory: after a crash they are held again, and
/// nothing was signed or locked before.
#[derive(Default)]
pub(super) struct Negotiations {
    /// What each seller has said it needs, by task.
    limits: BTreeMap<u64, BTreeMap<Did, SellerLimits>>,
    /// Conversations that have begun, by task.
    talks: BTreeMap<u64, BTreeMap<Did, Talk>>,
    /// Tasks whose negotiations are held at the end of the turn.
    due: BTreeSet<u64>,
    /// Conversations with buyers outside, by task.
    outside: BTreeMap<u64, OutsideTalk>,
}

impl Negotiations {
    /// Nothing is to be negotiated in this turn.
    pub(super) fn is_idle(&self) -> bool {
        self.due.is_empty()
    }

    /// The task has ended.
    pub(super) fn forget(&mut self, number: u64) {
        self.limits.remove(&number);
        self.talks.remove(&number);
        self.due.remove(&number);
        self.outside.remove(&number);
    }
}

/// What was said about a task, before it is signed.
struct Held {
    task: u64,
    attempt: u32,
    threads: Vec<(NegotiationThread, Ppm)>,
    best: Option<NegotiatedTerms>,
    /// What was said with a buyer outside.
    spoken: Vec<Vec<u8>>,
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// A wish says how to negotiate where that is how a price is found, and only there.
    pub(super) fn check_negotiation(&self, request: &Request) -> Result<(), Error> {
        let wrong = match (request.venue, &request.negotiation, request.bidding) {
            (Venue::Negotiation, _, Some(_)) => {
                "a task is negotiated, or bids are taken for it: not both".to_owned()
            }
            (Venue::Negotiation, Some(wish), None) => match wish.validate() {
                Ok(()) => return Ok(()),
                Err(error) => error.to_string(),
            },
            (Venue::Negotiation, None, None) | (_, None, _) => return Ok(()),
            (_, Some(_), _) => {
                "how to negotiate is said, but not that: ask for the venue negotiation".to_owned()
            }
        };
        Err(Error::Invalid(wrong))
    }

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
        let detail = if task.outside.is_some() {
            "what was agreed came to nothing, and its buyer speaks for itself"
        } else if task.negotiable().is_empty() {
            "every agent that could be negotiated with has failed"
        } else if left < DEADLINE_MS_MIN {
            "too little time is left to negotiate again"
        } else {
            let spec = TaskSpec { deadline_ms: left, ..task.spec.clone() };
            let terms = self.auction_terms(task.id, (&spec, task.service.as_ref()), None);
            return self.record(number, Event::Called(Box::new(terms)));
        };
        self.record(number, Event::NoAward { detail: detail.into() })
    }

    /// Goes on with the negotiations that are due; when all of a task's are over, what was said is
    /// signed, with one signature an agent, and recorded.
    pub(super) fn negotiate_due(&mut self) -> Result<(), Error> {
        let mut held = Vec::new();
        for number in std::mem::take(&mut self.negotiations.due) {
            self.begin_talks(number);
            let (asked, is_over) = self.talk(number);
            self.answer_outside(number);
            match is_over {
                true => held.extend(self.end_talks(number)?),
                false => self.keep_said(number)?,
            }
            for (seller, turn) in asked {
                self.ask_guest(number, seller, turn)?;
            }
        }
        self.sign_held(held)
    }

    fn sign_held(&mut self, held: Vec<Held>) -> Result<(), Error> {
        if held.is_empty() {
            return Ok(());
        }
        let mut items: BTreeMap<Did, Vec<Digest>> = BTreeMap::new();
        for (signer, digest) in held.iter().flat_map(Held::signed) {
            items.entry(signer).or_default().push(digest);
        }
        let mut proofs: BTreeMap<Did, std::vec::IntoIter<BatchProof>> = BTreeMap::new();
        for (signer, items) in items {
            let operator = &self.operator;
            let seat = self.seats.get(signer);
            let (key, version) = match seat.and_then(|seat| Some((seat.key.as_ref()?, seat))) {
                Some((key, seat)) => (key, seat.key_version),
                None => (&operator.key, operator.key_version),
            };
            let (signature, signed) = sign_batch(key, signer, version, &items);
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

    /// Opens a conversation with every seller that has said what it needs, unless that is done.
    fn begin_talks(&mut self, number: u64) {
        let Some(task) = self.tasks.get(&number) else { return };
        let is_open = task.phase == Phase::Announced && task.negotiation.is_some();
        if !is_open || self.negotiations.talks.contains_key(&number) {
            return;
        }
        let mut talks = BTreeMap::new();
        let mut until = task.deadline;
        for (seller, limits) in self.negotiations.limits.get(&number).into_iter().flatten() {
            let Some(seat) = self.seats.get(*seller) else { continue };
            let rules = task.negotiation_rules(self.now, *seller, seat.card);
            until = until.min(rules.deadline);
            let tactic = seat.tactic.conceding(Tactic::OPENING_DEFAULT);
            let asks = matches!(seat.program, Program::Component { .. });
            // Without time for a conversation there is none.
            let Ok(mut talk) = Talk::begin(task, rules, *limits, (tactic, asks)) else { continue };
            let opened = match self.negotiations.outside.get_mut(&number) {
                Some(outside) => outside.open(self.now, &mut talk),
                None => Ok(()),
            };
            if opened.is_ok() {
                talks.insert(*seller, talk);
            }
        }
        self.negotiations.talks.insert(number, talks);
        self.wake_at(until, number);
    }

    /// Lets everybody talk who is here; gives those that wait for their guest, and whether all
    /// have come to an end.
    fn talk(&mut self, number: u64) -> (Vec<(Did, NegotiationTurnView)>, bool) {
        let (mut asked, mut is_over) = (Vec::new(), true);
        let Some(task) = self.tasks.get(&number) else { return (asked, is_over) };
        let talks = self.negotiations.talks.get_mut(&number).into_iter().flatten();
        for (seller, talk) in talks {
            let awaited = talk.go_on(self.now);
            is_over &= awaited == Awaited::Nobody;
            if awaited == Awaited::Guest {
                asked.push((*seller, talk.view(&task.spec.capability)));
            }
        }
        (asked, is_over)
    }

    /// Asks a seller's program what to say, unless it is being asked.
    fn ask_guest(
        &mut self,
        number: u64,
        seller: Did,
        turn: NegotiationTurnView,
    ) -> Result<(), Error> {
        let errand = Errand::Counter { task: number, seller };
        let is_asked = self.errands_of(number).any(
            |errand| matches!(errand, Errand::Counter { seller: asked, .. } if *asked == seller),
        );
        match self.seats.get(seller) {
            _ if is_asked => Ok(()),
            Some(seat) => {
                self.dispatch(errand, Job::Counter { program: seat.program.clone(), turn })
            }
            None => {
                self.take_counter(number, seller, Some(GuestDecision::WalkAway));
                Ok(())
            }
        }
    }

    /// Takes what a seller's program says; without a word of it, the owner's tactic goes on.
    pub(super) fn take_counter(
        &mut self,
        number: u64,
        seller: Did,
        decision: Option<GuestDecision>,
    ) {
        let talks = self.negotiations.talks.get_mut(&number);
        let Some(talk) = talks.and_then(|talks| talks.get_mut(&seller)) else { return };
        match decision {
            Some(decision) => talk.hear(self.now, decision),
            None => {
                let tactic = self.seats.get(seller).map(|seat| seat.tactic).unwrap_or_default();
                talk.fall_back(tactic.conceding(Tactic::OPENING_DEFAULT));
            }
        }
        self.negotiate_now(number);
    }

    /// A task that is negotiated is looked at again because time has passed.
    pub(super) fn wake_negotiation(&mut self, number: u64) {
        let Some(task) = self.tasks.get(&number) else { return };
        if task.outside.is_some() && !self.negotiations.is_spoken(number) {
            // It was talked about before a crash: it ends where agents are asked.
            self.doing.remove(&number);
            return;
        }
        let is_called = self.now < task.auction.terms().commit_until;
        if self.negotiations.talks.contains_key(&number) {
            self.negotiate_now(number);
        } else if is_called {
            // Somebody could not be asked the last time.
            self.doing.remove(&number);
        } else {
            // With those who have said what they need by now.
            self.cancel_errands(number);
            self.negotiate_now(number);
        }
    }

    /// What was said, once all of a task's conversations are over.
    fn end_talks(&mut self, number: u64) -> Result<Option<Held>, Error> {
        let mut talks = self.negotiations.talks.remove(&number).unwrap_or_default();
        // Whoever was removed meanwhile can sign nothing any more.
        talks.retain(|seller, _| self.seats.get(*seller).is_some());
        self.negotiations.limits.remove(&number);
        let Some(task) = self.tasks.get(&number) else { return Ok(None) };
        if task.phase != Phase::Announced || task.negotiation.is_none() {
            return Ok(None);
        }
        // A guest that is still thinking is too late.
        self.cancel_errands(number);
        let Some(task) = self.tasks.get(&number) else { return Ok(None) };
        let spoken = self.negotiations.said_outside(number);
        self.negotiations.outside.remove(&number);
        if talks.is_empty() && task.outside.is_none() {
            let detail = match task.passed.is_empty() {
                true => "nobody was there, or no time was left, to negotiate".to_owned(),
                false => no_bid(task),
            };
            self.record(number, Event::NoAward { detail: one_line(&detail) })?;
            return Ok(None);
        }
        let threads: Vec<(NegotiationThread, Ppm)> = talks
            .iter()
            .map(|(seller, talk)| (talk.thread(), self.failure_probability(*seller)))
            .collect();
        let attempt = task.attempts.len() as u32 + 1;
        let unsigned = threads.iter().map(|(thread, failing)| (thread, *failing));
        let best = task.best_agreement(self.now, unsigned)?.map(|(_, terms)| terms);
        Ok(Some(Held { task: number, attempt, threads, best, spoken }))
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
        Event::Negotiated { threads, award, spoken: self.spoken }
    }
}
