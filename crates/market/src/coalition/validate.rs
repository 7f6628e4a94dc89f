//! What a coalition's terms have to be: everything that can be checked without signatures.
use ainur_primitives::{Amount, DurationMs, PenaltyCause, Ppm, TaskGraph, Timestamp};
use alloc::vec::Vec;

use super::error::{Error, Shortfall};
use super::sharing::within_limit;
use super::terms::{
    CoalitionMember, CoalitionTerms, FailureHandling, bit, critical_path, graph_digest,
};
use super::terms::{needs_closure, subtasks_of};
use super::{COALITION_BACKUPS_MAX, COALITION_MEMBERS_MAX, PENALTY_CLAUSES_MAX};

/// What the job allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoalitionLimits {
    /// The most the buyer pays for the job.
    pub reserve: Amount,
    /// What is left of the buyer's budget.
    pub budget: Amount,
    /// How long the job may take.
    pub deadline_ms: DurationMs,
    /// Until when at least the bid has to be valid: the end of revealing.
    pub valid_until: Timestamp,
}

impl CoalitionTerms {
    /// Checks that the terms add up for this job.
    ///
    /// # Errors
    /// The first thing that does not: members, then the plan, then the money, then what happens
    /// on failure.
    pub fn validate(&self, graph: &TaskGraph, limits: &CoalitionLimits) -> Result<(), Error> {
        graph.validate()?;
        let expected = graph_digest(graph);
        if self.plan.graph != expected {
            return Err(Error::OtherGraph { expected, found: self.plan.graph });
        }
        self.validate_members(graph)?;
        self.validate_plan(graph, limits)?;
        self.validate_money(graph, limits)?;
        self.validate_failure(graph)?;
        if self.valid_until < limits.valid_until {
            let (needed, found) = (limits.valid_until, self.valid_until);
            return Err(Error::Expired { needed, found });
        }
        Ok(())
    }

    /// The members that would be paid less than they asked.
    pub fn shortfalls(&self) -> Vec<Shortfall> {
        let paired = self.members.iter().zip(&self.sharing.member_shares);
        let short = paired.filter(|(member, share)| **share < member.bid);
        short
            .map(|(member, share)| Shortfall {
                agent: member.agent,
                subtask: member.subtask,
                bid: member.bid,
                share: *share,
            })
            .collect()
    }

    fn validate_members(&self, graph: &TaskGraph) -> Result<(), Error> {
        if !(1..=COALITION_MEMBERS_MAX).contains(&self.members.len()) {
            return Err(Error::Members(self.members.len()));
        }
        for member in &self.members {
            check_agent(graph, member)?;
        }
        for pair in self.members.windows(2) {
            if pair[0].subtask >= pair[1].subtask {
                return Err(Error::MembersUnordered(pair[1].subtask));
            }
        }
        if !self.members.iter().any(|member| member.agent == self.lead) {
            return Err(Error::LeadNotMember(self.lead));
        }
        Ok(())
    }

    fn validate_plan(&self, graph: &TaskGraph, limits: &CoalitionLimits) -> Result<(), Error> {
        let covered = subtasks_of(&self.members);
        let closure = needs_closure(graph);
        let mut done = 0_u64;
        for (number, stage) in self.plan.stages.iter().enumerate() {
            if stage.is_empty() {
                return Err(Error::StageEmpty(number));
            }
            let mut now = 0_u64;
            for subtask in stage {
                if covered & bit(*subtask) == 0 {
                    return Err(Error::WithoutMember(*subtask));
                }
                if (done | now) & bit(*subtask) != 0 {
                    return Err(Error::PlannedTwice(*subtask));
                }
                let missing = closure[usize::from(*subtask)] & covered & !done;
                if missing != 0 {
                    let needs = missing.trailing_zeros() as u16;
                    return Err(Error::StageOrder { subtask: *subtask, needs });
                }
                now |= bit(*subtask);
            }
            done |= now;
            let at_once: Vec<&CoalitionMember> =
                self.members.iter().filter(|member| now & bit(member.subtask) != 0).collect();
            for (place, member) in at_once.iter().enumerate() {
                if at_once[..place].iter().any(|other| other.agent == member.agent) {
                    return Err(Error::TwiceInStage { agent: member.agent, stage: number });
                }
            }
        }
        if done != covered {
            return Err(Error::Unplanned((covered & !done).trailing_zeros() as u16));
        }
        let found = self.plan.estimated_completion_ms;
        let limit = critical_path(graph, &self.members);
        if found < limit {
            return Err(Error::CompletionTooEarly { limit, found });
        }
        if found > limits.deadline_ms {
            return Err(Error::CompletionTooLate { limit: limits.deadline_ms, found });
        }
        Ok(())
    }

