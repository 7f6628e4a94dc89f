//! What a node shows: plain data for tables, dashboards and programs.
use std::collections::BTreeMap;

use ainur_primitives::{
    AcceptanceCheck, Amount, BudgetId, CapabilityContract, CapabilityName, ContentId, Did, Digest,
    DurationMs, FailureReason, Ppm, SelectionRule, TaskId, Timestamp,
};
use serde::{Deserialize, Serialize};

/// How a node is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The node's own identity.
    pub did: Did,
    /// The ledger it hosts.
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
}

/// A worker process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Its number in the pool.
    pub id: u32,
    /// Its process id.
    pub pid: u32,
    /// Attempts it is running.
    pub jobs: u32,
}

/// A named limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentView {
    /// Its identity.
    pub did: Did,
    /// Its name on this node.
    pub name: String,
    /// From its manifest.
    pub description: String,
    /// `component bafkr4i…` or the command line.
    pub program: String,
    /// What it offers.
    pub capabilities: Vec<CapabilityContract>,
    /// Fixed price, when it does not quote itself.
    pub price: Option<Amount>,
    /// Prices of single capabilities, where they differ.
    pub prices: BTreeMap<CapabilityName, Amount>,
    /// Capabilities that are not called, and why: they are not what they were when it was added.
    pub quarantined: BTreeMap<CapabilityName, String>,
    /// Why it cannot be reached now, when it cannot.
    pub unreachable: Option<String>,
    /// It may bid.
    pub active: bool,
    /// Free money it earned.
    pub balance: Amount,
    /// Bonded stake.
    pub stake: Amount,
    /// Accepted tasks.
    pub completed: u64,
    /// Failed tasks.
    pub failed: u64,
    /// The ledger's estimate that its next task fails.
    pub failure_probability: Ppm,
    /// Below minimum stake: may not bid.
    pub barred: bool,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskView {
    /// Its id.
    pub id: TaskId,
    /// Its number on this node, from 1.
    pub number: u64,
    /// What is wanted.
    pub capability: CapabilityName,
    /// Where it stands.
    pub phase: TaskPhase,
    /// Who buys.
    pub buyer: Did,
    /// Who works or worked last.
    pub seller: Option<Did>,
    /// That agent's name.
    pub seller_name: Option<String>,
    /// The most the buyer pays.
    pub reserve: Amount,
    /// Agreed or paid price.
    pub price: Option<Amount>,
    /// The budget it draws on.
    pub budget: Option<BudgetId>,
    /// What it has in common with tasks it belongs to.
    #[serde(default)]
    pub context: Option<String>,
    /// JSON parameters.
    pub parameters: String,
    /// The input.
    pub input: Option<ContentId>,
    /// Length of the input in bytes.
    pub input_bytes: u64,
    /// The accepted (or last delivered) output.
    pub output: Option<ContentId>,
    /// Length of the output in bytes.
    pub output_bytes: u64,
    /// How it is accepted.
    pub check: AcceptanceCheck,
    /// How the winner was chosen.
    pub selection: SelectionRule,
    /// Every attempt.
    pub attempts: Vec<AttemptView>,
    /// When it was announced.
    pub opened: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The buyer wants no more of it.
    pub cancelled: bool,
    /// Why it ended as it did, for people; empty when all went well.
    pub detail: String,
    /// A receipt can be shown.
    pub has_receipt: bool,
}

/// Some of the tasks that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskPage {
    /// Newest first.
    pub tasks: Vec<TaskView>,
    /// There may be more: ask again with this as `before`.
    pub next: Option<u64>,
}

/// What came of a task since somebody last looked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskNews {
    /// What happened, oldest first.
    pub events: Vec<TaskEvent>,
    /// Where the task stands after that.
    pub phase: TaskPhase,
}

/// One attempt at a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptView {
    /// From 1.
    pub attempt: u32,
    /// Who worked.
    pub seller: Did,
    /// That agent's name.
    pub seller_name: String,
    /// For how much.
    pub price: Amount,
    /// Why it failed, when it did.
    pub failure: Option<FailureReason>,
    /// One line for people.
    pub detail: String,
    /// Slashed from the seller.
    pub slashed: Amount,
    /// How often its worker was lost and it was resumed.
    pub resumed: u32,
    /// Chunks that were already durable at the last resume.
    pub resumed_at_chunk: u32,
}

