//! Why an escrow refused.
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, TaskId, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{Closing, PARTS_MAX};
use crate::{balances, budget, reputation};

/// Why an escrow refused.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Error {
    /// Money did not move.
    #[error(transparent)]
    Balances(#[from] balances::Error),
    /// The budget refused.
    #[error(transparent)]
    Budget(#[from] budget::Error),
    /// The seller's stake or reputation does not allow it.
    #[error(transparent)]
    Reputation(#[from] reputation::Error),
    /// There is an agreement for the task.
    #[error("there is an agreement for task {0} already")]
    AlreadyAgreed(TaskId),
    /// The task is not called by its buyer, verifier, specification and number.
    #[error("a task of this buyer, verifier, specification and number is {0}")]
    NotItsName(TaskId),
    /// There is none, or it has been forgotten.
    #[error("there is no agreement for task {0}")]
    Unknown(TaskId),
    /// It ended before.
    #[error("task {task} was already {closing}")]
    AlreadyClosed {
        /// Which.
        task: TaskId,
        /// How.
        closing: Closing,
    },
    /// The sender has no say in this.
    #[error("the sender is not the {0} of this agreement")]
    NotParty(Role),
    /// Buyer, or verifier, and seller are the same.
    #[error("the seller can be neither the buyer nor the verifier")]
    SelfDealing,
    /// The bid is for another task.
    #[error("the bid is for task {0}")]
    BidForAnotherTask(TaskId),
    /// The bid's time is over.
    #[error("the bid was valid until {0}")]
    BidExpired(Timestamp),
    /// The bid would outlive the memory of its task.
    #[error("the bid is valid for too long; at most until {0}")]
    BidValidTooLong(Timestamp),
    /// The bidder did not sign it, as far as the signatures here show.
    #[error("no signature here shows that {0} said so")]
    Unproven(Did),
    /// The price is not between what the seller asks and what is there.
    #[error("the price must be from {} (asked) to {} AINU (reserved)", asked.to_ainu(), reserve.to_ainu())]
    PriceOutOfRange {
        /// What the seller asks.
        asked: Amount,
        /// What is locked.
        reserve: Amount,
    },
    /// What was signed cannot be agreed to by anyone: shares or schedules that do not add up.
    #[error("the terms signed under {0} cannot be")]
    TermsInvalid(Digest),
    /// The offer would have to be remembered for too long.
    #[error("an offer stands for {} ms at most", .0.0)]
    OfferValidTooLong(DurationMs),
    /// Its seller took it back.
    #[error("offer {0} was taken back")]
    OfferRevoked(Digest),
    /// It could not be taken then, or cannot be agreed to any more.
    #[error("the offer can be taken from {from} until before {until}")]
    OfferNotValid {
        /// The beginning of its time.
        from: Timestamp,
        /// The end of its time.
        until: Timestamp,
    },
    /// The time whose price is taken is ahead or too long ago.
    #[error("the price was taken at {matched}, which is ahead of {now} or too long before it")]
    MatchedOutOfRange {
        /// The time whose price is taken.
        matched: Timestamp,
        /// The time of the block.
        now: Timestamp,
    },
    /// The buyer has less to give than the offer is for.
    #[error("the offer is for tasks of at least {} AINU", .0.to_ainu())]
    BelowMinimumBudget(Amount),
    /// The seller has registered another card, or withdrawn.
    #[error("card {0} is not what the seller has registered")]
    CardNotRegistered(Digest),
    /// Nothing to lock.
    #[error("the reserve is zero")]
    ReserveZero,
    /// An award of nobody.
    #[error("at least one seller is awarded")]
    NoAward,
    /// More signatures than sellers.
    #[error("there are more signatures than sellers they are of")]
    ProofsLeft,
    /// More than can be kept.
    #[error("the parts of an agreement, and those paid or failed before, are at most {PARTS_MAX}")]
    TooManyParts,
    /// The coalition names no such backup.
    #[error("the coalition has no backup {0}")]
    UnknownBackup(u16),
    /// No bundle of this number in the bid.
    #[error("the bid has no bundle {0}")]
    UnknownBundle(u16),
    /// The backup stands by for another coalition's work, or for another subtask.
    #[error("{0} does not stand by for what failed")]
    NotItsBackup(Did),
    /// One word binds once in an attempt.
    #[error("what was signed as {0} has bound its seller in this attempt")]
    BoundBefore(Digest),
    /// No part of this number.
    #[error("there is no part {0}")]
    UnknownPart(u32),
    /// It was accepted, has failed, or waits for the part before it.
    #[error("part {0} is not at work")]
    PartNotRunning(u32),
    /// It did not fail, or was replaced before.
    #[error("part {0} has not failed, or was replaced")]
    PartNotFailed(u32),
    /// Nobody is at work.
    #[error("nobody is at work")]
    NothingRunning,
    /// The seller did not agree to be cancelled.
    #[error("{0} has agreed to no cancellation while it works")]
    NotCancellable(Did),
    /// The promised time is shorter than the seller said.
    #[error("the seller said it needs {} ms", .0.0)]
    FasterThanPromised(DurationMs),
    /// Late work would give up more than is allowed.
    #[error("late work gives up {} parts per million at most", .0.0)]
    CompensationTooLarge(Ppm),
    /// The deadline is not after now, or too far away.
    #[error("the deadline must be after now and at most {0}")]
    DeadlineOutOfRange(Timestamp),
    /// The deadline leaves less time than the seller agreed to.
    #[error("the seller agreed to work that takes {} ms; the deadline is before that", .0.0)]
    DeadlineTooSoon(DurationMs),
    /// The deadline has passed.
    #[error("the deadline {0} has passed")]
    DeadlinePassed(Timestamp),
    /// The deadline has not passed.
    #[error("the deadline {0} has not passed")]
    DeadlineAhead(Timestamp),
    /// An attempt is at work.
    #[error("attempt {0} is at work")]
    AttemptRunning(u32),
    /// The call is about an attempt that is not at work.
    #[error("attempt {found} is not at work; the last one is {current}")]
    NotThisAttempt {
        /// The last one.
        current: u32,
        /// The one in the call.
        found: u32,
    },
    /// No further attempt is allowed.
    #[error("the task was awarded {0} times, which is all that is allowed")]
    TooManyAttempts(u32),
    /// The seller has failed at this task before.
    #[error("{0} has failed at this task before")]
    FailedBefore(Did),
    /// Bidders have time to reveal.
    #[error("bidders can reveal until {0}")]
    StillRevealing(Timestamp),
    /// Too late to take a bid bond.
    #[error("the bond could be taken until {0}")]
    ForfeitTooLate(Timestamp),
    /// The bidder was awarded the task, so it revealed.
    #[error("{0} was awarded the task and so has revealed its bid")]
    Revealed(Did),
    /// The bond was taken before.
    #[error("the bid bond of {0} for this task was taken before")]
    AlreadyForfeited(Did),
}

/// A party's part in an agreement.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Who pays.
    Buyer,
    /// Whose word decides.
    Verifier,
    /// Either of both.
    BuyerOrVerifier,
    /// Who works.
    Seller,
}

impl core::fmt::Display for Role {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Buyer => "buyer",
            Self::Verifier => "verifier",
            Self::BuyerOrVerifier => "buyer or verifier",
            Self::Seller => "seller",
        })
    }
}
