//! Calls over task graphs: asking for a price for every part, forming coalitions of those who are
//! ready to work together, and holding the auction in which they bid beside single agents.
//!
//! Every bidder is an agent of this node, which keeps its key; so the auction is held when all have
//! answered, in one turn, and nothing of it has to be remembered before.
use std::collections::BTreeMap;

use ainur_audit::receipt::subtask_loss;
use ainur_consensus::ReplicatedLog;
use ainur_crypto::batch::{BatchProof, sign_batch};
use ainur_crypto::hash;
use ainur_market::auction::{CommitTerms, commitment};
use ainur_market::coalition::{
    COALITION_BACKUPS_MAX, CoalitionLimits, CoalitionMember, CoalitionTerms, Coverage,
    ExecutionPlan, FailureHandling, Formation, ProfitSharing, SamplingAccuracy, ShapleyValues,
    SubtaskBid, SynergyTerms, Team, graph_digest,
};
use ainur_market::combinatorial::{
    BUNDLES_MAX, Bundle, BundleBidTerms, CombinatorialAuction, CombinatorialTerms, SubtaskSet,
    SubtaskTerms,
};
use ainur_primitives::{
    Amount, CoalitionId, Did, Digest, DurationMs, Ppm, QualityLevel, SharingMethod, Subtask,
    TaskGraph,
};
use ainur_runtime::job::Quote;
use ainur_runtime::{CallView, Executor, Job};
use ainur_storage::Disk;

use super::bidding::fixed_quote;
use super::work::Errand;
use super::{Broker, one_line};
use crate::error::Error;
use crate::event::{Event, JournalEntry};
use crate::seat::Seat;
use crate::task::graph::{GraphDecision, SignedCoalition};
use crate::task::{Phase, Task};

/// What agents ask for parts of a graph, while not all have answered; `None` for no bid.
pub(super) type PartQuotes = BTreeMap<(Did, u16), Option<Quote>>;

