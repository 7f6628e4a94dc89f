//! The receipt of a job: one buyer and one escrow, but several sellers, each of whose parts of the
//! task graph was awarded, checked and paid by itself.
//!
//! What the ledger proves beyond what it proves of a simple task: who was bound to which subtask at
//! which price, who took over from whom, and what each part was paid for. What follows from the
//! transcript: who won what, and what each was paid for it. What is the issuer's word: that a
//! substitute which bid for itself was the best one then (who was still at work, and so could not
//! be asked, is not in the receipt; that its price is between its bid and the subtask's reserve
//! is), that nobody of the first auction was left when a part was called for again, alone, why a
//! part was stopped, and that several outputs together are the job's. Who won such a call and at
//! what price follows from its transcript.
use ainur_crypto::Proof;
use ainur_market::auction::Transcript;
use ainur_market::coalition::{COALITION_BACKUPS_MAX, COALITION_MEMBERS_MAX, CoalitionTerms};
use ainur_market::combinatorial::CombinatorialTranscript;
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::graph::Subtask;
use ainur_primitives::{Amount, Did, Digest, FailureReason, Ppm, TaskSpec};
use scale::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{AcceptedOutput, EventPlace, LedgerEvent};

/// The most parts of one job.
pub const JOB_PARTS_MAX: usize = ainur_primitives::graph::SUBTASKS_MAX;
/// The most awards of one part: nobody gets it twice, and only bidders in the job's auction or in
/// the call for the part alone, and the backups of one coalition, can get it.
pub const PART_ATTEMPTS_MAX: usize = 2 * super::BIDS_MAX + COALITION_BACKUPS_MAX;
/// The most coalitions one receipt shows: as many as there are parts that each could win.
pub const COALITIONS_MAX: usize = JOB_PARTS_MAX;
/// The most signatures under the terms of one coalition.
pub const COALITION_SIGNERS_MAX: usize = COALITION_MEMBERS_MAX + COALITION_BACKUPS_MAX;

/// Who did which part of a task graph, for how much and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobRecord {
    /// The auction of all parts: why these sellers and these prices.
    pub transcript: CombinatorialTranscript,
    /// The bidders' signatures over the bids they opened, in the order of the transcript.
    pub bids: Vec<Proof>,
    /// Coalitions that bid; those that won among them.
    pub coalitions: Vec<CoalitionRecord>,
    /// The ledger's event that bound all first sellers.
    pub agreed: LedgerEvent,
    /// What came of each subtask of the graph, ascending.
    pub parts: Vec<PartRecord>,
}

/// A coalition that bid through its lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoalitionRecord {
    /// What its members and backups agreed on.
    pub terms: CoalitionTerms,
    /// Their signatures, in the order of [`CoalitionTerms::signers`].
    pub proofs: Vec<Proof>,
}

/// What came of one subtask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartRecord {
    /// Its index in the graph.
    pub subtask: u16,
    /// Every award of it, in order.
    pub attempts: Vec<PartAttempt>,
    /// What was delivered and accepted; none when nothing was.
    pub output: Option<AcceptedOutput>,
    /// How the last check ended; none when nothing was checked.
    pub verdict: Option<Verdict>,
    /// The ledger's event that paid it; none when it was not paid, or not known where the event is.
    pub settled: Option<LedgerEvent>,
    /// The call for it alone, when somebody was awarded it by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<PartCallRecord>,
}

/// A call for one part of a job alone, held when nobody of the job's auction could do it any more.
/// The story names it by its digest, with whom it made a seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartCallRecord {
    /// The closed auction.
    pub transcript: Transcript,
    /// The bidders' signatures over the bids they opened, in the order of the transcript.
    pub bids: Vec<Proof>,
}

/// One award of a subtask, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartAttempt {
    /// Who was to work.
    pub seller: Did,
    /// For how much.
    pub price: Amount,
    /// Why this seller and this price.
    pub basis: PartBasis,
    /// The ledger's event that put this seller in another's place. None for the first, whom the
    /// job's agreement binds, for one the ledger refused, or when it is not known where it is.
    pub agreed: Option<LedgerEvent>,
    /// What came of it.
    pub end: PartEnd,
}

/// Why a seller got a subtask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PartBasis {
    /// A bundle of its own bid won.
    Bundle {
        /// Which of the bundles.
        bundle: u16,
    },
    /// It is a member of a coalition that won.
    Coalition {
        /// Which of the receipt's coalitions.
        coalition: u16,
    },
    /// It stands by for a coalition's member that failed.
    Backup {
        /// Which of the receipt's coalitions.
        coalition: u16,
        /// Which of the coalition's backups.
        backup: u16,
    },
    /// Its bid won a call for this part alone.
    Call {
        /// The digest of the call's transcript.
        transcript: Digest,
    },
}

