//! `ainur market book|order|pool|credits …`.
use std::path::PathBuf;

use ainur_market::exchange::{SelfTrade, Side};
use ainur_primitives::{Amount, CapabilityName};
use clap::{Args, Subcommand, ValueEnum};

use super::TaskRun;
use super::market::Quality;

/// Which credits, and for whom.
#[derive(Args, Debug)]
pub(crate) struct CreditClassArguments {
    /// What a credit is for.
    #[arg(value_name = "NOUN.VERB")]
    pub(crate) capability: CapabilityName,
    #[command(flatten)]
    pub(crate) who: TraderArguments,
}

/// At which quality, and for whom.
#[derive(Args, Debug)]
pub(crate) struct TraderArguments {
    /// The quality of the work.
    #[arg(long, value_enum, default_value_t = Quality::Standard)]
    pub(crate) quality: Quality,
    /// An agent of this node: its name or DID [default: the node itself].
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: Option<String>,
}

/// What makes a command one that can be given again.
#[derive(Args, Debug)]
pub(crate) struct KeyArgument {
    /// The same key never does it twice: give the command again when its answer was lost.
    #[arg(long, value_name = "TEXT")]
    pub(crate) key: Option<String>,
}

/// A book to look at.
#[derive(Args, Debug)]
pub(crate) struct BookArguments {
    #[command(flatten)]
    pub(crate) class: CreditClassArguments,
    /// At most this many prices of each side.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) levels: u32,
    /// Draw the depth into this file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// What can be done with orders.
#[derive(Subcommand, Debug)]
pub(crate) enum OrderVerb {
    /// Buy credits.
    Buy(OrderArguments),
    /// Sell credits.
    Sell(OrderArguments),
    /// Take an order out.
    Cancel {
        #[command(flatten)]
        class: CreditClassArguments,
        /// The order's number.
        order: u64,
    },
    /// Give an order another quantity and price; it keeps its place only for less at the same price.
    Replace {
        #[command(flatten)]
        class: CreditClassArguments,
        /// The order's number.
        order: u64,
        /// Credits.
        quantity: u64,
        /// What each is to cost, in AINU.
        #[arg(value_parser = Amount::from_ainu, value_name = "AINU")]
        price: Amount,
    },
}

/// An order for credits.
#[derive(Args, Debug)]
pub(crate) struct OrderArguments {
    #[command(flatten)]
    pub(crate) class: CreditClassArguments,
    /// Credits.
    pub(crate) quantity: u64,
    /// The worst price of a credit, in AINU.
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) price: Option<Amount>,
    /// How it trades [default: limit with a price, market without].
    #[arg(long, value_enum)]
    pub(crate) kind: Option<KindArgument>,
    /// What happens when it meets an order of the same owner.
    #[arg(long, value_enum, default_value_t = SelfTradeArgument::CancelNewest)]
    pub(crate) self_trade: SelfTradeArgument,
    /// Hours for which it rests.
    #[arg(long = "for", default_value_t = 24, value_name = "HOURS")]
    pub(crate) hours: u64,
    /// Trade each credit where it is cheaper, in the book or with the pool; the price is then with
    /// fees, and nothing rests.
    #[arg(long, conflicts_with = "kind")]
    pub(crate) route: bool,
    #[command(flatten)]
    pub(crate) key: KeyArgument,
}

/// How an order trades.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum KindArgument {
    /// At the price or better; what is left rests.
    Limit,
    /// At any price; what is left is cancelled.
    Market,
    /// Immediate or cancel: at the price or better; what is left is cancelled.
    Ioc,
    /// Fill or kill: all of it at the price or better, or nothing.
    Fok,
    /// Rests, or does nothing when it would trade at once.
    PostOnly,
}

/// What happens when an order meets one of its owner.
#[derive(ValueEnum, Clone, Copy, Debug)]
#[expect(clippy::enum_variant_names, reason = "the field's own terms")]
pub(crate) enum SelfTradeArgument {
    /// What is left of the new one is cancelled.
    CancelNewest,
    /// The one that rests is cancelled.
    CancelOldest,
    /// Both are cancelled.
    CancelBoth,
}

impl From<SelfTradeArgument> for SelfTrade {
    fn from(argument: SelfTradeArgument) -> Self {
        match argument {
            SelfTradeArgument::CancelNewest => Self::CancelNewest,
            SelfTradeArgument::CancelOldest => Self::CancelOldest,
            SelfTradeArgument::CancelBoth => Self::CancelBoth,
        }
    }
}

