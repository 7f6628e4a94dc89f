//! The command tree.
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use ainur_primitives::{
    Amount, BudgetId, CapabilityName, ContentId, Did, DurationMs, ExecutionLimits, Venue,
};
use clap::{Args, Parser, Subcommand, ValueEnum};

mod aacl;
mod agent;
mod exchange;
mod market;
mod rental;

pub(crate) use aacl::{
    AaclBidArguments, AaclCallArguments, AaclNode, AaclOfferArguments, AaclVerb, AnswerArguments,
    OpeningArguments, ReplyArguments,
};
pub(crate) use agent::{Agent, AgentAdd};
pub(crate) use exchange::{
    BookArguments, CreditClassArguments, CreditsVerb, KindArgument, OrderArguments, OrderVerb,
    PoolArguments, PoolVerb, WrittenCreditsArguments,
};
pub(crate) use market::{
    BidArguments, DiscountArgument, LatenessArguments, Market, MilestoneShares, NegotiateArguments,
    OfferArguments, PaymentArgument, PremiumArgument, hours, percent,
};
pub(crate) use rental::{RentalOfferArguments, RentalVerb};

/// An open economy for software agents.
///
/// Say what you want and what it may cost; agents you do not know compete for it, the money is
/// locked, the work runs in a sandbox, the result is checked, and the seller is paid or you are
/// refunded. Start with `ainur demo`.
#[derive(Parser, Debug)]
#[command(name = "ainur", version, arg_required_else_help = true, propagate_version = true)]
pub(crate) struct Arguments {
    /// Where the node keeps its data [default: the platform's data folder].
    #[arg(long, global = true, env = "AINUR_DATA_DIR", value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Answer in JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say more on standard error.
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,

    /// How what is said on standard error is written.
    #[arg(long, global = true, env = "AINUR_LOG_FORMAT", value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,

    #[command(subcommand)]
    pub(crate) noun: Noun,
}

/// How log lines are written.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What the command is about.
#[derive(Subcommand, Debug)]
pub(crate) enum Noun {
    /// Make a data directory: keys, identity, genesis, configuration.
    Init,
    /// Run a node, or ask how it is doing.
    #[command(subcommand)]
    Node(Node),
    /// Agents: programs that offer capabilities.
    #[command(subcommand)]
    Agent(Agent),
    /// Tasks: what you want done, and what it may cost.
    #[command(subcommand)]
    Task(Task),
    /// The market: calls and bids, standing offers, credits and their trade.
    #[command(subcommand)]
    Market(Market),
    /// Signed messages: speak to a node as an outside party with keys of your own.
    #[command(subcommand)]
    Aacl(AaclVerb),
    /// Budgets: upper bounds on spending that tasks draw on.
    #[command(subcommand)]
    Budget(Budget),
    /// Tokens: what a client of the running node may do and spend.
    #[command(subcommand)]
    Token(Token),
    /// Accounts: balances and stake.
    #[command(subcommand)]
    Account(Account),
    /// The ledger: where all money is, and proof of it.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Receipts: what happened, in a form anyone can check offline.
    #[command(subcommand)]
    Receipt(Receipt),
    /// Stored bytes: inputs and outputs.
    #[command(subcommand)]
    Blob(Blob),
    /// Serve one MCP client on standard input and output: every capability is a tool.
    Mcp(Mcp),
    /// Describe every command as JSON: arguments, types, effects.
    Introspect,
    /// Watch agents compete, work, cheat, crash, get paid and get caught, on real files.
    Demo(Demo),
}

