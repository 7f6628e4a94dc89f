//! CoalitionBid: the bid of several agents together, opened by the one that leads them.
use ainur_crypto::{Proof, PublicKeys, Verifier};
use ainur_primitives::{
    Amount, CapabilityName, CoalitionId, Did, Digest, DurationMs, PenaltyClause, Ppm, QualityLevel,
    SharingMethod, TaskId, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::bid::BundleBid;
use super::{Body, MessageType, exact, probability};
use crate::canonical;
use crate::envelope::Envelope;
use crate::error::Error;
use crate::extensions::Extensions;
use crate::limits::{COALITION_AGENTS_MAX, COALITION_CLAUSES_MAX};

/// A coalition's opened bid, in reply to its lead's commitment.
///
/// Whether its numbers add up for the job is the market's to say, which makes its terms of the
/// fields; their digest has to be `terms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoalitionBid {
    /// What the lead loses when it does not reveal; as committed.
    pub bid_bond: Amount,
    /// Everything the lead's sealed bid offers, when that is more than the coalition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bundles: Vec<BundleBid>,
    /// Which coalition.
    pub coalition_id: CoalitionId,
    /// How sure the coalition is to deliver.
    pub confidence: Ppm,
    /// One signature over `terms` of every member and every backup, ascending by signer.
    #[serde(serialize_with = "canonical::proofs")]
    pub consents: Vec<Proof>,
    /// What is done after what.
    pub execution_plan: CoalitionPlan,
    /// What happens when a member fails.
    pub failure_handling: CoalitionFailure,
    /// The member that bids for all: the sender.
    pub lead_agent: Did,
    /// Who does what.
    pub members: Vec<MemberBid>,
    /// Who gets how much.
    pub profit_sharing: MemberShares,
    /// The quality offered.
    pub quality_level: QualityLevel,
    /// The 32 random bytes of the commitment.
    pub salt: Digest,
    /// The task bid on.
    pub task: TaskId,
    /// Digest of the coalition's terms: what everybody in it signed.
    pub terms: Digest,
    /// What the coalition asks for accepted work.
    pub total_bid: Amount,
    /// The bid can be accepted until then.
    pub valid_until: Timestamp,
    /// Optional fields.
    #[serde(flatten)]
    pub extensions: Extensions,
}

/// What is done after what, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoalitionPlan {
    /// When the last part is done, counted from the beginning of the job.
    pub estimated_completion_ms: DurationMs,
    /// The coalition's subtasks; those of one stage are done at the same time.
    pub parallel_stages: Vec<Vec<u16>>,
    /// Digest of the job's task graph.
    pub task_graph: Digest,
}

/// What happens when a member fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoalitionFailure {
    /// Who takes over which subtask, and for how much.
    pub backup_agents: Vec<MemberBid>,
    /// What members give up of their shares at most to pay a dearer backup.
    pub insurance_pool: Amount,
    /// What a failed member loses of its bond.
    pub penalty_clauses: Vec<PenaltyClause>,
}

/// An agent with its subtask and what it asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberBid {
    /// Who.
    pub agent: Did,
    /// The subtask's index in the task graph.
    pub allocated_subtask: u16,
    /// The least it takes part for.
    pub bid_amount: Amount,
    /// What it has at stake.
    pub bond: Amount,
    /// With which of its capabilities.
    pub capability: CapabilityName,
    /// Digest of the agent card whose contract it will fulfil.
    pub card: Digest,
    /// How long it expects to take.
    pub estimated_duration_ms: DurationMs,
}

/// Who gets how much of the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberShares {
    /// The rule the shares come from.
    pub distribution_method: SharingMethod,
    /// One for each member, in the order of members.
    pub member_shares: Vec<Amount>,
    /// By what a price above the total is divided, one for each member; in proportion to the shares
    /// when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surplus_weights: Vec<u32>,
}

impl CoalitionBid {
    /// Everyone whose consent it needs, ascending and each once: members and backups.
    pub fn signers(&self) -> Vec<Did> {
        let all = self.members.iter().chain(&self.failure_handling.backup_agents);
        let mut signers: Vec<Did> = all.map(|member| member.agent).collect();
        signers.sort_unstable();
        signers.dedup();
        signers
    }
}

impl Envelope<CoalitionBid> {
    /// Checks that the sender leads the coalition and that everybody in it consents, with keys
    /// found by signer and key version. The sender's own signature over the message is
    /// [`Envelope::verify`]'s.
    ///
    /// # Errors
    /// The first consent that does not hold, or whose signer's keys nobody knows.
    pub fn verify_consents(
        &self,
        keys: impl Fn(&Did, u32) -> Option<PublicKeys>,
        verifier: &impl Verifier,
    ) -> Result<(), Error> {
        let (from, body) = (self.header().from, self.body());
        if body.lead_agent != from {
            return Err(Error::OtherSigner { from, signer: body.lead_agent });
        }
        for consent in &body.consents {
            let signer = consent.signer;
            let keys = keys(&signer, consent.key_version).ok_or(Error::UnknownKeys { signer })?;
            consent.verify(body.terms, &keys, verifier)?;
        }
        Ok(())
    }
}

impl Body for CoalitionBid {
    const TYPE: MessageType = MessageType::CoalitionBid;

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn validate(&self, created: Timestamp) -> Result<(), Error> {
        let backups = &self.failure_handling.backup_agents;
        if !(1..=COALITION_AGENTS_MAX).contains(&self.members.len()) {
            return Err(Error::field("members", "a coalition has 1 to 64 members"));
        }
        if backups.len() > COALITION_AGENTS_MAX {
            return Err(Error::field("failure_handling.backup_agents", "at most 64 backups"));
        }
        if self.failure_handling.penalty_clauses.len() > COALITION_CLAUSES_MAX {
            return Err(Error::field("failure_handling.penalty_clauses", "at most 16 clauses"));
        }
        BundleBid::validate(&self.bundles)?;
        for member in self.members.iter().chain(backups) {
            exact("estimated_duration_ms", member.estimated_duration_ms.0)?;
        }
        for clause in &self.failure_handling.penalty_clauses {
            probability("failure_handling.penalty_clauses.penalty", clause.penalty)?;
        }
        exact(
            "execution_plan.estimated_completion_ms",
            self.execution_plan.estimated_completion_ms.0,
        )?;
        let planned: usize = self.execution_plan.parallel_stages.iter().map(Vec::len).sum();
        let stages = self.execution_plan.parallel_stages.len();
        if planned != self.members.len() || stages > planned {
            let problem = "each member's subtask is in one stage, and no stage is empty";
            return Err(Error::field("execution_plan.parallel_stages", problem));
        }
        if self.profit_sharing.member_shares.len() != self.members.len() {
            return Err(Error::field("profit_sharing.member_shares", "one for each member"));
        }
        let weights = self.profit_sharing.surplus_weights.len();
        if weights != 0 && weights != self.members.len() {
            return Err(Error::field("profit_sharing.surplus_weights", "one for each member"));
        }
        if !self.members.iter().any(|member| member.agent == self.lead_agent) {
            return Err(Error::field("lead_agent", "the lead is one of the members"));
        }
        let consenting = self.consents.iter().map(|consent| consent.signer);
        if !consenting.eq(self.signers()) {
            let problem = "one of every member and backup, ascending by signer";
            return Err(Error::field("consents", problem));
        }
        probability("confidence", self.confidence)?;
        if self.valid_until <= created {
            return Err(Error::field("valid_until", "the bid could not be accepted any more"));
        }
        Ok(())
    }
}
