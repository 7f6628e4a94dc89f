//! From what the parts know to what a node shows.
use std::collections::BTreeMap;
use std::sync::PoisonError;

use ainur_api::view::{
    AccountView, AgentView, AttemptView, AwardRow, BidRow, BiddingView, BudgetView, Explanation,
    LatenessTerms, LedgerStatus, PartBinding, PartView, TaskEvent, TaskPhase, TaskView,
};
use ainur_audit::receipt::PartBasis;
use ainur_broker::event::{CreditTake, OfferTake, RentalTake};
use ainur_broker::task::graph::PartAward;
use ainur_broker::task::{AwardBasis, Phase, Task};
use ainur_ledger::{balances, budget, reputation};
use ainur_market::auction::{award, mechanism::PriceSetBy};
use ainur_market::coalition::part_task_id;
use ainur_market::combinatorial::Assignment;
use ainur_primitives::{Amount, BudgetId, CapabilityName, Did, Subtask};
use ainur_storage::clock::{Clock, SystemClock};

use crate::agents::AgentRecord;
use crate::node::Node;

mod chunks;
mod penalties;

use chunks::chunk_views;
use penalties::losses;

impl Node {
    /// The name of an agent here; a shortened DID for others.
    pub(crate) fn name_of(&self, did: Did) -> String {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        agents
            .values()
            .find(|agent| agent.did == did)
            .map_or_else(|| did.short(), |agent| agent.name.clone())
    }

    pub(crate) fn agent_view(&self, agent: &AgentRecord) -> AgentView {
        let bidding = self.bidding(vec![agent.did]).pop().unwrap_or_default();
        self.agent_with(agent, bidding)
    }

    /// All agents, by name.
    pub(crate) fn agent_views(&self) -> Vec<AgentView> {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<AgentRecord> = agents.values().cloned().collect();
        drop(agents);
        let bidding = self.bidding(all.iter().map(|agent| agent.did).collect());
        let views = all.iter().zip(bidding);
        views.map(|(agent, bidding)| self.agent_with(agent, bidding)).collect()
    }

    fn agent_with(
        &self,
        agent: &AgentRecord,
        bidding: BTreeMap<CapabilityName, BiddingView>,
    ) -> AgentView {
        let params = self.parameters().reputation;
        let now = SystemClock.now();
        let (account, record) = self.read(|state| {
            (
                balances::query::account(state, &agent.did),
                reputation::query::reputation(state, &agent.did),
            )
        });
        AgentView {
            did: agent.did,
            name: agent.name.clone(),
            // It had a digest when it was signed.
            card: agent.card.card.digest().unwrap_or_default(),
            description: agent.description.clone(),
            program: agent.program_text(),
            capabilities: agent.capabilities.clone(),
            price: agent.price,
            prices: agent.prices.clone(),
            tactic: Some(agent.tactic),
            strategy: agent.strategy,
            bidding,
            quarantined: agent.quarantined.clone(),
            unreachable: self.health.unreachable(&agent.name),
            active: agent.active,
            balance: account.free,
            stake: record.staked,
            completed: record.completed,
            failed: record.failed,
            failure_probability: reputation::query::failure_probability(&record, now, &params),
            barred: record.barred,
            own_key: agent.own_key,
            losses: losses(&record),
        }
    }

    pub(crate) fn account_view(&self, did: Did) -> AccountView {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        let name = agents.values().find(|agent| agent.did == did).map(|agent| agent.name.clone());
        drop(agents);
        self.read(|state| {
            let account = balances::query::account(state, &did);
            let record = reputation::query::reputation(state, &did);
            let totals = balances::query::totals(state);
            // On an embedded ledger the node is the only buyer.
            let in_escrow = if did == self.did { totals.escrowed } else { Amount::ZERO };
            AccountView {
                did,
                name,
                free: account.free,
                staked: record.staked,
                locked: record.locked,
                in_escrow,
                nonce: account.nonce,
            }
        })
    }

    pub(crate) fn budget_view(&self, id: BudgetId) -> Option<BudgetView> {
        let found = self.read(|state| budget::query::budget(state, &id))?.at(SystemClock.now());
        Some(BudgetView {
            id,
            parent: found.parent,
            limit: found.limit,
            period_ms: found.period.map(|period| period.length),
            reserved: found.reserved,
            spent: found.spent,
        })
    }