/// What the client of `ainur mcp` may spend.
#[derive(Args, Debug)]
pub(crate) struct Mcp {
    /// The most one call may cost, in AINU.
    #[arg(long, default_value = "1", value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) reserve: Amount,
    /// The most all calls together may cost, in AINU; the ledger holds them to it.
    #[arg(long, default_value = "10", value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) limit: Amount,
    /// Draw on this budget; the limit then lies inside it.
    #[arg(long)]
    pub(crate) budget: Option<BudgetId>,
    /// Seconds until a call is refunded.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) deadline: Option<u64>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Node {
    /// Run a node until it is stopped.
    Start {
        /// Address to listen on; only loopback unless you say otherwise.
        #[arg(long, default_value = "127.0.0.1:7717", value_name = "ADDRESS")]
        listen: SocketAddr,
        /// Scheme and authority under which clients reach it, when that is another, such as
        /// `https://agents.example`.
        #[arg(long, value_name = "URL")]
        public_url: Option<String>,
        /// Encrypt: with a certificate made here (`--tls self-signed`), or with the PEM files of
        /// `--tls-chain` and `--tls-key`.
        #[arg(long, value_enum, conflicts_with_all = ["tls_chain", "tls_key"])]
        tls: Option<Tls>,
        /// The certificate chain of the server.
        #[arg(long, value_name = "PEM", requires = "tls_key")]
        tls_chain: Option<PathBuf>,
        /// Its private key.
        #[arg(long, value_name = "PEM", requires = "tls_chain")]
        tls_key: Option<PathBuf>,
        /// Answer with the fixtures of the public conformance kits in place of the market.
        #[arg(long)]
        conformance: bool,
    },
    /// How the node is doing.
    Status,
    /// Every named limit.
    Limits,
    /// Stop the running node after what it is doing is safe.
    Stop,
}

/// Where a certificate comes from.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Tls {
    /// Made here, and written to `tls/chain.pem` in the data directory for clients to trust.
    SelfSigned,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Task {
    /// Announce a task, let agents compete, wait for the result.
    Run(Box<TaskRun>),
    /// Tasks, newest first.
    List {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Only tasks with a smaller number.
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
        /// Only tasks of this context.
        #[arg(long, value_name = "TEXT")]
        context: Option<String>,
    },
    /// One task.
    Show(TaskId),
    /// Follow a task until it ends.
    Watch(TaskId),
    /// Replay the auction: bids, payment, runner-up, why.
    Explain(TaskId),
    /// Cancel a task; you are refunded.
    Cancel(TaskId),
    /// Accept a delivered result that waits for your word.
    Accept {
        #[command(flatten)]
        task: TaskId,
        /// One line for the record.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Refuse a delivered result that waits for your word.
    Refuse {
        #[command(flatten)]
        task: TaskId,
        /// One line for the record.
        #[arg(long)]
        reason: String,
    },
    /// Rate a settled task from 1 to 5.
    Rate {
        #[command(flatten)]
        task: TaskId,
        /// 1 (worst) to 5.
        #[arg(value_parser = clap::value_parser!(u8).range(1..=5))]
        rating: u8,
    },
}

#[derive(Args, Debug)]
pub(crate) struct TaskId {
    /// Task id, or a unique beginning of it.
    pub(crate) task: String,
}

#[derive(Args, Debug)]
pub(crate) struct TaskRun {
    /// What you want, such as archive.compress.
    #[arg(required_unless_present = "graph")]
    pub(crate) capability: Option<CapabilityName>,
    /// What you want in parts, done by several agents: a JSON file (`ainur task run --help`).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["capability", "parameters"])]
    pub(crate) graph: Option<PathBuf>,
    /// Input: a file, or a folder (packed as tar), or `-` for standard input.
    #[arg(long, short)]
    pub(crate) input: Option<PathBuf>,
    /// Input in chunks, each delivered, accepted and paid by itself: a JSON file with an array of
    /// inputs, or of {"input":…,"share":"40%"}. Of a text its characters are the input, of anything
    /// else its JSON.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["input", "input_blob", "graph"])]
    pub(crate) chunks: Option<PathBuf>,
    /// Input that is stored already.
    #[arg(long, conflicts_with = "input", value_name = "CID")]
    pub(crate) input_blob: Option<ContentId>,
    /// Where to write the output [default: not written; see `ainur blob get`].
    #[arg(long, short)]
    pub(crate) output: Option<PathBuf>,
    /// Parameters as JSON.
    #[arg(long, default_value = "{}", value_name = "JSON")]
    pub(crate) parameters: String,
    /// The most to pay, in AINU; only a credit needs none.
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) reserve: Option<Amount>,
    /// What failed work would cost you, in AINU [default: the reserve].
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) loss: Option<Amount>,
    /// Draw on this budget.
    #[arg(long)]
    pub(crate) budget: Option<BudgetId>,
    /// How to choose among bids.
    #[arg(long, value_enum, default_value_t = Selection::Scored)]
    pub(crate) selection: Selection,
    /// How to accept the result.
    #[arg(long, value_enum)]
    pub(crate) check: Option<Check>,
    /// The verifier component (with `--check verifier`): a file, or the name of an agent.
    #[arg(long, value_name = "WASM|AGENT")]
    pub(crate) verifier: Option<String>,
    /// The expected output (with `--check digest`).
    #[arg(long, value_name = "CID")]
    pub(crate) expected: Option<ContentId>,
    /// How long you may refuse (with `--check word`), in seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub(crate) window: u64,
    /// Seconds until you are refunded.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) deadline: Option<u64>,
    /// Ask this agent and no other: when it fails, nobody else does the work.
    #[arg(long, value_name = "DID")]
    pub(crate) only: Option<Did>,
    /// Where to look for a price.
    #[arg(long, value_enum, default_value_t = VenueArgument::Any)]
    pub(crate) venue: VenueArgument,
    /// Use what the node rents: the rental's id or a unique beginning of it.
    #[arg(long, value_name = "RENTAL")]
    pub(crate) rental: Option<String>,
    /// What late work costs its seller.
    #[command(flatten)]
    pub(crate) lateness: LatenessArguments,
    /// Limits on each attempt.
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    /// The same key never makes two tasks.
    #[arg(long, value_name = "TEXT")]
    pub(crate) idempotency_key: Option<String>,
    /// What tasks that belong together have in common, such as a workflow's name.
    #[arg(long, value_name = "TEXT")]
    pub(crate) context: Option<String>,
    /// Do not wait for the result.
    #[arg(long)]
    pub(crate) detach: bool,
}

