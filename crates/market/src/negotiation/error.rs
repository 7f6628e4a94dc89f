//! Why a negotiation refuses something; no error changes the negotiation.
use alloc::string::String;
use core::fmt::Write as _;

use ainur_primitives::{Did, Digest, NegotiationId, Timestamp};

use super::message::NegotiationActKind;
use super::terms::{RELAXATIONS_MAX, ROUNDS_MAX};
use crate::payment::PaymentError;

/// Refused rules or a refused message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Buyer and seller are the same.
    #[error("{0} cannot negotiate with itself")]
    Alone(Did),
    /// The times are not in order.
    #[error("a negotiation opens before its deadline, and what is agreed is valid until then")]
    Times,
    /// None, or too many.
    #[error("a negotiation has 1 to {ROUNDS_MAX} rounds, not {0}")]
    Rounds(u32),
    /// A proposal without price or time.
    #[error("a proposal has a price and a time to delivery above zero")]
    Nothing,
    /// Changes that contradict each other.
    #[error(
        "a counter-proposal changes up to {RELAXATIONS_MAX} requirements, each kind once, in order"
    )]
    Relaxations,
    /// Terms of payment or cancellation that cannot be.
    #[error("the terms of payment cannot be")]
    Payment(#[from] PaymentError),
    /// About another negotiation.
    #[error("this message belongs to negotiation {found}, not {expected}")]
    OtherNegotiation {
        /// This negotiation.
        expected: NegotiationId,
        /// The message's.
        found: NegotiationId,
    },
    /// Nothing more is said here.
    #[error("the negotiation has ended; nothing is expected")]
    Ended,
    /// Before it opened, or at or after its deadline.
    #[error("messages are taken from {from} until before {until}, not at {now}")]
    NotOpen {
        /// When it came.
        now: Timestamp,
        /// When it opened.
        from: Timestamp,
        /// The deadline.
        until: Timestamp,
    },
    /// Taken before.
    #[error("message {0} was taken before")]
    Repeated(Digest),
    /// Not the one whose turn it is.
    #[error("it is {expected}'s turn, not {found}'s")]
    Turn {
        /// Whose turn it is.
        expected: Did,
        /// Who spoke.
        found: Did,
    },
    /// Another round than the one that runs.
    #[error("round {expected} is on, not {found}")]
    Round {
        /// The round.
        expected: u32,
        /// The message's.
        found: u32,
    },
    /// An answer to something else than what was said last.
    #[error("the thread stands at {expected}; this follows {found}")]
    Stale {
        /// The thread so far.
        expected: Digest,
        /// What the message follows.
        found: Digest,
    },
    /// Not what can be said now.
    #[error("{found} is not expected now; expected: {}", names(.expected))]
    Unexpected {
        /// What was said.
        found: NegotiationActKind,
        /// What could have been.
        expected: &'static [NegotiationActKind],
    },
    /// An acceptance of something else than the other side's last proposal.
    #[error("the terms on the table are {expected}; accepted was {found}")]
    OtherTerms {
        /// Digest of the terms that the last proposal makes.
        expected: Digest,
        /// Digest accepted.
        found: Digest,
    },
}

fn names(kinds: &[NegotiationActKind]) -> String {
    let mut text = String::new();
    for (index, kind) in kinds.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(text, "{separator}{kind}").expect("writing to a string does not fail");
    }
    text
}
