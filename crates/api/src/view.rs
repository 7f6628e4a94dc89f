//! What a node shows: plain data for tables, dashboards and programs.
use std::collections::BTreeMap;

use ainur_market::negotiation::TacticName;
use ainur_market::strategy::StrategyChoice;
use ainur_primitives::{
    AcceptanceCheck, Amount, BudgetId, CapabilityContract, CapabilityName, ContentId, Did, Digest,
    DurationMs, FailureReason, Ppm, SelectionRule, TaskId, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

mod aacl;
mod bidding;
mod chunks;
mod exchange;
mod ledger;
mod market;
mod own_key;
mod penalties;
mod rental;
pub(crate) mod token;

pub use aacl::{AaclKeys, AaclParty, AaclThread};
pub use bidding::BiddingView;
pub use chunks::ChunkView;
pub use exchange::{
    BestQuotes, BookView, HoldingView, MovementReport, TradePlace, TradeReport, TradeRow,
};
pub use ledger::{AccountView, AuditReport, Check, LedgerStatus, Verification};
pub use market::{LatenessTerms, NegotiationTurn, NegotiationView, OfferView, OpenCall};
pub use own_key::JoinPapers;
pub use penalties::{InsuranceRow, PenaltyRow, StakeLoss};
pub use rental::{RentalHolding, RentalStatement, RentalView};
pub use token::TokenView;

/// How a node is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeStatus {
    /// The node's own identity.
    #[schemars(with = "schema::Did")]
    pub did: Did,
    /// The ledger it hosts.
    #[schemars(with = "schema::Digest")]
    pub chain_id: Digest,
    /// Version of the program.
    pub version: String,
    /// Where its data is.
    pub data_dir: String,
    /// Address it listens on, when it does.
    pub listen: Option<String>,
    /// Ledger height.
    pub height: u64,
    /// Agents that may bid.
    pub agents: u32,
    /// Tasks that have not ended.
    pub tasks_open: u64,
    /// Tasks ever announced.
    pub tasks_total: u64,
    /// Worker processes.
    pub workers: Vec<Worker>,
    /// Whether plain commands run without network: `isolated`, or why not.
    pub command_network: String,
    /// Where traces go, when they go anywhere.
    pub traces: Option<TraceExport>,
}

/// How sending traces is going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceExport {
    /// The collector's scheme and host.
    pub collector: String,
    /// Spans it has taken since the node was started.
    pub exported: u64,
    /// Spans that were lost because it did not answer, refused, or was too slow.
    pub dropped: u64,
}

/// A worker process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Worker {
    /// Its number in the pool.
    pub id: u32,
    /// Its process id.
    pub pid: u32,
    /// Attempts it is running.
    pub jobs: u32,
}

