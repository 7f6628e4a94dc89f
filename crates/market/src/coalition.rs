//! Agents that bid together: who should, how they divide what they are paid, and what happens when
//! one of them fails.
//!
//! A [`Formation`] finds the team that could ask less than its members' rivals do one by one, and
//! [`stability`] says whether part of it would do better alone. Its [`CoalitionTerms`] are one
//! document that every member signs; [`CoalitionTerms::validate`] refuses whatever does not add
//! up. In the auction of the job the coalition is one bidder ([`CoalitionTerms::bid`]). [`sharing`]
//! divides a price by one of four rules: never less than a
//! member's own bid, together always exactly the price. [`substitute()`] lets a backup take a
//! failed member's place without changing the whole.
//!
//! Sets of members and of subtasks are bits of a `u64`.
use ainur_primitives::Amount;

pub mod division;
pub mod error;
pub mod formation;
pub mod shapley;
pub mod sharing;
pub mod stability;
pub mod substitution;
pub mod terms;
mod validate;

pub use division::{
    BundleDivision, BundleShare, BundleWord, bundle_shares, coalition_of, divide, part_task_id,
};
pub use error::{Error, Shortfall};
pub use formation::{Coverage, Formation, SubtaskBid, SynergyTerms, Team, TeamMember};
pub use shapley::{SamplingAccuracy, ShapleyValues};
pub use sharing::{SharingBasis, correct, share};
pub use stability::{Blocking, blocking};
pub use substitution::{PenaltyPayee, PenaltyPayout, PenaltySplit, Substitution, substitute};
pub use terms::{
    CoalitionMember, CoalitionTerms, ExecutionPlan, FailureHandling, ProfitSharing, graph_digest,
};
pub use validate::CoalitionLimits;

/// How many members a coalition has at most: one for each subtask of the largest graph.
pub const COALITION_MEMBERS_MAX: usize = ainur_primitives::graph::SUBTASKS_MAX;
/// How many backups a coalition names at most.
pub const COALITION_BACKUPS_MAX: usize = 64;
/// How many penalty clauses a coalition agrees on at most.
pub const PENALTY_CLAUSES_MAX: usize = 16;
/// The largest price, bid or worth that is shared: 2⁸⁸ − 1 base units, so that no sum or exact
/// fraction over 64 members can overflow.
pub const SHARED_AMOUNT_MAX: Amount = Amount((1 << 88) - 1);
