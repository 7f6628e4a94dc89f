//! What the members of a coalition agree on: one document with one digest that all of them sign.
use alloc::vec::Vec;

use ainur_crypto::hash;
use ainur_primitives::{
    Amount, CapabilityName, CoalitionId, Did, Digest, DurationMs, PenaltyCause, PenaltyClause, Ppm,
    QualityLevel, SharingMethod, TaskGraph, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::sharing::apportion;
use crate::combinatorial::{Bundle, BundleBidTerms};

/// A coalition's bid and the agreement behind it.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct CoalitionTerms {
    /// Which coalition.
    pub id: CoalitionId,
    /// The task bid on.
    pub task: TaskId,
    /// The member that bids for all.
    pub lead: Did,
    /// Who does what, ascending by subtask; an agent that does several subtasks stands here for
    /// each of them.
    pub members: Vec<CoalitionMember>,
    /// What the coalition asks for all of it.
    pub total: Amount,
    /// What is done after what, and until when.
    pub plan: ExecutionPlan,
    /// Who gets how much.
    pub sharing: ProfitSharing,
    /// What happens when a member fails.
    pub failure: FailureHandling,
    /// The bid can be accepted until then.
    pub valid_until: Timestamp,
}

/// An agent with its subtask and what it asks for it; a member, or a backup for one.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct CoalitionMember {
    /// Who.
    pub agent: Did,
    /// Digest of the agent card whose contract it will fulfil.
    pub card: Digest,
    /// With which of its capabilities.
    pub capability: CapabilityName,
    /// The subtask's index in the graph.
    pub subtask: u16,
    /// The least it takes part for.
    pub bid: Amount,
    /// How long it expects to take.
    pub estimated_duration_ms: DurationMs,
    /// What it has at stake.
    pub bond: Amount,
}

/// What is done after what, and until when.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ExecutionPlan {
    /// The [`graph_digest`] of the job.
    pub graph: Digest,
    /// The coalition's subtasks in stages; those of one stage are done at the same time.
    pub stages: Vec<Vec<u16>>,
    /// When the last of them is done, counted from the beginning of the job.
    pub estimated_completion_ms: DurationMs,
}

/// Who gets how much of the total.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ProfitSharing {
    /// The rule the shares come from.
    pub method: SharingMethod,
    /// One share for each member, in the order of members; together the total.
    pub member_shares: Vec<Amount>,
    /// By what a price above the total is divided, one weight for each member: what the rule gave
    /// when the coalition was formed. In proportion to the shares when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surplus_weights: Vec<u32>,
}

/// What happens when a member fails.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct FailureHandling {
    /// Who takes over which subtask, and for how much; ascending by subtask, and for one subtask
    /// in the order in which they are asked.
    pub backups: Vec<CoalitionMember>,
    /// What members give up of their shares, at most and never below their own bids, to pay a
    /// backup that asks more than the failed member's share. It is withheld from what they are paid
    /// ([`CoalitionTerms::withheld`]) until the job ends.
    pub insurance_pool: Amount,
    /// What a member that fails or is late pays, in shares of the bond stated for it. It comes out
    /// of what the member pledges for that ([`Self::pledge`]), and on top of what failing costs
    /// anyway.
    pub penalty_clauses: Vec<PenaltyClause>,
}

/// The digest that names a task graph.
pub fn graph_digest(graph: &TaskGraph) -> Digest {
    hash::tagged("ainur/task-graph/v1", &[&graph.encode()])
}

impl CoalitionTerms {
    /// What the signature of every member and backup covers.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/coalition-terms/v1", &[&self.encode()])
    }

    /// How the coalition takes part in the auction of the job: its lead bids, for all of its
    /// subtasks or nothing, and what stands for its card is the digest of these terms.
    pub fn bid(
        &self,
        bid_bond: Amount,
        confidence: Ppm,
        quality_level: QualityLevel,
    ) -> BundleBidTerms {
        let longest = self.members.iter().map(|member| member.estimated_duration_ms).max();
        let bundle = Bundle {
            subtasks: self.members.iter().map(|member| usize::from(member.subtask)).collect(),
            price: self.total,
            estimated_duration_ms: longest.unwrap_or_default(),
        };
        BundleBidTerms {
            task: self.task,
            bidder: self.lead,
            bundles: [bundle].into(),
            bid_bond,
            confidence,
            quality_level,
            card: self.digest(),
            valid_until: self.valid_until,
        }
    }

    /// The members' bids, in the order of members.
    pub fn bids(&self) -> Vec<Amount> {
        self.members.iter().map(|member| member.bid).collect()
    }

    /// Everyone whose consent the terms need, ascending and each once: members and backups.
    pub fn signers(&self) -> Vec<Did> {
        let all = self.members.iter().chain(&self.failure.backups);
        let mut signers: Vec<Did> = all.map(|member| member.agent).collect();
        signers.sort_unstable();
        signers.dedup();
        signers
    }

    /// The same agreement when the coalition is paid this price, at least the total: what is above
    /// the total is divided by the weights agreed on ([`apportion`]). `None` for less.
    pub fn at_price(&self, price: Amount) -> Option<Self> {
        let above = price.checked_sub(self.total)?;
        let ProfitSharing { member_shares, surplus_weights, .. } = &self.sharing;
        let weights: Vec<u128> = match surplus_weights.is_empty() {
            true => member_shares.iter().map(|share| share.0).collect(),
            false => surplus_weights.iter().map(|weight| u128::from(*weight)).collect(),
        };
        if weights.len() != member_shares.len() {
            return None;
        }
        let mut terms = self.clone();
        terms.total = price;
        for (share, more) in terms.sharing.member_shares.iter_mut().zip(apportion(above, &weights))
        {
            *share = share.checked_add(more)?;
        }
        Some(terms)
    }
}

