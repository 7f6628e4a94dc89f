//! Forming coalitions of those who are ready to work together on a task graph: who, who leads, how
//! they divide what they are paid, who stands by, and what their clauses cost whoever lets the
//! others down.
use std::collections::BTreeSet;

use ainur_consensus::ReplicatedLog;
use ainur_crypto::hash;
use ainur_market::coalition::{
    COALITION_BACKUPS_MAX, CoalitionLimits, CoalitionMember, CoalitionTerms, Coverage,
    ExecutionPlan, FailureHandling, Formation, ProfitSharing, SamplingAccuracy, ShapleyValues,
    SubtaskBid, SynergyTerms, Team,
};
use ainur_primitives::{Amount, CoalitionId, Did, PenaltyClause, Ppm, SharingMethod, TaskGraph};
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::Broker;
use crate::seat::TeamTerms;
use crate::task::Task;

/// Backups that a coalition names for each of its subtasks.
const BACKUPS_MAX: usize = 2;
/// How often a team is formed again without those who would not sign its lead's clauses.
const REFORMED_MAX: usize = 8;

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// The coalitions that those who are ready to work together could form: one for each stage and
    /// one for the whole, as far as they ask less than their members would alone.
    pub(super) fn form_coalitions(
        &self,
        number: u64,
        graph: &TaskGraph,
        bids: &[SubtaskBid],
    ) -> Vec<CoalitionTerms> {
        let Some(task) = self.tasks.get(&number) else { return Vec::new() };
        // They know what each other asks, and nothing of what others do.
        let own: Vec<SubtaskBid> =
            bids.iter().filter(|bid| self.team_of(bid.agent).is_some()).cloned().collect();
        let own = self.bondable_parts(graph, own);
        let mut agents: Vec<Did> = own.iter().map(|bid| bid.agent).collect();
        agents.sort_unstable();
        agents.dedup();
        let synergies = agents.iter().filter_map(|agent| {
            let terms = self.team_of(*agent)?;
            let partners = terms.partners.clone();
            Some(SynergyTerms { task: task.id, agent: *agent, partners, saving: terms.saving })
        });
        let synergies: Vec<SynergyTerms> = synergies.collect();
        let Ok(formed) = Formation::new(graph, own.clone(), synergies.clone()) else {
            return Vec::new();
        };
        let Some(whole) = formed.team(Coverage::Profitable) else { return Vec::new() };
        let mut teams = whole.by_stage();
        if teams.len() > 1 {
            teams.push(whole);
        }
        let limits = CoalitionLimits {
            reserve: task.spec.reserve,
            budget: task.spec.reserve,
            deadline_ms: task.deadline.since(self.now),
            valid_until: self.now,
        };
        let mut formed_terms: Vec<CoalitionTerms> = Vec::new();
        let terms = teams.into_iter().filter_map(|team| {
            let (formed, team) = self.willing_team(graph, (&own, &synergies), team)?;
            let lead = self.team_of(team_lead(&team)?)?;
            let sharing = profit_sharing(lead.sharing, &formed, &team)?;
            let mut backups = own.clone();
            backups.retain(|bid| self.would_pledge(bid.agent, &lead.penalties));
            let terms = coalition_terms(task, graph, (&team, sharing), (lead, &backups));
            terms.validate(graph, &limits).ok().map(|()| terms)
        });
        for terms in terms {
            // The whole without those who would not sign may be no more than one stage.
            if !formed_terms.iter().any(|other| is_same_offer(other, &terms)) {
                formed_terms.push(terms);
            }
        }
        formed_terms
    }

    fn team_of(&self, agent: Did) -> Option<&TeamTerms> {
        self.seats.get(agent).and_then(|seat| seat.team.as_ref())
    }

    /// An agent signs terms with these clauses: they cost it no more than it is ready to pledge.
    fn would_pledge(&self, agent: Did, clauses: &[PenaltyClause]) -> bool {
        self.team_of(agent).is_some_and(|terms| pledge_share(clauses) <= terms.pledge_max)
    }

    /// A team in the place of this one all of whose members sign their lead's clauses: those who
    /// do not stay out, or the lead when without them there would be no team.
    fn willing_team(
        &self,
        graph: &TaskGraph,
        (own, synergies): (&[SubtaskBid], &[SynergyTerms]),
        mut team: Team,
    ) -> Option<(Formation, Team)> {
        let subtasks: BTreeSet<u16> = team.members.iter().map(|it| it.bid.subtask).collect();
        let mut bids = own.to_vec();
        for _ in 0..=REFORMED_MAX {
            let lead = team_lead(&team)?;
            let clauses = &self.team_of(lead)?.penalties;
            let members = team.members.iter().map(|member| member.bid.agent);
            let unwilling: BTreeSet<Did> =
                members.filter(|agent| !self.would_pledge(*agent, clauses)).collect();
            if unwilling.is_empty() {
                let formed = Formation::new(graph, bids, synergies.to_vec()).ok()?;
                return Some((formed, team));
            }
            let without = |out: &BTreeSet<Did>| {
                let mut left = bids.clone();
                left.retain(|bid| subtasks.contains(&bid.subtask) && !out.contains(&bid.agent));
                let formed = Formation::new(graph, left.clone(), synergies.to_vec()).ok()?;
                let team = formed.team(Coverage::Profitable)?;
                team_lead(&team).map(|_| (left, team))
            };
            (bids, team) = without(&unwilling).or_else(|| without(&[lead].into()))?;
        }
        None
    }
}

