//! What the parties say to each other, each message bound to all before it.
use core::fmt;

use ainur_crypto::hash;
use ainur_primitives::{Did, Digest, NegotiationId};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::terms::{CounterProposal, NegotiationProposal};

/// One message of a negotiation.
///
/// Its digest covers the digest of the message before it, and so the whole thread down to the
/// rules: whoever signs the digest signs all that was said, and in which order.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct NegotiationMessage {
    /// Which negotiation.
    pub negotiation: NegotiationId,
    /// Counted from one; a round is a message of each side.
    pub round: u32,
    /// Who says it.
    pub from: Did,
    /// Digest of the thread before it: of the message before it, or of the rules.
    pub previous: Digest,
    /// What is said.
    pub act: NegotiationAct,
}

/// What a message says.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum NegotiationAct {
    /// A proposal in full; it binds its sender until it is answered or the deadline.
    Propose(NegotiationProposal),
    /// Changes to the other side's last proposal; the result binds in the same way.
    Counter(CounterProposal),
    /// Agreement to the other side's last proposal.
    Accept {
        /// Digest of the [`super::NegotiatedTerms`] this makes.
        terms: Digest,
    },
    /// No to the other side's last proposal, and the end.
    Reject,
    /// The end, whatever was proposed: the sender cannot or need not agree any more.
    Withdraw,
}

/// What a message does, without its content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NegotiationActKind {
    /// [`NegotiationAct::Propose`].
    Propose,
    /// [`NegotiationAct::Counter`].
    Counter,
    /// [`NegotiationAct::Accept`].
    Accept,
    /// [`NegotiationAct::Reject`].
    Reject,
    /// [`NegotiationAct::Withdraw`].
    Withdraw,
}

impl NegotiationMessage {
    /// What its sender signs, and the digest of the thread that ends with it.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/negotiation-message/v1", &[&self.encode()])
    }
}

impl NegotiationAct {
    /// What it does.
    pub const fn kind(&self) -> NegotiationActKind {
        match self {
            Self::Propose(_) => NegotiationActKind::Propose,
            Self::Counter(_) => NegotiationActKind::Counter,
            Self::Accept { .. } => NegotiationActKind::Accept,
            Self::Reject => NegotiationActKind::Reject,
            Self::Withdraw => NegotiationActKind::Withdraw,
        }
    }
}

impl fmt::Display for NegotiationActKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Propose => "propose",
            Self::Counter => "counter",
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Withdraw => "withdraw",
        })
    }
}
