//! What is agreed to by entering a combinatorial auction: the call over a task graph, and the bid.
use alloc::vec::Vec;

use ainur_crypto::hash;
use ainur_primitives::{
    Amount, Did, Digest, DurationMs, Ppm, QualityLevel, SelectionRule, TaskId, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::subtasks::{SUBTASKS_MAX, SubtaskSet};
use crate::auction::{Error, Frame, SealedBid, SealedCall};

/// The largest budget of a call and loss of a subtask, so that no sum of scores can overflow.
pub const CALL_AMOUNT_MAX: Amount = Amount(1 << 72);

/// How many bundles one bid has at most.
pub const BUNDLES_MAX: usize = 64;

/// The buyer's side of a combinatorial auction, fixed when it opens.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct CombinatorialTerms {
    /// The task called for.
    pub task: TaskId,
    /// The digest of the task graph, which says what the subtasks are.
    pub graph: Digest,
    /// The subtasks, in the order of the graph: a bid names them by index.
    pub subtasks: Vec<SubtaskTerms>,
    /// The most the whole may cost; at least the reserves of all subtasks together.
    pub budget: Amount,
    /// How winners are chosen: scored or cheapest.
    pub selection: SelectionRule,
    /// All work must be done by then.
    pub deadline: Timestamp,
    /// Commitments are taken from then…
    pub opened: Timestamp,
    /// …until before then; reveals from then…
    pub commit_until: Timestamp,
    /// …until before then.
    pub reveal_until: Timestamp,
    /// The least bond a commitment brings ([`crate::bond::BondRule`]).
    pub bid_bond: Amount,
}

/// What the buyer's side says about one subtask.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct SubtaskTerms {
    /// What having it done is worth: at this score the buyer would rather have it done elsewhere.
    pub reserve: Amount,
    /// What its failure would cost the buyer; weighs in [`SelectionRule::Scored`] only.
    pub loss: Amount,
    /// A bundle that expects to take longer for any of its subtasks is infeasible.
    pub duration_ms_max: DurationMs,
}

impl CombinatorialTerms {
    /// The digest that names these terms.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/combinatorial-terms/v1", &[&self.encode()])
    }

    /// The reserves of some subtasks together; for valid terms at most the budget.
    pub fn reserve(&self, subtasks: &SubtaskSet) -> Amount {
        self.of(subtasks).map(|subtask| subtask.reserve).sum()
    }

    /// What the buyer expects to lose when someone with this failure probability does these
    /// subtasks, each rounded up; zero unless selection is scored.
    pub fn expected_loss(&self, subtasks: &SubtaskSet, failure_probability: Ppm) -> Amount {
        use crate::auction::mechanism::expected_loss;
        let of = |subtask: &SubtaskTerms| {
            expected_loss(self.selection, subtask.loss, failure_probability)
        };
        self.of(subtasks).map(of).sum()
    }

    /// The longest that each subtask of a bundle may take, so that all of them are in time.
    pub fn duration_ms_max(&self, subtasks: &SubtaskSet) -> DurationMs {
        let whole = self.deadline.since(self.reveal_until);
        self.of(subtasks).map(|subtask| subtask.duration_ms_max).fold(whole, Ord::min)
    }

    fn of(&self, subtasks: &SubtaskSet) -> impl Iterator<Item = &SubtaskTerms> {
        subtasks.indices().filter_map(|index| self.subtasks.get(index))
    }
}

impl SealedCall for CombinatorialTerms {
    type Bid = BundleBidTerms;

    const TRANSCRIPT_TAG: &'static str = "ainur/combinatorial-transcript/v1";

    fn frame(&self) -> Frame {
        let Self { task, opened, commit_until, reveal_until, bid_bond, .. } = *self;
        Frame { task, opened, commit_until, reveal_until, bid_bond }
    }

    fn validate(&self) -> Result<(), Error> {
        if self.subtasks.is_empty() || self.subtasks.len() > SUBTASKS_MAX {
            return Err(Error::SubtaskCount(self.subtasks.len()));
        }
        let too_large = |amount: Amount| amount > CALL_AMOUNT_MAX;
        let mut reserves = Amount::ZERO;
        for subtask in &self.subtasks {
            if subtask.reserve.is_zero() {
                return Err(Error::ReserveZero);
            }
            if too_large(subtask.loss) {
                return Err(Error::CallTooLarge);
            }
            reserves = reserves.saturating_add(subtask.reserve);
        }
        if too_large(self.budget) {
            return Err(Error::CallTooLarge);
        }
        if reserves > self.budget {
            return Err(Error::OverBudget { reserves, budget: self.budget });
        }
        if !matches!(self.selection, SelectionRule::Scored | SelectionRule::Cheapest) {
            return Err(Error::SelectionForOne(self.selection));
        }
        if self.deadline <= self.reveal_until {
            return Err(Error::DeadlineTooEarly);
        }
        self.frame().validate()
    }

    fn check(&self, bid: &BundleBidTerms) -> Result<(), Error> {
        let (bidder, count) = (bid.bidder, bid.bundles.len());
        if count == 0 || count > BUNDLES_MAX {
            return Err(Error::BundleCount { bidder, count });
        }
        let all = SubtaskSet::first(self.subtasks.len());
        let wrong =
            |bundle: &Bundle| bundle.subtasks.is_empty() || !bundle.subtasks.is_subset(&all);
        match bid.bundles.iter().position(wrong) {
            Some(index) => Err(Error::OtherSubtasks { bidder, index }),
            None => Ok(()),
        }
    }
}

/// A bid on a task graph: bundles of which the bidder gets at most one. Secret until revealed.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct BundleBidTerms {
    /// The task bid on.
    pub task: TaskId,
    /// Who bids.
    pub bidder: Did,
    /// What the bidder offers to do: any one of these, or nothing.
    pub bundles: Vec<Bundle>,
    /// What the bidder loses when it commits and does not reveal; as in its commitment.
    pub bid_bond: Amount,
    /// How sure the bidder says it is to deliver; informative, never weighed.
    pub confidence: Ppm,
    /// The quality offered.
    pub quality_level: QualityLevel,
    /// Digest of the agent card whose contracts the bidder will fulfil.
    pub card: Digest,
    /// The bid can be accepted until then.
    pub valid_until: Timestamp,
}

/// Some subtasks for one price.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// What the bidder would do, all of it.
    pub subtasks: SubtaskSet,
    /// What the bidder asks for all of it.
    pub price: Amount,
    /// How long the bidder expects the longest of its subtasks to take.
    pub estimated_duration_ms: DurationMs,
}

impl BundleBidTerms {
    /// What a bidder's signature over this bid covers.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/bundle-bid-terms/v1", &[&self.encode()])
    }
}

impl SealedBid for BundleBidTerms {
    fn task(&self) -> TaskId {
        self.task
    }

    fn bidder(&self) -> Did {
        self.bidder
    }

    fn bid_bond(&self) -> Amount {
        self.bid_bond
    }

    fn confidence(&self) -> Ppm {
        self.confidence
    }

    fn digest(&self) -> Digest {
        Self::digest(self)
    }
}