/// Both ask as much for the same subtasks, through the same lead.
fn is_same_offer(one: &CoalitionTerms, other: &CoalitionTerms) -> bool {
    let of_one = one.members.iter().map(|member| member.subtask);
    one.lead == other.lead
        && one.total == other.total
        && of_one.eq(other.members.iter().map(|member| member.subtask))
}

/// What clauses can cost at most, as a share of the bond.
fn pledge_share(clauses: &[PenaltyClause]) -> Ppm {
    let failure =
        FailureHandling { penalty_clauses: clauses.to_vec(), ..FailureHandling::default() };
    failure.pledge_share()
}

/// Who bids for a team; `None` for an agent alone, who needs no agreement.
fn team_lead(team: &Team) -> Option<Did> {
    let lead = team.members.first()?.bid.agent;
    team.members.iter().any(|member| member.bid.agent != lead).then_some(lead)
}

/// The most that a weight of the surplus is; only their proportions count.
const WEIGHT_MAX: u128 = 1_000_000_000;

/// Members whose contributions are computed exactly: all their subsets, on the broker's thread.
const EXACT_MEMBERS_MAX: usize = 10;

/// A contribution within a twentieth of all there is to gain, 19 times of 20.
fn sampling(saving: Amount) -> SamplingAccuracy {
    let error = Amount(saving.0.div_ceil(20).max(1));
    SamplingAccuracy { range: saving, error, failure_probability: Ppm(50_000) }
}

/// How a team divides what it is paid: everyone's own price, and what is above by its lead's rule.
fn profit_sharing(method: SharingMethod, formed: &Formation, team: &Team) -> Option<ProfitSharing> {
    let equal = || vec![1; team.members.len()];
    let surplus_weights = match method {
        // With equal powers and their own prices as what they have without agreement, Nash's
        // solution divides the rest equally.
        SharingMethod::Equal | SharingMethod::Nash => equal(),
        SharingMethod::AuctionBased => {
            scaled(team.members.iter().map(|member| member.alternative.0).collect())
        }
        SharingMethod::ContributionBased => {
            let worth = |members: u64| formed.worth(team, members);
            let count = team.members.len();
            let values = match count <= EXACT_MEMBERS_MAX {
                true => ShapleyValues::exact(count, worth),
                false => {
                    let beacon = hash::tagged(
                        "ainur/coalition-shapley-seed/v1",
                        &[&team.price.0.to_le_bytes(), &(count as u64).to_le_bytes()],
                    );
                    ShapleyValues::sampled(count, worth, sampling(team.saving()), beacon)
                }
            };
            let values = values.ok()?;
            let positive = |value: &i128| u128::try_from(*value).unwrap_or_default();
            scaled(values.numerators().iter().map(positive).collect())
        }
    };
    let member_shares = team.members.iter().map(|member| member.price).collect();
    Some(ProfitSharing { method, member_shares, surplus_weights })
}