/// Something that happened to a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskEvent {
    /// Number within the task, from 1.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// A stable word: `announced`, `committed`, `revealed`, `awarded`, `agreed`, `started`,
    /// `chunk`, `resumed`, `delivered`, `verdict`, `failed`, `settled`, `refunded`, …
    pub kind: String,
    /// One line for people.
    pub detail: String,
}

/// Why a bidder won.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The task.
    pub task: TaskId,
    /// How the winner was chosen.
    pub selection: SelectionRule,
    /// The most the buyer pays.
    pub reserve: Amount,
    /// What failure would cost the buyer.
    pub loss: Amount,
    /// Bids, best first.
    pub bids: Vec<BidRow>,
    /// One award per attempt.
    pub awards: Vec<AwardRow>,
    /// Digest of the transcript that was replayed.
    pub transcript: Digest,
    /// The transcript in the agreement is this one.
    pub transcript_matches: bool,
}

/// One bidder's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BidRow {
    /// Who.
    pub bidder: Did,
    /// Its name here.
    pub name: String,
    /// Its bid, when revealed.
    pub price: Option<Amount>,
    /// Failure probability at the time.
    pub failure_probability: Ppm,
    /// Bid plus expected loss.
    pub score: Option<Amount>,
    /// Its own estimate.
    pub estimated_duration_ms: Option<DurationMs>,
    /// `eligible`, or why not.
    pub standing: String,
}

/// One award.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AwardRow {
    /// From 1.
    pub attempt: u32,
    /// Who won.
    pub winner: Did,
    /// Its name here.
    pub winner_name: String,
    /// Its bid.
    pub bid: Amount,
    /// What it is paid.
    pub payment: Amount,
    /// The runner-up, who sets the price.
    pub runner_up: Option<Did>,
    /// One sentence.
    pub why: String,
}

/// A budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetView {
    /// Its id.
    pub id: BudgetId,
    /// Inside which.
    pub parent: Option<BudgetId>,
    /// The most, in each period when there is one.
    pub limit: Amount,
    /// For how long what is spent counts; for ever when absent.
    pub period_ms: Option<DurationMs>,
    /// Locked by running tasks.
    pub reserved: Amount,
    /// Paid.
    pub spent: Amount,
}

/// What the holder of a token may do; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Look: at agents, and at tasks under its budget.
    Read,
    /// Buy, within its budget.
    Spend,
    /// Everything the node's owner may.
    Admin,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenView {
    /// Its name.
    pub name: String,
    /// What its holder may do.
    pub scope: Scope,
    /// What its holder's tasks draw on.
    pub budget: BudgetId,
    /// The most one task may cost.
    pub per_task: Amount,
    /// When it was made.
    pub created: Timestamp,
    /// From then on it opens nothing.
    pub expires: Timestamp,
    /// It was taken back.
    pub revoked: bool,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountView {
    /// Whose.
    pub did: Did,
    /// Name on this node, when it is one of its agents.
    pub name: Option<String>,
    /// Can be spent.
    pub free: Amount,
    /// Bonded as stake (including what agreements lock).
    pub staked: Amount,
    /// Part of the stake that running agreements lock.
    pub locked: Amount,
    /// In escrow as a buyer.
    pub in_escrow: Amount,
    /// Next transaction number.
    pub nonce: u64,
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerStatus {
    /// Its id.
    pub chain_id: Digest,
    /// Blocks so far.
    pub height: u64,
    /// Root of the state after the last block.
    pub state_root: Digest,
    /// Time of the last block.
    pub timestamp: Timestamp,
    /// Where all money is: (place, amount), and `issued - burned` last.
    pub totals: Vec<(String, Amount)>,
    /// The places add up.
    pub balanced: bool,
    /// Entries in the transparency log.
    pub audit_entries: u64,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Every check with its result.
    pub checks: Vec<Check>,
    /// All passed.
    pub ok: bool,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// It passed.
    pub ok: bool,
    /// Counts when it passed, what is wrong when not.
    pub detail: String,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Every check with its result.
    pub checks: Vec<Check>,
    /// All passed and the issuer is trusted.
    pub ok: bool,
    /// The facts: (label, value).
    pub facts: Vec<(String, String)>,
}