/// A pool to look at, or what to do with one.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct PoolArguments {
    /// What its credits are for.
    #[arg(value_name = "NOUN.VERB")]
    pub(crate) capability: Option<CapabilityName>,
    #[command(flatten)]
    pub(crate) who: TraderArguments,
    #[command(subcommand)]
    pub(crate) verb: Option<PoolVerb>,
}

/// What can be done with a pool.
#[derive(Subcommand, Debug)]
pub(crate) enum PoolVerb {
    /// Begin the pool of a class.
    Open {
        #[command(flatten)]
        class: CreditClassArguments,
        /// Credits it begins with.
        #[arg(long, value_name = "QUANTITY")]
        credits: u64,
        /// Money it begins with, in AINU.
        #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
        money: Amount,
        /// What traders pay it, in hundredths of a percent.
        #[arg(long, default_value_t = 30)]
        fee_bps: u16,
        #[command(flatten)]
        key: KeyArgument,
    },
    /// Add credits, and money in proportion.
    Add {
        #[command(flatten)]
        class: CreditClassArguments,
        /// Credits.
        credits: u64,
        /// The most money, in AINU.
        #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
        money_max: Amount,
        /// The least shares.
        #[arg(long, default_value_t = 0, value_name = "QUANTITY")]
        shares_min: u128,
        #[command(flatten)]
        key: KeyArgument,
    },
    /// Give shares back for their part of it.
    Remove {
        #[command(flatten)]
        class: CreditClassArguments,
        /// How many shares.
        shares: u128,
        /// The least credits.
        #[arg(long, default_value_t = 0, value_name = "QUANTITY")]
        credits_min: u64,
        /// The least money, in AINU.
        #[arg(long, default_value = "0", value_parser = Amount::from_ainu, value_name = "AINU")]
        money_min: Amount,
        #[command(flatten)]
        key: KeyArgument,
    },
    /// Trade with it.
    Swap {
        /// Buy or sell credits.
        #[arg(value_enum)]
        side: SideArgument,
        #[command(flatten)]
        class: CreditClassArguments,
        /// Credits.
        quantity: u64,
        /// The most they may cost, or the least they may fetch, together, in AINU.
        #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
        limit: Amount,
        #[command(flatten)]
        key: KeyArgument,
    },
}

/// Which side.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum SideArgument {
    /// Buy credits.
    Buy,
    /// Sell credits.
    Sell,
}

impl From<SideArgument> for Side {
    fn from(argument: SideArgument) -> Self {
        match argument {
            SideArgument::Buy => Self::Buy,
            SideArgument::Sell => Self::Sell,
        }
    }
}

/// Which credits of an agent's work.
#[derive(Args, Debug)]
pub(crate) struct WrittenCreditsArguments {
    /// What a credit is for.
    #[arg(value_name = "NOUN.VERB")]
    pub(crate) capability: CapabilityName,
    /// The quality of the work.
    #[arg(long, value_enum, default_value_t = Quality::Standard)]
    pub(crate) quality: Quality,
    /// The agent of this node that owes the work: its name or DID.
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: String,
}

/// What can be done with credits.
#[derive(Subcommand, Debug)]
pub(crate) enum CreditsVerb {
    /// Open a class: what all credits for this work are, whoever issues them.
    Open {
        #[command(flatten)]
        class: WrittenCreditsArguments,
        /// What is locked behind each credit, in AINU.
        #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
        collateral: Amount,
        #[command(flatten)]
        key: KeyArgument,
    },
    /// Write credits: the agent owes a task for each and locks its collateral.
    Issue {
        #[command(flatten)]
        class: WrittenCreditsArguments,
        /// How many.
        quantity: u64,
        #[command(flatten)]
        key: KeyArgument,
    },
    /// Burn credits it holds; their collateral is free again.
    Retire {
        #[command(flatten)]
        class: WrittenCreditsArguments,
        /// How many.
        quantity: u64,
        #[command(flatten)]
        key: KeyArgument,
    },
    /// Have a task done for a credit that the node holds, by whoever has owed for longest; when the
    /// work fails, the collateral is the node's.
    Redeem(Box<TaskRun>),
}