/// A named limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limit {
    /// The crate that enforces it.
    pub area: String,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: u128,
    /// What the value counts.
    pub unit: String,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentView {
    /// Its identity.
    #[schemars(with = "schema::Did")]
    pub did: Did,
    /// Its name on this node.
    pub name: String,
    /// The digest of its card, by which agreements and negotiations name what it promises.
    #[schemars(with = "schema::Digest")]
    pub card: Digest,
    /// From its manifest.
    pub description: String,
    /// `component bafkr4i…` or the command line.
    pub program: String,
    /// What it offers.
    #[schemars(with = "Vec<schema::CapabilityContract>")]
    pub capabilities: Vec<CapabilityContract>,
    /// Fixed price, when it does not quote itself.
    #[schemars(with = "Option<schema::Amount>")]
    pub price: Option<Amount>,
    /// Prices of single capabilities, where they differ.
    #[schemars(with = "BTreeMap<String, schema::Amount>")]
    pub prices: BTreeMap<CapabilityName, Amount>,
    /// How it concedes in a negotiation; shown to whoever runs the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::TacticName>")]
    pub tactic: Option<TacticName>,
    /// How its bids are made from its quotes or fixed prices; without one, those are the bids.
    #[schemars(with = "Option<schema::StrategyChoice>")]
    pub strategy: Option<StrategyChoice>,
    /// How its bids in auctions went, by capability; only the node's operator sees it.
    #[schemars(with = "BTreeMap<String, BiddingView>")]
    pub bidding: BTreeMap<CapabilityName, BiddingView>,
    /// Capabilities that are not called, and why: they are not what they were when it was added.
    #[schemars(with = "BTreeMap<String, String>")]
    pub quarantined: BTreeMap<CapabilityName, String>,
    /// Why it cannot be reached now, when it cannot.
    pub unreachable: Option<String>,
    /// It may bid.
    pub active: bool,
    /// Free money it earned.
    #[schemars(with = "schema::Amount")]
    pub balance: Amount,
    /// Bonded stake.
    #[schemars(with = "schema::Amount")]
    pub stake: Amount,
    /// Accepted tasks.
    pub completed: u64,
    /// Failed tasks.
    pub failed: u64,
    /// The ledger's estimate that its next task fails.
    #[schemars(with = "schema::Ppm")]
    pub failure_probability: Ppm,
    /// Below minimum stake: may not bid.
    pub barred: bool,
    /// It keeps its own key: it sells by offers and bids that it signs itself.
    #[serde(default)]
    pub own_key: bool,
    /// Stake it lost, oldest first: the newest times that the ledger remembers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<StakeLoss>,
}

