//! Arguments of `ainur aacl …`.
use std::path::PathBuf;

use ainur_primitives::Amount;
use clap::{Args, Subcommand};

use super::OfferArguments;
use super::market::Quality;

#[derive(Subcommand, Debug)]
pub(crate) enum Aacl {
    /// Make a key that no node sees, in a new file of mode 600.
    Key {
        /// The file.
        file: PathBuf,
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
    },
    /// Bid on an open call for an agent that keeps its own key: seals a bid, waits until bids are
    /// opened, and opens it.
    Bid(AaclBidArguments),
}

/// A standing offer of an agent that keeps its own key.
#[derive(Args, Debug)]
pub(crate) struct AaclOfferArguments {
    /// The file with the agent's key.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
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
}