    pub(crate) fn ledger_status(&self, audit_entries: u64) -> LedgerStatus {
        use ainur_consensus::ReplicatedLog as _;
        let (head, totals) =
            self.log.query(|view| (*view.ledger().head(), balances::query::totals(view.state())));
        let place = |name: &str, amount: Amount| (name.to_owned(), amount);
        LedgerStatus {
            chain_id: head.chain_id,
            height: head.height.0,
            state_root: head.state_root,
            timestamp: head.timestamp,
            totals: vec![
                place("free on accounts", totals.free),
                place("bonded as stake", totals.staked),
                place("in escrow", totals.escrowed),
                place("identity deposits", totals.deposits),
                place("locked on the exchange", totals.exchange),
                place("in pools", totals.pools),
                place("locked for rentals", totals.rentals),
                place("treasury (fees)", totals.treasury),
                place("issued - burned", totals.issued.saturating_sub(totals.burned)),
            ],
            balanced: totals.conserved(),
            audit_entries,
            fee_min: self.parameters().fee_min,
        }
    }

    pub(crate) fn task_view(&self, task: &Task) -> TaskView {
        let attempt = task.attempt();
        TaskView {
            id: task.id,
            number: task.number,
            capability: task.spec.capability.clone(),
            phase: phase(task.phase),
            buyer: task.buyer,
            seller: attempt.map(|attempt| attempt.seller),
            seller_name: attempt.map(|attempt| self.name_of(attempt.seller)),
            reserve: task.spec.reserve,
            price: attempt.map(|attempt| attempt.price),
            paid: task.ended.map(|_| self.paid(task)),
            service: task.service.map(|terms| LatenessTerms {
                late_after_ms: terms.latency_ms_max,
                compensation: terms.compensation,
            }),
            budget: task.spec.budget,
            context: task.context.clone(),
            parameters: task.spec.parameters.clone(),
            input: task.spec.input,
            input_bytes: task.spec.input_bytes,
            output: task.output.map(|(content, _)| content),
            output_bytes: task.output.map_or(0, |(_, bytes)| bytes),
            check: task.spec.check.clone(),
            selection: task.spec.selection,
            negotiations: self.negotiation_views(task),
            attempts: task.attempts.iter().map(|attempt| self.attempt_view(attempt)).collect(),
            opened: task.opened,
            ended: task.ended,
            cancelled: task.cancelled,
            detail: task.detail.clone(),
            has_receipt: task.receipt_entry.is_some(),
            parts: self.part_views(task),
            chunks: chunk_views(task),
            part_of: task.part_of.map(|part_of| part_of.id),
        }
    }

    /// What was paid for a task that has ended, insurance that went back to members included.
    fn paid(&self, task: &Task) -> Amount {
        let insurance = self.insurance_rows(task).into_iter().map(|row| row.amount);
        task.payment().saturating_add(insurance.sum())
    }

    fn part_views(&self, task: &Task) -> Vec<PartView> {
        let (Some(graph), Some(progress)) = (&task.spec.graph, &task.graph) else {
            return Vec::new();
        };
        let part = |(index, subtask): (u16, &Subtask)| {
            let outcome = progress.outcome(index);
            let last = outcome.and_then(|outcome| outcome.attempts.last()?.part_award());
            let award = last.or_else(|| progress.award(index))?;
            let phase = match outcome {
                Some(outcome) if outcome.output.is_some() => TaskPhase::Settled,
                Some(_) => TaskPhase::Refunded,
                None if task.phase.is_final() => TaskPhase::Refunded,
                None if subtask.needs.iter().all(|need| progress.outcome(*need).is_some()) => {
                    TaskPhase::Running
                }
                None => TaskPhase::Agreed,
            };
            let attempts = outcome.into_iter().flat_map(|outcome| &outcome.attempts);
            let output = outcome.and_then(|outcome| outcome.output);
            Some(PartView {
                name: subtask.name.clone(),
                capability: subtask.capability.clone(),
                needs: subtask.needs.iter().map(|need| task.part_name(*need)).collect(),
                task: part_task_id(task.id, index),
                phase,
                seller: award.seller,
                seller_name: self.name_of(award.seller),
                price: award.price,
                bound_by: match award.basis {
                    PartBasis::Bundle { .. } => PartBinding::Bid,
                    PartBasis::Coalition { .. } => PartBinding::Coalition,
                    PartBasis::Backup { .. } => PartBinding::Backup,
                    PartBasis::Call { .. } => PartBinding::Call,
                },
                attempts: attempts.map(|attempt| self.attempt_view(attempt)).collect(),
                output: output.map(|(content, _)| content),
                output_bytes: output.map_or(0, |(_, bytes)| bytes),
            })
        };
        (0..).zip(&graph.subtasks).filter_map(part).collect()
    }