impl AgentView {
    /// What can be bought of it now, and its price where it does not quote: nothing while it is
    /// removed, barred or unreachable, and nothing that is quarantined.
    pub fn on_offer(&self) -> impl Iterator<Item = (&CapabilityContract, Option<Amount>)> {
        let may_bid = self.active && !self.barred && self.unreachable.is_none();
        let offered = self
            .capabilities
            .iter()
            .filter(move |contract| may_bid && !self.quarantined.contains_key(&contract.name));
        offered.map(|contract| (contract, self.prices.get(&contract.name).copied().or(self.price)))
    }
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskPhase {
    /// Bids are being gathered.
    Announced,
    /// A winner is being contracted; money is being locked.
    Agreed,
    /// An attempt is running.
    Running,
    /// Output is complete; its check is running, or the buyer's word is waited for.
    Verifying,
    /// The check was passed; the money is being paid.
    Accepted,
    /// An attempt failed; the ledger is being told, and money returned if nobody else is left.
    Failing,
    /// Paid.
    Settled,
    /// Everything returned to the buyer.
    Refunded,
    /// Ended before any money was locked.
    Unfunded,
}

impl TaskPhase {
    /// Nothing follows: paid, refunded, or never funded.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Settled | Self::Refunded | Self::Unfunded)
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskView {
    /// Its id.
    #[schemars(with = "schema::Digest")]
    pub id: TaskId,
    /// Its number on this node, from 1.
    pub number: u64,
    /// What is wanted.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// Where it stands.
    pub phase: TaskPhase,
    /// Who buys.
    #[schemars(with = "schema::Did")]
    pub buyer: Did,
    /// Who works or worked last.
    #[schemars(with = "Option<schema::Did>")]
    pub seller: Option<Did>,
    /// That agent's name.
    pub seller_name: Option<String>,
    /// The most the buyer pays.
    #[schemars(with = "schema::Amount")]
    pub reserve: Amount,
    /// Agreed or paid price.
    #[schemars(with = "Option<schema::Amount>")]
    pub price: Option<Amount>,
    /// What the seller got, once it ended: less than the price for late work; a fee when the buyer
    /// cancelled it; nothing for what failed, and with a credit.
    #[serde(default)]
    #[schemars(with = "Option<schema::Amount>")]
    pub paid: Option<Amount>,
    /// What late work costs its seller.
    #[serde(default)]
    pub service: Option<LatenessTerms>,
    /// The budget it draws on.
    #[schemars(with = "Option<schema::Digest>")]
    pub budget: Option<BudgetId>,
    /// What it has in common with tasks it belongs to.
    #[serde(default)]
    pub context: Option<String>,
    /// JSON parameters.
    pub parameters: String,
    /// The input.
    #[schemars(with = "Option<schema::ContentId>")]
    pub input: Option<ContentId>,
    /// Length of the input in bytes.
    pub input_bytes: u64,
    /// The accepted (or last delivered) output.
    #[schemars(with = "Option<schema::ContentId>")]
    pub output: Option<ContentId>,
    /// Length of the output in bytes.
    pub output_bytes: u64,
    /// How it is accepted.
    #[schemars(with = "schema::AcceptanceCheck")]
    pub check: AcceptanceCheck,
    /// How the winner was chosen.
    #[schemars(with = "schema::SelectionRule")]
    pub selection: SelectionRule,
    /// What was said in its last negotiations; left out of lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negotiations: Vec<NegotiationView>,
    /// Every attempt.
    pub attempts: Vec<AttemptView>,
    /// When it was announced.
    #[schemars(with = "schema::Timestamp")]
    pub opened: Timestamp,
    /// When it ended.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub ended: Option<Timestamp>,
    /// The buyer wants no more of it.
    pub cancelled: bool,
    /// Why it ended as it did, for people; empty when all went well.
    pub detail: String,
    /// A receipt can be shown.
    pub has_receipt: bool,
    /// The parts of a task graph, once sellers were found for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartView>,
    /// The chunks of a task that is delivered and paid in chunks, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<ChunkView>,
    /// The task it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Digest>")]
    pub part_of: Option<TaskId>,
}

/// A part of a task graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartView {
    /// What people call it.
    pub name: String,
    /// What is wanted.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// The names of the parts whose output it works on.
    pub needs: Vec<String>,
    /// The task it is, once it has begun.
    #[schemars(with = "schema::Digest")]
    pub task: TaskId,
    /// Where it stands.
    pub phase: TaskPhase,
    /// Who works or worked last.
    #[schemars(with = "schema::Did")]
    pub seller: Did,
    /// That agent's name.
    pub seller_name: String,
    /// What it is paid for accepted work.
    #[schemars(with = "schema::Amount")]
    pub price: Amount,
    /// What bound the seller: its own bid, its coalition, that it stood by for one, or its bid in a
    /// call for the part alone.
    pub bound_by: PartBinding,
    /// Every attempt, once it has ended.
    pub attempts: Vec<AttemptView>,
    /// What it delivered.
    #[schemars(with = "Option<schema::ContentId>")]
    pub output: Option<ContentId>,
    /// Length of that in bytes.
    pub output_bytes: u64,
}

/// What bound the seller of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PartBinding {
    /// Its own bid.
    Bid,
    /// It is a member of a coalition.
    Coalition,
    /// It stood by for a member of a coalition that failed.
    Backup,
    /// Its bid in a call for the part alone.
    Call,
}

/// Some of the tasks that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskPage {
    /// Newest first.
    pub tasks: Vec<TaskView>,
    /// There may be more: ask again with this as `before`.
    pub next: Option<u64>,
}

/// What came of a task since somebody last looked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskNews {
    /// What happened, oldest first.
    pub events: Vec<TaskEvent>,
    /// Where the task stands after that.
    pub phase: TaskPhase,
}

/// One attempt at a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptView {
    /// From 1.
    pub attempt: u32,
    /// Who worked.
    #[schemars(with = "schema::Did")]
    pub seller: Did,
    /// That agent's name.
    pub seller_name: String,
    /// For how much.
    #[schemars(with = "schema::Amount")]
    pub price: Amount,
    /// Why it failed, when it did.
    #[schemars(with = "Option<schema::FailureReason>")]
    pub failure: Option<FailureReason>,
    /// One line for people.
    pub detail: String,
    /// Slashed from the seller.
    #[schemars(with = "schema::Amount")]
    pub slashed: Amount,
    /// How often its worker was lost and it was resumed.
    pub resumed: u32,
    /// Chunks that were already durable at the last resume.
    pub resumed_at_chunk: u32,
}

