//! What happens in a book, in order: enough to rebuild it and to settle it.
use ainur_primitives::{Amount, Did};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::order::{Order, OrderId, Side};

/// A numbered change of one book; numbers follow each other without a gap.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct BookUpdate {
    /// Counted from zero.
    pub sequence: u64,
    /// What changed.
    pub change: Change,
}

/// One change of a book.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// An order came to rest.
    Added(Order),
    /// A resting order traded.
    Traded(Trade),
    /// A resting order is for less, and keeps its place.
    Reduced {
        /// The order, with what is left.
        order: Order,
        /// Credits taken off.
        by: u64,
    },
    /// A resting order is gone without trading what was left.
    Removed {
        /// The order as it was.
        order: Order,
        /// Why.
        reason: Removal,
    },
}

/// A trade, at the price of the order that rested.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Trade {
    /// The order that rested.
    pub maker: OrderId,
    /// Whose it is.
    pub maker_owner: Did,
    /// The order that came in.
    pub taker: OrderId,
    /// Whose it is.
    pub taker_owner: Did,
    /// The side of the order that came in.
    pub taker_side: Side,
    /// Base units per credit.
    pub price: Amount,
    /// Credits.
    pub quantity: u64,
    /// Credits left of the order that rested; zero when it is gone.
    pub maker_left: u64,
}

impl Trade {
    /// What the credits cost together. Cannot overflow, see [`super::PRICE_MAX`].
    pub const fn value(&self) -> Amount {
        Amount(self.price.0.saturating_mul(self.quantity as u128))
    }
}

/// Why a resting order is gone.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Removal {
    /// Its owner cancelled it.
    Cancelled,
    /// Its owner replaced it; the replacement has a new number and place.
    Replaced,
    /// It met an order of its owner.
    SelfTrade,
    /// Its time was over.
    Expired,
}
