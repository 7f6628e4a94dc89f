//! Transactions: who asks for what, once, until when, and at which fee.
use alloc::vec::Vec;

use ainur_crypto::hash::tagged;
use ainur_crypto::{BatchProof, RootSignature};
use ainur_primitives::{Amount, Did, Digest, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::{balances, budget, escrow, exchange, identity, registry, rental, reputation};

/// What a transaction asks for, by module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Money.
    Balances(balances::Action),
    /// Keys.
    Identity(identity::Action),
    /// Agent cards.
    Registry(registry::Action),
    /// Limits on spending.
    Budget(budget::Action),
    /// Agreements.
    Escrow(escrow::Action),
    /// Stake and ratings.
    Reputation(reputation::Action),
    /// Credits and their trade.
    Exchange(exchange::Action),
    /// The same, once under each key.
    KeyedExchange(exchange::KeyedAction),
    /// Rentals.
    Rental(rental::Action),
}

macro_rules! action_from {
    ($($module:ident: $variant:ident),*) => {$(
        impl From<$module::Action> for Action {
            fn from(action: $module::Action) -> Self {
                Self::$variant(action)
            }
        }
    )*};
}

action_from!(
    balances: Balances,
    identity: Identity,
    registry: Registry,
    budget: Budget,
    escrow: Escrow,
    reputation: Reputation,
    exchange: Exchange,
    rental: Rental
);

impl From<exchange::KeyedAction> for Action {
    fn from(keyed: exchange::KeyedAction) -> Self {
        Self::KeyedExchange(keyed)
    }
}

/// One request of one party.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// Which ledger it is for.
    pub chain_id: Digest,
    /// Who asks.
    pub sender: Did,
    /// How many transactions of the sender came before.
    pub nonce: u64,
    /// From then on it cannot be included.
    pub expires: Timestamp,
    /// What the sender pays for inclusion, whether or not the action succeeds.
    pub fee: Amount,
    /// What is asked.
    pub action: Action,
}

const TRANSACTION_TAG: &str = "ainur/transaction/v1";

impl Transaction {
    /// The digest that names the transaction and that its sender signs, in a batch.
    pub fn digest(&self) -> Digest {
        tagged(TRANSACTION_TAG, &[&self.encode()])
    }
}

/// A transaction and where its sender signed it.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct AuthorizedTransaction {
    /// What is asked.
    pub transaction: Transaction,
    /// The sender's signature over the digest, in a batch whose root signature travels along.
    pub proof: BatchProof,
}

/// What is handed in at once: transactions, and the batch signatures their proofs lead to, those
/// of other parties' bids included.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The transactions, in the order they are to be tried.
    pub transactions: Vec<AuthorizedTransaction>,
    /// The signatures.
    pub signatures: Vec<RootSignature>,
}

/// How many transactions one submission holds.
pub const SUBMISSION_TRANSACTIONS_MAX: usize = 4_096;

/// How many batch signatures one submission holds.
pub const SUBMISSION_SIGNATURES_MAX: usize = 1_024;

/// How large one transaction is at most, in bytes of SCALE.
pub const TRANSACTION_BYTES_MAX: usize = 32 << 10;

/// How large a submission is at most, in bytes of SCALE.
pub const SUBMISSION_BYTES_MAX: usize = 16 << 20;

impl Submission {
    /// True when it is within the limits on one submission; checked on entry, before it is queued.
    pub fn within_limits(&self) -> bool {
        self.transactions.len() <= SUBMISSION_TRANSACTIONS_MAX
            && self.signatures.len() <= SUBMISSION_SIGNATURES_MAX
            && self.encoded_size() <= SUBMISSION_BYTES_MAX
    }
}
