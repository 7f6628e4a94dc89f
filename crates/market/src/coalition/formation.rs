//! Who should bid together: the team that can ask less than its members' rivals do one by one.
//!
//! Each agent says what it asks for a subtask alone, and how much of that it saves when somebody
//! it works well with does another subtask of the same stage ([`SynergyTerms`]). What a subtask
//! costs without a team is the lowest bid of anybody, at most its reserve. A team gains what its
//! subtasks cost without it less what its members ask with their savings.
//!
//! Since savings arise within a stage only, each stage is solved for itself: by branch and bound
//! over subtask → agent, starting from a greedy team; an agent does one thing at a time, so it has
//! at most one subtask of a stage. The search is exact up to [`FORMATION_NODES_MAX`] nodes for all
//! stages together; beyond, the best team found is given and says that it is not proven to be the
//! best.
use alloc::vec::Vec;

use ainur_crypto::hash;
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, TaskGraph, TaskId};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::sharing::within_limit;
use super::terms::CoalitionMember;

mod search;

/// How many bids a team is formed from at most.
pub const FORMATION_BIDS_MAX: usize = 4_096;
/// How many nodes the search visits at most.
pub const FORMATION_NODES_MAX: u64 = 1 << 18;
/// How often the greedy team is gone over at most.
pub const GREEDY_ROUNDS_MAX: usize = 16;

/// What an agent asks for one subtask on its own.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct SubtaskBid {
    /// Who.
    pub agent: Did,
    /// Digest of the agent card whose contract it will fulfil.
    pub card: Digest,
    /// The subtask's index in the graph.
    pub subtask: u16,
    /// What it asks without a team.
    pub price: Amount,
    /// How long it expects to take.
    pub estimated_duration_ms: DurationMs,
    /// What it puts at stake.
    pub bond: Amount,
}

/// What an agent saves in company, as it declares itself.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct SynergyTerms {
    /// The task it holds for.
    pub task: TaskId,
    /// Who.
    pub agent: Did,
    /// With whom; nobody named means with anybody. Ascending.
    pub partners: Vec<Did>,
    /// This share of its price, on every subtask in whose stage a partner works, too.
    pub saving: Ppm,
}

impl SynergyTerms {
    /// What the agent's signature covers.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/synergy-terms/v1", &[&self.encode()])
    }
}

/// How much of the job a team takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Only what it does for less than others.
    Profitable,
    /// Every subtask.
    Whole,
}

/// All that is known when a team is formed.
#[derive(Clone, Debug)]
pub struct Formation {
    /// Bids fast enough for their subtasks, ascending by subtask and price.
    bids: Vec<SubtaskBid>,
    stages: Vec<Vec<u16>>,
    /// By subtask: its cost without a team.
    alternatives: Vec<Amount>,
    synergies: Vec<SynergyTerms>,
}

/// Agents that bid together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Who does what, ascending by subtask.
    pub members: Vec<TeamMember>,
    /// What its subtasks cost without it.
    pub individual: Amount,
    /// The least it can ask: what all members ask.
    pub price: Amount,
    /// No other team gains more.
    pub is_exact: bool,
}

/// One member of a [`Team`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamMember {
    /// What it asks without the team.
    pub bid: SubtaskBid,
    /// What it asks in the team.
    pub price: Amount,
    /// What the subtask costs without the team.
    pub alternative: Amount,
    /// The stage of its subtask.
    pub stage: u16,
}

impl Formation {
    /// Takes what agents ask and declare. Bids for subtasks that the job does not have, or slower
    /// than a subtask allows, are left out; so are all declarations of an agent but its first.
    ///
    /// # Errors
    /// When the graph is not one, there are too many bids, or an amount is too large.
    pub fn new(
        graph: &TaskGraph,
        mut bids: Vec<SubtaskBid>,
        mut synergies: Vec<SynergyTerms>,
    ) -> Result<Self, Error> {
        graph.validate()?;
        if bids.len() > FORMATION_BIDS_MAX {
            return Err(Error::Bids(bids.len()));
        }
        bids.retain(|bid| {
            let subtask = graph.subtasks.get(usize::from(bid.subtask));
            subtask.is_some_and(|subtask| bid.estimated_duration_ms <= subtask.duration_ms_max)
        });
        bids.sort_by_key(|bid| (bid.subtask, bid.price, bid.agent));
        synergies.sort_by_key(|synergy| synergy.agent);
        synergies.dedup_by_key(|synergy| synergy.agent);
        let mut alternatives: Vec<Amount> =
            graph.subtasks.iter().map(|subtask| subtask.reserve).collect();
        for bid in &bids {
            within_limit(&[bid.price])?;
            let alternative = &mut alternatives[usize::from(bid.subtask)];
            *alternative = bid.price.min(*alternative);
        }
        within_limit(&alternatives)?;
        Ok(Self { bids, stages: graph.stages(), alternatives, synergies })
    }

    /// By subtask: the lowest bid of anybody, at most the reserve.
    pub fn alternatives(&self) -> &[Amount] {
        &self.alternatives
    }

