//! `ainur aacl …`.
use std::net::SocketAddr;
use std::path::PathBuf;

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
