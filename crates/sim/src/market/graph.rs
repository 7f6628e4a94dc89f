//! The way of a task graph: a combinatorial auction in which teams bid beside sellers one by one.
use std::collections::BTreeMap;

use ainur_crypto::hash::tagged;
use ainur_ledger::escrow::Consent;
use ainur_market::auction::{CommitTerms, commitment};
use ainur_market::bond::BondRule;
use ainur_market::coalition::{
    CoalitionLimits, CoalitionTerms, Coverage, ExecutionPlan, FailureHandling, Formation,
    ProfitSharing, SubtaskBid, SynergyTerms, Team, graph_digest,
};
use ainur_market::combinatorial::{
    self, Allocation, Assignment, Bundle, BundleBidTerms, CombinatorialAuction, CombinatorialTerms,
    SubtaskSet, SubtaskTerms,
};
use ainur_market::strategy::{BidOutcome, BidStrategy};
use ainur_primitives::{
    Amount, CoalitionId, Did, Digest, DurationMs, Ppm, QualityLevel, SelectionRule, SharingMethod,
};

use super::Error;
use super::demand::{GraphWish, Wish};
use super::economy::Economy;
use super::report::Route;
use super::work::{Engaged, Share};

/// How long a bid can be accepted.
const BID_VALID_MS: DurationMs = DurationMs::seconds(3_600);
const PHASE_MS: DurationMs = DurationMs::seconds(1);
const INSTANT_MS: DurationMs = DurationMs(1);

