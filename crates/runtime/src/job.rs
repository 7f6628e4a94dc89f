//! One call of a guest: what is asked, and what it may use.
use ainur_primitives::{Amount, CapabilityName, DurationMs, ExecutionLimits, Ppm, TraceContext};
use scale::{Decode, Encode};

use crate::input::Input;
use crate::program::Program;

/// A call of one of a program's functions.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Job {
    /// Ask for the manifest.
    Describe {
        /// Whose.
        program: Program,
    },
    /// Ask for a bid. Components only: the price of a command is the node's configuration.
    Quote {
        /// Whose.
        program: Program,
        /// What for.
        call: CallView,
    },
    /// Ask what to say next in a negotiation. Components only.
    Counter {
        /// Whose.
        program: Program,
        /// What it sees.
        turn: NegotiationTurnView,
    },
    /// Do the work.
    Execute {
        /// Who does it.
        program: Program,
        /// `noun.verb`.
        capability: CapabilityName,
        /// Canonical JSON.
        parameters: String,
        /// The input stream.
        input: Input,
        /// Chunks before this one are durable. A program that is not
        /// [resumable](Program::resumable) begins with 0 nevertheless.
        first_chunk: u32,
        /// Hard limits.
        limits: ExecutionLimits,
        /// Where the work belongs in a distributed trace. Commands find it in their environment,
        /// remote agents in what they are sent; components see nothing of it.
        trace: Option<TraceContext>,
    },
    /// Check a delivery. Components only.
    Verify {
        /// The verifier.
        program: Program,
        /// `noun.verb`.
        capability: CapabilityName,
        /// Canonical JSON.
        parameters: String,
        /// What the seller was given.
        input: Input,
        /// What the seller delivered.
        output: Input,
        /// Hard limits.
        limits: ExecutionLimits,
    },
}

/// The caller's name for a job, unique among those that are not finished.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct JobId(pub u64);

/// A call for proposals, as a bidder sees it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct CallView {
    /// `noun.verb`.
    pub capability: CapabilityName,
    /// Canonical JSON.
    pub parameters: String,
    /// Length of the input stream.
    pub input_bytes: u64,
    /// The most the buyer pays.
    pub reserve: Amount,
    /// Time from announcement to settlement.
    pub deadline_ms: DurationMs,
    /// Attempts the agent is running now.
    pub active_tasks: u32,
}

/// A proposal of a negotiation, as a guest sees and makes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct GuestProposal {
    /// What accepted work is paid.
    pub price: Amount,
    /// Time from the agreement to delivery.
    pub timeline_ms: DurationMs,
    /// 0 standard, 1 premium, 2 enterprise.
    pub quality_level: u8,
}

/// What a guest sees when it has the turn in a negotiation.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct NegotiationTurnView {
    /// `noun.verb`.
    pub capability: CapabilityName,
    /// Its own quote for the task.
    pub limit: GuestProposal,
    /// Counted from one.
    pub round: u32,
    /// After so many rounds it can only accept or end it.
    pub rounds_max: u32,
    /// What it proposed, oldest first.
    pub ours: Vec<GuestProposal>,
    /// What the buyer proposed, oldest first.
    pub theirs: Vec<GuestProposal>,
}

/// What a guest says when it has the turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum GuestDecision {
    /// Agreement to the buyer's last proposal.
    Accept,
    /// The end.
    WalkAway,
    /// Another proposal.
    Propose(GuestProposal),
}

/// A guest's bid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Quote {
    /// What it asks.
    pub price: Amount,
    /// How long it expects to take.
    pub estimated_duration_ms: DurationMs,
    /// How sure it is to deliver; at most one.
    pub confidence: Ppm,
    /// 0 standard, 1 premium, 2 enterprise.
    pub quality_level: u8,
}

impl Job {
    /// The program that is called.
    pub fn program(&self) -> &Program {
        match self {
            Self::Describe { program }
            | Self::Quote { program, .. }
            | Self::Counter { program, .. }
            | Self::Execute { program, .. }
            | Self::Verify { program, .. } => program,
        }
    }

    /// Where it belongs in a distributed trace.
    pub(crate) fn trace(&self) -> Option<&TraceContext> {
        match self {
            Self::Execute { trace, .. } => trace.as_ref(),
            Self::Describe { .. }
            | Self::Quote { .. }
            | Self::Counter { .. }
            | Self::Verify { .. } => None,
        }
    }

    /// The call is expected to end within moments, and must not wait behind those that are not.
    pub(crate) fn is_short(&self) -> bool {
        matches!(self, Self::Describe { .. } | Self::Quote { .. } | Self::Counter { .. })
    }

    pub(crate) fn bytes_inline(&self) -> u64 {
        match self {
            Self::Describe { .. } | Self::Quote { .. } | Self::Counter { .. } => 0,
            Self::Execute { input, .. } => input.bytes_inline(),
            Self::Verify { input, output, .. } => {
                input.bytes_inline().saturating_add(output.bytes_inline())
            }
        }
    }

    pub(crate) fn pieces(&self) -> usize {
        match self {
            Self::Describe { .. } | Self::Quote { .. } | Self::Counter { .. } => 0,
            Self::Execute { input, .. } => input.pieces.len(),
            Self::Verify { input, output, .. } => input.pieces.len() + output.pieces.len(),
        }
    }

    pub(crate) fn parameters_bytes(&self) -> usize {
        match self {
            Self::Describe { .. } | Self::Counter { .. } => 0,
            Self::Quote { call, .. } => call.parameters.len(),
            Self::Execute { parameters, .. } | Self::Verify { parameters, .. } => parameters.len(),
        }
    }
}