/// What one attempt may use; whoever goes beyond has failed.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct LimitArguments {
    /// Instructions of a component, in billions.
    #[arg(long, value_name = "BILLIONS")]
    pub(crate) fuel_max: Option<u64>,
    /// Memory, in MiB.
    #[arg(long, value_name = "MIB")]
    pub(crate) memory_max: Option<u64>,
    /// Time, in seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) time_max: Option<u64>,
    /// Output, in MiB.
    #[arg(long, value_name = "MIB")]
    pub(crate) output_max: Option<u64>,
}

impl LimitArguments {
    /// The limits, where they are not the usual ones.
    pub(crate) fn over(self, usual: ExecutionLimits) -> ExecutionLimits {
        let mib =
            |given: Option<u64>, usual| given.map_or(usual, |mib| mib.saturating_mul(1 << 20));
        ExecutionLimits {
            fuel_max: self
                .fuel_max
                .map_or(usual.fuel_max, |fuel| fuel.saturating_mul(1_000_000_000)),
            memory_bytes_max: mib(self.memory_max, usual.memory_bytes_max),
            duration_ms_max: self.time_max.map_or(usual.duration_ms_max, DurationMs::seconds),
            output_bytes_max: mib(self.output_max, usual.output_bytes_max),
        }
    }
}

/// Where to look for a price.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum VenueArgument {
    /// The best standing offer that fits, or else an auction.
    Any,
    /// An auction, whatever is on offer.
    Auction,
    /// Standing offers alone.
    Offer,
    /// A credit that the node holds; no money is paid.
    Credit,
    /// A negotiation with each agent that offers it; see `ainur market negotiate`.
    Negotiation,
    /// What the node rents; see `ainur market rental`.
    Rental,
}