    fn attempt_view(&self, attempt: &ainur_broker::task::TaskAttempt) -> AttemptView {
        AttemptView {
            attempt: attempt.number,
            seller: attempt.seller,
            seller_name: self.name_of(attempt.seller),
            price: attempt.price,
            failure: attempt.failure.as_ref().map(|(reason, _)| *reason),
            detail: attempt.failure.as_ref().map(|(_, why)| why.clone()).unwrap_or_default(),
            slashed: attempt.slashed,
            resumed: attempt.resumed,
            resumed_at_chunk: attempt.resumed_at_chunk,
        }
    }

    pub(crate) fn explanation(&self, task: &Task) -> Explanation {
        let terms = task.auction.terms();
        let mut bids = Vec::new();
        let mut awards = Vec::new();
        let mut digest = None;
        let mut excluded: Vec<Did> = Vec::new();
        for attempt in &task.attempts {
            match (&attempt.basis, &task.transcript) {
                (AwardBasis::Offer(take), _) => awards.push(self.offer_row(attempt.number, take)),
                (AwardBasis::Credit(take), _) => awards.push(self.credit_row(attempt.number, take)),
                (AwardBasis::Rental(take), _) => awards.push(self.use_row(attempt.number, take)),
                (AwardBasis::Negotiated(deal), _) => {
                    awards.push(self.negotiated_row(attempt.number, deal));
                }
                (AwardBasis::Auction, None) => {}
                (AwardBasis::Graph, _) => {
                    digest = task.graph.as_ref().map(|it| it.decision.transcript.digest());
                    awards.extend(self.graph_rows(task));
                    awards.extend(self.called_rows(task));
                }
                (AwardBasis::Part(award), _) if !is_called(award) => {}
                (AwardBasis::Part(_), None) => {}
                (AwardBasis::Auction | AwardBasis::Part(_), Some(transcript)) => {
                    if let Ok(outcome) = award(transcript, &excluded) {
                        if bids.is_empty() {
                            bids = outcome.ranking.iter().map(|row| self.bid_row(row)).collect();
                        }
                        awards.push(self.award_row(attempt.number, &outcome));
                    }
                }
            }
            if !attempt.is_refused_offer() && !attempt.has_lapsed() {
                excluded.push(attempt.seller);
            }
        }
        if let Some(transcript) = &task.transcript {
            digest = Some(transcript.digest());
        }
        for (bidder, why) in &task.passed {
            bids.push(BidRow {
                bidder: *bidder,
                name: self.name_of(*bidder),
                price: None,
                failure_probability: ainur_primitives::Ppm::ZERO,
                score: None,
                estimated_duration_ms: None,
                standing: format!("passed: {why}"),
            });
        }
        Explanation {
            task: task.id,
            selection: task.spec.selection,
            reserve: terms.reserve,
            loss: terms.loss,
            bids,
            awards,
            transcript: digest,
            transcript_matches: self.basis_agreed(task),
            penalties: self.penalty_rows(task),
            insurance: self.insurance_rows(task),
        }
    }

    /// Why each part of a graph went to whom.
    fn graph_rows(&self, task: &Task) -> Vec<AwardRow> {
        let found = task.graph.as_ref().and_then(|graph| graph.decision.awards().ok());
        let Some((allocation, _)) = found else { return Vec::new() };
        let row = |assignment: &Assignment| {
            let names = assignment.bundle.subtasks.indices();
            let names: Vec<String> = names.map(|index| task.part_name(index as u16)).collect();
            let instead = assignment.displaced.first().map(|displaced| displaced.bidder);
            let why = format!(
                "{}: asked {} AINU for all of it; {}.",
                names.join(", "),
                assignment.bundle.price.to_ainu(),
                match instead {
                    Some(rival) => format!("without it, {} would do more", self.name_of(rival)),
                    None => "nobody else sets a price below the reserve".into(),
                }
            );
            AwardRow {
                attempt: 1,
                winner: assignment.bidder,
                winner_name: self.name_of(assignment.bidder),
                bid: assignment.bundle.price,
                payment: assignment.payment,
                runner_up: instead,
                why,
            }
        };
        allocation.assignments.iter().map(row).collect()
    }

    /// Who won the calls for single parts of a graph that nobody else could do any more.
    fn called_rows(&self, task: &Task) -> Vec<AwardRow> {
        let ended = task.graph.iter().flat_map(|graph| &graph.ended);
        let calls = ended.filter_map(|outcome| Some((outcome, outcome.call.as_ref()?)));
        let mut rows = Vec::new();
        for (outcome, call) in calls {
            let mut before: Vec<Did> = Vec::new();
            for attempt in &outcome.attempts {
                let called = attempt.part_award().is_some_and(is_called);
                if let Some(found) = award(&call.transcript, &before).ok().filter(|_| called) {
                    let row = self.award_row(attempt.number, &found);
                    let name = task.part_name(outcome.subtask);
                    let why = format!("{name}, called for again alone: {}", row.why);
                    rows.push(AwardRow { why, ..row });
                }
                before.push(attempt.seller);
            }
        }
        rows
    }

