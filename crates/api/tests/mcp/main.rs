//! The MCP server and its conformance fixtures, asked in raw HTTP over loopback.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod access;
mod fixtures;
mod greedy;
mod hostile;
#[expect(dead_code, reason = "other tests use all of it")]
#[path = "../rest/market.rs"]
mod market;
mod sdk;
mod served;
mod sessions;