/// How many subtasks of one bidder are offered in every combination.
const COMBINED_MAX: usize = 5;
/// Backups that a coalition names for each of its subtasks.
const BACKUPS_MAX: usize = 2;
/// How sure agents are said to be who say nothing of it.
const CONFIDENCE: Ppm = Ppm(900_000);

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Asks every invited agent for a price for every part it can do.
    pub(super) fn gather_part_quotes(&mut self, number: u64) -> Result<(), Error> {
        for (bidder, index) in self.unquoted(number)? {
            let Some(task) = self.tasks.get(&number) else { return Ok(()) };
            let Some(subtask) = subtask_of(task, index).cloned() else { continue };
            let input_bytes = task.spec.input_bytes;
            let Some(seat) = self.seats.get(bidder) else {
                self.take_part_quote(number, (bidder, index), None)?;
                continue;
            };
            if let Some(quote) = fixed_quote(seat, &subtask.capability, subtask.duration_ms_max) {
                self.take_part_quote(number, (bidder, index), Some(quote))?;
                continue;
            }
            let call = CallView {
                capability: subtask.capability,
                parameters: subtask.parameters,
                input_bytes,
                reserve: subtask.reserve,
                deadline_ms: subtask.duration_ms_max,
                active_tasks: seat.active,
            };
            let job = Job::Quote { program: seat.program.clone(), call };
            let errand = Errand::QuotePart { task: number, bidder, subtask: index };
            self.dispatch(errand, job)?;
        }
        self.decide_when_answered(number)
    }

    /// Which agents have not been asked for which parts they can do.
    fn unquoted(&mut self, number: u64) -> Result<Vec<(Did, u16)>, Error> {
        let asked = self.askable(number)?;
        let known = self.part_quotes.entry(number).or_default();
        let missing: Vec<(Did, u16)> =
            asked.into_iter().filter(|place| !known.contains_key(place)).collect();
        let under_way = |(did, index): &(Did, u16)| {
            self.errands_of(number).any(|errand| {
                matches!(errand, Errand::QuotePart { bidder, subtask, .. }
                    if bidder == did && subtask == index)
            })
        };
        Ok(missing.into_iter().filter(|place| !under_way(place)).collect())
    }

    /// Who could do which part, ascending.
    fn askable(&mut self, number: u64) -> Result<Vec<(Did, u16)>, Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(Vec::new()) };
        let (spec, invited) = (task.spec.clone(), task.invited.clone());
        let mut asked = Vec::new();
        for (index, subtask) in (0..).zip(spec.graph.iter().flat_map(|graph| &graph.subtasks)) {
            // Who cannot be asked any more is not; the announcement found somebody for each.
            let able = self.able((&subtask.capability, &subtask.parameters), &spec.check, None);
            let able = able.unwrap_or_default().into_iter();
            // Who keeps its own key signs no bid on parts here.
            let is_asked = |did: &Did| {
                invited.contains(did) && self.seats.get(*did).is_some_and(Seat::is_keyed)
            };
            asked.extend(able.filter(is_asked).map(|did| (did, index)));
        }
        asked.sort_unstable();
        Ok(asked)
    }

    /// Takes an agent's answer for one part.
    pub(super) fn take_part_quote(
        &mut self,
        number: u64,
        place: (Did, u16),
        quote: Option<Quote>,
    ) -> Result<(), Error> {
        let open = self.tasks.get(&number).is_some_and(|task| task.phase == Phase::Announced);
        if open {
            self.part_quotes.entry(number).or_default().entry(place).or_insert(quote);
        }
        Ok(())
    }

    /// Holds the auction once nobody is waited for.
    pub(super) fn decide_when_answered(&mut self, number: u64) -> Result<(), Error> {
        let waiting =
            self.errands_of(number).any(|errand| matches!(errand, Errand::QuotePart { .. }));
        match waiting || !self.unquoted(number)?.is_empty() {
            true => Ok(()),
            false => self.decide_graph(number),
        }
    }

    /// Holds the auction among those who have answered.
    pub(super) fn decide_graph(&mut self, number: u64) -> Result<(), Error> {
        let quotes = self.part_quotes.remove(&number).unwrap_or_default();
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let Some(graph) = task.spec.graph.clone() else { return Ok(()) };
        if task.phase != Phase::Announced {
            return Ok(());
        }
        let task = task.clone();
        let quotes = self.price_parts(&task, quotes);
        let bids = self.eligible(&graph, &quotes);
        let held = match self.hold_graph_auction(number, &graph, &bids) {
            Err(Error::Illegal(illegal)) => {
                // As when the deadline has come meanwhile.
                let detail = one_line(&format!("no auction could be held: {illegal}"));
                return self.record(number, Event::NoAward { detail });
            }
            held => held?,
        };
        let Some(decision) = held else {
            let detail = one_line(&format!("no agent bid on {}", unwanted(&graph, &bids)));
            return self.record(number, Event::NoAward { detail });
        };
        if decision.awards().is_err() {
            let detail = one_line(&format!("nobody can be paid for {}", unwanted(&graph, &bids)));
            return self.record(number, Event::NoAward { detail });
        }
        self.record(number, Event::GraphAwarded(Box::new(decision)))
    }

    /// Quotes that could win: within reserve and time, of agents that can put up the bond.
    fn eligible(&self, graph: &TaskGraph, quotes: &PartQuotes) -> Vec<SubtaskBid> {
        let mut bids = Vec::new();
        for ((agent, index), quote) in quotes {
            let Some(subtask) = graph.subtasks.get(usize::from(*index)) else { continue };
            let (Some(quote), Some(seat)) = (quote, self.seats.get(*agent)) else { continue };
            let in_time = quote.estimated_duration_ms <= subtask.duration_ms_max;
            let bond = self.bond_for(*agent, subtask.reserve);
            if let (Some(bond), true) = (bond, in_time && quote.price <= subtask.reserve) {
                bids.push(SubtaskBid {
                    agent: *agent,
                    card: seat.card,
                    subtask: *index,
                    price: quote.price,
                    estimated_duration_ms: quote.estimated_duration_ms,
                    bond,
                });
            }
        }
        bids
    }

    /// Commitments, reveals and close; `None` when nobody bids.
    fn hold_graph_auction(
        &mut self,
        number: u64,
        graph: &TaskGraph,
        bids: &[SubtaskBid],
    ) -> Result<Option<GraphDecision>, Error> {
        let Some(terms) = self.tasks.get(&number).map(|task| self.graph_terms(task, graph)) else {
            return Ok(None);
        };
        if bids.is_empty() {
            return Ok(None);
        }
        let coalitions = self.form_coalitions(number, graph, bids);
        let (coalitions, team_bonds) = self.bondable_teams(graph, coalitions);
        let mut offered = bundles(bids, &coalitions);
        offered.retain(|bidder, bundles| {
            bundles.retain(|bundle| {
                self.can_bond(graph, *bidder, bundle.subtasks.indices(), &team_bonds)
                    || is_team_bundle(&coalitions, *bidder, bundle)
            });
            !bundles.is_empty()
        });
        let (now, task) = (self.now, terms.task);
        let (bid_bond, reveal_until) = (terms.bid_bond, terms.reveal_until);
        let valid_until = terms.deadline;
        let mut auction = CombinatorialAuction::open(terms).map_err(crate::task::Illegal::from)?;
        let mut sealed = Vec::new();
        for (bidder, bundles) in offered {
            let card = self.seats.get(bidder).map(|seat| seat.card).unwrap_or_default();
            let bid = BundleBidTerms {
                task,
                bidder,
                bundles,
                bid_bond,
                confidence: CONFIDENCE,
                quality_level: QualityLevel::Standard,
                card,
                valid_until,
            };
            let salt = (self.entropy)()?;
            let commitment = commitment(&bid, &salt);
            let commit = CommitTerms { task, bidder, commitment, bid_bond, reveal_until };
            let failure_probability = self.failure_probability(bidder);
            auction.commit(now, commit, failure_probability).map_err(crate::task::Illegal::from)?;
            sealed.push((bid, salt));
        }
        auction.close_commitments(now).map_err(crate::task::Illegal::from)?;
        let salts: Vec<u8> = sealed.iter().flat_map(|(_, salt)| *salt).collect();
        let beacon = hash::tagged("ainur/auction-beacon/v1", &[&task.0.0, &salts]);
        let digests: Vec<(Did, Digest)> =
            sealed.iter().map(|(bid, _)| (bid.bidder, bid.digest())).collect();
        for (bid, salt) in sealed {
            auction.reveal(now, bid, salt).map_err(crate::task::Illegal::from)?;
        }
        let transcript = auction.close(now, beacon).map_err(crate::task::Illegal::from)?;
        let mut signed = self.sign_words(&digests, &coalitions)?;
        let bids = digests.iter().filter_map(|(bidder, digest)| signed.remove(&(*bidder, *digest)));
        let bids = bids.collect();
        let coalitions = coalitions.into_iter().map(|terms| {
            let digest = terms.digest();
            let proof = |signer| signed.remove(&(signer, digest));
            let proofs = terms.signers().into_iter().filter_map(proof).collect();
            SignedCoalition { terms, proofs }
        });
        Ok(Some(GraphDecision { transcript, bids, coalitions: coalitions.collect() }))
    }

    fn graph_terms(&self, task: &Task, graph: &TaskGraph) -> CombinatorialTerms {
        let subtask = |subtask: &Subtask| SubtaskTerms {
            reserve: subtask.reserve,
            loss: subtask_loss(&task.spec, subtask),
            duration_ms_max: subtask.duration_ms_max,
        };
        let terms = task.auction.terms();
        // It is held in this instant; who was asked has answered.
        let commit_until = self.now.plus(DurationMs(1));
        CombinatorialTerms {
            task: task.id,
            graph: graph_digest(graph),
            subtasks: graph.subtasks.iter().map(subtask).collect(),
            budget: task.spec.reserve,
            selection: task.spec.selection,
            deadline: task.deadline,
            opened: terms.opened,
            commit_until,
            reveal_until: commit_until.plus(DurationMs(1)),
            bid_bond: terms.bid_bond,
        }
    }

    /// The coalitions that those who are ready to work together could form: one for each stage and
    /// one for the whole, as far as they ask less than their members would alone.
    fn form_coalitions(
        &self,
        number: u64,
        graph: &TaskGraph,
        bids: &[SubtaskBid],
    ) -> Vec<CoalitionTerms> {
        let Some(task) = self.tasks.get(&number) else { return Vec::new() };
        let team = |agent: &Did| self.seats.get(*agent).and_then(|seat| seat.team.as_ref());
        // They know what each other asks, and nothing of what others do.
        let own: Vec<SubtaskBid> =
            bids.iter().filter(|bid| team(&bid.agent).is_some()).cloned().collect();
        let own = self.bondable_parts(graph, own);
        let mut agents: Vec<Did> = own.iter().map(|bid| bid.agent).collect();
        agents.sort_unstable();
        agents.dedup();
        let synergies = agents.iter().filter_map(|agent| {
            let terms = team(agent)?;
            let partners = terms.partners.clone();
            Some(SynergyTerms { task: task.id, agent: *agent, partners, saving: terms.saving })
        });
        let synergies: Vec<SynergyTerms> = synergies.collect();
        let Ok(formed) = Formation::new(graph, own.clone(), synergies) else { return Vec::new() };
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
        let terms = teams.iter().filter_map(|team| {
            let lead = team_lead(team)?;
            let method = self.seats.get(lead)?.team.as_ref()?.sharing;
            let sharing = profit_sharing(method, &formed, team)?;
            let terms = coalition_terms(task, graph, (team, sharing), &own);
            terms.validate(graph, &limits).ok().map(|()| terms)
        });
        terms.collect()
    }

    /// Everybody's signatures over bids and coalitions, one signature an agent.
    fn sign_words(
        &mut self,
        bids: &[(Did, Digest)],
        coalitions: &[CoalitionTerms],
    ) -> Result<BTreeMap<(Did, Digest), BatchProof>, Error> {
        let mut words: BTreeMap<Did, Vec<Digest>> = BTreeMap::new();
        for (bidder, digest) in bids {
            words.entry(*bidder).or_default().push(*digest);
        }
        for terms in coalitions {
            let digest = terms.digest();
            for signer in terms.signers() {
                words.entry(signer).or_default().push(digest);
            }
        }
        let mut signed = BTreeMap::new();
        for (agent, items) in words {
            let Some(seat) = self.seats.get(agent) else { continue };
            let Some(key) = &seat.key else { continue };
            let (signature, proofs) = sign_batch(key, agent, seat.key_version, &items);
            self.journal.append(&JournalEntry::Signature(signature))?;
            signed.extend(items.into_iter().map(|item| (agent, item)).zip(proofs));
        }
        Ok(signed)
    }
}

