//! Why a coalition's terms, or a division among its members, are refused.
use alloc::vec::Vec;

use ainur_primitives::{
    Amount, CapabilityName, Did, Digest, DurationMs, GraphError, PenaltyCause, Timestamp,
};

use super::formation::FORMATION_BIDS_MAX;
use super::shapley::{SAMPLES_MAX, SHAPLEY_EXACT_MAX};
use super::stability::CORE_MEMBERS_MAX;
use super::{COALITION_BACKUPS_MAX, COALITION_MEMBERS_MAX, PENALTY_CLAUSES_MAX, SHARED_AMOUNT_MAX};

/// A member that would be paid less than it asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// Who.
    pub agent: Did,
    /// For which subtask.
    pub subtask: u16,
    /// What it asked.
    pub bid: Amount,
    /// What it would get.
    pub share: Amount,
}

/// Something that does not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The job is not a task graph.
    #[error("the job's task graph is not one")]
    Graph(#[from] GraphError),
    /// The plan is for another job.
    #[error("the plan is for task graph {found}, not {expected}")]
    OtherGraph {
        /// The job's.
        expected: Digest,
        /// The plan's.
        found: Digest,
    },
    /// Nobody, or more members than subtasks.
    #[error("a coalition has 1 to {COALITION_MEMBERS_MAX} members, not {0}")]
    Members(usize),
    /// A member for a subtask that the job does not have.
    #[error("the job has no subtask {0}")]
    UnknownSubtask(u16),
    /// A subtask with two members, or members out of order.
    #[error("members ascend by subtask, one for each; the one for subtask {0} does not")]
    MembersUnordered(u16),
    /// No agent for something the plan contains.
    #[error("nobody does subtask {0}")]
    WithoutMember(u16),
    /// An agent's capability is not what its subtask wants.
    #[error("subtask {subtask} wants {expected}, but {agent} brings {found}")]
    Capability {
        /// Which subtask.
        subtask: u16,
        /// Who.
        agent: Did,
        /// What is wanted.
        expected: CapabilityName,
        /// What is brought.
        found: CapabilityName,
    },
    /// An agent expects to take longer than its subtask may.
    #[error("{agent} takes {found} for subtask {subtask}, which may take {limit}")]
    TooSlow {
        /// Which subtask.
        subtask: u16,
        /// Who.
        agent: Did,
        /// What is allowed.
        limit: DurationMs,
        /// What it expects.
        found: DurationMs,
    },
    /// An agent with two subtasks at the same time.
    #[error("{agent} has two subtasks in stage {stage}")]
    TwiceInStage {
        /// Who.
        agent: Did,
        /// Which stage, from zero.
        stage: usize,
    },
    /// The lead does nothing.
    #[error("the lead {0} is not a member")]
    LeadNotMember(Did),
    /// A stage with nothing to do.
    #[error("stage {0} of the plan is empty")]
    StageEmpty(usize),
    /// A subtask in two stages, or twice in one.
    #[error("the plan contains subtask {0} twice")]
    PlannedTwice(u16),
    /// A member's subtask in no stage.
    #[error("the plan does not contain subtask {0}")]
    Unplanned(u16),
    /// A subtask before, or beside, what it needs.
    #[error("the plan does subtask {subtask} before {needs}, which it needs, is done")]
    StageOrder {
        /// Which.
        subtask: u16,
        /// What it needs.
        needs: u16,
    },
    /// Sooner than the members' own durations allow.
    #[error("the plan is done after {found}, but its members' durations add up to {limit}")]
    CompletionTooEarly {
        /// The critical path.
        limit: DurationMs,
        /// The plan's.
        found: DurationMs,
    },
    /// Later than the job's deadline.
    #[error("the plan is done after {found}; the job has to be after {limit}")]
    CompletionTooLate {
        /// The job's.
        limit: DurationMs,
        /// The plan's.
        found: DurationMs,
    },
    /// The bid ends before it could be accepted.
    #[error("the bid ends at {found}, before {needed}")]
    Expired {
        /// Until when it is needed.
        needed: Timestamp,
        /// When it ends.
        found: Timestamp,
    },
    /// Too much to be shared without overflow.
    #[error("shared amounts are at most {SHARED_AMOUNT_MAX} base units")]
    AmountTooLarge,
    /// As many shares as members are needed.
    #[error("there are {found} shares for {expected} members")]
    ShareCount {
        /// Members.
        expected: usize,
        /// Shares.
        found: usize,
    },
    /// Members that would be paid less than they asked.
    #[error("{} members would be paid less than their own bid", .0.len())]
    BelowBid(Vec<Shortfall>),
    /// Shares that are not the whole.
    #[error("the shares add up to {found}, but the total is {expected}")]
    SharesSum {
        /// The total.
        expected: Amount,
        /// All shares.
        found: Amount,
    },
    /// More than the buyer pays.
    #[error("the coalition asks {total}, above the reserve of {reserve}")]
    AboveReserve {
        /// What is asked.
        total: Amount,
        /// What the buyer pays at most.
        reserve: Amount,
    },
    /// More than the buyer pays for these subtasks one by one.
    #[error("the coalition asks {total}, above its subtasks' reserves of {reserves}")]
    AboveSubtaskReserves {
        /// What is asked.
        total: Amount,
        /// What the buyer pays at most.
        reserves: Amount,
    },
    /// More than the buyer has.
    #[error("the coalition asks {total}, above the budget of {budget}")]
    AboveBudget {
        /// What is asked.
        total: Amount,
        /// What is left to spend.
        budget: Amount,
    },
    /// Too many backups.
    #[error("a coalition has at most {COALITION_BACKUPS_MAX} backups, not {0}")]
    Backups(usize),
    /// Backups out of order.
    #[error("backups ascend by subtask; the one for subtask {0} does not")]
    BackupsUnordered(u16),
    /// A backup for itself, or named twice.
    #[error("{agent} cannot back up subtask {subtask}: it does it, or is its backup already")]
    BackupTwice {
        /// Who.
        agent: Did,
        /// Which subtask.
        subtask: u16,
    },
    /// A pool larger than what it could be filled with.
    #[error("the insurance pool is {found}, but only {limit} is shared above the bids")]
    InsurancePool {
        /// All shares above bids.
        limit: Amount,
        /// The pool.
        found: Amount,
    },
    /// Too many clauses.
    #[error("a coalition has at most {PENALTY_CLAUSES_MAX} penalty clauses, not {0}")]
    PenaltyClauses(usize),
    /// More than the bond, or nothing.
    #[error("penalties for '{cause:?}' are each above zero and together at most the bond")]
    Penalties {
        /// For what.
        cause: PenaltyCause,
    },
    /// Not enough to pay everybody's own bid.
    #[error("the bids add up to {bids}, more than the {price} there is to share")]
    BidsAbovePrice {
        /// All bids.
        bids: Amount,
        /// What is shared.
        price: Amount,
    },
    /// Members could get more apart than together, so that there is nothing to bargain about.
    #[error("without agreement the members get {disagreement}, more than the {price} to share")]
    Disagreement {
        /// What they get apart.
        disagreement: Amount,
        /// What is shared.
        price: Amount,
    },
    /// Too many players for an exact Shapley value.
    #[error("a Shapley value is exact for 1 to {SHAPLEY_EXACT_MAX} players, not {0}")]
    ShapleyPlayers(usize),
    /// An accuracy that cannot be had.
    #[error("the accuracy needs an error above zero, a chance between, and {SAMPLES_MAX} samples")]
    Accuracy,
    /// Too many members to look at every subset.
    #[error("stability is checked for up to {CORE_MEMBERS_MAX} members, not {0}")]
    TooManyToCheck(usize),
    /// Too many bids to form a team from.
    #[error("a team is formed from at most {FORMATION_BIDS_MAX} bids, not {0}")]
    Bids(usize),
    /// A subtask is done, and cannot fail any more.
    #[error("subtask {0} is done")]
    Done(u16),
    /// Nobody can take over.
    #[error("nobody stands by for subtask {0} for what was allocated to it")]
    NoBackup(u16),
}
