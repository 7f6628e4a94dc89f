//! Trading capability credits: an order book, a constant-product pool beside it, and a router that
//! takes the better of the two.
//!
//! Orders match by price, then time, at the price of the order that rested. There is one matcher
//! ([`matching`]), which works on anything that keeps [`RestingOrders`]: the [`Book`] in memory, and
//! the records of a ledger. Everything it does is reported as a [`Change`]; numbered, they are the
//! feed from which a book is rebuilt ([`Book::apply`]).
//!
//! Quantities are whole credits, prices are base units per credit and at most [`PRICE_MAX`], so that
//! the value of any order fits an amount.
use ainur_primitives::Amount;

pub mod book;
pub mod error;
pub mod feed;
pub mod matching;
pub mod order;
pub mod pool;
pub mod router;
mod wide;

pub use book::{Book, Depth, DepthLevel};
pub use error::Error;
pub use feed::{BookUpdate, Change, Removal, Trade};
pub use matching::{Ending, Placed, RestingOrders};
pub use order::{Order, OrderId, OrderKind, OrderRequest, SelfTrade, Side};
pub use pool::LiquidityPool;
pub use router::{RoutePlan, route};

/// The most one credit can cost: with any quantity the value of an order stays below 2¹²⁸.
pub const PRICE_MAX: Amount = Amount(u64::MAX as u128);

/// The most credits one order is for; the orders of a full book stay below 2⁶⁴.
pub const QUANTITY_MAX: u64 = 1 << 40;