/// A bundle is what one of the coalitions that an agent leads does.
fn is_team_bundle(coalitions: &[CoalitionTerms], bidder: Did, bundle: &Bundle) -> bool {
    coalitions.iter().filter(|terms| terms.lead == bidder).any(|terms| {
        let own = terms.members.iter().map(|member| usize::from(member.subtask));
        own.collect::<SubtaskSet>() == bundle.subtasks && terms.total == bundle.price
    })
}

fn subtask_of(task: &Task, index: u16) -> Option<&Subtask> {
    task.spec.graph.as_ref()?.subtasks.get(usize::from(index))
}

/// The parts that nobody bid on; all of them when somebody bid on each.
fn unwanted(graph: &TaskGraph, bids: &[SubtaskBid]) -> String {
    let without = (0..)
        .zip(&graph.subtasks)
        .filter(|(index, _)| bids.iter().all(|bid| bid.subtask != *index));
    let names: Vec<&str> = without.map(|(_, subtask)| subtask.name.as_str()).collect();
    match names.is_empty() {
        true => "all parts together".to_owned(),
        false => names.join(", "),
    }
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
    bids: &[SubtaskBid],
) -> CoalitionTerms {
    let members = team.members_for(graph);
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
            backups: backups(graph, &members, bids),
            ..FailureHandling::default()
        },
        valid_until: task.deadline,
        members,
    }
}

