//! Calls over task graphs: asking for a price for every part, and holding the auction in which
//! coalitions bid beside single agents.
//!
//! Every bidder is an agent of this node, which keeps its key; so the auction is held when all have
//! answered, in one turn, and nothing of it has to be remembered before.
use std::collections::BTreeMap;

use ainur_audit::receipt::subtask_loss;
use ainur_consensus::ReplicatedLog;
use ainur_crypto::batch::{BatchProof, sign_batch};
use ainur_crypto::hash;
use ainur_market::auction::{CommitTerms, commitment};
use ainur_market::coalition::{CoalitionTerms, SubtaskBid, graph_digest};
use ainur_market::combinatorial::{
    BUNDLES_MAX, Bundle, BundleBidTerms, CombinatorialAuction, CombinatorialTerms, SubtaskSet,
    SubtaskTerms,
};
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, QualityLevel, Subtask, TaskGraph};
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
