//! Accept and Reject: what the buyer answers a bidder, or either side of a negotiation the other.
use ainur_primitives::{Amount, Digest, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Body, MessageType};
use crate::error::Error;
use crate::extensions::Extensions;
use crate::limits::DETAIL_BYTES_MAX;

/// The award, in reply to the winning bid; agreement, in reply to the other side's last proposal in a
/// negotiation; or the taking of a standing offer, in reply to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accept {
    /// Digest of the agreement the ledger holds; of the negotiated terms after a negotiation.
    pub agreement: Digest,
    /// What accepted work is paid.
    pub price: Amount,
    /// The task.
    pub task: TaskId,
    /// Digest of the auction's transcript, from which winner and price follow; of the thread up to
    /// the accepted proposal after a negotiation; of the terms of the standing offer taken.
    pub transcript: Digest,
    /// Optional fields.
    #[serde(flatten)]
    pub extensions: Extensions,
}

/// The end for one bidder, in reply to its bid, its commitment, or after an acceptance; or of a
/// negotiation, in reply to the other side's last proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Digest of the agreement that ends, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Digest>,
    /// One line for people; empty when there is nothing to say.
    pub detail: String,
    /// What the winner is paid, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    /// Why.
    pub reason: RejectReason,
    /// The task.
    pub task: TaskId,
    /// Digest of the auction's transcript, when it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Digest>,
    /// Optional fields.
    #[serde(flatten)]
    pub extensions: Extensions,
}

/// Why a bidder is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RejectReason {
    /// Another bid was better; this one can still be accepted while it is valid.
    Outbid,
    /// The bid could not win: above the reserve, too slow, not valid long enough, excluded.
    Ineligible,
    /// The bidder did not reveal in time.
    Unrevealed,
    /// The agreed attempt failed; another bidder is asked.
    Failed,
    /// The buyer withdrew the call, or its money could not be locked; one side withdrew from a
    /// negotiation.
    Cancelled,
    /// The proposal is refused, and the negotiation is over.
    Declined,
}

impl Body for Accept {
    const TYPE: MessageType = MessageType::Accept;

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn validate(&self, _created: Timestamp) -> Result<(), Error> {
        Ok(())
    }
}

impl Body for Reject {
    const TYPE: MessageType = MessageType::Reject;

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn validate(&self, _created: Timestamp) -> Result<(), Error> {
        if self.detail.len() > DETAIL_BYTES_MAX {
            return Err(Error::field("detail", "at most 1024 bytes"));
        }
        if self.agreement.is_none() && self.reason == RejectReason::Failed {
            return Err(Error::field("agreement", "a failed attempt had an agreement"));
        }
        Ok(())
    }
}
