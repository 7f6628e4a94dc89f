//! What agents say that keep their own keys: standing offers, sealed bids and their opening, each
//! signed by the agent; and the bonds of bids that stayed sealed.
//!
//! Nothing is signed for such an agent here. What it said is checked as the ledger will check it and
//! is durable before it is answered. A bond is taken only when the node listened to the end of
//! revealing, and only when somebody else won, for it is the winner's escrow that tells the ledger
//! who the buyer is; the ledger takes it once.
use ainur_consensus::ReplicatedLog;
use ainur_crypto::batch::{BatchProof, Proof, RootSignature};
use ainur_crypto::signature::HybridVerifier;
use ainur_ledger::escrow::{self, Escrow};
use ainur_ledger::reputation::{Violation, ViolationReason};
use ainur_ledger::{Action, Outcome, TransactionError, identity, reputation};
use ainur_market::auction::{CommitTerms, Reveal};
use ainur_market::offer::OfferTerms;
use ainur_primitives::{Amount, ContentId, Did, Digest, DurationMs, TaskId, Timestamp};
use ainur_runtime::Executor;
use ainur_storage::{Disk, crash_point};

use super::contract::Posting;
use super::offers::OfferState;
use super::{Broker, one_line};
use crate::error::Error;
use crate::event::{Event, JournalEntry, SignedOffer, SignedReveal};
use crate::limits::{RETRY_DOUBLINGS_MAX, RETRY_MS};
use crate::seat::Seat;
use crate::task::{Phase, Task, TaskStep};

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Publishes an offer that its seller signed with a key of its own; durable with the next
    /// [`Broker::turn`].
    ///
    /// # Errors
    /// When the terms cannot be, nobody here could fulfil them, too many offers are kept, the
    /// seller took this one back, or did not sign it.
    pub fn publish_signed_offer(
        &mut self,
        terms: OfferTerms,
        consent: &Proof,
        message: ContentId,
    ) -> Result<OfferState, Error> {
        let invalid = |why: &str| Error::Invalid(format!("the offer: {why}"));
        let seat = self.check_offer(&terms)?;
        if seat.is_keyed() {
            return Err(invalid("this node keeps the agent's key: ainur market offer"));
        }
        let digest = terms.digest();
        if self.ledger.read(|state| escrow::query::is_offer_revoked(state, &digest)) {
            return Err(invalid("its seller took it back on the ledger"));
        }
        let (signature, proof) = self.consented(terms.seller, digest, consent)?;
        self.keep_offer(SignedOffer { terms, proof, message: Some(message) }, &signature)
    }

    /// Takes a sealed bid of an agent that keeps its own key; durable with the next
    /// [`Broker::turn`]. The same one again does no harm.
    ///
    /// # Errors
    /// When the call takes no bids, the agent cannot fulfil it, has bid otherwise, has too little
    /// stake for the bond, or did not sign.
    pub fn take_commit(
        &mut self,
        number: u64,
        commit: CommitTerms,
        consent: &Proof,
        message: ContentId,
    ) -> Result<(), Error> {
        let invalid = |why: String| Error::Invalid(format!("the bid is not taken: {why}"));
        let bidder = commit.bidder;
        if self.committed(number, bidder).is_some_and(|known| *known == commit) {
            return Ok(());
        }
        let task = self.call_for(number, bidder)?;
        self.outsider(bidder)?;
        if !task.held_open {
            return Err(invalid("the call is not held open for bids".into()));
        }
        if task.service.is_some() && task.is_chunked() {
            // A call says in a message when chunks are due by its deadline alone.
            return Err(invalid("its chunks are due earlier than a call can say".into()));
        }
        let record = self.ledger.read(|state| reputation::query::reputation(state, &bidder));
        let free = record.available().saturating_sub(self.bonds_held(bidder));
        if free < commit.bid_bond {
            let (bond, free) = (commit.bid_bond.to_ainu(), free.to_ainu());
            let why = format!(
                "its bond is {bond} AINU, the agent has {free} AINU of stake that is free and stands \
                 behind no other sealed bid"
            );
            return Err(invalid(why));
        }
        let failure_probability = self.failure_probability(bidder);
        let taken = task.auction.clone().commit(self.now, commit.clone(), failure_probability);
        taken.map_err(|error| invalid(error.to_string()))?;
        let (signature, proof) = self.consented(bidder, commit.digest(), consent)?;
        self.journal.append(&JournalEntry::Signature(signature))?;
        crash_point("broker.committed");
        let (custody, message) = (None, Some(message));
        self.record(
            number,
            Event::Committed { commit, proof, failure_probability, custody, message },
        )
    }

    /// Opens the bid that an agent with a key of its own had sealed; durable with the next
    /// [`Broker::turn`]. The same once more does no harm.
    ///
    /// # Errors
    /// Before and after the time of revealing, when it is not the bid that was sealed, promises a
    /// card the agent does not have, or is not signed.
    pub fn take_reveal(
        &mut self,
        number: u64,
        reveal: Reveal,
        consent: &Proof,
        message: ContentId,
    ) -> Result<(), Error> {
        let invalid = |why: String| Error::Invalid(format!("the bid is not opened: {why}"));
        let over = || invalid("the call takes no bids any more".into());
        let bidder = reveal.terms.bidder;
        let task = self.tasks.get(&number).ok_or_else(over)?;
        let known = task.auction.entrants().find(|entrant| entrant.commit.bidder == bidder);
        if known.is_some_and(|entrant| entrant.reveal.as_ref() == Some(&reveal)) {
            return Ok(());
        }
        if task.phase == Phase::Announced {
            let (from, until) = (task.auction.commitments_end(), task.auction.terms().reveal_until);
            return Err(invalid(format!("bids are opened from {from} until before {until}")));
        }
        if task.phase != Phase::Revealing {
            return Err(over());
        }
        if self.outsider(bidder)?.card != reveal.terms.card {
            return Err(invalid("it promises another card than the agent has".into()));
        }
        let opened = task.auction.clone().reveal(self.now, reveal.terms.clone(), reveal.salt.0);
        opened.map_err(|error| invalid(error.to_string()))?;
        let (signature, proof) = self.consented(bidder, reveal.terms.digest(), consent)?;
        self.journal.append(&JournalEntry::Signature(signature))?;
        crash_point("broker.revealed");
        let opened = Box::new(SignedReveal { reveal, proof });
        self.record(number, Event::Revealed { opened, message })
    }

    /// An offer that can be taken, with its seller's signature.
    pub fn signed_offer(&self, offer: &Digest) -> Option<SignedOffer> {
        self.offers.get(offer).cloned()
    }

    fn committed(&self, number: u64, bidder: Did) -> Option<&CommitTerms> {
        let mut entrants = self.tasks.get(&number)?.auction.entrants();
        entrants.find(|entrant| entrant.commit.bidder == bidder).map(|entrant| &entrant.commit)
    }

    /// The seat of an agent that keeps its own key.
    fn outsider(&self, did: Did) -> Result<&Seat, Error> {
        let seat = self.seats.get(did).filter(|seat| !seat.is_keyed());
        seat.ok_or_else(|| {
            let short = did.short();
            Error::Invalid(format!("{short} is no agent here that keeps its own key"))
        })
    }

    /// A consent in its two parts, when the ledger's keys of this party made it.
    fn consented(
        &self,
        party: Did,
        item: Digest,
        consent: &Proof,
    ) -> Result<(RootSignature, BatchProof), Error> {
        let invalid = |why: &str| {
            Error::Invalid(format!("the consent of {} does not hold: {why}", party.short()))
        };
        let known = self.ledger.read(|state| identity::query::identity(state, &party));
        let known = known.ok_or_else(|| invalid("the ledger does not know it"))?;
        if consent.signer != party {
            return Err(invalid("somebody else signed"));
        }
        let keys = known.identity.keys_for(consent.signer, consent.key_version);
        let keys = keys.map_err(|error| invalid(&error.to_string()))?;
        let split = consent.split(item);
        let (signature, proof) = split.ok_or_else(|| invalid("something else was signed"))?;
        let verified = signature.verify(keys, &HybridVerifier);
        verified.map_err(|error| invalid(&error.to_string()))?;
        Ok((signature, proof))
    }

    /// What stands behind sealed bids of an agent that are not opened yet.
    pub fn bonds_held(&self, bidder: Did) -> Amount {
        let sealed = self.tasks.values().filter(|task| !task.outside_bids.is_empty());
        let sealed = sealed.filter(|task| task.unopened().contains(&bidder));
        let bond = |task: &Task| self.committed(task.number, bidder).map(|commit| commit.bid_bond);
        sealed.filter_map(bond).sum()
    }

    /// Spares those whom nobody heard to the end: this node was down when revealing ended, or has
    /// their agent no more.
    pub(super) fn spare_unheard(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let was_up = self.since < task.auction.terms().reveal_until;
        for bidder in task.unopened() {
            let detail = match (was_up, self.outsider(bidder)) {
                (true, Ok(_)) => continue,
                (true, Err(_)) => "the node does not have it any more".to_owned(),
                (false, _) => "the node was down at the end of revealing".to_owned(),
            };
            self.record(number, Event::BondSpared { bidder, detail })?;
        }
        Ok(())
    }

    /// Has the ledger take the bonds of those who sealed a bid and did not open it.
    pub(super) fn take_bonds(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let id = task.id;
        let mut due = task.bonds_due();
        due.retain(|(commit, _)| !self.taking.contains(&(number, commit.bidder)));
        for (commit, proof) in due {
            let bidder = commit.bidder;
            if let Some(event) = self.ended_bond(id, &commit) {
                self.record(number, event)?;
                continue;
            }
            if self.now < commit.reveal_until {
                self.wake_at(commit.reveal_until, number);
                continue;
            }
            crash_point("broker.bond");
            let roots = proof.root(commit.digest()).into_iter().collect();
            let action = escrow::Action::ForfeitBidBond { commit, proof }.into();
            let step = TaskStep::TakeBonds;
            self.outbox.push(Posting { task: number, step, action, roots, agent: None });
            self.taking.insert((number, bidder));
        }
        Ok(())
    }

    /// What became of a bond, when the ledger has taken it or cannot take it any more.
    fn ended_bond(&self, id: TaskId, commit: &CommitTerms) -> Option<Event> {
        let bidder = commit.bidder;
        if let Some(amount) = self.bond_taken(id, bidder) {
            return Some(Event::BondTaken { bidder, amount });
        }
        let window = self.parameters.escrow.forfeit_window_ms;
        let found: Option<Escrow> = self.ledger.read(|state| escrow::query::escrow(state, &id));
        let why = match found {
            None => "the ledger does not remember the task",
            Some(_) if self.now > commit.reveal_until.plus(window) => "it was too late to take it",
            Some(_) => return None,
        };
        Some(Event::BondSpared { bidder, detail: why.to_owned() })
    }

    /// What the ledger took of a bidder's bond, by the bidder's record.
    fn bond_taken(&self, id: TaskId, bidder: Did) -> Option<Amount> {
        let (is_noted, record) = self.ledger.read(|state| {
            let is_noted = escrow::query::is_bond_forfeited(state, &id, &bidder);
            (is_noted, reputation::query::reputation(state, &bidder))
        });
        let of_task = |violation: &&Violation| match violation.reason {
            ViolationReason::BidNotRevealed { task } => task == id,
            _ => false,
        };
        // The note is forgotten after a while, and so is the record's oldest entry.
        let taken: Vec<Amount> =
            record.violations.iter().filter(of_task).map(|violation| violation.amount).collect();
        (is_noted || !taken.is_empty()).then(|| taken.into_iter().sum())
    }

    /// Takes note of what the ledger answered to the taking of a bond.
    pub(super) fn bond_answered(
        &mut self,
        posting: &Posting,
        outcome: &Outcome,
    ) -> Result<(), Error> {
        let Action::Escrow(escrow::Action::ForfeitBidBond { commit, .. }) = &posting.action else {
            return Ok(());
        };
        let (number, bidder) = (posting.task, commit.bidder);
        crash_point("broker.bond-taken");
        self.taking.remove(&(number, bidder));
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if !task.unopened().contains(&bidder) {
            return Ok(());
        }
        if let Some(event) = self.ended_bond(task.id, commit) {
            return self.record(number, event);
        }
        let refusal = match outcome {
            Outcome::Failed { error, .. } if !may_change(error) => one_line(&error.to_string()),
            _ => {
                // In no block, the ledger's clock is behind, or no stake is free now: nothing was
                // taken.
                self.resync |= matches!(outcome, Outcome::Rejected(_));
                let again = self.bond_again_at(number);
                self.wake_at(again, number);
                return Ok(());
            }
        };
        tracing::warn!(task = number, %bidder, refusal, "a bond is not taken");
        self.record(number, Event::BondSpared { bidder, detail: refusal })
    }

    fn bond_again_at(&mut self, number: u64) -> Timestamp {
        let count = self.rejections.entry(number).or_default();
        *count = (*count + 1).min(RETRY_DOUBLINGS_MAX);
        self.now.plus(DurationMs(RETRY_MS.0 << *count))
    }
}

/// What the ledger refuses now it may take later, until its window closes.
fn may_change(error: &TransactionError) -> bool {
    match error {
        TransactionError::Escrow(escrow::Error::StillRevealing(_)) => true,
        TransactionError::Escrow(escrow::Error::Reputation(error))
        | TransactionError::Reputation(error) => {
            matches!(error, reputation::Error::StakeUnavailable { .. })
        }
        _ => false,
    }
}
