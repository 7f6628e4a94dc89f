//! BidCommit and Bid: a sealed bid, and the same bid opened.
use ainur_primitives::{Amount, Digest, DurationMs, Ppm, QualityLevel, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Body, MessageType, exact, probability};
use crate::error::Error;
use crate::extensions::Extensions;

/// A sealed bid, in reply to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidCommit {
    /// What the bidder loses when it does not reveal.
    pub bid_bond: Amount,
    /// The commitment to the bid.
    pub commitment: Digest,
    /// The call's end of revealing.
    pub reveal_until: Timestamp,
    /// The task bid on.
    pub task: TaskId,
    /// Optional fields.
    #[serde(flatten)]
    pub extensions: Extensions,
}

/// An opened bid, in reply to the bidder's own commitment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bid {
    /// As committed.
    pub bid_bond: Amount,
    /// Digest of the agent card whose contract the bidder will fulfil.
    pub card: Digest,
    /// How sure the bidder is to deliver.
    pub confidence: Ppm,
    /// How long the bidder expects the work to take.
    pub estimated_duration_ms: DurationMs,
    /// What the bidder asks for accepted work.
    pub price: Amount,
    /// The quality offered.
    pub quality_level: QualityLevel,
    /// The 32 random bytes of the commitment.
    pub salt: Digest,
    /// The task bid on.
    pub task: TaskId,
    /// The bid can be accepted until then.
    pub valid_until: Timestamp,
    /// Optional fields.
    #[serde(flatten)]
    pub extensions: Extensions,
}

impl Body for BidCommit {
    const TYPE: MessageType = MessageType::BidCommit;

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn validate(&self, created: Timestamp) -> Result<(), Error> {
        if self.reveal_until <= created {
            return Err(Error::field("reveal_until", "the bid could not be revealed any more"));
        }
        Ok(())
    }
}

impl Body for Bid {
    const TYPE: MessageType = MessageType::Bid;

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn validate(&self, created: Timestamp) -> Result<(), Error> {
        exact("estimated_duration_ms", self.estimated_duration_ms.0)?;
        probability("confidence", self.confidence)?;
        if self.valid_until <= created {
            return Err(Error::field("valid_until", "the bid could not be accepted any more"));
        }
        Ok(())
    }
}