/// Weights in the same proportion that are small enough; equal when all are zero.
fn scaled(weights: Vec<u128>) -> Vec<u32> {
    let most = weights.iter().copied().max().unwrap_or_default();
    if most == 0 {
        return vec![1; weights.len()];
    }
    // Both are below 2⁹⁰: amounts are limited where a coalition forms.
    let scale = |weight: u128| match weight.checked_mul(WEIGHT_MAX) {
        Some(product) => product / most,
        None => weight / (most / WEIGHT_MAX),
    };
    weights.into_iter().map(|weight| scale(weight).min(WEIGHT_MAX) as u32).collect()
}

/// What a team agrees on.
fn coalition_terms(
    task: &Task,
    graph: &TaskGraph,
    (team, sharing): (&Team, ProfitSharing),
    (wanted, backups): (&TeamTerms, &[SubtaskBid]),
) -> CoalitionTerms {
    let members = team.members_for(graph);
    let each = members.iter().filter_map(|it| graph.subtasks.get(usize::from(it.subtask)));
    let most: Amount = each.map(|subtask| subtask.reserve).sum();
    let lead = members.first().map(|member| member.agent).unwrap_or(task.buyer);
    let names: Vec<u8> = members
        .iter()
        .flat_map(|member| member.agent.0.0.into_iter().chain(member.subtask.to_le_bytes()))
        .collect();
    CoalitionTerms {
        id: CoalitionId(hash::tagged("ainur/coalition/v1", &[&task.id.0.0, &names])),
        task: task.id,
        lead,
        total: team.price,
        plan: ExecutionPlan::earliest(graph, &members),
        sharing,
        failure: FailureHandling {
            backups: stand_ins(graph, &members, backups),
            insurance_pool: wanted.insurance.min(most.saturating_sub(team.price)),
            penalty_clauses: wanted.penalties.clone(),
        },
        valid_until: task.deadline,
        members,
    }
}

/// Who stands by for which member: the cheapest of the others who are ready to work together.
fn stand_ins(
    graph: &TaskGraph,
    members: &[CoalitionMember],
    bids: &[SubtaskBid],
) -> Vec<CoalitionMember> {
    let mut found = Vec::new();
    for member in members {
        let Some(subtask) = graph.subtasks.get(usize::from(member.subtask)) else { continue };
        let mut others: Vec<&SubtaskBid> = bids
            .iter()
            .filter(|bid| bid.subtask == member.subtask && bid.agent != member.agent)
            .collect();
        others.sort_by_key(|bid| (bid.price, bid.agent));
        found.extend(others.into_iter().take(BACKUPS_MAX).map(|bid| CoalitionMember {
            agent: bid.agent,
            card: bid.card,
            capability: subtask.capability.clone(),
            subtask: bid.subtask,
            bid: bid.price,
            estimated_duration_ms: bid.estimated_duration_ms,
            bond: bid.bond,
        }));
    }
    // One for each member before a second for any.
    let first = |backup: &CoalitionMember, found: &[CoalitionMember]| {
        found.iter().find(|other| other.subtask == backup.subtask) == Some(backup)
    };
    if found.len() > COALITION_BACKUPS_MAX {
        let all = found.clone();
        found.retain(|backup| first(backup, &all));
    }
    found
}