impl From<VenueArgument> for Venue {
    fn from(argument: VenueArgument) -> Self {
        match argument {
            VenueArgument::Any => Self::Any,
            VenueArgument::Auction => Self::Auction,
            VenueArgument::Offer => Self::Offer,
            VenueArgument::Credit => Self::Credit,
            VenueArgument::Negotiation => Self::Negotiation,
            VenueArgument::Rental => Self::Rental,
        }
    }
}

/// How to choose among bids.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Selection {
    /// Lowest bid plus expected loss.
    Scored,
    /// Lowest bid.
    Cheapest,
    /// Shortest estimated duration.
    Fastest,
    /// Most reliable.
    BestReputation,
}

/// How to accept a result.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Check {
    /// Its JSON Schema.
    Schema,
    /// An expected digest.
    Digest,
    /// A verifier component.
    Verifier,
    /// Running it again.
    Reexecution,
    /// Your word; silence accepts.
    Word,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Budget {
    /// Open a budget.
    Open {
        /// The most that may be spent under it, in AINU.
        #[arg(value_parser = Amount::from_ainu, value_name = "AINU")]
        limit: Amount,
        /// The limit is whole again after this many seconds; 86400 is a daily budget.
        #[arg(long, value_name = "SECONDS")]
        period: Option<u64>,
        /// The budget it lies inside.
        #[arg(long)]
        parent: Option<BudgetId>,
    },
    /// One budget.
    Show {
        /// Its id.
        budget: BudgetId,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Token {
    /// Make a token with a budget of its own; its secret is shown once.
    Create(TokenCreate),
    /// All tokens.
    List,
    /// Take a token back at once.
    Revoke {
        /// Its name.
        token: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct TokenCreate {
    /// A name for it.
    pub(crate) name: String,
    /// What its holder may do.
    #[arg(long, value_enum, default_value_t = Scope::Spend)]
    pub(crate) scope: Scope,
    /// The most it may spend in all, in AINU.
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) limit: Amount,
    /// The most it may spend in a day, in AINU.
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) daily: Option<Amount>,
    /// The most one task may cost, in AINU.
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) per_task: Option<Amount>,
    /// The budget its own lies inside.
    #[arg(long)]
    pub(crate) parent: Option<BudgetId>,
    /// Hours it is good for [default: a year].
    #[arg(long, value_name = "HOURS")]
    pub(crate) hours: Option<u64>,
    /// How much its holder's tasks weigh where they wait for an agent beside those of others.
    #[arg(long, default_value_t = NonZeroU16::MIN)]
    pub(crate) weight: NonZeroU16,
}

/// What the holder of a token may do.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// Look.
    Read,
    /// Buy, within its budget.
    Spend,
    /// Everything.
    Admin,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Account {
    /// Balance and stake; your own without a DID.
    Show {
        /// Whose.
        did: Option<Did>,
    },
    /// Pay.
    Transfer {
        /// To whom.
        to: Did,
        /// How much, in AINU.
        #[arg(value_parser = Amount::from_ainu, value_name = "AINU")]
        amount: Amount,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Ledger {
    /// Height, roots, and where all money is.
    Status,
    /// Recompute everything and compare: chain, roots, conservation, logs, blobs.
    Audit,
    /// Write the transparency log and the blocks as files.
    Export {
        /// A folder to create.
        folder: PathBuf,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Receipt {
    /// The receipt of a finished task.
    Show {
        #[command(flatten)]
        task: TaskId,
        /// Write it to a file.
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
    /// Check a receipt, offline.
    Verify {
        /// The receipt.
        file: PathBuf,
        /// The genesis file of the ledger you trust [default: this node's own].
        #[arg(long, value_name = "GENESIS")]
        trust: Option<PathBuf>,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Blob {
    /// Store a file.
    Put {
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
    /// Write stored bytes to a file or to standard output.
    Get {
        /// Content id.
        content: ContentId,
        /// Where to.
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// The folder to work on [default: the corpus that comes with ainur].
    pub(crate) folder: Option<PathBuf>,
    /// How many rounds of the workflow.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub(crate) rounds: u32,
}
