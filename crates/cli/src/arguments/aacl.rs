//! `ainur aacl …`.
use std::net::SocketAddr;
use std::path::PathBuf;

use ainur_primitives::{CapabilityName, ConversationId};
use clap::{Args, Subcommand};

use super::TaskRun;

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
