//! A task and its lifecycle: a state machine without I/O (decision 3).
//!
//! [`Task::apply`] takes an event and gives the next state or refuses it; [`Task::next_step`] says
//! what a state waits for. Together they are `(state, event) → (state, effects)`, in a form that
//! makes recovery the ordinary case: after a crash the events are applied again and the same
//! question is asked of the state they lead to.
use ainur_crypto::batch::BatchProof;
use ainur_ledger::escrow::ServiceTerms;
use ainur_market::auction::{Auction, Award, NoAward, Transcript, award};
use ainur_market::negotiation::{NegotiatedTerms, NegotiationWish};
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::{
    Amount, ContentId, Did, Digest, FailureReason, Ppm, TaskId, TaskSpec, Timestamp, Venue,
};
use scale::{Decode, Encode};

use graph::PartAward;

use crate::event::{
    Announcement, Chunk, CreditTake, Idempotency, LedgerPosition, OfferTake, OutsideBuyer,
    RentalTake, SignedReveal, SignedThread,
};

pub mod agree;
pub mod apply;
pub mod call;
pub mod chunks;
pub mod graph;
pub mod history;
pub mod outside;
pub mod trace;

pub use apply::Illegal;
pub use chunks::AcceptedChunk;
pub use graph::{GraphProgress, PartOf};
pub use history::{HistoryEntry, HistoryKind};
pub use outside::{BidBond, OutsideBid};
pub use trace::{TaskSpan, TaskTrace};

/// One wish of one buyer, from call to receipt.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Its number on this node, from 1.
    pub number: u64,
    /// Where it stands.
    pub phase: Phase,
    /// What is wanted.
    pub spec: TaskSpec,
    /// The digest of what is wanted.
    pub call: Digest,
    /// Who pays.
    pub buyer: Did,
    /// Who runs the check and tells the ledger.
    pub verifier: Did,
    /// Where the buyer looks for a price.
    pub venue: Venue,
    /// What late work costs its seller.
    pub service: Option<ServiceTerms>,
    /// How the buyer negotiates, when it does.
    pub negotiation: Option<NegotiationWish>,
    /// Who speaks for the buyer in the negotiation, when that is somebody outside.
    pub outside: Option<OutsideBuyer>,
    /// What was said with it, each message in canonical form.
    pub spoken: Vec<Vec<u8>>,
    /// The rental that the buyer wants to use, when it named one.
    pub rental: Option<Digest>,
    /// The last negotiations, each to its end.
    pub threads: Vec<SignedThread>,
    /// Bids are taken until the end of committing, whoever has answered.
    pub held_open: bool,
    /// Agents that are or would be asked.
    pub invited: Vec<Did>,
    /// Agents that answered with no bid, and why.
    pub passed: Vec<(Did, String)>,
    /// The sealed bids.
    pub auction: Auction,
    /// The bidders' signatures over their commitments.
    pub commit_proofs: Vec<BatchProof>,
    /// Openings in this node's custody, used once commitments are closed.
    pub custody: Vec<SignedReveal>,
    /// The bidders' signatures over their opened bids.
    pub bid_proofs: Vec<BatchProof>,
    /// Bids of those who keep their own keys, and what became of their bonds.
    pub outside_bids: Vec<OutsideBid>,
    /// The closed auction.
    pub transcript: Option<Transcript>,
    /// Every attempt, the last one perhaps running.
    pub attempts: Vec<TaskAttempt>,
    /// Stored pieces of the running attempt's output.
    pub chunks: Vec<Chunk>,
    /// Chunks of the work that were accepted and paid, in order.
    pub accepted: Vec<AcceptedChunk>,
    /// The complete output and its length.
    pub output: Option<(ContentId, u64)>,
    /// What the buyer said, when it was asked.
    pub decision: Option<(bool, String)>,
    /// How the last check ended.
    pub verdict: Option<Verdict>,
    /// What its seller got, when that is neither the price nor nothing: less for late work, a fee
    /// for a cancellation.
    pub paid: Option<Amount>,
    /// Where the ledger ended it.
    pub closed_at: Option<LedgerPosition>,
    /// The receipt's entry in the transparency log.
    pub receipt_entry: Option<u64>,
    /// When it was announced.
    pub opened: Timestamp,
    /// When everything must have ended.
    pub deadline: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// When its output was complete.
    pub delivered: Option<Timestamp>,
    /// The buyer asked to stop.
    pub cancelled: bool,
    /// Why it ended as it did; empty when all went well.
    pub detail: String,
    /// The buyer's own key against doing it twice.
    pub idempotency: Option<Idempotency>,
    /// What tasks that belong together have in common.
    pub context: Option<String>,
    /// Its place in a distributed trace, when somebody follows it.
    pub trace: Option<TaskTrace>,
    /// The task it is a part of.
    pub part_of: Option<PartOf>,
    /// Its parts, once sellers were found for them.
    pub graph: Option<Box<GraphProgress>>,
    /// What has happened, for people.
    pub history: Vec<HistoryEntry>,
}