    fn validate_money(&self, graph: &TaskGraph, limits: &CoalitionLimits) -> Result<(), Error> {
        let shares = &self.sharing.member_shares;
        let (expected, found) = (self.members.len(), shares.len());
        if expected != found {
            return Err(Error::ShareCount { expected, found });
        }
        let found = self.sharing.surplus_weights.len();
        if found != 0 && found != expected {
            return Err(Error::ShareCount { expected, found });
        }
        within_limit(&[self.total, self.failure.insurance_pool])?;
        within_limit(shares)?;
        for member in self.members.iter().chain(&self.failure.backups) {
            within_limit(&[member.bid, member.bond])?;
        }
        let short = self.shortfalls();
        if !short.is_empty() {
            return Err(Error::BelowBid(short));
        }
        let found: Amount = shares.iter().copied().sum();
        if found != self.total {
            return Err(Error::SharesSum { expected: self.total, found });
        }
        let (total, reserve, budget) = (self.total, limits.reserve, limits.budget);
        if total > reserve {
            return Err(Error::AboveReserve { total, reserve });
        }
        if total > budget {
            return Err(Error::AboveBudget { total, budget });
        }
        let each = self.members.iter().map(|member| &graph.subtasks[usize::from(member.subtask)]);
        let reserves: Amount = each.map(|subtask| subtask.reserve).sum();
        if total > reserves {
            return Err(Error::AboveSubtaskReserves { total, reserves });
        }
        Ok(())
    }

    fn validate_failure(&self, graph: &TaskGraph) -> Result<(), Error> {
        let backups = &self.failure.backups;
        if backups.len() > COALITION_BACKUPS_MAX {
            return Err(Error::Backups(backups.len()));
        }
        for (place, backup) in backups.iter().enumerate() {
            check_agent(graph, backup)?;
            let (agent, subtask) = (backup.agent, backup.subtask);
            let Some(member) = self.members.iter().find(|member| member.subtask == subtask) else {
                return Err(Error::WithoutMember(subtask));
            };
            let earlier = &backups[..place];
            if earlier.last().is_some_and(|before| before.subtask > subtask) {
                return Err(Error::BackupsUnordered(subtask));
            }
            let same = |other: &CoalitionMember| other.subtask == subtask && other.agent == agent;
            if same(member) || earlier.iter().any(same) {
                return Err(Error::BackupTwice { agent, subtask });
            }
        }
        // No price is above the reserves, and nothing is taken of anybody's bid.
        let each = self.members.iter().map(|member| &graph.subtasks[usize::from(member.subtask)]);
        let reserves: Amount = each.map(|subtask| subtask.reserve).sum();
        let bids: Amount = self.members.iter().map(|member| member.bid).sum();
        let (limit, found) = (reserves.saturating_sub(bids), self.failure.insurance_pool);
        if found > limit {
            return Err(Error::InsurancePool { limit, found });
        }
        self.failure.validate_clauses()
    }
}

impl FailureHandling {
    /// Checks that there are not too many clauses, that each costs something, and that those for
    /// one cause cost no more than the bond.
    ///
    /// # Errors
    /// [`Error::PenaltyClauses`] or [`Error::Penalties`].
    pub fn validate_clauses(&self) -> Result<(), Error> {
        let clauses = &self.penalty_clauses;
        if clauses.len() > PENALTY_CLAUSES_MAX {
            return Err(Error::PenaltyClauses(clauses.len()));
        }
        for cause in [PenaltyCause::Failed, PenaltyCause::Late] {
            let penalties = clauses.iter().filter(|clause| clause.cause == cause);
            let all: u64 = penalties.clone().map(|clause| u64::from(clause.penalty.0)).sum();
            let none = penalties.clone().any(|clause| clause.penalty == Ppm::ZERO);
            if none || all > u64::from(Ppm::ONE.0) {
                return Err(Error::Penalties { cause });
            }
        }
        Ok(())
    }
}

/// What an agent has to be for its subtask.
fn check_agent(graph: &TaskGraph, member: &CoalitionMember) -> Result<(), Error> {
    let CoalitionMember { agent, subtask, capability, estimated_duration_ms: found, .. } = member;
    let wanted =
        graph.subtasks.get(usize::from(*subtask)).ok_or(Error::UnknownSubtask(*subtask))?;
    if *capability != wanted.capability {
        return Err(Error::Capability {
            subtask: *subtask,
            agent: *agent,
            expected: wanted.capability.clone(),
            found: capability.clone(),
        });
    }
    if *found > wanted.duration_ms_max {
        let limit = wanted.duration_ms_max;
        return Err(Error::TooSlow { subtask: *subtask, agent: *agent, limit, found: *found });
    }
    Ok(())
}
