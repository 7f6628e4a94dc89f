//! One sealed-bid auction over all subtasks of a task graph at once: bidders offer bundles, and
//! the disjoint ones that cost least win.
//!
//! Phases, commitments and transcripts are those of every [`auction`](crate::auction); [`award()`]
//! is a pure function of the transcript and of who is excluded. [`mechanism`] has the rule and why
//! it is truthful, keeps to the budget and never pays below a bid; [`packing`] determines winners
//! exactly; [`greedy`] stands in where that would take too long, and the [`Allocation`] says so.
//!
//! Known limits, with numbers in `docs/market/auctions.md`: one party bidding under several names
//! and bidders who collude can raise what is paid; a bidder who makes the auction too large to be
//! solved can force the greedy rule, under which a bidder with several bundles may gain by hiding
//! some. A bundle's price and expected loss together must not exceed its reserves, where a call
//! for a single task holds only the price against its reserve.
use crate::auction::{Auction, Transcript};

pub mod award;
pub mod greedy;
pub mod mechanism;
pub mod packing;
pub mod subtasks;
pub mod terms;

pub use award::{Allocation, Assignment, Displaced, RefusedBundle, award, award_part};
pub use mechanism::Method;
pub use subtasks::{SUBTASKS_MAX, SubtaskSet, SubtaskSetError};
pub use terms::{
    BUNDLES_MAX, Bundle, BundleBidTerms, CALL_AMOUNT_MAX, CombinatorialTerms, SubtaskTerms,
};

/// A combinatorial auction while it runs.
pub type CombinatorialAuction = Auction<CombinatorialTerms, BundleBidTerms>;

/// A closed combinatorial auction.
pub type CombinatorialTranscript = Transcript<CombinatorialTerms, BundleBidTerms>;