/// Where a task stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Phase {
    /// Sealed bids come in.
    Announced,
    /// Sealed bids are opened.
    Revealing,
    /// A winner is found; the ledger is asked to lock the money.
    Awarded,
    /// The money is locked and the attempt runs; of work in chunks, the next of them.
    Running,
    /// The output is complete and being checked.
    Delivered,
    /// The check said yes; the ledger is asked to pay.
    Accepted,
    /// The attempt failed; the ledger is told.
    Failing,
    /// The last attempt is closed; another bidder is sought.
    Rewarding,
    /// Nobody is left; the ledger is asked to return the money.
    Refunding,
    /// Paid.
    Settled,
    /// Returned.
    Refunded,
    /// Ended before money was locked.
    Unfunded,
}

impl Phase {
    /// Nothing more will happen to the money.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Settled | Self::Refunded | Self::Unfunded)
    }
}

/// One attempt at a task.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct TaskAttempt {
    /// From 1.
    pub number: u32,
    /// Who works.
    pub seller: Did,
    /// What it is paid when its work is accepted.
    pub price: Amount,
    /// Why it was chosen, and what its price follows from.
    pub basis: AwardBasis,
    /// Where the ledger agreed.
    pub agreed_at: Option<LedgerPosition>,
    /// Where the ledger took note of its failure.
    pub failed_at: Option<LedgerPosition>,
    /// Why it failed.
    pub failure: Option<(FailureReason, String)>,
    /// It ended because the buyer wanted no more of it.
    pub cancelled: bool,
    /// What failing cost the seller.
    pub slashed: Amount,
    /// Work that must not be done twice may have begun.
    pub begun: bool,
    /// How often another worker had to continue.
    pub resumed: u32,
    /// How many chunks were stored at the last time.
    pub resumed_at_chunk: u32,
}

/// Why a seller was chosen, and what its price follows from.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum AwardBasis {
    /// It won the auction.
    Auction,
    /// Its standing offer was taken.
    Offer(Box<OfferTake>),
    /// It is the first of those who won the auction of the task's graph; the task names them all.
    Graph,
    /// It does a part of a task graph.
    Part(PartAward),
    /// It owes the work for a credit that the buyer redeems; nothing is paid beside it.
    Credit(CreditTake),
    /// It was negotiated with.
    Negotiated(Box<NegotiatedDeal>),
    /// It rents out what the task uses; the period it counts in is what is paid.
    Rental(RentalTake),
}

/// What buyer and seller came to, and how.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct NegotiatedDeal {
    /// Everything said.
    pub thread: SignedThread,
    /// What was agreed.
    pub terms: NegotiatedTerms,
    /// The seller's signature over it.
    pub proof: BatchProof,
}

/// What a task waits for: the effect that leads to its next event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskStep {
    /// Ask the invited agents for sealed bids.
    GatherBids,
    /// Open the sealed bids.
    OpenBids,
    /// Find a winner among those who have not failed, or another offer.
    FindWinner,
    /// Have the ledger lock the money for attempt n.
    Agree(u32),
    /// Run attempt n from its first missing chunk.
    Execute(u32),
    /// Check the output of attempt n.
    Check(u32),
    /// Have the ledger pay attempt n.
    Settle(u32),
    /// Tell the ledger that attempt n failed.
    Fail(u32),
    /// Have the ledger return the money.
    Refund,
    /// Write the receipt into the transparency log.
    LogReceipt,
    /// Have the ledger take the bonds of those who sealed a bid and did not open it. While the task
    /// goes on, it is done beside its other steps.
    TakeBonds,
}

