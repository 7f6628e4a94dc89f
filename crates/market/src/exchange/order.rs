//! What a trader asks for, and what rests of it in the book.
use ainur_primitives::{Amount, Did, Timestamp};
use core::fmt;
use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::{PRICE_MAX, QUANTITY_MAX};

/// An order that rests in a book, or what is left of it.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Its name and its place in time.
    pub id: OrderId,
    /// Whose it is.
    pub owner: Did,
    /// Buying or selling.
    pub side: Side,
    /// Base units per credit.
    pub price: Amount,
    /// Credits left.
    pub quantity: u64,
    /// From then on it no longer trades.
    pub expires: Timestamp,
}

/// The number of an order in its book. The lower of two at one price came first and trades first.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct OrderId(pub u64);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Which side of the book.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Buys credits; the highest price is the best.
    Buy,
    /// Sells credits; the lowest price is the best.
    Sell,
}

impl Side {
    /// The side this one trades with.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// Whether a taker of this side with this limit accepts a price.
    pub const fn accepts(self, limit: Amount, price: Amount) -> bool {
        match self {
            Self::Buy => price.0 <= limit.0,
            Self::Sell => price.0 >= limit.0,
        }
    }
}

/// How an order trades.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum OrderKind {
    /// Trades what it can at its price or better, and rests with what is left.
    Limit {
        /// The worst price.
        price: Amount,
    },
    /// Rests, or does nothing when it would trade at once.
    PostOnly {
        /// Its price.
        price: Amount,
    },
    /// Trades what it can at its price or better; the rest is cancelled.
    ImmediateOrCancel {
        /// The worst price.
        price: Amount,
    },
    /// Trades all of it at its price or better, or nothing.
    FillOrKill {
        /// The worst price.
        price: Amount,
    },
    /// Trades what it can at any price; the rest is cancelled.
    Market,
}

impl OrderKind {
    /// The worst price it accepts; none for any.
    pub const fn limit(self) -> Option<Amount> {
        match self {
            Self::Limit { price }
            | Self::PostOnly { price }
            | Self::ImmediateOrCancel { price }
            | Self::FillOrKill { price } => Some(price),
            Self::Market => None,
        }
    }

    /// The price at which it may come to rest.
    pub const fn resting_price(self) -> Option<Amount> {
        match self {
            Self::Limit { price } | Self::PostOnly { price } => Some(price),
            Self::ImmediateOrCancel { .. } | Self::FillOrKill { .. } | Self::Market => None,
        }
    }
}

/// What happens when an order meets one of the same owner.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum SelfTrade {
    /// What is left of the incoming order is cancelled.
    #[default]
    CancelNewest,
    /// The resting order is cancelled, the incoming one goes on.
    CancelOldest,
    /// Both are cancelled.
    CancelBoth,
}

/// An order on its way into the book.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// Whose it is.
    pub owner: Did,
    /// Buying or selling.
    pub side: Side,
    /// Credits.
    pub quantity: u64,
    /// How it trades.
    pub kind: OrderKind,
    /// What happens when it meets the owner's own order.
    pub self_trade: SelfTrade,
    /// From then on what rests of it no longer trades.
    pub expires: Timestamp,
}

impl OrderRequest {
    /// Checks quantity, price and time; `tick` is what prices are multiples of.
    ///
    /// # Errors
    /// For no or too many credits, a price of zero, above [`PRICE_MAX`] or between ticks, and an
    /// order that has expired.
    pub fn validate(&self, now: Timestamp, tick: Amount) -> Result<(), Error> {
        if !(1..=QUANTITY_MAX).contains(&self.quantity) {
            return Err(Error::QuantityOutOfRange);
        }
        if let Some(price) = self.kind.limit() {
            if price.is_zero() || price > PRICE_MAX {
                return Err(Error::PriceOutOfRange);
            }
            if price.0 % tick.0.max(1) != 0 {
                return Err(Error::BetweenTicks(tick));
            }
        }
        if now >= self.expires {
            return Err(Error::Expired(self.expires));
        }
        Ok(())
    }
}
