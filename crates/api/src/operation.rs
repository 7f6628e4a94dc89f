//! Everything a node can be asked. Adding an operation is one variant here, one arm in the node.
use ainur_crypto::hash;
use ainur_market::negotiation::NegotiationWish;
use ainur_primitives::canonical_json::to_canonical_json;
use ainur_primitives::{
    AcceptanceCheck, Amount, BudgetId, CapabilityName, ContentId, Did, Digest, DurationMs,
    ExecutionLimits, Ppm, SelectionRule, TaskGraph, TaskId, TraceContext, Venue,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::{Code, Problem};
use crate::{schema, view};

mod aacl;
mod agent;
mod exchange;
mod market;
mod own_key;
mod rental;
mod token;

pub use aacl::{AaclHolder, AaclIntroduction, AaclListing, AaclQuery, AaclSay};
pub use agent::{AgentAdd, Credential, McpCommand, ProgramSource, ServicePlace, TeamDraft};
pub use exchange::{
    BookQuery, CreditsDraft, CreditsStep, OrderCancellation, OrderDraft, OrderReplacement,
    PoolDraft, PoolStep,
};
pub use market::{BidDraft, OfferDraft};
pub use own_key::{OwnKey, SignedPapers};
pub use rental::RentalDraft;
pub use token::TokenCreate;

/// A question or a command.
#[expect(clippy::large_enum_variant, reason = "an operation is performed once and then dropped")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "operation", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Operation {
    /// How the node is doing.
    NodeStatus,
    /// Every named limit.
    NodeLimits,
    /// Finish what is running, write snapshots and stop.
    NodeStop,
    /// Add an agent.
    AgentAdd(AgentAdd),
    /// What an agent that keeps its own key has to sign before it can be added.
    AgentPrepare(AgentAdd),
    /// All agents.
    AgentList,
    /// One agent by DID or name.
    AgentShow {
        /// DID, or the agent's name.
        agent: String,
    },
    /// Take an agent as it is now: tools that changed since it was added are called again.
    AgentAccept {
        /// DID, or the agent's name.
        agent: String,
    },
    /// Remove an agent: it bids no more; its stake returns when no agreement is running.
    AgentRemove {
        /// DID, or the agent's name.
        agent: String,
    },
    /// Announce a task; answers at once with its id unless `wait` is set.
    TaskRun(TaskRequest),
    /// The task that a key made before, if it made one.
    TaskFind {
        /// The key.
        idempotency_key: String,
        /// The digest of what the buyer sent under it.
        #[schemars(with = "schema::Digest")]
        request_digest: Digest,
    },
    /// Tasks, newest first.
    TaskList(TaskQuery),
    /// One task. Ids may be shortened to a unique beginning.
    TaskShow {
        /// Task id or a unique beginning of it.
        task: String,
    },
    /// What has happened to a task since event number `after`.
    TaskEvents {
        /// Task id or a unique beginning of it.
        task: String,
        /// Events up to this number are known to the caller; 0 for all.
        after: u32,
        /// How long to wait for news when there is none.
        #[schemars(with = "schema::Milliseconds")]
        wait_ms: DurationMs,
    },
    /// Bids, payment, runner-up and why: the replayed transcript.
    TaskExplain {
        /// Task id or a unique beginning of it.
        task: String,
    },
    /// Cancel a task that has no accepted result; the buyer is refunded.
    TaskCancel {
        /// Task id or a unique beginning of it.
        task: String,
    },
    /// The buyer's word on a delivered result.
    TaskDecide {
        /// Task id or a unique beginning of it.
        task: String,
        /// Accept or refuse.
        accept: bool,
        /// Why, one line.
        reason: String,
    },
    /// Rate a settled task.
    TaskRate {
        /// Task id or a unique beginning of it.
        task: String,
        /// 1 (worst) to 5.
        rating: u8,
    },
    /// Calls for proposals that still take bids.
    CallList,
    /// Bid for an agent of this node, sealed like every bid.
    BidPlace(BidDraft),
    /// Standing offers that can be taken now, cheapest first.
    OfferList {
        /// Only those of this capability.
        #[schemars(with = "Option<schema::CapabilityName>")]
        capability: Option<CapabilityName>,
    },
    /// Publish a standing offer of an agent of this node.
    OfferPublish(OfferDraft),
    /// Withdraw a standing offer: nobody can take it any more, tasks under way go on.
    OfferWithdraw {
        /// The offer's digest or a unique beginning of it.
        offer: String,
    },
    /// What can be rented, and what the node rents.
    RentalList {
        /// Only those of this capability.
        #[schemars(with = "Option<schema::CapabilityName>")]
        capability: Option<CapabilityName>,
    },
    /// A rental: how it is used, and what its periods came to.
    RentalShow {
        /// The digest of its terms or a unique beginning of it.
        rental: String,
    },
    /// What a period of a rental came to, with its proofs, as canonical JSON.
    RentalStatement {
        /// The digest of its terms or a unique beginning of it.
        rental: String,
        /// Which period, from zero.
        period: u32,
    },
    /// Rent out slots of an agent of this node.
    RentalOffer(RentalDraft),
    /// Rent what is on offer: the price of all periods is locked.
    RentalRent {
        /// The digest of its terms or a unique beginning of it.
        rental: String,
    },
    /// Take back what nobody has rented.
    RentalWithdraw {
        /// The digest of its terms or a unique beginning of it.
        rental: String,
    },
    /// A class of credits: its book, its pool, and what one has in it.
    BookShow(BookQuery),
    /// Place an order for credits.
    OrderPlace(OrderDraft),
    /// Take an order out.
    OrderCancel(OrderCancellation),
    /// Give an order another quantity and price.
    OrderReplace(OrderReplacement),
    /// Begin a pool, add to it, take out of it, or trade with it.
    PoolChange(PoolDraft),
    /// Open a class of credits, write some, or burn some.
    CreditsChange(CreditsDraft),
    /// Take a signed message of an outside party, and answer it.
    AaclSay(AaclSay),
    /// Learn the keys of an outside party.
    AaclIntroduce(AaclIntroduction),
    /// The public keys of a party, to verify what it signs.
    AaclKeys {
        /// Whose.
        #[schemars(with = "schema::Did")]
        party: Did,
    },
    /// Everything said in a conversation.
    AaclThread(AaclQuery),
    /// Standing offers that can be taken, as signed messages.
    AaclOffers(AaclListing),
    /// Calls that are held open for bids, as signed messages.
    AaclCalls(AaclListing),
    /// Open a budget for tasks to draw on.
    BudgetOpen {
        /// The most that may be spent under it.
        #[schemars(with = "schema::Amount")]
        limit: Amount,
        /// For how long what is spent counts; for ever when absent.
        #[schemars(with = "Option<schema::Milliseconds>")]
        period_ms: Option<DurationMs>,
        /// The budget it lies inside.
        #[schemars(with = "Option<schema::Digest>")]
        parent: Option<BudgetId>,
    },
    /// One budget.
    BudgetShow {
        /// Its id.
        #[schemars(with = "schema::Digest")]
        budget: BudgetId,
    },
    /// An account; the node's own when no DID is given.
    AccountShow {
        /// Whose.
        #[schemars(with = "Option<schema::Did>")]
        account: Option<Did>,
    },
    /// Pay from the node's own account.
    AccountTransfer {
        /// To whom.
        #[schemars(with = "schema::Did")]
        to: Did,
        /// How much.
        #[schemars(with = "schema::Amount")]
        amount: Amount,
    },
    /// Make a token for a client, with a budget of its own.
    TokenCreate(TokenCreate),
    /// All tokens; what they are is known to their holders alone.
    TokenList,
    /// Take a token back: from now on it opens nothing.
    TokenRevoke {
        /// The token's name.
        token: String,
    },
    /// Height, roots, totals.
    LedgerStatus,
    /// Hand the ledger what an agent of this node has signed that keeps its own key.
    LedgerSubmit {
        /// Transactions and signatures: a submission to the ledger, SCALE in hexadecimal digits.
        submission: String,
    },
    /// Recompute everything: chain, roots, conservation, logs, blobs.
    LedgerAudit,
    /// Write the transparency log and blocks as files.
    LedgerExport {
        /// An absolute path of a folder to create.
        folder: String,
    },
    /// The receipt of a finished task, as canonical JSON.
    ReceiptShow {
        /// Task id or a unique beginning of it.
        task: String,
    },
    /// Check a receipt against the node's own genesis and log key.
    ReceiptVerify {
        /// The receipt's bytes as text.
        receipt: String,
    },
}

