//! Who can put up the bonds for all that it would win of a task graph, and what it pledges to its
//! coalitions beside them.
//!
//! The ledger locks a bond for each part, and binds all sellers of a graph or none: one that wins
//! more than it has stake for would leave the whole unfunded. So no agent offers, alone and in its
//! coalitions together, what it could not put up the bonds for at the highest price.
use std::collections::BTreeMap;

use ainur_consensus::ReplicatedLog;
use ainur_ledger::reputation;
use ainur_market::coalition::{CoalitionTerms, SubtaskBid};
use ainur_primitives::{Amount, Did, TaskGraph};
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::Broker;

/// What agents may have to put up, bonds and pledges, for parts that they do in coalitions.
pub(super) type TeamBonds = BTreeMap<(Did, u16), Amount>;

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// What an agent has to put up for work at this price; `None` when it cannot.
    pub(super) fn bond_for(&self, agent: Did, price: Amount) -> Option<Amount> {
        let (bond, available) = self.bond_at(agent, price)?;
        (bond <= available).then_some(bond)
    }

    /// The bond that the ledger would ask, and what the agent has for it; `None` when it may not
    /// work at all.
    fn bond_at(&self, agent: Did, price: Amount) -> Option<(Amount, Amount)> {
        let (now, params) = (self.now, &self.parameters.reputation);
        let record = self.ledger.read(|state| reputation::query::reputation(state, &agent));
        let may_work = !record.barred && record.staked >= params.stake_min;
        let bond = reputation::query::required_bond(price, &record, now, params);
        may_work.then_some((bond, record.available()))
    }

    /// The bids on parts for all of which together their agents can put up the bonds: those on the
    /// first parts of the graph before others.
    pub(super) fn bondable_parts(
        &self,
        graph: &TaskGraph,
        mut bids: Vec<SubtaskBid>,
    ) -> Vec<SubtaskBid> {
        let mut taken: BTreeMap<Did, Vec<usize>> = BTreeMap::new();
        bids.retain(|bid| {
            let parts = taken.entry(bid.agent).or_default();
            let with = parts.iter().copied().chain([usize::from(bid.subtask)]);
            let able = self.can_bond(graph, bid.agent, with, &TeamBonds::new());
            if able {
                parts.push(usize::from(bid.subtask));
            }
            able
        });
        bids
    }

    /// The coalitions of which every member can put up its bonds, in those before it too, and what
    /// that comes to.
    pub(super) fn bondable_teams(
        &self,
        graph: &TaskGraph,
        coalitions: Vec<CoalitionTerms>,
    ) -> (Vec<CoalitionTerms>, TeamBonds) {
        let mut bonds = TeamBonds::new();
        let mut kept = Vec::new();
        for terms in coalitions {
            if let Some(with) = self.with_team(graph, &terms, &bonds) {
                bonds = with;
                kept.push(terms);
            }
        }
        (kept, bonds)
    }

    /// What members may have to put up with one more coalition; `None` when one of them cannot.
    fn with_team(
        &self,
        graph: &TaskGraph,
        terms: &CoalitionTerms,
        bonds: &TeamBonds,
    ) -> Option<TeamBonds> {
        let reserve = |subtask: u16| {
            let found = graph.subtasks.get(usize::from(subtask));
            found.map_or(Amount::ZERO, |subtask| subtask.reserve)
        };
        let most: Amount = terms.members.iter().map(|member| reserve(member.subtask)).sum();
        let shares = terms.at_price(most.max(terms.total))?.sharing.member_shares;
        let mut with = bonds.clone();
        for (member, share) in terms.members.iter().zip(shares) {
            // What does not divide may go to this member at a lower price.
            let price = share.saturating_add(Amount(1));
            let (bond, _) = self.bond_at(member.agent, price)?;
            // It pledges to the others beside that.
            let all = bond.saturating_add(terms.failure.pledge(member.bond));
            let known = with.entry((member.agent, member.subtask)).or_default();
            *known = all.max(*known);
        }
        let able = |agent: Did| self.can_put_up(agent, of_agent(&with, agent));
        terms.members.iter().all(|member| able(member.agent)).then_some(with)
    }

    /// An agent can put up the bonds for these parts at their reserves, and for what it may have to
    /// do in coalitions beside them.
    pub(super) fn can_bond(
        &self,
        graph: &TaskGraph,
        agent: Did,
        subtasks: impl Iterator<Item = usize>,
        team: &TeamBonds,
    ) -> bool {
        let mut bonds: BTreeMap<u16, Amount> = team
            .range((agent, 0)..=(agent, u16::MAX))
            .map(|((_, part), bond)| (*part, *bond))
            .collect();
        for index in subtasks {
            let reserve = graph.subtasks.get(index).map(|subtask| subtask.reserve);
            let bond = reserve.and_then(|reserve| self.bond_at(agent, reserve));
            let (Some((bond, _)), Ok(part)) = (bond, u16::try_from(index)) else { return false };
            let known = bonds.entry(part).or_default();
            *known = bond.max(*known);
        }
        self.can_put_up(agent, bonds.into_values().sum())
    }

    fn can_put_up(&self, agent: Did, bonds: Amount) -> bool {
        self.bond_at(agent, Amount::ZERO).is_some_and(|(_, available)| bonds <= available)
    }
}

fn of_agent(bonds: &TeamBonds, agent: Did) -> Amount {
    bonds.range((agent, 0)..=(agent, u16::MAX)).map(|(_, bond)| *bond).sum()
}
