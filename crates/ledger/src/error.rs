//! What can go wrong: with a transaction that is not taken in, with one that is, with a block, and
//! with a genesis.
use ainur_primitives::{Amount, Did, Digest, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::block::Height;
use crate::{balances, budget, escrow, exchange, identity, registry, rental, reputation};

/// Why a block could not be made or does not follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Time would go backwards.
    #[error("the block's time {found} is before its parent's, {parent}")]
    TimeWentBack {
        /// The parent's time.
        parent: Timestamp,
        /// The block's.
        found: Timestamp,
    },
    /// The block is another ledger's, or does not follow the head.
    #[error("block {found} of another parent does not follow block {head}")]
    DoesNotFollow {
        /// The head.
        head: Height,
        /// The block.
        found: Height,
    },
    /// A transaction in a block should not have been taken in.
    #[error("transaction {index} of the block is not admissible: {rejection}")]
    Inadmissible {
        /// Which.
        index: usize,
        /// Why.
        #[source]
        rejection: Rejection,
    },
    /// The block is larger than a block may be.
    #[error("the block exceeds a limit on blocks")]
    TooLarge,
    /// The block carries other signatures than it needs.
    #[error("the block carries other signatures than those it needs")]
    SignaturesDiffer,
    /// Executing the block gives another header.
    #[error("executing the block gives another {root}: {computed}, not {stated}")]
    RootDiffers {
        /// Which root.
        root: &'static str,
        /// The one in the header.
        stated: Digest,
        /// The one computed.
        computed: Digest,
    },
    /// A stored state does not have the root its header says.
    #[error("the stored state has root {found}; its header says {expected}")]
    StateDiffers {
        /// The header's.
        expected: Digest,
        /// The state's.
        found: Digest,
    },
    /// A genesis that no ledger can begin with.
    #[error("this genesis cannot begin a ledger: {0}")]
    Genesis(&'static str),
}

/// Why a transaction was not taken into a block; nothing was paid.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rejection {
    /// For another ledger.
    #[error("the transaction is for ledger {0}")]
    AnotherLedger(Digest),
    /// Its time is over.
    #[error("the transaction expired at {0}")]
    Expired(Timestamp),
    /// The fee is too low.
    #[error("the fee is less than {} AINU", minimum.to_ainu())]
    FeeTooLow {
        /// The least fee.
        minimum: Amount,
    },
    /// The sender has no identity, or an inactive one.
    #[error("{0} has no active identity on this ledger")]
    UnknownSender(Did),
    /// It is in this block already.
    #[error("the transaction is in this block already")]
    Duplicate,
    /// Not the sender's next number.
    #[error("the sender's next transaction has number {expected}, not {found}")]
    Nonce {
        /// The next one.
        expected: u64,
        /// The transaction's.
        found: u64,
    },
    /// The sender cannot pay the fee.
    #[error("the sender cannot pay the fee; {} AINU are missing", missing.to_ainu())]
    CannotPayFee {
        /// How much.
        missing: Amount,
    },
    /// No signature here shows that the sender asked for it with its current keys, or a rotation
    /// is not signed by old and new keys.
    #[error("no signature shows that the sender asked for this with its current keys")]
    Unauthorized,
    /// It is larger than a transaction may be.
    #[error("the transaction is too large")]
    TooLarge,
    /// The block is full; it may fit the next.
    #[error("the block is full")]
    BlockFull,
}

/// Why a transaction that was taken in failed; its fee was paid and its nonce used, nothing else.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TransactionError {
    /// Money.
    #[error(transparent)]
    Balances(#[from] balances::Error),
    /// Keys.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// Agent cards.
    #[error(transparent)]
    Registry(#[from] registry::Error),
    /// Limits on spending.
    #[error(transparent)]
    Budget(#[from] budget::Error),
    /// Agreements.
    #[error(transparent)]
    Escrow(#[from] escrow::Error),
    /// Stake and ratings.
    #[error(transparent)]
    Reputation(#[from] reputation::Error),
    /// Credits and their trade.
    #[error(transparent)]
    Exchange(#[from] exchange::Error),
    /// Rentals.
    #[error(transparent)]
    Rental(#[from] rental::Error),
}