impl TaskAttempt {
    /// The ledger did not take the offer, so its seller has failed at nothing.
    pub fn is_refused_offer(&self) -> bool {
        matches!(self.basis, AwardBasis::Offer(_))
            && self.failure.is_some()
            && self.agreed_at.is_none()
    }

    /// What was negotiated was not valid any more when the ledger saw it, which is nobody's fault.
    pub fn has_lapsed(&self) -> bool {
        matches!(self.basis, AwardBasis::Negotiated(_))
            && self.agreed_at.is_none()
            && matches!(self.failure, Some((FailureReason::TimedOut, _)))
    }
}

impl Task {
    /// A task as it is announced.
    pub fn announced(
        number: u64,
        at: Timestamp,
        announcement: Announcement,
        auction: Auction,
    ) -> Self {
        let deadline = at.plus(announcement.spec.deadline_ms);
        Self {
            id: announcement.id,
            number,
            phase: Phase::Announced,
            spec: announcement.spec,
            call: announcement.call,
            buyer: announcement.buyer,
            verifier: announcement.verifier,
            venue: announcement.venue,
            service: announcement.service,
            negotiation: announcement.negotiation,
            outside: announcement.outside,
            spoken: Vec::new(),
            rental: announcement.rental,
            threads: Vec::new(),
            held_open: announcement.held_open,
            invited: announcement.invited,
            passed: Vec::new(),
            auction,
            commit_proofs: Vec::new(),
            custody: Vec::new(),
            bid_proofs: Vec::new(),
            outside_bids: Vec::new(),
            transcript: None,
            attempts: Vec::new(),
            chunks: Vec::new(),
            accepted: Vec::new(),
            output: None,
            decision: None,
            verdict: None,
            paid: None,
            closed_at: None,
            receipt_entry: None,
            opened: at,
            deadline,
            ended: None,
            delivered: None,
            cancelled: false,
            detail: String::new(),
            idempotency: announcement.idempotency,
            context: announcement.context,
            trace: announcement.trace,
            part_of: announcement.part_of,
            graph: None,
            history: Vec::new(),
        }
    }

    /// What the task waits for; nothing once it has ended and its receipt is logged.
    pub fn next_step(&self) -> Option<TaskStep> {
        let attempt = self.attempts.len() as u32;
        match self.phase {
            Phase::Announced => Some(TaskStep::GatherBids),
            Phase::Revealing => Some(TaskStep::OpenBids),
            Phase::Rewarding => Some(TaskStep::FindWinner),
            Phase::Awarded => Some(TaskStep::Agree(attempt)),
            Phase::Running => Some(TaskStep::Execute(attempt)),
            Phase::Delivered => Some(TaskStep::Check(attempt)),
            Phase::Accepted => Some(TaskStep::Settle(attempt)),
            Phase::Failing => Some(TaskStep::Fail(attempt)),
            Phase::Refunding => Some(TaskStep::Refund),
            Phase::Settled | Phase::Refunded
                if self.receipt_entry.is_none() && self.part_of.is_none() =>
            {
                Some(TaskStep::LogReceipt)
            }
            Phase::Settled | Phase::Refunded if self.has_bonds_due() => Some(TaskStep::TakeBonds),
            Phase::Settled | Phase::Refunded | Phase::Unfunded => None,
        }
    }

    /// The attempt that runs or ran last.
    pub fn attempt(&self) -> Option<&TaskAttempt> {
        self.attempts.last()
    }

    /// Bidders that may not win any more, because an attempt of theirs failed.
    pub fn excluded(&self) -> Vec<Did> {
        let mut failed: Vec<Did> = self
            .attempts
            .iter()
            .filter(|attempt| {
                attempt.failure.is_some() && !attempt.is_refused_offer() && !attempt.has_lapsed()
            })
            .map(|attempt| attempt.seller)
            .collect();
        failed.sort_unstable();
        failed.dedup();
        failed
    }

    /// The last attempt failed where nobody can say how much of it was done, and it must not be
    /// done twice: nobody else may try.
    pub fn has_unknown_outcome(&self) -> bool {
        self.attempt().is_some_and(|attempt| {
            let reason = attempt.failure.as_ref().map(|(reason, _)| *reason);
            attempt.begun && reason == Some(FailureReason::Infrastructure)
        })
    }

