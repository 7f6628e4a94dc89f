//! What happened on the exchange.
use ainur_market::exchange::{BookUpdate, Placed, Side};
use ainur_primitives::{
    Amount, CapabilityName, ContentId, Did, Digest, FailureReason, QualityLevel, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::CreditClassId;

/// What happened in this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A class was opened.
    ClassOpened {
        /// Which.
        class: CreditClassId,
        /// By whom.
        opener: Did,
        /// Of which capability.
        capability: CapabilityName,
        /// At which quality.
        quality: QualityLevel,
        /// What is locked behind each credit.
        collateral: Amount,
    },
    /// Credits were written.
    Issued {
        /// Of which class.
        class: CreditClassId,
        /// By whom.
        issuer: Did,
        /// How many.
        quantity: u64,
        /// What was locked behind them.
        collateral: Amount,
    },
    /// An issuer took credits back.
    Retired {
        /// Of which class.
        class: CreditClassId,
        /// Who.
        issuer: Did,
        /// How many.
        quantity: u64,
        /// What was freed.
        collateral: Amount,
    },
    /// A credit became a claim.
    Redeemed {
        /// Of which class.
        class: CreditClassId,
        /// For which task.
        task: TaskId,
        /// Who is owed.
        holder: Did,
        /// Who owes.
        issuer: Did,
        /// Who decides a dispute.
        verifier: Option<Did>,
        /// Digest of what is wanted.
        call: Digest,
        /// Digest of the acceptance check.
        check: Digest,
        /// What is locked.
        collateral: Amount,
        /// What is not delivered by then has failed.
        deadline: Timestamp,
    },
    /// The issuer of a claim delivered.
    Delivered {
        /// For which task.
        task: TaskId,
        /// Who.
        issuer: Did,
        /// What.
        output: ContentId,
        /// Until then it can be disputed.
        until: Timestamp,
    },
    /// The holder of a claim disputes the delivery.
    Disputed {
        /// For which task.
        task: TaskId,
        /// Who.
        holder: Did,
        /// Until then the verifier decides.
        until: Timestamp,
        /// Digest of what shows it.
        evidence: Digest,
    },
    /// The work of a claim was accepted, or nobody disputed it in time; the issuer got its collateral
    /// back.
    Fulfilled {
        /// For which task.
        task: TaskId,
        /// Who worked.
        issuer: Did,
        /// What came back.
        collateral: Amount,
        /// What was delivered.
        output: ContentId,
        /// Digest of the verdict; zero when nobody gave one.
        verdict: Digest,
    },
    /// The work of a claim was not accepted; the holder got the collateral.
    Defaulted {
        /// For which task.
        task: TaskId,
        /// Who owed.
        issuer: Did,
        /// Who got it.
        holder: Did,
        /// How much.
        collateral: Amount,
        /// How it failed.
        reason: FailureReason,
        /// Digest of what shows it.
        evidence: Digest,
    },
    /// The claim failed through nobody's or the holder's doing: the holder has its credit again.
    Voided {
        /// For which task.
        task: TaskId,
        /// Who owes it again.
        issuer: Did,
        /// Who holds it again.
        holder: Did,
        /// How it failed.
        reason: FailureReason,
        /// Digest of what shows it.
        evidence: Digest,
    },
    /// A book changed; together, in order, these rebuild it.
    Updated {
        /// Of which class.
        class: CreditClassId,
        /// What changed.
        update: BookUpdate,
    },
    /// An order came in.
    Placed {
        /// Of which class.
        class: CreditClassId,
        /// Whose.
        owner: Did,
        /// What became of it.
        placed: Placed,
        /// What the owner paid the treasury for what traded at once.
        fee: Amount,
    },
    /// A pool was opened.
    PoolOpened {
        /// Of which class.
        class: CreditClassId,
        /// By whom.
        owner: Did,
        /// What traders pay it, in basis points.
        fee_bps: u16,
        /// Credits it began with.
        credits: u64,
        /// Money it began with.
        money: Amount,
        /// Shares given.
        shares: Amount,
    },
    /// A pool grew.
    LiquidityAdded {
        /// Of which class.
        class: CreditClassId,
        /// By whom.
        owner: Did,
        /// Credits added.
        credits: u64,
        /// Money added.
        money: Amount,
        /// Shares given.
        shares: Amount,
    },
    /// A pool shrank.
    LiquidityRemoved {
        /// Of which class.
        class: CreditClassId,
        /// By whom.
        owner: Did,
        /// Credits taken out.
        credits: u64,
        /// Money taken out.
        money: Amount,
        /// Shares given back.
        shares: Amount,
    },
    /// Somebody traded with a pool.
    Swapped {
        /// Of which class.
        class: CreditClassId,
        /// Who.
        trader: Did,
        /// Buying or selling credits.
        side: Side,
        /// Credits.
        quantity: u64,
        /// What they cost or fetched, the pool's fee included.
        money: Amount,
    },
}