/// A piece of work that is accepted and paid by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChunkDraft {
    /// What is worked on, stored as a blob.
    #[schemars(with = "schema::ContentId")]
    pub input: ContentId,
    /// Its share of the price, in parts per million; equal for all chunks when none says its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Ppm>")]
    pub share: Option<Ppm>,
}

/// A task to announce. What is absent takes the node's defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRequest {
    /// What is wanted.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// JSON parameters.
    pub parameters: serde_json::Value,
    /// The input, stored as a blob.
    #[schemars(with = "Option<schema::ContentId>")]
    pub input: Option<ContentId>,
    /// The most to pay; not looked at when a credit or a rental pays.
    #[schemars(with = "schema::PositiveAmount")]
    pub reserve: Amount,
    /// What failed work would cost the buyer (scored selection); the reserve when absent.
    #[schemars(with = "Option<schema::Amount>")]
    pub loss: Option<Amount>,
    /// The budget to draw on.
    #[schemars(with = "Option<schema::Digest>")]
    pub budget: Option<BudgetId>,
    /// How to choose.
    #[serde(default)]
    #[schemars(with = "schema::SelectionRule")]
    pub selection: SelectionRule,
    /// How to accept; when absent, the schema for JSON outputs and the buyer's word otherwise.
    #[schemars(with = "Option<schema::AcceptanceCheck>")]
    pub check: Option<AcceptanceCheck>,
    /// Time until refund.
    #[schemars(with = "Option<schema::Deadline>")]
    pub deadline_ms: Option<DurationMs>,
    /// Limits on each attempt.
    #[schemars(with = "Option<schema::ExecutionLimits>")]
    pub limits: Option<ExecutionLimits>,
    /// The parts it is made of, when it is more than one piece of work; together they may cost the
    /// reserve. `capability` is then what the last part does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::TaskGraph>")]
    pub graph: Option<TaskGraph>,
    /// The pieces it is delivered, accepted and paid in, in order, each by one seller before the
    /// next begins; instead of `input`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<ChunkDraft>,
    /// Only this agent may bid (used to compare with a market).
    #[schemars(with = "Option<schema::Did>")]
    pub only: Option<Did>,
    /// Where to look for a price.
    #[serde(default)]
    #[schemars(with = "schema::Venue")]
    pub venue: Venue,
    /// The rental to use, where that is how it is paid: the digest of its terms or a unique
    /// beginning of it; the one with the most of its quota left when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rental: Option<String>,
    /// What late work costs its seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<view::LatenessTerms>,
    /// How to negotiate, where that is how a price is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::NegotiationWish>")]
    pub negotiation: Option<NegotiationWish>,
    /// Take bids for so long, even when all who were invited have answered.
    #[serde(default)]
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub bidding_ms: Option<DurationMs>,
    /// The same key never makes two tasks.
    pub idempotency_key: Option<String>,
    /// The digest of what the buyer sent under the key, in whatever protocol: with another one the
    /// key is refused. Made of this request when absent.
    #[serde(default)]
    #[schemars(with = "Option<schema::Digest>")]
    pub request_digest: Option<Digest>,
    /// What tasks that belong together have in common: a conversation, a workflow.
    #[serde(default)]
    pub context: Option<String>,
    /// Answer only when the task has ended.
    #[serde(default)]
    pub wait: bool,
    /// Where it belongs in a distributed trace. Over HTTP and MCP, headers and `_meta` say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::TraceContext>")]
    pub trace: Option<Box<TraceContext>>,
}