impl Economy<'_> {
    /// Calls for bids on all subtasks at once and agrees with everyone who wins, if all are won.
    pub(super) fn call_graph(&mut self, wish: Wish, plan: &GraphWish) -> Result<(), Error> {
        let singles = self.subtask_bids(&wish, plan);
        let formation = Formation::new(&plan.graph, singles.clone(), plan.synergies(&singles))?;
        let team = formation.team(Coverage::Profitable);
        let allocation = self.hold_graph_auction(&wish, plan, (&singles, team.as_ref()))?;
        self.tell_bidders(&wish, &singles, allocation.as_ref());
        let won = allocation.filter(|allocation| allocation.unassigned.is_empty());
        let team = team.as_ref();
        let wins = |assignment: &&Assignment| {
            team.is_some_and(|team| {
                assignment.bidder == team.lead() && assignment.bundle == team.bundle()
            })
        };
        let team_won =
            won.as_ref().is_some_and(|won| won.assignments.iter().any(|part| wins(&part)));
        self.tally.graph(team.is_some(), team_won);
        let Some(won) = won else {
            self.tally.unserved();
            return Ok(());
        };
        let mut engaged = Vec::with_capacity(won.assignments.len());
        for assignment in &won.assignments {
            let part = match team.filter(|_| wins(&assignment)) {
                Some(team) => self.engage_team((&wish, plan), team, (assignment.payment, &won)),
                None => self.engage_one(&wish, assignment, won.transcript),
            };
            engaged.extend(part?);
        }
        // Everybody is at work until the last is done.
        let duration_ms = self.makespan(plan, &won, team);
        engaged.iter_mut().for_each(|part| part.duration_ms = duration_ms);
        let route = if team_won { Route::Coalition } else { Route::Auction };
        self.agree((wish, route), engaged, None);
        Ok(())
    }

    /// The most that could be gained from a graph now, were all costs known.
    pub(super) fn best_graph_welfare(
        &self,
        wish: &Wish,
        plan: &GraphWish,
    ) -> Result<Amount, Error> {
        let bids: Vec<SubtaskBid> = self
            .able_for(wish, plan)
            .filter(|(number, _)| self.sellers[*number].conduct.works())
            .map(|(number, subtask)| self.single(number, subtask, self.sellers[number].cost))
            .collect();
        let formation = Formation::new(&plan.graph, bids.clone(), plan.synergies(&bids))?;
        let apart: Amount = formation.alternatives().iter().copied().sum();
        let saved = formation.team(Coverage::Profitable).map(|team| team.saving());
        let covered = (0..plan.graph.subtasks.len())
            .all(|subtask| bids.iter().any(|bid| usize::from(bid.subtask) == subtask));
        let cost = apart.saturating_sub(saved.unwrap_or(Amount::ZERO));
        Ok(if covered { wish.value.saturating_sub(cost) } else { Amount::ZERO })
    }

    /// Who could do which subtask.
    fn able_for<'b>(
        &'b self,
        wish: &'b Wish,
        plan: &'b GraphWish,
    ) -> impl Iterator<Item = (usize, usize)> + 'b {
        let free = self.sellers.iter().enumerate().filter(|(_, seller)| {
            seller.state.free_capacity() > 0 && seller.duration_ms <= wish.duration_ms_max
        });
        free.flat_map(|(number, seller)| {
            let wanted = plan.capabilities.iter().enumerate();
            let own = wanted.filter(|(_, capability)| **capability == seller.capability);
            own.map(move |(subtask, _)| (number, subtask))
        })
    }

    fn single(&self, number: usize, subtask: usize, price: Amount) -> SubtaskBid {
        let seller = &self.sellers[number];
        SubtaskBid {
            agent: seller.did,
            card: seller.card(),
            subtask: subtask as u16,
            price,
            estimated_duration_ms: seller.duration_ms,
            bond: Amount::ZERO,
        }
    }

    /// What every seller asks for each subtask alone.
    fn subtask_bids(&mut self, wish: &Wish, plan: &GraphWish) -> Vec<SubtaskBid> {
        let able: Vec<(usize, usize)> = self.able_for(wish, plan).collect();
        let mut asked: BTreeMap<usize, Option<Amount>> = BTreeMap::new();
        let mut bids = Vec::new();
        for (number, subtask) in able {
            let did = self.sellers[number].did;
            let price = match asked.get(&number) {
                Some(price) => *price,
                None => {
                    let bonded = self.settlement.can_bond(&did, wish.value, self.now);
                    let one = Wish {
                        capability: self.sellers[number].capability,
                        value: plan.unit_value,
                        ..wish.clone()
                    };
                    let price = if bonded { self.quote(number, &one) } else { None };
                    asked.insert(number, price);
                    price
                }
            };
            if let Some(price) = price.filter(|price| *price <= plan.unit_value) {
                bids.push(self.single(number, subtask, price));
            }
        }
        bids
    }

    /// Commit, reveal, close, award; `None` when nobody can win anything.
    fn hold_graph_auction(
        &mut self,
        wish: &Wish,
        plan: &GraphWish,
        (singles, team): (&[SubtaskBid], Option<&Team>),
    ) -> Result<Option<Allocation>, Error> {
        let bid_bond = BondRule::default().required(plan.unit_value);
        let commit_until = self.now.plus(PHASE_MS);
        let reveal_until = commit_until.plus(PHASE_MS);
        let subtask = SubtaskTerms {
            reserve: plan.unit_value,
            loss: Amount(wish.loss.0 / plan.capabilities.len() as u128),
            duration_ms_max: wish.duration_ms_max,
        };
        let mut auction = CombinatorialAuction::open(CombinatorialTerms {
            task: wish.task,
            graph: graph_digest(&plan.graph),
            subtasks: vec![subtask; plan.capabilities.len()],
            budget: wish.value,
            selection: SelectionRule::Scored,
            deadline: reveal_until.plus(DurationMs(wish.duration_ms_max.0 * 8)),
            opened: self.now,
            commit_until,
            reveal_until,
            bid_bond,
        })?;
        let mut sealed = Vec::new();
        for (bidder, bundles) in bundles(singles, team) {
            let card = singles.iter().find(|bid| bid.agent == bidder).map(|bid| bid.card);
            let bid = BundleBidTerms {
                task: wish.task,
                bidder,
                bundles,
                bid_bond,
                confidence: Ppm(900_000),
                quality_level: QualityLevel::Standard,
                card: card.unwrap_or(Digest::ZERO),
                valid_until: self.now.plus(BID_VALID_MS),
            };
            let salt = tagged("ainur/simulated-salt/v1", &[&wish.task.0.0, &bidder.0.0]).0;
            let commitment = commitment(&bid, &salt);
            let commit =
                CommitTerms { task: wish.task, bidder, commitment, bid_bond, reveal_until };
            let failure = self.settlement.failure_probability(&bidder, self.now);
            auction.commit(self.now, commit, failure)?;
            sealed.push((bid, salt));
        }
        let revealing = self.now.plus(INSTANT_MS);
        auction.close_commitments(revealing)?;
        for (bid, salt) in sealed {
            auction.reveal(revealing, bid, salt)?;
        }
        let transcript = auction.close(revealing, self.beacon(wish.task))?;
        Ok(combinatorial::award(&transcript, &[]).ok())
    }

    /// The coalition's terms, its shares at what it is paid, and what each costs its member.
    fn engage_team(
        &self,
        (wish, plan): (&Wish, &GraphWish),
        team: &Team,
        (payment, won): (Amount, &Allocation),
    ) -> Result<Option<Engaged>, Error> {
        let members = team.members_for(&plan.graph);
        let valid_until = self.now.plus(BID_VALID_MS);
        let terms = CoalitionTerms {
            id: CoalitionId(tagged("ainur/simulated-coalition/v1", &[&wish.task.0.0])),
            task: wish.task,
            lead: team.lead(),
            total: team.price,
            plan: ExecutionPlan::earliest(&plan.graph, &members),
            sharing: ProfitSharing {
                method: SharingMethod::Equal,
                member_shares: members.iter().map(|member| member.bid).collect(),
                surplus_weights: Vec::new(),
            },
            failure: FailureHandling::default(),
            valid_until,
            members,
        };
        let job = DurationMs(wish.duration_ms_max.0 * plan.capabilities.len() as u64);
        terms.validate(
            &plan.graph,
            &CoalitionLimits {
                reserve: wish.value,
                budget: wish.value,
                deadline_ms: job,
                valid_until: self.now,
            },
        )?;
        let Some(at_price) = terms.at_price(payment) else { return Ok(None) };
        let mut shares = Vec::with_capacity(team.members.len());
        for (member, price) in team.members.iter().zip(at_price.sharing.member_shares) {
            let Some(seller) = self.number_of(&member.bid.agent) else { return Ok(None) };
            // What it saves of its price in company, it saves of its cost.
            let saved = member.bid.price.saturating_sub(member.price);
            let cost = self.sellers[seller].cost.saturating_sub(saved);
            shares.push(Share { seller, price, cost });
        }
        let consent = Consent::Coalition { terms, transcript: won.transcript };
        Ok(Some(Engaged { consent, shares, duration_ms: DurationMs(0) }))
    }

    fn engage_one(
        &self,
        wish: &Wish,
        assignment: &Assignment,
        transcript: Digest,
    ) -> Result<Option<Engaged>, Error> {
        let Some(seller) = self.number_of(&assignment.bidder) else { return Ok(None) };
        let count = assignment.bundle.subtasks.count() as u128;
        let price = assignment.payment;
        let share = Share { seller, price, cost: Amount(self.sellers[seller].cost.0 * count) };
        let bid = self.bid(seller, (wish.task, assignment.bundle.price), Amount::ZERO);
        let consent = Consent::Bid { bid, transcript };
        Ok(Some(Engaged { consent, shares: vec![share], duration_ms: DurationMs(0) }))
    }

    /// How long the whole takes those who won it.
    fn makespan(&self, plan: &GraphWish, won: &Allocation, team: Option<&Team>) -> DurationMs {
        let takes = |subtask: usize| {
            let doer = won.assignments.iter().find(|part| part.bundle.subtasks.contains(subtask));
            let by_team = team.filter(|team| doer.is_some_and(|doer| doer.bundle == team.bundle()));
            let member = by_team.and_then(|team| {
                team.members.iter().find(|member| usize::from(member.bid.subtask) == subtask)
            });
            let did = member.map(|member| member.bid.agent).or(doer.map(|doer| doer.bidder));
            let seller = did.and_then(|did| self.number_of(&did));
            seller.map_or(DurationMs(0), |number| self.sellers[number].duration_ms)
        };
        plan.graph.makespan(takes)
    }

    /// Who bid learns what became of it; which price would just have won is not told.
    fn tell_bidders(
        &mut self,
        wish: &Wish,
        singles: &[SubtaskBid],
        allocation: Option<&Allocation>,
    ) {
        let mut told: Vec<Did> = Vec::new();
        for bid in singles {
            if told.contains(&bid.agent) {
                continue;
            }
            told.push(bid.agent);
            let parts = || allocation.iter().flat_map(|won| &won.assignments);
            let own = parts().find(|part| part.bidder == bid.agent);
            let paid = own
                .map(|part| Amount(part.payment.0 / part.bundle.subtasks.count().max(1) as u128));
            let Some(number) = self.number_of(&bid.agent) else { continue };
            let seller = &mut self.sellers[number];
            seller.strategist.learn(&BidOutcome {
                task: wish.task,
                cost: seller.cost,
                asked: bid.price,
                paid,
                critical: None,
            });
        }
    }

    fn number_of(&self, did: &Did) -> Option<usize> {
        self.sellers.iter().position(|seller| seller.did == *did)
    }
}