/// Something that happened to a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskEvent {
    /// Number within the task, from 1.
    pub number: u32,
    /// When.
    #[schemars(with = "schema::Timestamp")]
    pub at: Timestamp,
    /// A stable word: `announced`, `committed`, `revealed`, `awarded`, `agreed`, `started`,
    /// `chunk`, `resumed`, `delivered`, `verdict`, `failed`, `settled`, `refunded`, …
    pub kind: String,
    /// One line for people.
    pub detail: String,
}

/// Why a bidder won.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The task.
    #[schemars(with = "schema::Digest")]
    pub task: TaskId,
    /// How the winner was chosen.
    #[schemars(with = "schema::SelectionRule")]
    pub selection: SelectionRule,
    /// The most the buyer pays.
    #[schemars(with = "schema::Amount")]
    pub reserve: Amount,
    /// What failure would cost the buyer.
    #[schemars(with = "schema::Amount")]
    pub loss: Amount,
    /// Bids, best first.
    pub bids: Vec<BidRow>,
    /// One award per attempt.
    pub awards: Vec<AwardRow>,
    /// Digest of the transcript that was replayed, when there was an auction.
    #[schemars(with = "Option<schema::Digest>")]
    pub transcript: Option<Digest>,
    /// What the agreements name is this transcript, or the offer that was taken.
    pub transcript_matches: bool,
    /// What the clauses of coalitions cost members who failed or were late, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub penalties: Vec<PenaltyRow>,
    /// What members of coalitions got back in the end of what insurance withheld from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub insurance: Vec<InsuranceRow>,
}

/// One bidder's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BidRow {
    /// Who.
    #[schemars(with = "schema::Did")]
    pub bidder: Did,
    /// Its name here.
    pub name: String,
    /// Its bid, when revealed.
    #[schemars(with = "Option<schema::Amount>")]
    pub price: Option<Amount>,
    /// Failure probability at the time.
    #[schemars(with = "schema::Ppm")]
    pub failure_probability: Ppm,
    /// Bid plus expected loss.
    #[schemars(with = "Option<schema::Amount>")]
    pub score: Option<Amount>,
    /// Its own estimate.
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub estimated_duration_ms: Option<DurationMs>,
    /// `eligible`, or why not.
    pub standing: String,
}

/// One award.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AwardRow {
    /// From 1.
    pub attempt: u32,
    /// Who won.
    #[schemars(with = "schema::Did")]
    pub winner: Did,
    /// Its name here.
    pub winner_name: String,
    /// Its bid.
    #[schemars(with = "schema::Amount")]
    pub bid: Amount,
    /// What it is paid.
    #[schemars(with = "schema::Amount")]
    pub payment: Amount,
    /// The runner-up, who sets the price.
    #[schemars(with = "Option<schema::Did>")]
    pub runner_up: Option<Did>,
    /// One sentence.
    pub why: String,
}

/// A budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetView {
    /// Its id.
    #[schemars(with = "schema::Digest")]
    pub id: BudgetId,
    /// Inside which.
    #[schemars(with = "Option<schema::Digest>")]
    pub parent: Option<BudgetId>,
    /// The most, in each period when there is one.
    #[schemars(with = "schema::Amount")]
    pub limit: Amount,
    /// For how long what is spent counts; for ever when absent.
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub period_ms: Option<DurationMs>,
    /// Locked by running tasks.
    #[schemars(with = "schema::Amount")]
    pub reserved: Amount,
    /// Paid.
    #[schemars(with = "schema::Amount")]
    pub spent: Amount,
}

/// What the holder of a token may do; each may do what those before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Look: at agents, and at tasks under its budget.
    Read,
    /// Buy, within its budget.
    Spend,
    /// Everything the node's owner may.
    Admin,
}