impl TaskRequest {
    /// The digest that tells a repetition from another request under the same key.
    ///
    /// # Errors
    /// When the parameters cannot be written as canonical JSON.
    pub fn identity(&self) -> Result<Digest, Problem> {
        match self.request_digest {
            Some(digest) => Ok(digest),
            None => request_digest(&Self {
                idempotency_key: None,
                wait: false,
                trace: None,
                ..self.clone()
            }),
        }
    }
}

/// The digest of what a buyer sent.
///
/// # Errors
/// When it cannot be written as canonical JSON.
pub fn request_digest(sent: &impl Serialize) -> Result<Digest, Problem> {
    let bytes = to_canonical_json(sent)
        .map_err(|error| Problem::new(Code::InvalidRequest, error.to_string()))?;
    Ok(hash::tagged("ainur/request/v1", &[&bytes]))
}

/// Which tasks to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TaskQuery {
    /// At most this many.
    pub limit: u32,
    /// Only tasks with a smaller number (for the next page).
    pub before: Option<u64>,
    /// Only tasks that draw on this budget itself.
    #[schemars(with = "Option<schema::Digest>")]
    pub budget: Option<BudgetId>,
    /// Only tasks of this context.
    pub context: Option<String>,
    /// Only tasks in one of these phases; in any when there is none.
    pub phases: Vec<view::TaskPhase>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reply", content = "value", rename_all = "kebab-case")]