    /// Replays the transcript without those who failed.
    ///
    /// # Errors
    /// When nobody is eligible (any more), or the auction is not closed.
    pub fn award(&self) -> Result<Award, NoAward> {
        let transcript = self.transcript.as_ref().ok_or(NoAward::NoBid)?;
        award(transcript, &self.excluded())
    }

    /// Some money is or was locked for it.
    pub fn is_funded(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.agreed_at.is_some())
    }

    /// The number the ledger gives the current attempt: it counts only those it agreed to.
    pub fn ledger_attempt(&self) -> u32 {
        let earlier = self.attempts.len().saturating_sub(1);
        1 + self.attempts[..earlier].iter().filter(|a| a.agreed_at.is_some()).count() as u32
    }

    /// The signature of `bidder` over its opened bid.
    pub fn bid_proof(&self, bidder: Did) -> Option<&BatchProof> {
        self.bid_proofs.iter().find(|proof| proof.signer == bidder)
    }

    /// Owners of agents may bid for it while its call is open.
    pub fn takes_bids(&self) -> bool {
        !matches!(self.venue, Venue::Negotiation | Venue::Credit | Venue::Rental)
            && self.spec.graph.is_none()
            && self.part_of.is_none()
    }

    /// Every invited agent that may still win has committed or passed, and nobody else is waited
    /// for.
    pub fn all_answered(&self) -> bool {
        let excluded = self.excluded();
        let has_answered = |did: &Did| {
            excluded.contains(did)
                || self.passed.iter().any(|(who, _)| who == did)
                || self.auction.entrants().any(|entrant| entrant.commit.bidder == *did)
        };
        !self.held_open && self.invited.iter().all(has_answered)
    }

    /// The ledger refused an offer that was taken: whatever was wrong with it may be wrong with
    /// others too.
    pub fn has_refused_offer(&self) -> bool {
        self.attempts.iter().any(TaskAttempt::is_refused_offer)
    }

    /// Its sellers come from an auction; from standing offers otherwise, as long as they last.
    pub fn is_called(&self) -> bool {
        self.transcript.is_some() || self.phase != Phase::Rewarding
    }

    /// The standing offer it runs under.
    pub fn offer(&self) -> Option<&OfferTake> {
        match &self.attempt()?.basis {
            AwardBasis::Offer(take) => Some(take),
            _ => None,
        }
    }

    /// The buyer ended the attempt under terms by which that costs it something.
    pub fn is_cancelled_for_fee(&self) -> bool {
        self.attempt().is_some_and(|attempt| attempt.cancelled)
            && self.offer().is_some_and(|take| take.offer.terms.cancellation.fee > Ppm::ZERO)
    }

    /// What its seller got, or will.
    pub fn payment(&self) -> Amount {
        let price = || self.attempt().map_or(Amount::ZERO, |attempt| attempt.price);
        if let Some(graph) = &self.graph {
            return graph.paid();
        }
        match (self.paid, self.phase) {
            (Some(paid), _) => paid,
            (None, _) if self.is_chunked() => self.paid_for_chunks(),
            (None, Phase::Settled) => price(),
            (None, _) => Amount::ZERO,
        }
    }

    /// The credit it is paid with.
    pub fn credit(&self) -> Option<&CreditTake> {
        match &self.attempt()?.basis {
            AwardBasis::Credit(take) => Some(take),
            _ => None,
        }
    }

    /// The rental it is a use of.
    pub fn rented(&self) -> Option<&RentalTake> {
        match &self.attempt()?.basis {
            AwardBasis::Rental(take) => Some(take),
            _ => None,
        }
    }

    /// No money is locked for it by itself: it was paid for before, or will be with others.
    pub fn is_prepaid(&self) -> bool {
        self.credit().is_some() || self.rented().is_some()
    }

    /// What failed work that was paid with a credit brought the buyer: the collateral, unless it
    /// has its credit again.
    pub fn compensated(&self) -> Amount {
        let failure = self.attempt().and_then(|attempt| attempt.failure.as_ref());
        let reason = failure.map_or(FailureReason::TimedOut, |(reason, _)| *reason);
        match (self.credit(), reason) {
            (None, _) | (_, FailureReason::Infrastructure | FailureReason::BuyerRefused) => {
                Amount::ZERO
            }
            (Some(take), _) => take.collateral,
        }
    }
}
