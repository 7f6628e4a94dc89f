//! Bids of coalitions.
use ainur_crypto::Proof;
use ainur_market::coalition::{
    CoalitionMember, CoalitionTerms, ExecutionPlan, FailureHandling, ProfitSharing,
};
use ainur_market::combinatorial::BundleBidTerms;
use ainur_primitives::Digest;
use ainur_protocol::{
    CoalitionBid, CoalitionFailure, CoalitionPlan, Extensions, MemberBid, MemberShares,
};

use super::bid::{bundle, written_bundle};

/// A coalition's bid as its lead says it: what all agreed to with everybody's consent, and all that
/// the lead's sealed bid offers.
pub fn written_coalition(
    terms: &CoalitionTerms,
    consents: Vec<Proof>,
    lead: &BundleBidTerms,
    salt: Digest,
) -> CoalitionBid {
    CoalitionBid {
        bid_bond: lead.bid_bond,
        bundles: lead.bundles.iter().map(written_bundle).collect(),
        coalition_id: terms.id,
        confidence: lead.confidence,
        consents,
        execution_plan: CoalitionPlan {
            estimated_completion_ms: terms.plan.estimated_completion_ms,
            parallel_stages: terms.plan.stages.clone(),
            task_graph: terms.plan.graph,
        },
        failure_handling: CoalitionFailure {
            backup_agents: terms.failure.backups.iter().map(written_member).collect(),
            insurance_pool: terms.failure.insurance_pool,
            penalty_clauses: terms.failure.penalty_clauses.clone(),
        },
        lead_agent: terms.lead,
        members: terms.members.iter().map(written_member).collect(),
        profit_sharing: MemberShares {
            distribution_method: terms.sharing.method,
            member_shares: terms.sharing.member_shares.clone(),
            surplus_weights: terms.sharing.surplus_weights.clone(),
        },
        quality_level: lead.quality_level,
        salt,
        task: terms.task,
        terms: terms.digest(),
        total_bid: terms.total,
        valid_until: terms.valid_until,
        extensions: Extensions::default(),
    }
}

/// What members and backups of a coalition have agreed to.
pub fn coalition_terms(bid: &CoalitionBid) -> CoalitionTerms {
    CoalitionTerms {
        id: bid.coalition_id,
        task: bid.task,
        lead: bid.lead_agent,
        members: bid.members.iter().map(member).collect(),
        total: bid.total_bid,
        plan: ExecutionPlan {
            graph: bid.execution_plan.task_graph,
            stages: bid.execution_plan.parallel_stages.clone(),
            estimated_completion_ms: bid.execution_plan.estimated_completion_ms,
        },
        sharing: ProfitSharing {
            method: bid.profit_sharing.distribution_method,
            member_shares: bid.profit_sharing.member_shares.clone(),
            surplus_weights: bid.profit_sharing.surplus_weights.clone(),
        },
        failure: FailureHandling {
            backups: bid.failure_handling.backup_agents.iter().map(member).collect(),
            insurance_pool: bid.failure_handling.insurance_pool,
            penalty_clauses: bid.failure_handling.penalty_clauses.clone(),
        },
        valid_until: bid.valid_until,
    }
}

/// The bid that the lead had sealed: the coalition's alone, or everything it offers with the card it
/// stands in the coalition with. `None` when the lead is no member.
pub fn lead_bid_terms(bid: &CoalitionBid) -> Option<BundleBidTerms> {
    let terms = coalition_terms(bid);
    let alone = terms.bid(bid.bid_bond, bid.confidence, bid.quality_level);
    if bid.bundles.is_empty() {
        return Some(alone);
    }
    let card = terms.members.iter().find(|member| member.agent == terms.lead)?.card;
    Some(BundleBidTerms { bundles: bid.bundles.iter().map(bundle).collect(), card, ..alone })
}

fn written_member(member: &CoalitionMember) -> MemberBid {
    MemberBid {
        agent: member.agent,
        allocated_subtask: member.subtask,
        bid_amount: member.bid,
        bond: member.bond,
        capability: member.capability.clone(),
        card: member.card,
        estimated_duration_ms: member.estimated_duration_ms,
    }
}

fn member(written: &MemberBid) -> CoalitionMember {
    CoalitionMember {
        agent: written.agent,
        card: written.card,
        capability: written.capability.clone(),
        subtask: written.allocated_subtask,
        bid: written.bid_amount,
        estimated_duration_ms: written.estimated_duration_ms,
        bond: written.bond,
    }
}
