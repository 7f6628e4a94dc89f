//! Transparency log with signed checkpoints, and receipts anyone can verify offline.
//!
//! The [`log`] is an append-only Merkle log (RFC 6962) of [`entry`]s: what it once said it cannot
//! unsay without a proof against it. Its state is published as a signed [`checkpoint`] in the C2SP
//! [`note`] format and exported as [`tiles`] that foreign clients read. A [`receipt`] is one
//! document that says who did what for whom at which price and why, and carries every proof of it;
//! verifying one needs no network, and names what is wrong.

pub mod checkpoint;
pub mod entry;
pub mod log;
pub mod note;
pub mod receipt;
pub mod tiles;