    /// The team that gains most; `None` when no team asks less than its subtasks cost without it,
    /// or none can do the whole job when that is wanted. Among equals the one found first, in the
    /// order of bids by price.
    pub fn team(&self, coverage: Coverage) -> Option<Team> {
        let mut nodes_left = FORMATION_NODES_MAX;
        let mut members = Vec::new();
        let mut is_exact = true;
        for (number, stage) in (0_u16..).zip(&self.stages) {
            let found = search::Stage::new(self, stage, coverage).best(&mut nodes_left);
            is_exact &= found.is_exact;
            let chosen: Vec<&SubtaskBid> =
                found.chosen?.into_iter().map(|place| &self.bids[place]).collect();
            for bid in &chosen {
                members.push(TeamMember {
                    bid: (*bid).clone(),
                    price: self.price_in(bid, chosen.iter().map(|other| &other.agent)),
                    alternative: self.alternatives[usize::from(bid.subtask)],
                    stage: number,
                });
            }
        }
        members.sort_by_key(|member| member.bid.subtask);
        let individual = members.iter().map(|member| member.alternative).sum();
        let price = members.iter().map(|member| member.price).sum();
        (price < individual).then_some(Team { members, individual, price, is_exact })
    }

    /// What some members of a team (bits, in the order of members) could gain as a team of their
    /// own, doing what they do now: the worth of the game whose Shapley value says what each
    /// contributes and whose core says whether a division holds.
    pub fn worth(&self, team: &Team, members: u64) -> Amount {
        let chosen: Vec<&TeamMember> = (0..)
            .zip(&team.members)
            .filter(|(place, _)| members >> place & 1 == 1)
            .map(|(_, member)| member)
            .collect();
        let mut worth = Amount::ZERO;
        for number in 0..self.stages.len() as u16 {
            let (mut cost, mut price) = (Amount::ZERO, Amount::ZERO);
            let here = || chosen.iter().filter(|member| member.stage == number);
            for member in here() {
                let agents = here().map(|other| &other.bid.agent);
                cost = cost.saturating_add(member.alternative);
                price = price.saturating_add(self.price_in(&member.bid, agents));
            }
            // A stage in which they lose is left to others.
            worth = worth.saturating_add(cost.saturating_sub(price));
        }
        worth
    }

    /// What a bid comes down to when these agents work in its stage. The saving is rounded down.
    fn price_in<'a>(&self, bid: &SubtaskBid, agents: impl Iterator<Item = &'a Did>) -> Amount {
        match self.synergy(&bid.agent) {
            Some(synergy) => {
                let mut others = agents.filter(|agent| **agent != bid.agent);
                if others.any(|agent| synergy.is_with(agent)) {
                    discounted(bid, synergy)
                } else {
                    bid.price
                }
            }
            None => bid.price,
        }
    }

    fn synergy(&self, agent: &Did) -> Option<&SynergyTerms> {
        let place = self.synergies.binary_search_by_key(agent, |synergy| synergy.agent).ok()?;
        self.synergies.get(place)
    }
}

impl SynergyTerms {
    fn is_with(&self, agent: &Did) -> bool {
        self.partners.is_empty() || self.partners.contains(agent)
    }
}

impl Team {
    /// What the team asks less than its subtasks cost without it.
    pub fn saving(&self) -> Amount {
        self.individual.saturating_sub(self.price)
    }

    /// The team of each stage for itself: as savings arise within a stage only, each asks as much
    /// apart as together. Those who do not know what others bid lose less when each stage bids for
    /// itself than all or nothing.
    pub fn by_stage(&self) -> Vec<Self> {
        let mut teams: Vec<Self> = Vec::new();
        let mut stages: Vec<u16> = self.members.iter().map(|member| member.stage).collect();
        stages.sort_unstable();
        stages.dedup();
        for stage in stages {
            let here = self.members.iter().filter(|member| member.stage == stage);
            let members: Vec<TeamMember> = here.cloned().collect();
            let individual = members.iter().map(|member| member.alternative).sum();
            let price = members.iter().map(|member| member.price).sum();
            teams.push(Self { members, individual, price, is_exact: self.is_exact });
        }
        teams
    }

    /// The members' places in a graph, as terms name them.
    pub fn members_for(&self, graph: &TaskGraph) -> Vec<CoalitionMember> {
        let named = self.members.iter().filter_map(|TeamMember { bid, price, .. }| {
            let subtask = graph.subtasks.get(usize::from(bid.subtask))?;
            Some(CoalitionMember {
                agent: bid.agent,
                card: bid.card,
                capability: subtask.capability.clone(),
                subtask: bid.subtask,
                bid: *price,
                estimated_duration_ms: bid.estimated_duration_ms,
                bond: bid.bond,
            })
        });
        named.collect()
    }
}

/// What an agent asks in the best company.
fn discounted(bid: &SubtaskBid, synergy: &SynergyTerms) -> Amount {
    bid.price.saturating_sub(bid.price.share_floor(synergy.saving.min(Ppm::ONE)))
}
