//! Why the exchange refused.
use ainur_market::exchange as market;
use ainur_primitives::{Amount, CapabilityName, ContentId, Did, FailureReason, TaskId, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{ClaimEnding, ClaimRole, CreditClassId};
use crate::balances;
use crate::block::Height;

/// Why the exchange refused.
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
pub enum Error {
    /// Money did not move.
    #[error(transparent)]
    Balances(#[from] balances::Error),
    /// The book or the pool refused.
    #[error(transparent)]
    Market(#[from] market::Error),
    /// No such class.
    #[error("no credit class {0} is open")]
    UnknownClass(CreditClassId),
    /// The class is open already.
    #[error("credit class {0} is open already")]
    ClassOpen(CreditClassId),
    /// A capability that is not well formed.
    #[error("the capability is not well formed")]
    MalformedCapability,
    /// Collateral outside what is governed.
    #[error("collateral is {} to {} AINU for each credit", minimum.to_ainu(), maximum.to_ainu())]
    CollateralOutOfRange {
        /// The least.
        minimum: Amount,
        /// The most.
        maximum: Amount,
    },
    /// The sender's registered card does not list the capability.
    #[error("{agent} has no registered card that lists {capability}")]
    NotOffered {
        /// Who.
        agent: Did,
        /// Which capability.
        capability: CapabilityName,
    },
    /// Barred after a slash.
    #[error("{0} is barred until it bonds the minimum stake again")]
    Barred(Did),
    /// No credits, or more than can be counted.
    #[error("the number of credits is zero or too large")]
    QuantityOutOfRange,
    /// Too few credits.
    #[error("{owner} is short of {missing} credits")]
    InsufficientCredits {
        /// Whose.
        owner: Did,
        /// How many more it would need.
        missing: u64,
    },
    /// The issuer owes less.
    #[error("{issuer} owes only {owed} credits of this class")]
    NotOwed {
        /// Who.
        issuer: Did,
        /// How many it owes.
        owed: u64,
    },
    /// Nobody but the holder and the verifier owes a task of this class.
    #[error("nobody else owes a task of this class")]
    NoIssuer,
    /// Holder, issuer and verifier are not three parties.
    #[error("holder, issuer and verifier of a claim are three parties")]
    SelfDealing,
    /// The verifier does not keep this ledger.
    #[error("{0} is not a validator of this ledger")]
    NotValidator(Did),
    /// Too soon, or too far away.
    #[error("the deadline is {earliest} to {latest}")]
    DeadlineOutOfRange {
        /// The earliest.
        earliest: Timestamp,
        /// The latest.
        latest: Timestamp,
    },
    /// The task has a claim or an escrow.
    #[error("task {0} has a claim or an escrow already")]
    TaskTaken(TaskId),
    /// No claim.
    #[error("task {0} has no claim")]
    UnknownClaim(TaskId),
    /// The claim ended.
    #[error("the claim of task {task} is {ending}")]
    ClaimClosed {
        /// Which task.
        task: TaskId,
        /// How.
        ending: ClaimEnding,
    },
    /// The sender cannot do this to the claim.
    #[error("only {0} of the claim can do that")]
    NotClaimParty(ClaimRole),
    /// Its time has not come.
    #[error("the claim runs until {0}")]
    DeadlineAhead(Timestamp),
    /// The deadline has passed: close the claim instead.
    #[error("the claim's deadline was {0}: it can only expire")]
    DeadlinePassed(Timestamp),
    /// The issuer has delivered.
    #[error("the issuer has delivered: only the verifier can fail the claim, or its issuer")]
    DeliveredAlready,
    /// Nothing was delivered that could be disputed, or its time is over.
    #[error("nothing delivered on this claim can be disputed (any more)")]
    NothingToDispute,
    /// Another output than what was delivered.
    #[error("the issuer delivered {0}")]
    OtherDelivery(ContentId),
    /// What was delivered is out of dispute.
    #[error("the claim has no verifier, so nobody can decide a dispute")]
    NoVerifier,
    /// Nobody but the verifier fails a claim for this reason.
    #[error("for the reason '{0}' only the verifier of the claim fails it")]
    NotThisReason(FailureReason),
    /// The class holds all the orders it can.
    #[error("the book has its {0} orders already")]
    BookFull(u32),
    /// Too little to rest.
    #[error("an order to buy that rests locks at least {} AINU", minimum.to_ainu())]
    OrderTooSmall {
        /// The least.
        minimum: Amount,
    },
    /// The order would rest too long.
    #[error("an order rests until {0} at the latest")]
    ExpiresTooLate(Timestamp),
    /// The order's time is not over.
    #[error("the order rests until {0}")]
    OrderAlive(Timestamp),
    /// The class has a pool.
    #[error("the class has a pool already")]
    PoolOpen,
    /// The class has no pool.
    #[error("the class has no pool")]
    NoPool,
    /// The fee is above what is governed.
    #[error("the fee of a pool is at most {0} basis points")]
    PoolFeeTooHigh(u16),
    /// Too few shares.
    #[error("{owner} is short of {} shares", missing.0)]
    InsufficientShares {
        /// Whose.
        owner: Did,
        /// How many more it would need.
        missing: Amount,
    },
    /// The pool would take more, or give less, than allowed.
    #[error("the pool's price is now worse than the limit")]
    BeyondLimit,
    /// Nothing trades within the limit.
    #[error("nothing trades within the limit")]
    NothingTrades,
    /// The call was carried out before.
    #[error("this was carried out in block {0}")]
    DoneBefore(Height),
    /// Another call has the key.
    #[error("the key belongs to another call, carried out in block {0}")]
    KeyTaken(Height),
}
