//! The market as people and programs see it.
use std::num::NonZeroU16;

use ainur_market::negotiation::NegotiationActKind;
use ainur_market::offer::OfferTerms;
use ainur_primitives::{
    Amount, CapabilityName, Did, Digest, DurationMs, Ppm, QualityLevel, TaskId, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// A standing offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfferView {
    /// What names it.
    #[schemars(with = "schema::Digest")]
    pub offer: Digest,
    /// The seller's name here.
    pub seller_name: String,
    /// What the seller signed.
    #[schemars(with = "schema::OfferTerms")]
    pub terms: OfferTerms,
    /// What a task costs the one who asks, now.
    #[schemars(with = "schema::Amount")]
    pub price: Amount,
    /// Tasks the one who asks has agreed to under it.
    pub bought: u32,
    /// Tasks at work under it.
    pub running: u32,
    /// Tasks that wait for their turn.
    pub waiting: u32,
    /// Why it cannot be taken now, when it cannot.
    pub unavailable: Option<String>,
}

/// A negotiation that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NegotiationView {
    /// With whom.
    #[schemars(with = "schema::Did")]
    pub seller: Did,
    /// The seller's name here.
    pub seller_name: String,
    /// The round it ended in.
    pub rounds: u32,
    /// What was agreed, when it was.
    #[schemars(with = "Option<schema::Amount>")]
    pub agreed: Option<Amount>,
    /// The agreement was awarded the task.
    pub awarded: bool,
    /// Everything said, in order.
    pub messages: Vec<NegotiationTurn>,
    /// Digest of everything said, which both sides signed.
    #[schemars(with = "schema::Digest")]
    pub thread: Digest,
}

/// What one side said when it had the turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NegotiationTurn {
    /// Counted from one; a round is a message of each side.
    pub round: u32,
    /// Who said it.
    #[schemars(with = "schema::Did")]
    pub from: Did,
    /// What it did.
    #[schemars(with = "schema::NegotiationActKind")]
    pub act: NegotiationActKind,
    /// The price on the table after it.
    #[schemars(with = "Option<schema::Amount>")]
    pub price: Option<Amount>,
    /// The time from the agreement to delivery on the table.
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub timeline_ms: Option<DurationMs>,
    /// The quality on the table.
    #[schemars(with = "Option<schema::QualityLevel>")]
    pub quality_level: Option<QualityLevel>,
}

/// A call for proposals that takes bids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenCall {
    /// The task called for.
    #[schemars(with = "schema::Digest")]
    pub task: TaskId,
    /// What is wanted.
    #[schemars(with = "schema::CapabilityName")]
    pub capability: CapabilityName,
    /// Who buys.
    #[schemars(with = "schema::Did")]
    pub buyer: Did,
    /// The most that is paid.
    #[schemars(with = "schema::Amount")]
    pub reserve: Amount,
    /// Sealed bids so far.
    pub bids: u32,
    /// Agents asked that have not answered.
    pub unanswered: u32,
    /// Bids are taken until then.
    #[schemars(with = "schema::Timestamp")]
    pub commit_until: Timestamp,
    /// When everything must have ended.
    #[schemars(with = "schema::Timestamp")]
    pub deadline: Timestamp,
}

/// What late work costs its seller. Who says that it takes longer is not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatenessTerms {
    /// Work delivered so long after the agreement is late.
    #[schemars(with = "schema::Milliseconds")]
    pub late_after_ms: DurationMs,
    /// The share of its price that it gives up, in millionths.
    #[schemars(with = "schema::Ppm")]
    pub compensation: Ppm,
}

/// What everybody's tasks weigh for whom nothing else was said.
pub(crate) fn equal_weight() -> NonZeroU16 {
    NonZeroU16::MIN
}