    fn offer_row(&self, attempt: u32, take: &OfferTake) -> AwardRow {
        let terms = &take.offer.terms;
        let (offer, base) = (terms.digest().short(), terms.pricing.base_price.to_ainu());
        let why = format!(
            "Its standing offer {offer}: base price {base} AINU, {} tasks bought before, taken {}.",
            take.bought, take.matched
        );
        AwardRow {
            attempt,
            winner: terms.seller,
            winner_name: self.name_of(terms.seller),
            bid: terms.pricing.base_price,
            payment: take.price(),
            runner_up: None,
            why,
        }
    }

    fn credit_row(&self, attempt: u32, take: &CreditTake) -> AwardRow {
        AwardRow {
            attempt,
            winner: take.issuer,
            winner_name: self.name_of(take.issuer),
            bid: Amount::ZERO,
            payment: Amount::ZERO,
            runner_up: None,
            why: format!(
                "It owes the work for a credit of the buyer's, with {} AINU of collateral behind it; \
                 of those who can do it, it has owed for longest.",
                take.collateral.to_ainu()
            ),
        }
    }

    fn use_row(&self, attempt: u32, take: &RentalTake) -> AwardRow {
        AwardRow {
            attempt,
            winner: take.seller,
            winner_name: self.name_of(take.seller),
            bid: Amount::ZERO,
            payment: Amount::ZERO,
            runner_up: None,
            why: format!(
                "The buyer rents it: {} units of rental {}, which is paid by periods.",
                take.units,
                take.rental.short()
            ),
        }
    }

    fn bid_row(&self, row: &ainur_market::auction::Ranked) -> BidRow {
        BidRow {
            bidder: row.bidder,
            name: self.name_of(row.bidder),
            price: Some(row.price),
            failure_probability: row.failure_probability,
            score: Some(row.score),
            estimated_duration_ms: Some(row.estimated_duration_ms),
            standing: row.ineligible.map_or_else(|| "eligible".into(), |why| why.to_string()),
        }
    }

    fn award_row(&self, attempt: u32, outcome: &ainur_market::auction::Award) -> AwardRow {
        let runner_up = outcome.runner_up.map(|did| self.name_of(did));
        let bid = outcome.bid.price;
        let why = match (outcome.price_set_by, runner_up) {
            (PriceSetBy::RunnerUp, Some(name)) => {
                format!(
                    "It bid {} AINU; at this price its score ties that of {name}.",
                    bid.to_ainu()
                )
            }
            (PriceSetBy::Reserve, _) => {
                format!(
                    "It bid {} AINU; nobody else sets a price below the reserve.",
                    bid.to_ainu()
                )
            }
            _ => format!("It bid {} AINU and is paid its bid.", bid.to_ainu()),
        };
        AwardRow {
            attempt,
            winner: outcome.winner,
            winner_name: self.name_of(outcome.winner),
            bid,
            payment: outcome.payment,
            runner_up: outcome.runner_up,
            why,
        }
    }
}

/// A call for the part alone made it the seller.
fn is_called(award: &PartAward) -> bool {
    matches!(award.basis, PartBasis::Call { .. })
}

/// What has happened to a task since an event.
pub(crate) fn events(task: &Task, after: u32) -> Vec<TaskEvent> {
    (1u32..)
        .zip(&task.history)
        .skip(after as usize)
        .map(|(number, entry)| TaskEvent {
            number,
            at: entry.at,
            kind: entry.kind.to_string(),
            detail: entry.detail.clone(),
        })
        .collect()
}

pub(crate) fn phase(phase: Phase) -> TaskPhase {
    match phase {
        Phase::Announced | Phase::Revealing => TaskPhase::Announced,
        Phase::Awarded | Phase::Rewarding => TaskPhase::Agreed,
        Phase::Running => TaskPhase::Running,
        Phase::Delivered => TaskPhase::Verifying,
        Phase::Accepted => TaskPhase::Accepted,
        Phase::Failing | Phase::Refunding => TaskPhase::Failing,
        Phase::Settled => TaskPhase::Settled,
        Phase::Refunded => TaskPhase::Refunded,
        Phase::Unfunded => TaskPhase::Unfunded,
    }
}