impl CoalitionTerms {
    /// What is withheld from each member until the job ends, in the order of members: together the
    /// insurance pool, or all that the shares are above bids when that is less, in proportion to
    /// that.
    pub fn withheld(&self) -> Vec<Amount> {
        let paired = self.members.iter().zip(&self.sharing.member_shares);
        let spare: Vec<u128> =
            paired.map(|(member, share)| share.saturating_sub(member.bid).0).collect();
        let all = spare.iter().fold(0, |all: u128, spare| all.saturating_add(*spare));
        let pool = self.failure.insurance_pool.min(Amount(all));
        if pool.is_zero() {
            // Nothing to divide is not divided equally.
            return spare.iter().map(|_| Amount::ZERO).collect();
        }
        apportion(pool, &spare)
    }
}

impl FailureHandling {
    /// The most that the clauses can cost a member for whom this bond is stated: what it pledges.
    /// It fails or is late, never both, so the dearer of the two counts.
    pub fn pledge(&self, bond: Amount) -> Amount {
        let all = |cause: PenaltyCause| -> Amount {
            let clauses = self.penalty_clauses.iter().filter(|clause| clause.cause == cause);
            clauses.map(|clause| bond.share_floor(clause.penalty)).sum()
        };
        all(PenaltyCause::Failed).max(all(PenaltyCause::Late))
    }

    /// The same as a share of any bond, before rounding.
    pub fn pledge_share(&self) -> Ppm {
        let all = |cause: PenaltyCause| {
            let clauses = self.penalty_clauses.iter().filter(|clause| clause.cause == cause);
            clauses.fold(0, |all: u32, clause| all.saturating_add(clause.penalty.0))
        };
        Ppm(all(PenaltyCause::Failed).max(all(PenaltyCause::Late)))
    }
}

impl ExecutionPlan {
    /// The plan in which each member's subtask is done in the earliest stage it can be in and what
    /// the coalition does not do takes as long as it may.
    pub fn earliest(graph: &TaskGraph, members: &[CoalitionMember]) -> Self {
        let covered = subtasks_of(members);
        let stages = graph.stages().into_iter().map(|stage| {
            stage.into_iter().filter(|subtask| covered & bit(*subtask) != 0).collect::<Vec<_>>()
        });
        Self {
            graph: graph_digest(graph),
            stages: stages.filter(|stage| !stage.is_empty()).collect(),
            estimated_completion_ms: critical_path(graph, members),
        }
    }
}

/// One subtask as a set.
pub(super) const fn bit(subtask: u16) -> u64 {
    match 1_u64.checked_shl(subtask as u32) {
        Some(bit) => bit,
        None => 0,
    }
}

/// The subtasks the members do.
pub(super) fn subtasks_of(members: &[CoalitionMember]) -> u64 {
    members.iter().fold(0, |set, member| set | bit(member.subtask))
}

/// Each subtask with all it needs, directly or not.
pub(super) fn needs_closure(graph: &TaskGraph) -> Vec<u64> {
    let mut closure: Vec<u64> = Vec::with_capacity(graph.subtasks.len());
    for subtask in &graph.subtasks {
        let needed = subtask.needs.iter().fold(0, |set, need| {
            set | bit(*need) | closure.get(usize::from(*need)).copied().unwrap_or(0)
        });
        closure.push(needed);
    }
    closure
}

/// When the last of the members' subtasks is done at the earliest, counted from the beginning of
/// the job; what they need and others do takes as long as it may.
pub(super) fn critical_path(graph: &TaskGraph, members: &[CoalitionMember]) -> DurationMs {
    let covered = subtasks_of(members);
    let closure = needs_closure(graph);
    let needed = members.iter().fold(covered, |set, member| {
        set | closure.get(usize::from(member.subtask)).copied().unwrap_or(0)
    });
    graph.makespan(|index| {
        let member = members.iter().find(|member| usize::from(member.subtask) == index);
        match member {
            Some(member) => member.estimated_duration_ms,
            None if needed & bit(index as u16) != 0 => graph.subtasks[index].duration_ms_max,
            // Nobody in the coalition waits for it.
            None => DurationMs(0),
        }
    })
}
