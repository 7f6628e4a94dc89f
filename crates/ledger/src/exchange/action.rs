//! What can be asked of the exchange.
use ainur_market::exchange::{OrderId, OrderKind, SelfTrade, Side};
use ainur_primitives::{
    Amount, CapabilityName, ContentId, Did, Digest, FailureReason, QualityLevel, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::CreditClassId;

/// A call to this module.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// An agent opens the class of a capability it offers.
    OpenClass {
        /// Which capability.
        capability: CapabilityName,
        /// At which quality.
        quality: QualityLevel,
        /// What is locked behind each credit.
        collateral: Amount,
    },
    /// An agent writes credits and locks their collateral.
    Issue {
        /// Of which class.
        class: CreditClassId,
        /// How many.
        quantity: u64,
    },
    /// An issuer burns credits it holds and gets their collateral back.
    Retire {
        /// Of which class.
        class: CreditClassId,
        /// How many.
        quantity: u64,
    },
    /// A holder burns one credit for one task.
    Redeem {
        /// Of which class.
        class: CreditClassId,
        /// For which task.
        task: TaskId,
        /// Who is to do it; whoever has owed for longest by default.
        issuer: Option<Did>,
        /// Who decides a dispute; one of the ledger's validators. Without one, what is delivered in
        /// time counts.
        verifier: Option<Did>,
        /// Digest of what is wanted.
        call: Digest,
        /// Digest of the acceptance check.
        check: Digest,
        /// What is not delivered by then has failed.
        deadline: Timestamp,
    },
    /// The issuer says what it has delivered; from then on it is for the holder to dispute it.
    Deliver {
        /// For which task.
        task: TaskId,
        /// What.
        output: ContentId,
    },
    /// The holder does not accept what was delivered: the verifier decides.
    Dispute {
        /// For which task.
        task: TaskId,
        /// Digest of what shows it.
        evidence: Digest,
    },
    /// The holder or the verifier accepts the work of a claim.
    Fulfil {
        /// For which task.
        task: TaskId,
        /// What was delivered.
        output: ContentId,
        /// Digest of the verdict.
        verdict: Digest,
    },
    /// The verifier rejects the work of a claim, its issuer gives up, or its holder takes the credit
    /// back before anything is delivered.
    Fail {
        /// For which task.
        task: TaskId,
        /// How it failed.
        reason: FailureReason,
        /// Digest of what shows it.
        evidence: Digest,
    },
    /// Anyone closes a claim whose time has come: nothing was delivered by the deadline, nobody
    /// disputed the delivery, or nobody decided the dispute.
    Expire {
        /// For which task.
        task: TaskId,
    },
    /// Places an order.
    Place {
        /// In the book of which class.
        class: CreditClassId,
        /// Buying or selling.
        side: Side,
        /// Credits.
        quantity: u64,
        /// How it trades.
        kind: OrderKind,
        /// What happens when it meets the sender's own order.
        self_trade: SelfTrade,
        /// From then on what rests of it no longer trades.
        expires: Timestamp,
    },
    /// Takes the sender's order out.
    Cancel {
        /// Of which class.
        class: CreditClassId,
        /// Which order.
        order: OrderId,
    },
    /// Gives the sender's order another quantity and price; it keeps its place only for less at the
    /// same price.
    Replace {
        /// Of which class.
        class: CreditClassId,
        /// Which order.
        order: OrderId,
        /// Credits.
        quantity: u64,
        /// Base units per credit.
        price: Amount,
        /// What happens when it meets the sender's own order.
        self_trade: SelfTrade,
    },
    /// Anyone takes out an order whose time is over.
    ExpireOrder {
        /// Of which class.
        class: CreditClassId,
        /// Whose.
        owner: Did,
        /// Which order.
        order: OrderId,
    },
    /// Begins the pool of a class.
    OpenPool {
        /// Of which class.
        class: CreditClassId,
        /// What traders pay the pool, in basis points.
        fee_bps: u16,
        /// Credits it begins with.
        credits: u64,
        /// Money it begins with.
        money: Amount,
    },
    /// Adds credits to a pool, and money in proportion.
    AddLiquidity {
        /// Of which class.
        class: CreditClassId,
        /// Credits.
        credits: u64,
        /// The most money.
        money_max: Amount,
        /// The least shares; an amount for its decimal form in JSON.
        shares_min: Amount,
    },
    /// Gives shares of a pool back for their part of it.
    RemoveLiquidity {
        /// Of which class.
        class: CreditClassId,
        /// Shares; an amount for its decimal form in JSON.
        shares: Amount,
        /// The least credits.
        credits_min: u64,
        /// The least money.
        money_min: Amount,
    },
    /// Trades with the pool.
    Swap {
        /// Of which class.
        class: CreditClassId,
        /// Buying or selling credits.
        side: Side,
        /// Credits.
        quantity: u64,
        /// The most it may cost, or the least it may fetch, together.
        limit: Amount,
    },
    /// Trades where it is cheaper, in the book and with the pool; what does not trade is cancelled.
    Route {
        /// Of which class.
        class: CreditClassId,
        /// Buying or selling credits.
        side: Side,
        /// Credits.
        quantity: u64,
        /// The worst price of a credit, fees included; none for any.
        limit: Option<Amount>,
    },
}