/// A team as one bidder, whose lead is the member of its first subtask.
trait AsBidder {
    fn lead(&self) -> Did;
    fn bundle(&self) -> Bundle;
}

impl AsBidder for Team {
    fn lead(&self) -> Did {
        self.members.first().map_or(Did(Digest::ZERO), |member| member.bid.agent)
    }

    fn bundle(&self) -> Bundle {
        let times = self.members.iter().map(|member| member.bid.estimated_duration_ms);
        Bundle {
            subtasks: self.members.iter().map(|m| usize::from(m.bid.subtask)).collect(),
            price: self.price,
            estimated_duration_ms: times.max().unwrap_or_default(),
        }
    }
}

impl GraphWish {
    /// What each bidder declares to save in company.
    fn synergies(&self, bids: &[SubtaskBid]) -> Vec<SynergyTerms> {
        let Some(seed) = self.savings else { return Vec::new() };
        let mut agents: Vec<Did> = bids.iter().map(|bid| bid.agent).collect();
        agents.sort_unstable();
        agents.dedup();
        let declare = |agent: Did| {
            let draw = tagged("ainur/simulated-saving/v1", &[&seed.0, &agent.0.0]).0;
            let number = u32::from_le_bytes([draw[0], draw[1], draw[2], draw[3]]);
            let saving = Ppm(number % (SAVING_MAX.0 + 1));
            SynergyTerms { task: self.task, agent, partners: Vec::new(), saving }
        };
        agents.into_iter().map(declare).collect()
    }
}

