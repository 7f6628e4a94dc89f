//! Why a book or a pool refuses something; no error changes either.
use ainur_primitives::{Amount, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::book::{LEVELS_MAX, ORDERS_MAX};
use super::order::OrderId;
use super::pool::{FEE_BPS_MAX, RESERVE_MAX};
use super::{PRICE_MAX, QUANTITY_MAX};

/// A refused order, cancellation, feed or pool operation.
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
    /// No credits, or too many.
    #[error("an order is for 1 to {QUANTITY_MAX} credits")]
    QuantityOutOfRange,
    /// A price of zero or beyond the largest.
    #[error("a price is 1 to {PRICE_MAX} base units for each credit")]
    PriceOutOfRange,
    /// Not a multiple of the tick.
    #[error("prices here are multiples of {0} base units")]
    BetweenTicks(Amount),
    /// It could not rest for any time.
    #[error("the order expired at {0}")]
    Expired(Timestamp),
    /// No such order rests.
    #[error("no order {0} rests in this book")]
    UnknownOrder(OrderId),
    /// Nothing to replace it with.
    #[error("the replacement is the order itself")]
    NothingReplaced,
    /// The book holds all the orders it can.
    #[error("the book has its {ORDERS_MAX} orders already")]
    BookFull,
    /// One side holds all the prices it can.
    #[error("one side of the book has its {LEVELS_MAX} prices already")]
    LevelsFull,
    /// A feed skipped or repeated a number.
    #[error("the feed goes on with update {expected}, not {found}")]
    FeedGap {
        /// The number that comes next.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A feed says what cannot be in this book.
    #[error("update {0} of the feed does not fit the book")]
    FeedContradiction(u64),
    /// A fee of everything or more.
    #[error("the fee of a pool is at most {FEE_BPS_MAX} basis points")]
    FeeOutOfRange,
    /// Nothing goes in or comes out.
    #[error("the amount is too small: nothing would move")]
    NothingMoved,
    /// The pool does not hold that much.
    #[error("the pool does not hold that much")]
    PoolExhausted,
    /// A reserve would grow beyond the largest.
    #[error("a reserve of a pool is at most {RESERVE_MAX}")]
    ReserveTooLarge,
    /// Too little to begin a pool with.
    #[error("a pool begins with more: its first shares are locked")]
    TooLittleLiquidity,
}