pub enum Reply {
    /// Done; nothing to say.
    Done,
    /// To [`Operation::NodeStatus`].
    NodeStatus(view::NodeStatus),
    /// To [`Operation::NodeLimits`].
    Limits(Vec<view::Limit>),
    /// One agent.
    Agent(view::AgentView),
    /// Agents.
    Agents(Vec<view::AgentView>),
    /// To [`Operation::AgentPrepare`].
    Papers(view::JoinPapers),
    /// A task was announced.
    TaskAnnounced {
        /// Its id.
        #[schemars(with = "schema::Digest")]
        task: TaskId,
    },
    /// What a key made.
    TaskFound {
        /// The task's id, if there is one.
        #[schemars(with = "Option<schema::Digest>")]
        task: Option<TaskId>,
    },
    /// One task.
    Task(Box<view::TaskView>),
    /// Tasks.
    Tasks(view::TaskPage),
    /// News of a task.
    TaskEvents(Vec<view::TaskEvent>),
    /// Why a bidder won.
    Explanation(view::Explanation),
    /// Calls for proposals.
    Calls(Vec<view::OpenCall>),
    /// Standing offers.
    Offers(Vec<view::OfferView>),
    /// A standing offer.
    Offer(Box<view::OfferView>),
    /// Rentals.
    Rentals(Vec<view::RentalView>),
    /// A rental.
    Rental(Box<view::RentalView>),
    /// A class of credits.
    Book(Box<view::BookView>),
    /// What became of an order or a swap.
    Traded(Box<view::TradeReport>),
    /// What moved on the exchange without a trade.
    Moved(Box<view::MovementReport>),
    /// A conversation in AACL.
    AaclThread(Box<view::AaclThread>),
    /// An outside party.
    AaclParty(view::AaclParty),
    /// A party's keys.
    AaclKeys(Box<view::AaclKeys>),
    /// Signed messages, as canonical JSON.
    AaclMessages(Vec<String>),
    /// A budget.
    Budget(view::BudgetView),
    /// A new token; its secret is shown only here.
    TokenCreated {
        /// What its holder sends.
        secret: String,
        /// What it stands for.
        token: view::TokenView,
    },
    /// Tokens.
    Tokens(Vec<view::TokenView>),
    /// An account.
    Account(view::AccountView),
    /// The ledger.
    Ledger(view::LedgerStatus),
    /// An audit.
    Audit(view::AuditReport),
    /// A receipt, canonical JSON.
    Receipt {
        /// The document.
        receipt: String,
    },
    /// A receipt's checks.
    Verification(view::Verification),
}