/// Who stands by for which member: the cheapest of the others who are ready to work together.
fn backups(
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

/// Every bidder's bundles: what it can do in every combination as long as they are few, and for a
/// lead what its coalitions do.
fn bundles(bids: &[SubtaskBid], coalitions: &[CoalitionTerms]) -> BTreeMap<Did, Vec<Bundle>> {
    let mut singles: BTreeMap<Did, Vec<&SubtaskBid>> = BTreeMap::new();
    for bid in bids {
        singles.entry(bid.agent).or_default().push(bid);
    }
    let mut of_bidder: BTreeMap<Did, Vec<Bundle>> = BTreeMap::new();
    for (bidder, bids) in &singles {
        let own = of_bidder.entry(*bidder).or_default();
        let mut offer = |chosen: &[&SubtaskBid]| {
            let times = chosen.iter().map(|bid| bid.estimated_duration_ms);
            own.push(Bundle {
                subtasks: chosen.iter().map(|bid| usize::from(bid.subtask)).collect::<SubtaskSet>(),
                price: chosen.iter().map(|bid| bid.price).sum(),
                estimated_duration_ms: times.max().unwrap_or_default(),
            });
        };
        if bids.len() <= COMBINED_MAX {
            for set in 1_u32..1 << bids.len() {
                let chosen = (0..).zip(bids).filter(|(place, _)| set >> place & 1 == 1);
                offer(&chosen.map(|(_, bid)| *bid).collect::<Vec<_>>());
            }
        } else {
            bids.iter().take(BUNDLES_MAX / 2).for_each(|bid| offer(&[*bid]));
            offer(bids);
        }
    }
    for terms in coalitions {
        let bid = terms.bid(Amount::ZERO, CONFIDENCE, QualityLevel::Standard);
        let own = of_bidder.entry(terms.lead).or_default();
        // Doing all of it alone for the same price would be the same offer.
        own.retain(|bundle| bid.bundles.iter().all(|whole| whole.subtasks != bundle.subtasks));
        own.extend(bid.bundles);
        own.truncate(BUNDLES_MAX);
    }
    of_bidder
}
