//! `ainur aacl …`.
use std::net::SocketAddr;
use std::path::PathBuf;

use ainur_market::negotiation::terms::ROUNDS_DEFAULT;
use ainur_primitives::{Amount, CapabilityName, ConversationId};
use clap::{Args, Subcommand};

use super::market::Quality;
use super::{OfferArguments, TaskRun};

/// What an outside party says to a node, and reads of it.
#[derive(Subcommand, Debug)]
pub(crate) enum AaclVerb {
    /// Make keys of your own in a file; what they sign is from the DID that is printed.
    Key {
        /// A file to create; whoever can read it speaks for you.
        file: PathBuf,
    },
    /// Call for a task in a signed message; the node's operator buys for you, and every answer is
    /// checked.
    Call(Box<AaclCallArguments>),
    /// Open a negotiation about a task with one agent, by signed messages of your own, and show its
    /// answer.
    Negotiate(Box<OpeningArguments>),
    /// Answer in a negotiation: accept, reject or counter what the agent said last.
    Reply(ReplyArguments),
    /// Standing offers as their sellers signed them.
    Offers {
        /// Only those of this capability.
        capability: Option<CapabilityName>,
        #[command(flatten)]
        node: AaclNode,
    },
    /// Calls that are held open for bids, as the operator signed them.
    Calls {
        /// Only those of this capability.
        capability: Option<CapabilityName>,
        #[command(flatten)]
        node: AaclNode,
    },
    /// Offer work of an agent that keeps its own key, signed by that key.
    Offer(Box<AaclOfferArguments>),
    /// Take an offer back, on the ledger and at the node.
    Withdraw {
        /// The offer's id or a unique beginning of it.
        offer: String,
        /// The file with the key that made it.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        #[command(flatten)]
        node: AaclNode,
    },
    /// Bid on an open call for an agent that keeps its own key: seals a bid, waits until bids are
    /// opened, and opens it.
    Bid(Box<AaclBidArguments>),
    /// Everything said in a conversation, checked.
    Thread {
        /// Which.
        conversation: ConversationId,
        /// Wait until nothing more will be said.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        node: AaclNode,
    },
}

/// The node that is spoken to.
#[derive(Args, Clone, Debug)]
pub(crate) struct AaclNode {
    /// Where it listens on this machine [default: the node of the data directory].
    #[arg(long, value_name = "ADDRESS", requires = "token_file")]
    pub(crate) node: Option<SocketAddr>,
    /// A file with the token to show it.
    #[arg(long, value_name = "FILE", requires = "node")]
    pub(crate) token_file: Option<PathBuf>,
}

/// What is called for.
#[derive(Args, Debug)]
pub(crate) struct AaclCallArguments {
    /// Your keys (`ainur aacl key`).
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Seconds in which bids are taken, when not all who are asked have answered before.
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub(crate) bids_for: u64,
    #[command(flatten)]
    pub(crate) node: AaclNode,
    #[command(flatten)]
    pub(crate) run: TaskRun,
}

/// A standing offer of an agent that keeps its own key.
#[derive(Args, Debug)]
pub(crate) struct AaclOfferArguments {
    /// The file with the agent's key.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) node: AaclNode,
    #[command(flatten)]
    pub(crate) offer: OfferArguments,
}

/// A bid of an agent that keeps its own key.
#[derive(Args, Debug)]
pub(crate) struct AaclBidArguments {
    /// The task, or a unique beginning of its id.
    #[arg(required_unless_present = "open")]
    pub(crate) task: Option<String>,
    /// The file with the agent's key.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// What it asks for accepted work, in AINU.
    #[arg(long, required_unless_present = "open", value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) price: Option<Amount>,
    /// Seconds it expects to take [default: half of what it may].
    #[arg(long, value_name = "SECONDS")]
    pub(crate) duration: Option<u64>,
    /// The quality it offers.
    #[arg(long, value_enum, default_value_t = Quality::Standard)]
    pub(crate) quality: Quality,
    /// A new file for what opens the bid: who loses it, loses the bond [default: bid-TASK.json].
    #[arg(long, value_name = "FILE", conflicts_with = "open")]
    pub(crate) opening: Option<PathBuf>,
    /// Seal the bid and do not wait; open it in time with --open.
    #[arg(long, conflicts_with = "open")]
    pub(crate) detach: bool,
    /// Open the bid that was sealed before.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["task", "price"])]
    pub(crate) open: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) node: AaclNode,
}

/// The opening of a negotiation.
#[derive(Args, Debug)]
pub(crate) struct OpeningArguments {
    /// The file with your keys (`ainur aacl key`).
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The agent: its name or DID.
    #[arg(long, value_name = "AGENT")]
    pub(crate) with: String,
    /// Your first proposal, in AINU.
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) price: Amount,
    /// Seconds to delivery that you propose [default: as long as the work may take].
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeline: Option<u64>,
    /// The quality that you propose.
    #[arg(long, value_enum, default_value_t = Quality::Standard)]
    pub(crate) quality: Quality,
    /// After so many rounds the agent can only accept or end it.
    #[arg(long, default_value_t = ROUNDS_DEFAULT)]
    pub(crate) rounds: u32,
    /// Seconds until which you come to terms, half of the task's deadline at most.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub(crate) within: u64,
    /// Seconds to wait for the answer.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) wait: u64,
    #[command(flatten)]
    pub(crate) node: AaclNode,
    #[command(flatten)]
    pub(crate) run: TaskRun,
}

/// An answer in a negotiation.
#[derive(Args, Debug)]
pub(crate) struct ReplyArguments {
    /// The conversation.
    pub(crate) conversation: ConversationId,
    /// The file with your keys, those that opened it.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) answer: AnswerArguments,
    /// With `--counter`: seconds to delivery instead [default: as the agent proposes].
    #[arg(long, value_name = "SECONDS", requires = "counter")]
    pub(crate) timeline: Option<u64>,
    /// With `--counter`: the quality instead [default: as the agent proposes].
    #[arg(long, value_enum, requires = "counter")]
    pub(crate) quality: Option<Quality>,
    /// Seconds to wait for the answer.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) wait: u64,
    #[command(flatten)]
    pub(crate) node: AaclNode,
}

/// What is answered.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct AnswerArguments {
    /// Agree: the work begins.
    #[arg(long)]
    pub(crate) accept: bool,
    /// Say no, and why; that is the end.
    #[arg(long, value_name = "WHY")]
    pub(crate) reject: Option<String>,
    /// Propose this price instead, in AINU.
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) counter: Option<Amount>,
}
