//! The A2A server over a small market in memory, asked in raw JSON over loopback.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod bazaar;
mod card;
mod conformance;
mod hostile;
mod legacy;
mod list;
mod push;
mod rest;
mod rpc;
mod sdk;
mod stream;
