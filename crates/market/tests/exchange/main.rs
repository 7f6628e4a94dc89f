//! The exchange from outside: each kind of order, a published matcher on the same operations, and
//! the pool and the router against arithmetic done another way.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod book;
mod differential;
mod operations;
mod peer;
mod pool;
mod random;
mod router;