/// What came of an award of a subtask; events are told in full, or by where they are.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PartEnd<E = LedgerEvent> {
    /// The work was accepted and paid.
    Settled,
    /// The seller failed.
    Failed {
        /// Why.
        reason: FailureReason,
        /// The ledger's event that says so, when it is shown.
        event: Option<Box<E>>,
    },
    /// The ledger did not bind the substitute, as when it lacks the bond.
    Refused {
        /// One line for people.
        detail: String,
    },
    /// It never began or was stopped, because another part of the job failed: no fault, no pay.
    Stopped,
}

/// A job as the story tells it.
#[derive(Debug, Encode)]
pub struct StoryJob<'a> {
    /// The auction, by the digest of its transcript.
    pub transcript: Digest,
    /// The coalitions, by the digests of their terms.
    pub coalitions: Vec<Digest>,
    /// The event that bound all first sellers.
    pub agreed: EventPlace,
    /// What came of each subtask.
    pub parts: Vec<StoryPart<'a>>,
}

/// A subtask as the story tells it.
#[derive(Debug, Encode)]
pub struct StoryPart<'a> {
    /// Its index in the graph.
    pub subtask: u16,
    /// Every award of it, in order.
    pub attempts: Vec<StoryPartAttempt>,
    /// What was delivered and accepted.
    pub output: Option<AcceptedOutput>,
    /// How the last check ended.
    pub verdict: Option<&'a Verdict>,
    /// The event that paid it.
    pub settled: Option<EventPlace>,
}

/// An award of a subtask as the story tells it.
#[derive(Debug, Encode)]
pub struct StoryPartAttempt {
    /// Who was to work.
    pub seller: Did,
    /// For how much.
    pub price: Amount,
    /// Why.
    pub basis: PartBasis,
    /// The event that put this seller in another's place.
    pub agreed: Option<EventPlace>,
    /// What came of it.
    pub end: PartEnd<EventPlace>,
}

/// What the failure of one subtask would cost the buyer: its share of the task's loss by reserve,
/// rounded up. The call for the job says so, and scored selection weighs it.
pub fn subtask_loss(whole: &TaskSpec, subtask: &Subtask) -> Amount {
    whole.loss.share_ceil(Ppm::ratio(subtask.reserve.0, whole.reserve.0.max(1)))
}

impl<E> PartEnd<E> {
    /// The same with another way to tell its event.
    pub fn map<F>(self, tell: impl FnOnce(E) -> F) -> PartEnd<F> {
        match self {
            Self::Settled => PartEnd::Settled,
            Self::Failed { reason, event } => {
                PartEnd::Failed { reason, event: event.map(|event| Box::new(tell(*event))) }
            }
            Self::Refused { detail } => PartEnd::Refused { detail },
            Self::Stopped => PartEnd::Stopped,
        }
    }
}

impl JobRecord {
    /// What it says.
    pub fn told(&self) -> StoryJob<'_> {
        StoryJob {
            transcript: self.transcript.digest(),
            coalitions: self.coalitions.iter().map(|record| record.terms.digest()).collect(),
            agreed: self.agreed.place(),
            parts: self.parts.iter().map(PartRecord::told).collect(),
        }
    }

    /// What is counted in it: of what, how many there are, and how many there may be.
    pub(super) fn counts(&self) -> Vec<(&'static str, usize, usize)> {
        let most = |counts: &mut dyn Iterator<Item = usize>| counts.max().unwrap_or(0);
        let attempts = most(&mut self.parts.iter().map(|part| part.attempts.len()));
        let signers = most(&mut self.coalitions.iter().map(|record| record.proofs.len()));
        let calls = self.parts.iter().filter_map(|part| part.call.as_ref());
        let called = most(&mut calls.map(|call| call.bids.len()));
        vec![
            ("parts", self.parts.len(), JOB_PARTS_MAX),
            ("attempts at one part", attempts, PART_ATTEMPTS_MAX),
            ("bids", self.bids.len(), super::BIDS_MAX),
            ("bids on one part alone", called, super::BIDS_MAX),
            ("coalitions", self.coalitions.len(), COALITIONS_MAX),
            ("members and backups of one coalition", signers, COALITION_SIGNERS_MAX),
        ]
    }
}

impl PartRecord {
    /// What it says.
    pub fn told(&self) -> StoryPart<'_> {
        StoryPart {
            subtask: self.subtask,
            attempts: self.attempts.iter().map(PartAttempt::told).collect(),
            output: self.output,
            verdict: self.verdict.as_ref(),
            settled: self.settled.as_ref().map(LedgerEvent::place),
        }
    }

    /// The award that was paid.
    pub fn paid(&self) -> Option<&PartAttempt> {
        self.attempts.last().filter(|attempt| attempt.end == PartEnd::Settled)
    }
}

impl PartAttempt {
    /// What it says.
    pub fn told(&self) -> StoryPartAttempt {
        StoryPartAttempt {
            seller: self.seller,
            price: self.price,
            basis: self.basis,
            agreed: self.agreed.as_ref().map(LedgerEvent::place),
            end: self.end.clone().map(|event| event.place()),
        }
    }
}

impl StoryPart<'_> {
    /// True when it was accepted and paid.
    pub fn is_settled(&self) -> bool {
        self.attempts.last().is_some_and(|last| last.end == PartEnd::Settled)
    }
}