/// The most a member of a team saves.
const SAVING_MAX: Ppm = Ppm(300_000);

/// Every bidder's bundles: each subtask alone, all of them for the sum, and for a lead what its
/// team does.
fn bundles(singles: &[SubtaskBid], team: Option<&Team>) -> BTreeMap<Did, Vec<Bundle>> {
    let mut of_bidder: BTreeMap<Did, Vec<Bundle>> = BTreeMap::new();
    for bid in singles {
        let alone = Bundle {
            subtasks: [usize::from(bid.subtask)].into_iter().collect::<SubtaskSet>(),
            price: bid.price,
            estimated_duration_ms: bid.estimated_duration_ms,
        };
        of_bidder.entry(bid.agent).or_default().push(alone);
    }
    for bundles in of_bidder.values_mut().filter(|bundles| bundles.len() > 1) {
        let longest = bundles.iter().map(|bundle| bundle.estimated_duration_ms).max();
        let all = Bundle {
            subtasks: bundles.iter().flat_map(|bundle| bundle.subtasks.indices()).collect(),
            price: bundles.iter().map(|bundle| bundle.price).sum(),
            estimated_duration_ms: longest.unwrap_or_default(),
        };
        bundles.push(all);
    }
    if let Some(team) = team {
        of_bidder.entry(team.lead()).or_default().push(team.bundle());
    }
    of_bidder
}
